"""Turns the predictions of a run into the entries of results.json."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from sernet_jax.results import metrics, statistics
from sernet_jax.results.run_results import (
  FoldResult,
  Intervals,
  OverSeeds,
  PooledResult,
  Scores,
  SelectionResult,
  SpeakerResult,
)

Row = Mapping[str, Any]


def summarize(
  folds: Sequence[Row],
  confusions_by_speaker: Mapping[str, npt.ArrayLike],
  seed: int = 0,
  num_resamples: int = statistics.NUM_RANDOM,
) -> SelectionResult:
  """Returns one selection from the matrices of its folds and speakers.

  Args:
    folds: for each fold `name`, `epoch` (epochs completed by the weights
      that were tested) and `confusion` (C, C) of its test set.
    confusions_by_speaker: (C, C) of each tested speaker, over all folds;
      their sum is that of the folds.
    seed: of the bootstrap.
    num_resamples: of the bootstrap.
  """
  assert folds and confusions_by_speaker
  per_fold = tuple(
    FoldResult(
      name=str(fold['name']),
      n_test=int(metrics.as_counts(fold['confusion']).sum()),
      epoch=int(fold['epoch']),
      **_with_matrix(fold['confusion']),
    )
    for fold in folds
  )
  # Sorted, so that the bootstrap does not depend on the caller's order.
  speakers = {
    str(name): metrics.as_counts(confusions_by_speaker[name])
    for name in sorted(confusions_by_speaker)
  }
  pooled = sum(metrics.as_counts(fold['confusion']) for fold in folds)
  assert np.array_equal(pooled, sum(speakers.values())), (
    'folds and speakers count different utterances'
  )
  return SelectionResult(
    pooled=PooledResult(**_with_matrix(pooled)),
    mean=_mean(per_fold),
    sd=_sd(per_fold) if len(per_fold) > 1 else None,
    ci95=intervals(speakers, seed, num_resamples),
    folds=per_fold,
    speakers=tuple(
      SpeakerResult(name=name, n=int(counts.sum()), **_with_matrix(counts))
      for name, counts in speakers.items()
    ),
  )


def from_predictions(
  rows: Iterable[Row],
  classes: Sequence[str],
  epochs: Mapping[str, int],
  seed: int = 0,
) -> SelectionResult:
  """Returns one selection from its predictions.

  Args:
    rows: one per tested utterance with `fold`, `speaker`, `label` and
      `predicted` (class names), as in `predictions.csv`.
    classes: names in the order of the matrices.
    epochs: fold -> epochs completed by the weights that were tested; folds
      of the result are in its order.
    seed: of the bootstrap.
  """
  index = {name: k for k, name in enumerate(classes)}
  shape = (len(classes), len(classes))
  by_fold = {fold: np.zeros(shape, np.int64) for fold in epochs}
  by_speaker: dict[str, np.ndarray] = {}
  for row in rows:
    cell = index[row['label']], index[row['predicted']]
    by_fold[row['fold']][cell] += 1
    by_speaker.setdefault(row['speaker'], np.zeros(shape, np.int64))[cell] += 1
  folds = [
    {'name': fold, 'epoch': epochs[fold], 'confusion': counts}
    for fold, counts in by_fold.items()
  ]
  return summarize(folds, by_speaker, seed)


def from_trials(
  rows: Sequence[Row], classes: Sequence[str], seeds: Sequence[int]
) -> SelectionResult:
  """Returns one selection of a run, over its seeds if it has several.

  Every utterance is then tested once with each seed: counts are sums over
  the seeds, so the pooled WA and UAR are means over them.

  Args:
    rows: as for `from_predictions`, with `epoch`, and `seed` if there are
      several.
    classes: names in the order of the matrices.
    seeds: of the run.
  """

  def summary(rows: Sequence[Row]) -> SelectionResult:
    epochs = {row['fold']: row['epoch'] for row in rows}
    return from_predictions(rows, classes, epochs)

  whole = summary(rows)
  if len(seeds) == 1:
    return whole
  each = [summary([row for row in rows if row['seed'] == s]) for s in seeds]
  pooled = [result.pooled for result in each]

  def with_epochs(found: SelectionResult) -> SelectionResult:
    """Gives every fold the epochs of all seeds."""
    folds = zip(found.folds, *(one.folds for one in each), strict=True)
    return dataclasses.replace(
      found,
      folds=tuple(
        dataclasses.replace(fold, epoch=tuple(f.epoch for f in of_seeds))
        for fold, *of_seeds in folds
      ),
    )

  return dataclasses.replace(
    with_epochs(whole),
    over_seeds=OverSeeds(
      mean=_mean(pooled),
      sd=_sd(pooled),
      seeds=tuple(
        dataclasses.replace(result, seed=seed)
        for seed, result in zip(seeds, each, strict=True)
      ),
      together=with_epochs(summary(_votes(rows, classes))),
    ),
  )


def _votes(rows: Sequence[Row], classes: Sequence[str]) -> list[Row]:
  """Returns one row per test, decided by the mean of all seeds' probabilities.

  Args:
    rows: as for `from_trials`, with `utterance` and `probabilities` (classes,).
    classes: names in the order of the probabilities.
  """
  tests: dict[tuple[str, str], list[Row]] = {}
  for row in rows:
    tests.setdefault((row['fold'], row['utterance']), []).append(row)
  voted: list[Row] = []
  for of_seeds in tests.values():
    mean = np.mean([row['probabilities'] for row in of_seeds], axis=0)
    voted.append({**of_seeds[0], 'predicted': classes[int(mean.argmax())]})
  return voted


def intervals(
  by_speaker: Mapping[str, npt.ArrayLike],
  seed: int = 0,
  num_resamples: int = statistics.NUM_RANDOM,
) -> Intervals | None:
  """Returns 95 % intervals of the scores of pooled tests.

  Args:
    by_speaker: confusion matrix (C, C) of each, none all zero.
    seed: of the bootstrap.
    num_resamples: of the bootstrap.
  """
  if statistics.are_unknown(by_speaker):
    return None
  matrices = [by_speaker[name] for name in sorted(by_speaker)]
  one_seed = np.asarray(matrices)[None]  # (1, speakers, C, C)
  found = statistics.ci95(one_seed, seed=seed, num_resamples=num_resamples)
  if found is None:
    return None
  return {name: (low, high) for name, (low, high) in found.items()}


def _mean(results: Sequence[Any]) -> Scores:
  return Scores(
    **{
      score: float(np.mean([result[score] for result in results]))
      for score in metrics.SCORES
    }
  )


def _sd(results: Sequence[Any]) -> Scores:
  """Standard deviations (ddof 1), with the rounding that results.json has."""
  return Scores(
    **{
      score: float(np.std([result[score] for result in results], ddof=1))
      for score in metrics.SCORES
    }
  )


def _with_matrix(confusion: npt.ArrayLike) -> dict[str, Any]:
  counts = metrics.as_counts(confusion)
  matrix = tuple(map(tuple, counts.tolist()))
  return {**metrics.scores(counts), 'confusion': matrix}
