"""Both kinds of statistics after every epoch of one fold.

  python -m experiments.batch_norm.curve --fold=14 --epochs=60

Trains one fold of configs/emodb.py as `main` does and tests it twice after
every epoch: with the moving statistics and with recomputed ones. Writes
curve.json beside this file; --output takes another folder.
"""

from __future__ import annotations

import argparse
import functools
import os
import pathlib
import sys

import jax
import numpy as np
import tqdm

from sernet_jax.common import command_line, files
from sernet_jax.common.errors import require
from sernet_jax.results import environment
from sernet_jax.runs import (
  config as config_lib,
  config_flags,
  data as data_lib,
  defaults,
)
from sernet_jax.training import (
  batch_norm_statistics,
  evaluation,
  steps,
  trial_state,
)

HERE = pathlib.Path(__file__).parent


def settings(fold: str, root: str, epochs: int) -> config_lib.Experiment:
  """Settings of configs/emodb.py for one fold."""
  config = defaults.get_config()
  config.data.root = root
  config.protocol.folds = (fold,)
  config.train.epochs = epochs
  return config_lib.experiment(config)


def follow(experiment: config_lib.Experiment) -> list[dict]:
  """Accuracy on training and test speakers after every epoch."""
  data = data_lib.Data(experiment, data_lib.load_corpus(experiment))
  require(
    len(data.folds) == 1,
    f'{len(data.folds)} folds are named; give one with --fold',
  )
  (arrays,) = data.fold_arrays
  recipe = experiment.recipe(len(data.features.corpus.classes))
  features = np.asarray(data.features.features)
  on_device, labels = jax.device_put((features, data.labels))
  train = jax.jit(
    functools.partial(steps.train_epoch, recipe, on_device, labels)
  )
  test = jax.jit(
    functools.partial(evaluation.evaluate, recipe, on_device, arrays.test)
  )
  state = trial_state.unstack(trial_state.init_states(recipe, [arrays]), 0)
  rows = []
  for epoch in tqdm.tqdm(range(experiment.train.epochs), desc='epochs'):
    state, learnt = train(arrays, state, np.int32(epoch))
    found = batch_norm_statistics.recompute(
      recipe,
      features,
      [arrays],
      *trial_state.stack([(state.params, state.stats)]),
      [epoch + 1],
    )
    row = {'epoch': epoch + 1, 'train_wa': _accuracy(learnt)}
    for name, stats in (
      ('last', state.stats),
      ('last_recomputed', trial_state.unstack(found, 0)),
    ):
      row[name] = _accuracy(test(state.params, stats))
    rows.append(row)
  return rows


def _accuracy(found: dict) -> float:
  counts = np.asarray(found['confusion'])
  return float(np.trace(counts) / counts.sum())


def main(arguments: list[str]) -> None:
  """Runs the command; see the top of the file."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--fold', default='14')
  parser.add_argument('--epochs', type=int, default=60)
  parser.add_argument('--root', default=os.environ.get('SERNET_EMODB', ''))
  parser.add_argument('--output', type=pathlib.Path, default=HERE)
  given = parser.parse_args(arguments)
  experiment = settings(given.fold, given.root, given.epochs)
  content = {
    'corpus': 'emodb',
    'protocol': 'loso',
    'fold': given.fold,
    'epochs': given.epochs,
    'seed': experiment.seed,
    'weights_dtype': 'float32',
    'rows': follow(experiment),
    'environment': environment.record(
      jax.devices(),
      f'python -m experiments.batch_norm.curve --fold={given.fold} '
      f'--epochs={given.epochs}',
    ),
  }
  del content['environment']['platform']  # tells of one machine
  files.write_json(given.output / 'curve.json', content)
  print(content['rows'][-1])


if __name__ == '__main__':
  config_flags.set_up_jax()
  sys.exit(command_line.run(lambda: main(sys.argv[1:])))
