"""Counts of runs as a comparison takes them, and the scores made of them.

All tests are pooled, but across corpora every fold is scored by itself and the
mean counts: all together would mix corpora of unlike shares of the classes, so
that a network which only recognizes the corpus may seem better than guessing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sernet_jax.corpora.protocols import PROTOCOLS
from sernet_jax.results import caveats, metrics, statistics
from sernet_jax.results.run_results import Results
from sernet_jax.sweep.comparison.compared_runs import Run


def by_fold(results: Results) -> bool:
  """Tells whether the mean over folds counts, and not all tests together."""
  return PROTOCOLS[results.protocol].crosses_corpora


def counts(runs: Sequence[Run], selection: str) -> np.ndarray:
  """Returns counts for `statistics`, the first axis for the runs.

  Args:
    runs: of one setting.
    selection: whose tests.

  Returns:
    (runs, speakers, C, C), across corpora (runs, folds, speakers, C, C).
  """
  speakers = [run.results.selections[selection].speakers for run in runs]
  names = [[speaker.name for speaker in group] for group in speakers]
  assert all(group == names[0] for group in names)
  if by_fold(runs[0].results):
    return np.array([run.by_fold[selection] for run in runs])
  return np.array([[s.confusion for s in group] for group in speakers])


def corpora(run: Run) -> list[str] | None:
  """Returns the corpus of each speaker; None where all tests are pooled."""
  if not by_fold(run.results):
    return None
  # Joined corpora have it before the name of a speaker.
  return [s.name.partition('/')[0] for s in run.results.last.speakers]


def are_unknown(run: Run) -> bool:
  """Tells whether too few of the tested speakers are known to say more of them."""
  names = [speaker.name for speaker in run.results.last.speakers]
  return statistics.are_unknown(names)


def interval(
  run: Run, first: np.ndarray, second: np.ndarray | None = None
) -> dict[str, list[float]] | None:
  """Returns `statistics.ci95` of counts, as the run has it of its own.

  Args:
    run: one of those that were counted.
    first: `counts`.
    second: those of another setting, for the interval of the difference.
  """
  if are_unknown(run):
    return None
  return statistics.ci95(first, second, corpora=corpora(run))


def p(
  run: Run, first: np.ndarray, second: np.ndarray, score: str
) -> float | None:
  """Returns `statistics.permutation_test`; None where speakers are unknown."""
  if are_unknown(run):
    return None
  return statistics.permutation_test(first, second, score)


def scores(run: Run, selection: str) -> dict[str, float]:
  """Returns `metrics.SCORES` of one run."""
  if by_fold(run.results):
    return statistics.scores(counts([run], selection))
  pooled = run.results.selections[selection].pooled
  return {score: pooled[score] for score in metrics.SCORES}


def guessing(run: Run) -> dict[str, float]:
  """Returns the scores of always naming the most frequent class of a test."""
  if not by_fold(run.results):
    return caveats.guessing(run.results)
  # (folds, C)
  truth = run.by_fold['last'].sum((1, 3))
  return {
    'wa': float((truth.max(1) / truth.sum(1)).mean()),
    'uar': float((1 / np.count_nonzero(truth, axis=1)).mean()),
  }


def classes(found: np.ndarray, names: Sequence[str]) -> list[dict[str, Any]]:
  """Returns `metrics.per_class` of counts, its shares the means over folds."""
  if found.ndim == 4:
    return metrics.per_class(found.sum((0, 1)), names)
  folds = [metrics.per_class(fold, names) for fold in found.sum((0, 2))]
  merged: list[dict[str, Any]] = []
  for rows in zip(*folds, strict=True):
    row = {'name': rows[0]['name'], 'support': sum(r['support'] for r in rows)}
    for share in ('recall', 'precision', 'f1'):
      known = [r[share] for r in rows if r[share] is not None]
      row[share] = float(np.mean(known)) if known else None
    merged.append(row)
  return merged
