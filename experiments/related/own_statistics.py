"""Tests finished runs with BatchNorm's statistics of the voice under test.

  python -m experiments.related.own_statistics RUN [RUN ...] --output=acrnn_statistics.json

The public code of the 3-D ACRNN tests with the statistics of the batch that it
tests, which holds one speaker: its networks know the unknown voice. Here each
fold's speaker is tested with the statistics of the training set, with those of
all of the speaker's own recordings (without their labels) in every layer, and
in each layer alone. Runs are of `loso` and of one seed; several share its folds.
"""

from __future__ import annotations

import argparse
import pathlib
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from experiments.lib import provenance, records
from experiments.recipe import adapt
from sernet_jax.common import command_line, files, jax_setup
from sernet_jax.common.errors import require
from sernet_jax.nn import network as network_lib
from sernet_jax.results import statistics
from sernet_jax.training import adaptation, evaluation

TRAINING, VOICE = 'training set', 'voice'
# More layers than this are not tested one by one.
_FEW = 4


def mixtures(
  training: Mapping[str, Any], voice: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
  """Lists statistics that a fold is tested with, by what they are of.

  Args:
    training: layer -> statistics of the training set.
    voice: the same of the voice.

  Returns:
    `TRAINING`, `VOICE`, and if the layers are few each of them, where it alone
    has the voice's.
  """
  found = {TRAINING: dict(training), VOICE: dict(voice)}
  if 1 < len(training) <= _FEW:
    for layer in training:
      found[f'{VOICE}, {layer}'] = {**training, layer: voice[layer]}
  return found


def measured(workdirs: Sequence[str], selection: str) -> dict[str, Any]:
  """Tests the folds of runs in every way.

  Args:
    workdirs: of runs that share the folds of `loso`.
    selection: whose weights.

  Returns:
    `rows`, one for each of `mixtures`, and what they are of.

  Raises:
    InputError: if a fold is in two of the runs, they differ in more than the
      folds, or no statistics of the network move.
  """
  records.joined(workdirs)  # refuses what is not one run
  counts: dict[str, list[np.ndarray]] = {}
  folds: list[str] = []
  for workdir in workdirs:
    network = adapt.read(workdir, selection)
    _require_statistics(workdir, network.experiment.model)
    for index, fold in enumerate(network.data.folds):
      folds.append(fold.name)
      for name, matrix in _of_fold(network, index).items():
        counts.setdefault(name, []).append(matrix)
  experiment = network.experiment
  return {
    'corpus': experiment.data.corpus,
    'network': experiment.model.name,
    'selection': selection,
    'epochs': experiment.train.epochs,
    'seeds': 1,
    'folds': folds,
    'tests': int(sum(matrix.sum() for matrix in counts[TRAINING])),
    'rows': [_row(name, np.array([each])) for name, each in counts.items()],
  }


def _require_statistics(workdir: str, model: network_lib.Spec) -> None:
  """Refuses a network that a voice's statistics would leave as it is."""
  require(
    'batch_norm_momentum' not in model.idle(),
    f'{workdir} is a run of {model.name}, in which no statistics of BatchNorm '
    'move, so that those of a voice would change nothing; name a run of another '
    'network',
  )


def _of_fold(network: adapt.Network, index: int) -> dict[str, np.ndarray]:
  """Returns name of the statistics -> confusion matrix of a fold's tests."""
  data, own = network.data, network.weights[index]
  tests = data.fold_arrays[index].test
  voice = adaptation.adapted(
    network.recipe,
    data.heard_of(data.folds[index].test),
    own.params,
    own.stats,
    prior=0.0,
  )
  heard = data.heard(tests.segments)
  found = {}
  for name, stats in mixtures(own.stats, voice).items():
    shares = adapt.shares(network, index, heard, stats)
    found[name] = np.asarray(
      evaluation.confusion(tests.labels, shares, tests.mask)
    )
  return found


def _row(name: str, counts: np.ndarray) -> dict[str, Any]:
  """One line of the result, of (1, folds, C, C)."""
  interval = statistics.ci95(counts)
  return {
    'statistics': name,
    **statistics.scores(counts),
    'ci95': interval and interval['uar'],
  }


def main(argv: list[str]) -> None:
  """Runs the command."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('runs', nargs='+', metavar='run')
  parser.add_argument('--selection', default='last_recomputed')
  parser.add_argument('--output', type=pathlib.Path, required=True)
  given = parser.parse_args(argv)
  jax_setup.set_up()
  content = measured(given.runs, given.selection)
  content['environment'] = provenance.record(
    'experiments.related.own_statistics', argv
  )
  files.write_json(given.output, content)
  for row in content['rows']:
    print(f'{row["statistics"]}: UAR {100 * row["uar"]:.1f}')


if __name__ == '__main__':
  sys.exit(command_line.run(lambda: main(sys.argv[1:])))
