"""Tests a finished run whose networks were adapted to recordings of a voice.

  python -m experiments.recipe.adapt RUN --selection=average --draws=5

The run is one of the protocol `loso`. Each test speaker's recordings are drawn
at random, without their labels, and BatchNorm takes a share of their
statistics, as under `loso_adapted`; all of the speaker's recordings are then
tested. Writes adapted.json beside this file, or to --output.
"""

from __future__ import annotations

import argparse
import pathlib
import sys
from typing import Any

import numpy as np

from experiments.lib import provenance
from sernet_jax.common import command_line, files, jax_setup
from sernet_jax.common.errors import require
from sernet_jax.predict import run_bundles
from sernet_jax.results import run_folder, statistics
from sernet_jax.runs.data import Data, load_corpus
from sernet_jax.training import adaptation, evaluation, keys

HERE = pathlib.Path(__file__).parent


def curve(
  workdir: str,
  selection: str,
  priors: list[float],
  draws: int,
  sizes: tuple[int, ...],
) -> dict[str, Any]:
  """Adapts every fold of a run to its speaker and tests it.

  Args:
    workdir: of the run.
    selection: whose weights.
    priors: recordings that the training set's statistics count as.
    draws: of recordings, for each size.
    sizes: recordings that are heard first; 0 for all.

  Returns:
    `rows`, one for each prior and size: UAR of each draw in per cent of 1,
    their mean, and the interval of the first draw over the speakers.
  """
  folder = run_folder.RunFolder(workdir)
  experiment = run_bundles.settings_of(folder)
  require(
    experiment.protocol.name == 'loso',
    f'{workdir} is a run of {experiment.protocol.name!r}; name one of loso',
  )
  require(
    len(experiment.seeds) == 1,
    f'{workdir} has {len(experiment.seeds)} seeds; name a run of one',
  )
  data = Data(experiment, load_corpus(experiment))
  spec, weights = run_bundles.weights_of_run(workdir, selection)
  recipe = experiment.recipe(spec.num_classes)
  predict = evaluation.compile_predict(recipe)
  # (size, prior, draw) -> a confusion matrix for each speaker.
  tests: dict[tuple[int, float, int], list[np.ndarray]] = {}
  for index, (fold, own) in enumerate(zip(data.folds, weights, strict=True)):
    arrays = data.fold_arrays[index].test
    heard = data.heard(arrays.segments)
    part = arrays._replace(
      segments=np.arange(len(arrays.segments), dtype=np.int32)
    )
    for size in sizes:
      for draw in range(1 if size == 0 else draws):
        key = keys.derive(draw, 'enroll', fold.index)
        chosen = adaptation.enrolled(key, fold.test, min(size, len(fold.test)))
        for prior in priors:
          stats = adaptation.adapted(
            recipe, data.heard(chosen), own.params, own.stats, prior
          )
          weights16 = evaluation.round_to_fp16(
            {'params': own.params, 'stats': stats}
          )
          shares = np.asarray(predict(heard, part, **weights16))
          counts = evaluation.confusion(arrays.labels, shares, arrays.mask)
          tests.setdefault((size, prior, draw), []).append(np.asarray(counts))
  rows = []
  for size in sizes:
    for prior in priors:
      found = [
        np.array([counts])
        for (s, p, _), counts in tests.items()
        if (s, p) == (size, prior)
      ]
      uars = [statistics.scores(each)['uar'] for each in found]
      interval = statistics.ci95(found[0])
      rows.append(
        {
          'enrolled': size or 'all',
          'prior': prior,
          'draws': len(found),
          'uar': uars,
          'mean': float(np.mean(uars)),
          'ci95': interval['uar'] if interval else None,
        }
      )
  return {
    'corpus': experiment.data.corpus,
    'selection': selection,
    'epochs': experiment.train.epochs,
    'seed': experiment.seed,
    'rows': rows,
  }


def main(argv: list[str]) -> None:
  """Runs the command."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('run')
  parser.add_argument('--selection', default='average')
  parser.add_argument('--prior', type=float, nargs='+', default=[20.0])
  parser.add_argument('--draws', type=int, default=5)
  parser.add_argument(
    '--sizes', default='1,3,5,10,20,0', help='recordings; 0 for all'
  )
  parser.add_argument('--output', type=pathlib.Path, default=HERE)
  given = parser.parse_args(argv)
  jax_setup.set_up()
  sizes = tuple(int(text) for text in given.sizes.split(','))
  content = curve(given.run, given.selection, given.prior, given.draws, sizes)
  content['environment'] = provenance.record('experiments.recipe.adapt', argv)
  files.write_json(given.output / 'adapted.json', content)
  for row in content['rows']:
    print(row['enrolled'], row['prior'], f'{100 * row["mean"]:.1f}')


if __name__ == '__main__':
  sys.exit(command_line.run(lambda: main(sys.argv[1:])))
