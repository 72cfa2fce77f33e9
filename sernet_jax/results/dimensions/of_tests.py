"""Agreement with the dimensions of a corpus, from the tests of a selection."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from sernet_jax.results import statistics
from sernet_jax.results.dimensions import agreement
from sernet_jax.results.dimensions.record import DimensionResult

Row = Mapping[str, Any]


def measure(
  rows: Sequence[Row], names: Sequence[str]
) -> tuple[DimensionResult, ...]:
  """Returns the results of each dimension.

  Args:
    rows: of a selection, each with `speaker`, `values` and `outputs`
      (dimensions,), and `seed` in runs of several.
    names: of the dimensions.
  """
  return tuple(_of_one(rows, column, name) for column, name in enumerate(names))


def by_selection(rows: Iterable[Row], results: Any) -> dict[str, list[Row]]:
  """Returns the tests of each selection; {} for a run without dimensions.

  Args:
    rows: of predictions.csv.
    results: `run_results.Results`, which imports this folder.
  """
  found: dict[str, list[Row]] = {}
  if results.dimensions:
    for row in rows:
      known = row['selection'] in results.selections
      if known and row['weights_dtype'] == results.weights_dtype:
        found.setdefault(row['selection'], []).append(row)
  return found


def pairs(rows: Iterable[Row], column: int) -> tuple[np.ndarray, np.ndarray]:
  """Returns values and outputs of the tests that have a value, (tests,) each."""
  table = [(row['values'][column], row['outputs'][column]) for row in rows]
  found = np.array(table, np.float64).reshape(-1, 2)
  found = found[np.isfinite(found[:, 0])]
  return found[:, 0], found[:, 1]


def _of_one(rows: Sequence[Row], column: int, name: str) -> DimensionResult:
  seeds = sorted({row.get('seed', 0) for row in rows})
  speakers = sorted({row['speaker'] for row in rows})
  tests: dict[tuple[int, str], list[Row]] = {
    (seed, speaker): [] for seed in seeds for speaker in speakers
  }
  for row in rows:
    tests[row.get('seed', 0), row['speaker']].append(row)
  table = np.array(
    [
      [
        agreement.sums(*pairs(tests[seed, speaker], column))
        for speaker in speakers
      ]
      for seed in seeds
    ]
  )  # (seeds, speakers, sums)
  found = {
    score: float(values.mean())
    for score, values in agreement.scores(table.sum(axis=1)).items()
  }
  count = int(table[..., 0].sum())
  return DimensionResult(
    name=name,
    n=count,
    **{score: value if count else None for score, value in found.items()},
    ci95=None if statistics.are_unknown(speakers) else agreement.ci95(table),
  )
