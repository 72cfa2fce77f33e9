"""Results of tests across corpora as a matrix, its table and its gaps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from sernet_jax.common import text
from sernet_jax.corpora.protocols import PROTOCOLS
from sernet_jax.results import metrics, statistics, summaries
from sernet_jax.results.run_results import Crossed, CrossedCell

SCORES = ('uar', 'wa')
# What stands below a matrix.
INTERVALS = (
  'below each UAR its 95 % interval over the test speakers, too narrow for fewer '
  f'than {statistics.ENOUGH}'
)


def summary(
  protocol: str,
  corpora: Sequence[str],
  classes: Sequence[str],
  rows: Iterable[Mapping[str, Any]],
) -> Crossed:
  """Returns the entry `crossed` of results.json.

  Args:
    protocol: name of one that crosses corpora.
    corpora: all that were joined.
    classes: names in the order of the network's outputs.
    rows: one per test with `selection`, `fold`, `speaker`, `label` and
      `predicted`, all with the same kind of weights.
  """
  index = {name: k for k, name in enumerate(classes)}
  shape = (len(classes), len(classes))
  counts: dict[tuple[str, str], dict[str, np.ndarray]] = {}
  for row in rows:
    speakers = counts.setdefault((row['selection'], row['fold']), {})
    matrix = speakers.setdefault(row['speaker'], np.zeros(shape, np.int64))
    matrix[index[row['label']], index[row['predicted']]] += 1
  pairs = PROTOCOLS[protocol].pairs
  assert pairs is not None
  sides = {fold: (train, test) for fold, train, test in pairs(corpora)}
  selections: dict[str, list[CrossedCell]] = {}
  for (selection, fold), speakers in counts.items():
    total = np.sum(list(speakers.values()), axis=0)
    scores = metrics.scores(total)
    ci95 = summaries.intervals(speakers)
    selections.setdefault(selection, []).append(
      CrossedCell(
        fold=fold,
        train=tuple(sides[fold][0]),
        test=sides[fold][1],
        n=int(np.sum(total)),
        classes=tuple(
          classes[k] for k in np.flatnonzero(total.sum(1)).tolist()
        ),
        **{score: scores[score] for score in SCORES},
        ci95=ci95 and {score: ci95[score] for score in SCORES},
      )
    )
  return Crossed(
    corpora=tuple(sorted(corpora)),
    selections={name: tuple(cells) for name, cells in selections.items()},
  )


def matrix(
  crossed: Crossed, selection: str = 'last', score: str = 'uar'
) -> tuple[list[str], list[str], np.ndarray, np.ndarray]:
  """Returns a score as a matrix: training corpora down, test corpora across.

  Args:
    crossed: from `summary`.
    selection: of the epoch.
    score: of `SCORES`.

  Returns:
    Names of the rows and of the columns; float64 (rows, columns), NaN where
    there is no test; and its interval, (rows, columns, 2).
  """
  cells = crossed.selections[selection]
  columns = [
    name for name in crossed.corpora if any(c.test == name for c in cells)
  ]
  rows = list(dict.fromkeys('+'.join(cell.train) for cell in cells))
  if all(len(cell.train) == 1 for cell in cells):
    rows = [name for name in crossed.corpora if name in {*rows, *columns}]
  values = np.full((len(rows), len(columns)), np.nan)
  intervals = np.full((*values.shape, 2), np.nan)
  for cell in cells:
    index = rows.index('+'.join(cell.train)), columns.index(cell.test)
    values[index] = cell[score]
    if cell.ci95:
      intervals[index] = cell.ci95[score]
  return rows, columns, values, intervals


def headline(crossed: Crossed, selection: str = 'last') -> dict[str, Any]:
  """Returns what a run across corpora is worth: means over its tests.

  All tests together would mix corpora of unlike shares of the classes, so that
  networks that always say the same may seem better than guessing.

  Returns:
    For each of `SCORES` a dictionary of `mean`, `low` and `high`, the last two
    as (fold, score); `count` of the tests; `guess`, the mean UAR of guessing.
  """
  cells = crossed.selections[selection]
  found: dict[str, Any] = {
    'count': len(cells),
    'guess': float(np.mean([1 / len(cell.classes) for cell in cells])),
  }
  for score in SCORES:
    scores = [(cell[score], cell.fold) for cell in cells]
    found[score] = {
      'mean': float(np.mean([value for value, _ in scores])),
      'low': min(scores)[::-1],
      'high': max(scores)[::-1],
    }
  return found


def table(crossed: Crossed, selection: str = 'last') -> list[str]:
  """Returns lines for a terminal: UAR in per cent, columns lined up."""
  rows, columns, values, _ = matrix(crossed, selection)
  cells = [['train \\ test', *columns]]
  for name, scores in zip(rows, values, strict=True):
    texts = ['-' if np.isnan(v) else text.percent(v) for v in scores]
    cells.append([name, *texts])
  return text.table(cells)


def uneven(crossed: Crossed) -> list[str]:
  """Returns the folds that were tested on fewer classes than others."""
  cells = next(iter(crossed.selections.values()))
  most = max(len(cell.classes) for cell in cells)
  return [
    f'{cell.fold} ({", ".join(cell.classes)})'
    for cell in cells
    if len(cell.classes) < most
  ]
