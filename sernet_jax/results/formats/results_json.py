"""results.json: its entries have their types and fit each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sernet_jax.corpora.protocols import PROTOCOLS, SCORES
from sernet_jax.results import metrics
from sernet_jax.results.formats import json_records
from sernet_jax.results.formats.json_records import MismatchError
from sernet_jax.results.run_results import (
  Crossed,
  FoldResult,
  PooledResult,
  Results,
  SelectionResult,
  SpeakerResult,
)
from sernet_jax.results.selections import SELECTIONS

_ROUNDING = 1e-6  # of a score written by any version


def decode(content: Mapping[str, Any]) -> Results:
  """Returns the results that a results.json holds.

  Raises:
    json_records.MismatchError: if an entry is missing, of another type or out
      of range, or does not fit the others.
  """
  results = json_records.decode(Results, content)
  _check(results)
  return results


def _check(results: Results) -> None:
  """Raises `MismatchError` for entries that do not fit each other."""
  _require(
    results.protocol in PROTOCOLS, f'its protocol is {results.protocol[:40]!r}'
  )
  _require(
    results.choose_by in SCORES,
    f'epochs were chosen by {results.choose_by[:40]!r}',
  )
  _require('last' in results.selections, 'it has no selection last')
  for kind in (results.selections, results.selections_float32 or {}):
    for name, selection in kind.items():
      _require(name in SELECTIONS, f'there is no selection {name[:40]!r}')
      _check_seeds(name, selection, results)
      _require(
        [one.name for one in selection.dimensions]
        == [one.name for one in results.dimensions],
        f'{name} has other dimensions than the run',
      )
  if results.crossed is not None:
    _check_crossed(results.crossed, results)


def _require(condition: bool, problem: str) -> None:
  if not condition:
    raise MismatchError(problem)


def _check_seeds(
  name: str, selection: SelectionResult, results: Results
) -> None:
  """Checks a selection and those of its seeds, if it has several."""
  over = selection.over_seeds
  several = over.seeds if over else ()
  _require(
    len(several) == len(results.seeds or ()),
    f'{name} has other seeds than the run',
  )
  committee = (over.together,) if over and over.together else ()
  for each in (selection, *several, *committee):
    _check_selection(name, each, len(results.classes))
    # Pages set selections beside each other, row by row.
    for what, of_last, own in (
      ('folds', results.last.folds, each.folds),
      ('speakers', results.last.speakers, each.speakers),
    ):
      _require(
        [one.name for one in own] == [one.name for one in of_last],
        f'{name} has other {what} than last',
      )
  for fold in selection.folds:
    _require(
      isinstance(fold.epoch, int)
      if results.seeds is None
      else isinstance(fold.epoch, tuple)
      and len(fold.epoch) == len(results.seeds),
      f'{name} has a fold with epochs of other seeds',
    )


def _check_selection(
  name: str, selection: SelectionResult, num_classes: int
) -> None:
  """Checks that scores are those of their confusion matrices."""
  _require(bool(selection.folds), f'{name} has no fold')
  _require(bool(selection.speakers), f'{name} has no speaker')
  _require(
    selection.ci95 is None or set(metrics.SCORES) <= selection.ci95.keys(),
    f'{name} has no interval of some score',
  )
  parts: list[PooledResult | FoldResult | SpeakerResult] = [
    selection.pooled,
    *selection.folds,
    *selection.speakers,
  ]
  for part in parts:
    sizes = {len(part.confusion), *map(len, part.confusion)}
    _require(
      sizes == {num_classes},
      f'{name} has a confusion matrix that is not of {num_classes} classes',
    )
    _require(any(map(any, part.confusion)), f'{name} has tests of nothing')
    scores = metrics.scores(part.confusion)
    _require(
      all(abs(scores[key] - part[key]) < _ROUNDING for key in ('wa', 'uar')),
      f'{name} has scores that are not those of its confusion matrix',
    )


def _check_crossed(crossed: Crossed, results: Results) -> None:
  """Checks the cells of tests across corpora."""
  _require(
    crossed.selections.keys() == results.selections.keys(),
    'crossed has other selections',
  )
  rows = [cell.fold for cell in crossed.selections['last']]
  _require(bool(rows), 'crossed.last has no cell')
  for name, cells in crossed.selections.items():
    _require(
      [cell.fold for cell in cells] == rows,
      f'crossed.{name} has other cells than last',
    )
    for cell in cells:
      known = {cell.test, *cell.train} <= set(crossed.corpora)
      _require(known, f'{cell.fold[:40]} is of no corpus of it')
      _require(
        cell.ci95 is None or {'uar', 'wa'} <= cell.ci95.keys(),
        f'{cell.fold[:40]} has no interval of uar and wa',
      )
