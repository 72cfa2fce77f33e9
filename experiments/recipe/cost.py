"""Measures what the recipe costs per step, and the time to the paper's figure.

  python -m experiments.recipe.cost --root=EMODB

Trainings take turns on one core, batch 32 and 3 s each: the paper's, the recipe, and
everything at once that `augment` can switch on. CPU seconds of a step and their
ratios to the paper's in the same turn are measured; the time of a training is the
measured seconds of an epoch times the epochs that the runs on record needed, with
their UAR. Writes cost.json and the tables of README.md beside this file.
"""

from __future__ import annotations

import argparse
import math
import pathlib
import shutil
import statistics
import sys
from typing import Any

from experiments.lib import markdown, provenance, records, step_times
from sernet_jax.common import command_line, files
from sernet_jax.common.errors import require

HERE = pathlib.Path(__file__).parent
PAPER = 'paper'
_EVERYTHING = {
  'augment.speed': '0.1',
  'augment.mixup': '0.2',
  'augment.mixstyle': '0.5',
  'augment.room': '0.3',
  'augment.noise': '0.3',
  'augment.narrow_band': '0.3',
  'augment.gain_db': '6',
  'augment.time_masks': '2',
  'augment.band_masks': '2',
  'loss.label_smoothing': '0.1',
}
# Name -> config, what is changed in it, and what it is.
TRAININGS: dict[str, tuple[str, dict[str, str], str]] = {
  PAPER: ('emodb', {}, "the paper's"),
  'recipe': ('recipe', {}, 'the recipe'),
  'everything': (
    'recipe',
    _EVERYTHING,
    'the recipe and every other change of `augment`, label smoothing',
  ),
}


def made(name: str, root: str) -> Any:
  """Returns the experiment of a training on EMO-DB, `loso`."""
  from sernet_jax.runs import config as config_lib, config_flags

  base, changes, _ = TRAININGS[name]
  config = config_flags.load_file(base)
  config.data.root = root
  for field, text in changes.items():
    records.change(config, field, text, f'{field} is not a field')
  return config_lib.experiment(config)


def measured(
  found: dict[str, step_times.Training], times: dict[str, list[float]]
) -> dict[str, Any]:
  """Makes the figures of each training from the CPU seconds of its turns."""
  rows = {}
  for name, one in found.items():
    step_s = statistics.median(times[name]) / one.steps
    ratios = [a / b for a, b in zip(times[name], times[PAPER], strict=True)]
    rows[name] = {
      'what': TRAININGS[name][2],
      'step_s': step_s,
      'ratio_to_paper': statistics.median(ratios),
      'ratios': ratios,
      'batch': one.batch,
      'steps_of_an_epoch': one.epoch_steps,
      'folds': one.folds,
      'seconds_per_epoch': step_s * one.epoch_steps,
    }
  return rows


def times_to(rows: dict[str, Any], experiments: pathlib.Path) -> list[dict]:
  """Multiplies the seconds of an epoch with the epochs of runs on record.

  Args:
    rows: from `measured`.
    experiments: folder with the records.

  Returns:
    For each: `training`, `epochs`, `seeds`, `uar` (their mean), `seconds` of all
    folds, and `share` of the longest training of the paper.
  """
  found = []

  def add(training: str, epochs: int, uars: list[float], record: str) -> None:
    one = rows[training]
    seconds = one['seconds_per_epoch'] * one['folds'] * epochs
    found.append(
      {
        'training': training,
        'epochs': epochs,
        'seeds': len(uars),
        'uar': statistics.mean(uars),
        'seconds': seconds,
        'record': record,
      }
    )

  for name in ('loso_300', 'loso_40'):
    path = experiments / 'emodb' / name / 'results.json'
    _, results = records.read(path)
    uar = results.selections['last_recomputed'].pooled.uar
    add(PAPER, results.epochs, [uar], f'emodb/{name}')
  own = files.read_json(experiments / 'recipe' / 'results.json', ('emodb',))
  recipe = own['emodb']['loso']['recipe']
  add('recipe', recipe['epochs'], recipe['uar'], 'recipe')
  whole = found[0]['seconds']
  return [{**row, 'share': row['seconds'] / whole} for row in found]


def tables(content: dict[str, Any]) -> dict[str, str]:
  """Returns mark in the page -> table."""
  rows = content['trainings']
  return {
    'steps': markdown.table(
      [
        'training',
        'ms of a step',
        "times the paper's",
        's of an epoch of one fold',
      ],
      [
        [
          row['what'],
          f'{1e3 * row["step_s"]:.0f}',
          f'{row["ratio_to_paper"]:.2f}',
          f'{row["seconds_per_epoch"]:.1f}',
        ]
        for row in rows.values()
      ],
    ),
    'times': markdown.table(
      ['training', 'epochs', 'UAR', 'seeds', 'minutes', 'share of the first'],
      [
        [
          rows[row['training']]['what'],
          row['epochs'],
          f'{100 * row["uar"]:.1f}',
          row['seeds'],
          f'{row["seconds"] / 60:.0f}',
          f'1/{1 / row["share"]:.1f}',
        ]
        for row in content['times']
      ],
    ),
  }


def main(arguments: list[str]) -> None:
  """Measures in turns, multiplies and writes."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--root', required=True, help='folder of EMO-DB')
  parser.add_argument('--rounds', type=int, default=7)
  parser.add_argument('--steps', type=int, default=2, help='of a turn')
  parser.add_argument('--output', type=pathlib.Path, default=HERE)
  given = parser.parse_args(arguments)
  require(given.rounds > 0, f'--rounds is {given.rounds}; give 1 or more')
  require(given.steps > 0, f'--steps is {given.steps}; give 1 or more')
  step_times.one_core()
  from sernet_jax.runs import config_flags

  config_flags.set_up_jax()
  found = {}
  for name in TRAININGS:
    found[name] = step_times.training(made(name, given.root), given.steps)
    print(f'{name}: compiled', file=sys.stderr, flush=True)
  calls = {name: one.call for name, one in found.items()}
  rows = measured(found, step_times.in_turns(calls, given.rounds, math.inf))
  content = {
    'question': 'What does a step of the recipe cost, and the way to its UAR?',
    'rounds': given.rounds,
    'trainings': rows,
    'times': times_to(rows, HERE.parent),
    'environment': provenance.record('experiments.recipe.cost', arguments),
  }
  files.write_json(given.output / 'cost.json', content)
  page = given.output / 'README.md'
  if not page.exists():
    shutil.copy(HERE / 'README.md', page)
  for mark, text in tables(content).items():
    markdown.fill(page, mark, text)
    print(text, end='\n\n')


if __name__ == '__main__':
  sys.exit(command_line.run(lambda: main(sys.argv[1:])))
