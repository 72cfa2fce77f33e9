"""Gain of the recipe over the paper's training, paired by speaker.

  python -m experiments.recipe.paired --pair nemo=RUN,RUN_OF_THE_PAPER

Both are finished runs with one seed on the same tests, as many epochs and the same
network, which differ in nothing but what configs/recipe.py switches on. Weights
are those of the moving average of the recipe, and of the paper's training the last
ones, as they are and with recomputed statistics; nothing was chosen on a test.
Writes paired.json and the table of README.md beside this file; what is not named
again stays.
"""

from __future__ import annotations

import argparse
import pathlib
import shutil
import sys
from typing import Any

import numpy as np

from experiments.lib import markdown, provenance
from sernet_jax.common import command_line, files, trees
from sernet_jax.common.errors import require
from sernet_jax.results import run_folder, statistics
from sernet_jax.results.run_folder import RunFolder
from sernet_jax.runs import config_flags, defaults, differences

HERE = pathlib.Path(__file__).parent
OURS, THEIRS = 'average', ('last_recomputed', 'last')


def switches() -> set[str]:
  """Returns the fields that configs/recipe.py changes, but for the epochs."""
  own = trees.flatten(config_flags.load_file('recipe').to_dict())
  known = defaults.fields()
  return {f for f, value in own.items() if value != known.get(f)} - {'name'}


def pair(name: str, ours: pathlib.Path, theirs: pathlib.Path) -> dict[str, Any]:
  """Compares a run of the recipe with one of the paper's training.

  Raises:
    InputError: if they differ in more than the recipe, or in what they tested.
  """
  runs = [run_folder.RunFolder(path) for path in (ours, theirs)]
  results = [run.read_results() for run in runs]
  own, paper = (defaults.merged(run.read_config()).to_dict() for run in runs)
  changed = differences.between(own, paper, free=differences.FREE | {'name'})
  fields = {field: value for field, value, _ in changed}
  more = sorted(set(fields) - switches())
  require(
    not more,
    f'--pair {name}: {ours} and {theirs} differ in {", ".join(more)}, which is '
    'not part of the recipe; name runs that differ in the recipe alone',
  )
  require(
    results[0].epochs == results[1].epochs,
    f'--pair {name}: {results[0].epochs} epochs and {results[1].epochs}; name '
    'runs of as many',
  )
  require(
    _tests(runs[0]) == _tests(runs[1]),
    f'--pair {name}: {ours} and {theirs} tested other recordings or folds; name '
    'runs of the same corpus and protocol',
  )
  require(
    OURS in results[0].selections,
    f'--pair {name}: {ours} has no moving average (optim.average); name the run '
    'of the recipe first',
  )
  mine = _counts(results[0], OURS)
  require(
    mine.shape[1] > 1,
    f'--pair {name}: one speaker was tested; name runs of two or more',
  )
  score = statistics.scores(mine)['uar']
  against = {}
  for selection in THEIRS:
    other = _counts(results[1], selection)
    before = statistics.scores(other)['uar']
    against[selection] = {
      'uar': before,
      'ci95': _ci95(other),
      'difference': score - before,
      'difference_ci95': _ci95(mine, other),
      'p': statistics.permutation_test(mine, other),
    }
  return {
    'protocol': results[0].protocol,
    'size': own['model']['size'],
    'epochs': results[0].epochs,
    'seed': results[0].seed,
    'tests': int(mine.sum()),
    'speakers': int(mine.shape[1]),
    'recipe': {
      'uar': score,
      'ci95': _ci95(mine),
      'switched_on': fields,
    },
    'paper': against,
  }


def _ci95(*counts: np.ndarray) -> list[float]:
  """The interval of a UAR, or of the difference of two."""
  found = statistics.ci95(*counts)
  assert found is not None  # there are several speakers
  return found['uar']


def _tests(run: RunFolder) -> list[Any]:
  """Returns name and tests of each fold."""
  return [[fold['name'], fold['test']] for fold in run.read_folds()]


def _counts(results: Any, selection: str) -> np.ndarray:
  """Confusion matrices, (1, speakers, C, C), in the order of their names."""
  found = results.selections[selection].speakers
  return np.array(
    [[one.confusion for one in sorted(found, key=lambda one: one.name)]]
  )


def table(content: dict[str, Any]) -> str:
  """One line for each pair and each reading of the paper's weights."""
  rows = []
  for name, found in content.items():
    if name == 'environment':
      continue
    for selection, other in found['paper'].items():
      rows.append(
        [
          f'{name}, {found["tests"]} tests, {found["speakers"]} speakers',
          f'`{found["size"]}`',
          found['epochs'],
          markdown.uar(found['recipe']),
          f'`{selection}`',
          markdown.uar(other),
          markdown.percent(
            {'uar': other['difference']},
            {'uar': other['difference_ci95']},
            'uar',
            '+',
          ),
          f'{other["p"]:.3f}',
        ]
      )
  return markdown.table(
    [
      'corpus',
      'size',
      'epochs',
      'recipe',
      "the paper's weights",
      'their UAR',
      'gain, paired [95 %]',
      'p',
    ],
    rows,
  )


def main(arguments: list[str]) -> None:
  """Compares what is named, and writes."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--pair', action='append', required=True)
  parser.add_argument('--output', type=pathlib.Path, default=HERE)
  given = parser.parse_args(arguments)
  path = given.output / 'paired.json'
  content: dict[str, Any] = files.read_json(path) if path.exists() else {}
  for text in given.pair:
    name, _, both = text.partition('=')
    ours, _, theirs = both.partition(',')
    require(
      bool(name and ours and theirs),
      f'--pair {text}: give NAME=RUN,RUN_OF_THE_PAPER',
    )
    content[name] = pair(name, pathlib.Path(ours), pathlib.Path(theirs))
  content['environment'] = provenance.record(
    'experiments.recipe.paired', arguments
  )
  files.write_json(path, content)
  page = given.output / 'README.md'
  if not page.exists():
    shutil.copy(HERE / 'README.md', page)
  markdown.fill(page, 'paired', table(content))
  print(table(content))


if __name__ == '__main__':
  sys.exit(command_line.run(lambda: main(sys.argv[1:])))
