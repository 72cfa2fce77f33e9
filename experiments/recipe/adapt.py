"""Tests a finished run whose networks were adapted to recordings of a voice.

  python -m experiments.recipe.adapt RUN --selection=average --draws=5

The run is one of the protocol `loso`; several, which differ in their seeds, are
a committee, whose probabilities are the mean of those of its networks;
--against names a run whose recomputed weights they are compared with. Each test speaker's recordings are drawn
at random, without their labels, and BatchNorm takes a share of their
statistics, as under `loso_adapted`; all of the speaker's recordings are then
tested. --skewed adds voices of which nothing but one emotion was heard. Writes
adapted.json beside this file, or to --output; adapted_by_speaker.json for a run
whose batches held one speaker each; for several runs committee_mixed.json and
committee.json.
"""

from __future__ import annotations

import argparse
import pathlib
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from experiments.lib import provenance, records
from sernet_jax.common import command_line, files, jax_setup
from sernet_jax.common.errors import require
from sernet_jax.corpora.protocols import Fold
from sernet_jax.predict import run_bundles
from sernet_jax.results import run_folder, statistics
from sernet_jax.runs import config
from sernet_jax.runs.data import Data, load_corpus
from sernet_jax.runs.weights import of_run
from sernet_jax.training import adaptation, evaluation, keys, recipes
from sernet_jax.training.sound.corpus import Heard

HERE = pathlib.Path(__file__).parent
# `train.batches` of the run -> the file of its curve.
FILES = {'mixed': 'adapted.json', 'speaker': 'adapted_by_speaker.json'}
COMMITTEES = {'mixed': 'committee_mixed.json', 'speaker': 'committee.json'}
NOBODY, EVERYTHING = -1, 0  # sizes of an enrolment
_NAMES = {NOBODY: 'none', EVERYTHING: 'all'}


class Enrolment(NamedTuple):
  """Recordings of a voice that are heard first.

  Attributes:
    name: how many, 'none', 'all', or the one class.
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
    sizes: recordings; `NOBODY` for none, `EVERYTHING` for all.
    draws: of recordings, for each size above 0.
    labels: int32 (utterances,) of the corpus.
    classes: those of which each is enrolled alone; () for none.
  """
  found = []
  for size in sizes:
    for draw in range(draws if size > 0 else 1):
      key = keys.derive(draw, 'enroll', fold.index)
      count = min(size, len(fold.test))
      chosen = fold.test[:0]
      if size != NOBODY:
        chosen = adaptation.enrolled(key, fold.test, count)
      found.append(Enrolment(_NAMES.get(size, size), draw, chosen))
  for number, name in enumerate(classes):
    chosen = fold.test[labels[fold.test] == number]
    found.append(Enrolment(name, 0, chosen))
  return found


class Network(NamedTuple):
  """One run's networks, and what they hear.

  Attributes:
    experiment: its settings.
    data: corpus and folds.
    recipe: of its training.
    weights: of each fold.
  """

  experiment: config.Experiment
  data: Data
  recipe: recipes.Recipe
  weights: list[of_run.FoldWeights]


def read(workdir: str, selection: str) -> Network:
  """Reads the networks of a run.

  Raises:
    InputError: unless it is a run of `loso` with one seed.
  """
  experiment = run_bundles.settings_of(run_folder.RunFolder(workdir))
  require(
    experiment.protocol.name == 'loso',
    f'{workdir} is a run of {experiment.protocol.name!r}; name one of loso',
  )
  require(
    len(experiment.seeds) == 1,
    f'{workdir} has {len(experiment.seeds)} seeds; name a run of one',
  )
  data = Data(experiment, load_corpus(experiment))
  spec, weights = of_run.weights_of_run(workdir, selection)
  return Network(experiment, data, experiment.recipe(spec.num_classes), weights)


def _shares(
  network: Network,
  index: int,
  heard: np.ndarray | Heard,
  chosen: np.ndarray,
  prior: float,
) -> np.ndarray:
  """Probabilities of a fold's tests, which are `heard`, (slots, classes).

  The voice is known by the utterances `chosen`.
  """
  own = network.weights[index]
  stats = own.stats
  if len(chosen):
    stats = adaptation.adapted(
      network.recipe,
      network.data.heard_of(chosen),
      own.params,
      own.stats,
      prior,
      len(chosen),
    )
  return shares(network, index, heard, stats)


def shares(
  network: Network,
  index: int,
  heard: np.ndarray | Heard,
  stats: recipes.Weights,
) -> np.ndarray:
  """Probabilities of a fold's tests, which are `heard`, (slots, classes).

  With the parameters of the fold and `stats`, both in fp16.
  """
  part = network.data.fold_arrays[index].test
  part = part._replace(segments=np.arange(len(part.segments), dtype=np.int32))
  weights16 = evaluation.round_to_fp16(
    {'params': network.weights[index].params, 'stats': stats}
  )
  predict = evaluation.compile_predict(network.recipe)
  outputs = np.asarray(predict(heard, part, **weights16))
  return outputs[:, : network.recipe.model.num_classes]


def curve(
  workdirs: Sequence[str],
  selection: str,
  priors: list[float],
  draws: int,
  sizes: tuple[int, ...],
  skewed: bool = False,
  against: str = '',
) -> dict[str, Any]:
  """Adapts every fold of runs to its speaker and tests it.

  Args:
    workdirs: of one run, or of those of a committee.
    selection: whose weights.
    priors: recordings that the training set's statistics count as.
    draws: of recordings, for each size.
    sizes: recordings that are heard first, see `enrolments`.
    skewed: whether each class is enrolled alone too, with all recordings that
      a speaker has of it; the network stays as it is where there are none.
    against: run that the figures are compared with, see `counts_of`; '' for
      none.

  Returns:
    `rows`, one for each prior and size: UAR of each draw in per cent of 1,
    their mean, the interval of the first draw over the speakers, and `over`,
    its difference to the run compared with; and `skewed`, the same for each
    class.
  """
  networks = [read(workdir, selection) for workdir in workdirs]
  first = networks[0]
  for workdir, other in zip(workdirs, networks, strict=True):
    require(
      other.data.fingerprint == first.data.fingerprint,
      f'{workdir} has other recordings or folds than {workdirs[0]}; name runs '
      'that differ in their seeds',
    )
  corpus = first.data.features.corpus
  classes = tuple(corpus.classes) if skewed else ()
  others = None
  if against:
    labels, folds = np.asarray(corpus.labels), first.data.folds
    tests_of_each = {
      fold.name: np.bincount(labels[fold.test], minlength=len(corpus.classes))
      for fold in folds
    }
    others = counts_of(against, tests_of_each)
  # (enrolled, prior) -> draw -> a confusion matrix for each speaker.
  tests: dict[tuple[int | str, float], dict[int, list[np.ndarray]]] = {}
  for index, fold in enumerate(first.data.folds):
    arrays = first.data.fold_arrays[index].test
    heard = [one.data.heard(arrays.segments) for one in networks]
    for name, draw, chosen in enrolments(
      fold, sizes, draws, corpus.labels, classes
    ):
      for prior in priors if name != 'none' else priors[:1]:
        answers = [
          _shares(one, index, tests_of, chosen, prior)
          for one, tests_of in zip(networks, heard, strict=True)
        ]
        counts = evaluation.confusion(
          arrays.labels, np.mean(answers, axis=0), arrays.mask
        )
        of_draws = tests.setdefault((name, prior), {})
        of_draws.setdefault(draw, []).append(np.asarray(counts))
  rows = [
    _row(name, prior, list(found.values()), others)
    for (name, prior), found in tests.items()
  ]
  seeds = [one.experiment.seed for one in networks]
  return {
    'corpus': first.experiment.data.corpus,
    'selection': selection,
    'epochs': first.experiment.train.epochs,
    **({'seed': seeds[0]} if len(seeds) == 1 else {'seeds': seeds}),
    'batches': first.experiment.train.batches,
    'tests': sum(len(fold.test) for fold in first.data.folds),
    'folds': [fold.name for fold in first.data.folds],
    'size': run_folder.RunFolder(workdirs[0])
    .read_config()['model']
    .get('size', 'paper'),
    'parameters': sum(
      run_folder.RunFolder(each).read_results().cost.parameters
      for each in workdirs
    ),
    'rows': [row for row in rows if row['enrolled'] not in classes],
    **(
      {'skewed': [row for row in rows if row['enrolled'] in classes]}
      if classes
      else {}
    ),
  }


def _row(
  name: int | str,
  prior: float,
  draws: list[list[np.ndarray]],
  against: np.ndarray | None,
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
    **({'over': _difference(found[0], against)} if against is not None else {}),
  }


def _difference(counts: np.ndarray, against: np.ndarray) -> dict[str, Any]:
  """UAR minus that of other networks on the same tests, paired by speaker.

  Args:
    counts: (1, speakers, C, C).
    against: the same of the others.
  """
  one, other = (statistics.scores(each)['uar'] for each in (counts, against))
  interval = statistics.ci95(counts, against)
  return {'uar': one - other, 'ci95': interval['uar'] if interval else None}


def counts_of(workdir: str, tests: Mapping[str, np.ndarray]) -> np.ndarray:
  """Confusion matrices of a run that is compared with, (1, speakers, C, C).

  Args:
    workdir: of the run, or the results.json that experiments.collect keeps.
    tests: speaker -> tests of each class (C,), in the order of the folds.

  Raises:
    InputError: if it tested others, or is of another protocol.
  """
  _, results = records.read(workdir)
  require(
    results.protocol == 'loso',
    f'--against={workdir} is a run of {results.protocol!r}, whose figures mean '
    'something else; name one of loso',
  )
  speakers = list(tests)
  found = results.selections['last_recomputed'].speakers
  by_name = {each.name: each.confusion for each in found}
  require(
    sorted(by_name) == sorted(speakers),
    f'--against={workdir} tested {", ".join(sorted(by_name))}; name a run of '
    f'the same speakers, {", ".join(sorted(speakers))}',
  )
  counts = np.array([[by_name[name] for name in speakers]])
  require(
    np.array_equal(counts[0].sum(-1), list(tests.values())),
    f'--against={workdir} tested other recordings of these speakers; name a run '
    'on the same ones, with one seed',
  )
  return counts


def main(argv: list[str]) -> None:
  """Runs the command."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('runs', nargs='+', metavar='run')
  parser.add_argument('--selection', default='average')
  parser.add_argument('--prior', type=float, nargs='+', default=[20.0])
  parser.add_argument('--draws', type=int, default=5)
  parser.add_argument(
    '--sizes',
    default='1,3,5,10,20,0',
    help=f'recordings; {EVERYTHING} for all, {NOBODY} for none',
  )
  parser.add_argument(
    '--skewed', action='store_true', help='each class alone too'
  )
  parser.add_argument(
    '--against', default='', help='run or kept results.json to compare with'
  )
  parser.add_argument('--output', type=pathlib.Path, default=HERE)
  given = parser.parse_args(argv)
  jax_setup.set_up()
  sizes = tuple(int(text) for text in given.sizes.split(','))
  content = curve(
    given.runs,
    given.selection,
    given.prior,
    given.draws,
    sizes,
    given.skewed,
    given.against,
  )
  content['environment'] = provenance.record('experiments.recipe.adapt', argv)
  names = FILES if len(given.runs) == 1 else COMMITTEES
  files.write_json(given.output / names[content['batches']], content)
  for row in (*content['rows'], *content.get('skewed', ())):
    print(row['enrolled'], row['prior'], f'{100 * row["mean"]:.1f}')


if __name__ == '__main__':
  sys.exit(command_line.run(lambda: main(sys.argv[1:])))
