"""Tests a finished run whose networks were adapted to recordings of a voice.

  python -m experiments.recipe.adapt RUN --selection=average --draws=5

The run is one of the protocol `loso`. Each test speaker's recordings are drawn
at random, without their labels, and BatchNorm takes a share of their
statistics, as under `loso_adapted`; all of the speaker's recordings are then
tested. --skewed adds voices of which nothing but one emotion was heard. Writes
adapted.json beside this file, or to --output; adapted_by_speaker.json for a run
whose batches held one speaker each.
"""

from __future__ import annotations

import argparse
import pathlib
import sys
from typing import Any, NamedTuple

import numpy as np

from experiments.lib import provenance
from sernet_jax.common import command_line, files, jax_setup
from sernet_jax.common.errors import require
from sernet_jax.corpora.protocols import Fold
from sernet_jax.predict import run_bundles
from sernet_jax.results import run_folder, statistics
from sernet_jax.runs.data import Data, load_corpus
from sernet_jax.training import adaptation, evaluation, keys

HERE = pathlib.Path(__file__).parent
# `train.batches` of the run -> the file of its curve.
FILES = {'mixed': 'adapted.json', 'speaker': 'adapted_by_speaker.json'}


class Enrolment(NamedTuple):
  """Recordings of a voice that are heard first.

  Attributes:
    name: how many, 'all', or the one class.
    draw: number of the draw.
    chosen: the utterances; none where the voice has none of the class.
  """

  name: int | str
  draw: int
  chosen: np.ndarray


def enrolments(
  fold: Fold,
  sizes: tuple[int, ...],
  draws: int,
  labels: np.ndarray,
  classes: tuple[str, ...],
) -> list[Enrolment]:
  """Lists what is heard first of the speaker of a fold.

  Args:
    fold: of one speaker.
    sizes: recordings; 0 for all.
    draws: of recordings, for each size but 0.
    labels: int32 (utterances,) of the corpus.
    classes: those of which each is enrolled alone; () for none.
  """
  found = []
  for size in sizes:
    for draw in range(draws if size else 1):
      key = keys.derive(draw, 'enroll', fold.index)
      count = min(size, len(fold.test))
      chosen = adaptation.enrolled(key, fold.test, count)
      found.append(Enrolment(size or 'all', draw, chosen))
  for number, name in enumerate(classes):
    chosen = fold.test[labels[fold.test] == number]
    found.append(Enrolment(name, 0, chosen))
  return found


def curve(
  workdir: str,
  selection: str,
  priors: list[float],
  draws: int,
  sizes: tuple[int, ...],
  skewed: bool = False,
) -> dict[str, Any]:
  """Adapts every fold of a run to its speaker and tests it.

  Args:
    workdir: of the run.
    selection: whose weights.
    priors: recordings that the training set's statistics count as.
    draws: of recordings, for each size.
    sizes: recordings that are heard first; 0 for all.
    skewed: whether each class is enrolled alone too, with all recordings that
      a speaker has of it; the network stays as it is where there are none.

  Returns:
    `rows`, one for each prior and size: UAR of each draw in per cent of 1,
    their mean, and the interval of the first draw over the speakers; and
    `skewed`, the same for each class.
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
  corpus = data.features.corpus
  spec, weights = run_bundles.weights_of_run(workdir, selection)
  recipe = experiment.recipe(spec.num_classes)
  predict = evaluation.compile_predict(recipe)
  classes = tuple(corpus.classes) if skewed else ()
  # (enrolled, prior) -> draw -> a confusion matrix for each speaker.
  tests: dict[tuple[int | str, float], dict[int, list[np.ndarray]]] = {}
  for index, (fold, own) in enumerate(zip(data.folds, weights, strict=True)):
    arrays = data.fold_arrays[index].test
    heard = data.heard(arrays.segments)
    part = arrays._replace(
      segments=np.arange(len(arrays.segments), dtype=np.int32)
    )
    for name, draw, chosen in enrolments(
      fold, sizes, draws, corpus.labels, classes
    ):
      for prior in priors:
        stats = own.stats
        if len(chosen):
          stats = adaptation.adapted(
            recipe, data.heard(chosen), own.params, own.stats, prior
          )
        weights16 = evaluation.round_to_fp16(
          {'params': own.params, 'stats': stats}
        )
        shares = np.asarray(predict(heard, part, **weights16))
        counts = evaluation.confusion(arrays.labels, shares, arrays.mask)
        of_draws = tests.setdefault((name, prior), {})
        of_draws.setdefault(draw, []).append(np.asarray(counts))
  rows = [
    _row(name, prior, list(found.values()))
    for (name, prior), found in tests.items()
  ]
  return {
    'corpus': experiment.data.corpus,
    'selection': selection,
    'epochs': experiment.train.epochs,
    'seed': experiment.seed,
    'batches': experiment.train.batches,
    'rows': [row for row in rows if row['enrolled'] not in classes],
    **(
      {'skewed': [row for row in rows if row['enrolled'] in classes]}
      if classes
      else {}
    ),
  }


def _row(
  name: int | str, prior: float, draws: list[list[np.ndarray]]
) -> dict[str, Any]:
  """One line of the result, from confusion matrices by draw and speaker."""
  found = [np.array([counts]) for counts in draws]
  uars = [statistics.scores(each)['uar'] for each in found]
  interval = statistics.ci95(found[0])
  return {
    'enrolled': name,
    'prior': prior,
    'draws': len(found),
    'uar': uars,
    'mean': float(np.mean(uars)),
    'ci95': interval['uar'] if interval else None,
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
  parser.add_argument(
    '--skewed', action='store_true', help='each class alone too'
  )
  parser.add_argument('--output', type=pathlib.Path, default=HERE)
  given = parser.parse_args(argv)
  jax_setup.set_up()
  sizes = tuple(int(text) for text in given.sizes.split(','))
  content = curve(
    given.run,
    given.selection,
    given.prior,
    given.draws,
    sizes,
    given.skewed,
  )
  content['environment'] = provenance.record('experiments.recipe.adapt', argv)
  files.write_json(given.output / FILES[content['batches']], content)
  for row in (*content['rows'], *content.get('skewed', ())):
    print(row['enrolled'], row['prior'], f'{100 * row["mean"]:.1f}')


if __name__ == '__main__':
  sys.exit(command_line.run(lambda: main(sys.argv[1:])))
