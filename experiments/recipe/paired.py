"""Gain of the recipe over the paper's training, paired by speaker.

  python -m experiments.recipe.paired --pair nemo=RUN,RUN_OF_THE_PAPER

Both are finished runs with one seed on the same tests, as many epochs and the same
network, which differ in nothing but what configs/recipe.py switches on; a name that
comes again adds a pair of another seed. Weights are those of the moving average of
the recipe, and of the paper's training the last ones, as they are and with
recomputed statistics; nothing was chosen on a test. Writes paired.json and the table
of README.md beside this file; what is not named again stays.
"""

from __future__ import annotations

import argparse
import pathlib
import shutil
import sys
from collections.abc import Sequence
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


def pair(
  name: str, runs: Sequence[tuple[pathlib.Path, pathlib.Path]]
) -> dict[str, Any]:
  """Compares runs of the recipe with those of the paper's training.

  Args:
    name: of the comparison.
    runs: two of each seed, the recipe's first.

  Raises:
    InputError: if two differ in more than the recipe, or in what they tested, or
      seeds differ in more than the seed.
  """
  read = [[run_folder.RunFolder(path) for path in two] for two in runs]
  switched = [_check(name, *two) for two in read]
  seeds = [two[0].read_results().seed for two in read]
  for two in read[1:]:
    for first, run in zip(read[0], two, strict=True):
      _check_seed(name, first, run)
  again = sorted({seed for seed in seeds if seeds.count(seed) > 1})
  require(
    not again,
    f'--pair {name}: seed {again[0] if again else ""} was given twice; name one '
    'pair of each seed',
  )
  results = [[run.read_results() for run in two] for two in read]
  mine = np.concatenate([_counts(ours, OURS) for ours, _ in results])
  require(
    mine.shape[1] > 1,
    f'--pair {name}: one speaker was tested; name runs of two or more',
  )
  row = _row(mine)
  against = {}
  for selection in THEIRS:
    other = np.concatenate(
      [_counts(theirs, selection) for _, theirs in results]
    )
    before = _row(other)
    against[selection] = {
      **before,
      'difference': row['uar'] - before['uar'],
      'difference_ci95': _ci95(mine, other),
      'p': statistics.permutation_test(mine, other),
    }
  first = results[0][0]
  return {
    'protocol': first.protocol,
    'size': defaults.merged(read[0][0].read_config()).model.size,
    'epochs': first.epochs,
    'seeds': seeds,
    'tests': int(mine[0].sum()),
    'speakers': int(mine.shape[1]),
    'recipe': {**row, 'switched_on': switched[0]},
    'paper': against,
  }


def _check(name: str, ours: RunFolder, theirs: RunFolder) -> dict[str, Any]:
  """Refuses two runs that differ in more than the recipe; returns its fields."""
  results = [run.read_results() for run in (ours, theirs)]
  own, paper = (
    defaults.merged(run.read_config()).to_dict() for run in (ours, theirs)
  )
  both = f'{ours.path} and {theirs.path}'
  changed = differences.between(own, paper, free=differences.FREE | {'name'})
  fields = {field: value for field, value, _ in changed}
  more = sorted(set(fields) - switches())
  require(
    not more,
    f'--pair {name}: {both} differ in {", ".join(more)}, which is '
    'not part of the recipe; name runs that differ in the recipe alone',
  )
  require(
    results[0].epochs == results[1].epochs,
    f'--pair {name}: {results[0].epochs} epochs and {results[1].epochs}; name '
    'runs of as many',
  )
  require(
    _tests(ours) == _tests(theirs),
    f'--pair {name}: {both} tested other recordings or folds; name '
    'runs of the same corpus and protocol',
  )
  require(
    OURS in results[0].selections,
    f'--pair {name}: {ours.path} has no moving average (optim.average); name the '
    'run of the recipe first',
  )
  return fields


def _check_seed(name: str, first: RunFolder, other: RunFolder) -> None:
  """Refuses a run that differs from that of the first seed in more than it."""
  settings = [
    defaults.merged(run.read_config()).to_dict() for run in (first, other)
  ]
  free = differences.FREE | {'name', 'seed'}
  more = [field for field, *_ in differences.between(*settings, free=free)]
  require(
    not more and _tests(first) == _tests(other),
    f'--pair {name}: {first.path} and {other.path} differ in '
    f'{", ".join(more) or "their tests"}; name runs that differ in the seed alone',
  )


def _row(counts: np.ndarray) -> dict[str, Any]:
  """The UAR of seeds, (seeds, speakers, C, C): mean, each, spread, interval."""
  each = [statistics.scores(one[None])['uar'] for one in counts]
  return {
    'uar': statistics.scores(counts)['uar'],
    'uar_by_seed': each,
    # Of a sample, so that few seeds do not look steadier than they are.
    'sd': float(np.std(each, ddof=1)) if len(each) > 1 else None,
    'ci95': _ci95(counts),
  }


def _ci95(*counts: np.ndarray) -> list[float]:
  """The interval of a UAR, or of the difference of two."""
  found = statistics.ci95(*counts)
  assert found is not None  # there are three speakers or more
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


def _with_sd(row: dict[str, Any]) -> str:
  """UAR with its interval and, of several seeds, their standard deviation."""
  text = markdown.uar(row)
  return text if row['sd'] is None else f'{text}, SD {100 * row["sd"]:.1f}'


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
          len(found['seeds']),
          _with_sd(found['recipe']),
          f'`{selection}`',
          _with_sd(other),
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
      'seeds',
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
  pairs: dict[str, list[tuple[pathlib.Path, pathlib.Path]]] = {}
  for text in given.pair:
    name, _, both = text.partition('=')
    ours, _, theirs = both.partition(',')
    require(
      bool(name and ours and theirs),
      f'--pair {text}: give NAME=RUN,RUN_OF_THE_PAPER',
    )
    two = pathlib.Path(ours), pathlib.Path(theirs)
    pairs.setdefault(name, []).append(two)
  for name, runs in pairs.items():
    content[name] = pair(name, runs)
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
