"""The factorial that chose the recipe, run on a corpus that is not EMO-DB.

  python -m experiments.recipe.design ravdess --root=FOLDER --output=runs/design

Seven changes of the training in eight runs (a fraction 2^(7-4) of all 128):
each is on in four runs and off in four, every two of them are on together in
two, so the effect of a change is the mean of four runs less the mean of the
other four. Effects of single changes are mixed with those of pairs, which the
run of the chosen recipe has to settle. Runs that are done are not repeated.
"""

from __future__ import annotations

import argparse
import itertools
import pathlib
import subprocess
import sys

from sernet_jax.common import command_line

# Change -> the settings that switch it on.
CHANGES = {
  'speed': {'augment.speed': 0.1},
  'warp': {'augment.warp': 0.1},
  'mixup': {'augment.mixup': 0.2, 'loss.label_smoothing': 0.1},
  'mixstyle': {'augment.mixstyle': 0.5},
  'join': {'augment.join': 0.5},
  'masks': {'augment.time_masks': 2, 'augment.band_masks': 2},
  'statistics': {'model.pooling': 'statistics'},
}
# What all runs have: an utterance's own frames, cut at random.
BASE = {
  'data.crop': 'random',
  'data.test_duration_s': 7.0,
  'model.pooling': 'masked',
  'optim.learning_rate': 1e-3,
  'optim.schedule': 'one_cycle',
  'optim.average': 0.98,
  'protocol.name': 'speaker_groups',
  'protocol.best_on_test': False,
}


def runs() -> list[tuple[str, ...]]:
  """The changes that are on in each of the eight runs."""
  found = []
  for c, b, a in itertools.product((-1, 1), repeat=3):
    signs = (a, b, c, a * b, a * c, b * c, a * b * c)
    pairs = zip(CHANGES, signs, strict=True)
    found.append(tuple(name for name, sign in pairs if sign > 0))
  return found


def effects(scores: dict[tuple[str, ...], float]) -> dict[str, float]:
  """The mean of the runs with a change less that of the runs without it.

  Args:
    scores: of all eight runs, by the changes that are on.
  """
  assert set(scores) == set(runs())
  result = {}
  for change in CHANGES:
    on = [score for names, score in scores.items() if change in names]
    off = [score for names, score in scores.items() if change not in names]
    result[change] = sum(on) / len(on) - sum(off) / len(off)
  return result


def folder_name(names: tuple[str, ...]) -> str:
  """Names the folder of a run."""
  return '+'.join(names) or 'none'


def main(argv: list[str]) -> None:
  """Runs the command."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('corpus')
  parser.add_argument('--root', default='')
  parser.add_argument('--output', type=pathlib.Path, required=True)
  parser.add_argument('--epochs', type=int, default=16)
  parser.add_argument('--folds', default='', help='names with commas; all')
  given = parser.parse_args(argv)
  for names in runs():
    workdir = given.output / folder_name(names)
    settings = {
      **BASE,
      'data.corpus': given.corpus,
      'data.root': given.root,
      'name': f'design_{given.corpus}',
      'train.epochs': given.epochs,
      'optim.cycle_epochs': given.epochs,
    }
    if given.folds:
      settings['protocol.folds'] = tuple(given.folds.split(','))
    for name in names:
      settings.update(CHANGES[name])
    flags = [f'--config.{field}={value}' for field, value in settings.items()]
    print(workdir, flush=True)
    subprocess.run(
      [
        *(sys.executable, '-m', 'sernet_jax.main'),
        *('--config=configs/emodb.py', f'--workdir={workdir}', *flags),
      ],
      check=True,
    )


if __name__ == '__main__':
  sys.exit(command_line.run(lambda: main(sys.argv[1:])))
