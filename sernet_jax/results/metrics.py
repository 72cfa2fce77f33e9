"""From confusion matrices to the figures that are reported.

A confusion matrix counts utterances: row = truth, column = prediction. It is
the only thing that is ever summed (over batches, folds, speakers); every
score is computed from a sum at the end.

  WA   weighted accuracy: share of utterances that are right.
  UAR  unweighted average recall: mean recall of the classes that occur in
       the truth.
  F1   mean over the classes that occur in truth or prediction ('macro'), or
       weighted by how often they occur in the truth ('weighted').

The formulas stand once, in `scores_of_many`, for one matrix as for the
thousands that the bootstrap draws. The tests hold them against scikit-learn,
which a run does not load: it takes a second and a half to import.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

SCORES = ('wa', 'uar', 'f1_macro', 'f1_weighted')


def confusion(labels, predictions, num_classes: int) -> np.ndarray:
  """Counts utterances by truth and prediction.

  Args:
    labels: (N,) integers in [0, num_classes), the truth.
    predictions: (N,) integers in the same range.
    num_classes: C.

  Returns:
    (C, C) int64, rows are the truth.
  """
  labels, predictions = np.asarray(labels), np.asarray(predictions)
  assert labels.shape == predictions.shape and labels.ndim == 1
  if labels.size == 0:
    return np.zeros((num_classes, num_classes), np.int64)
  assert min(labels.min(), predictions.min()) >= 0
  assert max(labels.max(), predictions.max()) < num_classes
  cells = labels.astype(np.int64) * num_classes + predictions
  counts = np.bincount(cells, minlength=num_classes * num_classes)
  return counts.reshape(num_classes, num_classes)


def scores(confusion) -> dict[str, float]:
  """WA, UAR, macro and weighted F1 of one confusion matrix.

  Args:
    confusion: (C, C) counts, not all zero; rows are the truth.

  Returns:
    The four `SCORES` as fractions in [0, 1].
  """
  counts = _counts(confusion)
  assert counts.any(), 'no utterance was counted'
  return {name: float(value) for name, value in scores_of_many(counts).items()}


def scores_of_many(confusions) -> dict[str, np.ndarray]:
  """`scores` of many matrices at once, in numpy.

  Args:
    confusions: (..., C, C) counts; rows are the truth.

  Returns:
    The four `SCORES`, each (...); NaN where a matrix is all zero.
  """
  counts = np.asarray(confusions, np.float64)
  right = np.diagonal(counts, axis1=-2, axis2=-1)
  truth, predicted = counts.sum(-1), counts.sum(-2)
  total = truth.sum(-1)
  recall = _divide(right, truth)
  # F1 = 2 right / (truth + predicted); 0 where the class does not occur.
  f1 = _divide(2 * right, truth + predicted)
  with np.errstate(invalid='ignore'):
    return {
      'wa': right.sum(-1) / total,
      'uar': recall.sum(-1) / (truth > 0).sum(-1),
      'f1_macro': f1.sum(-1) / (truth + predicted > 0).sum(-1),
      'f1_weighted': (f1 * truth).sum(-1) / total,
    }


def per_class(
  confusion, classes: Sequence[str]
) -> list[dict[str, str | int | float | None]]:
  """Recall, precision, F1 and support of each class.

  Args:
    confusion: (C, C) counts.
    classes: C names.

  Returns:
    C dicts of `name`, `support` (utterances of the class), `recall`,
    `precision`, `f1`; None where a figure has no denominator.
  """
  counts = _counts(confusion)
  assert len(classes) == len(counts)
  right, truth, predicted = np.diag(counts), counts.sum(1), counts.sum(0)

  def share(numerator, denominator):
    return float(numerator / denominator) if denominator else None

  return [
    {
      'name': str(name),
      'support': int(truth[k]),
      'recall': share(right[k], truth[k]),
      'precision': share(right[k], predicted[k]),
      'f1': share(2 * right[k], truth[k] + predicted[k]),
    }
    for k, name in enumerate(classes)
  ]


def bootstrap_ci95(
  confusions, seed: int = 0, num_resamples: int = 10_000
) -> dict[str, list[float]] | None:
  """95 % percentile intervals of the pooled scores, by resampling speakers.

  The utterances of one speaker resemble each other, so whole speakers are
  drawn: S of S with replacement, their matrices summed, the scores taken;
  the interval runs from the 2.5th to the 97.5th percentile. (The cluster
  bootstrap; it does not cover the chance in training.)

  Args:
    confusions: (S, C, C) counts, one matrix per speaker, none all zero.
    seed: of the resampling.
    num_resamples: draws.

  Returns:
    `SCORES` -> [low, high]; None with fewer than 2 speakers.
  """
  counts = np.asarray(confusions, np.int64)
  if len(counts) < 2:
    return None
  num_speakers = len(counts)
  drawn = np.random.default_rng(seed).multinomial(
    num_speakers, np.full(num_speakers, 1 / num_speakers), size=num_resamples
  )
  resampled = np.tensordot(drawn, counts, axes=1)
  return {
    name: [float(edge) for edge in np.percentile(values, [2.5, 97.5])]
    for name, values in scores_of_many(resampled).items()
  }


def summarise(
  folds: Sequence[Mapping[str, Any]],
  confusions_by_speaker: Mapping[str, Any],
  seed: int = 0,
  num_resamples: int = 10_000,
) -> dict[str, Any]:
  """One selection of `results.json`: pooled, mean, sd, intervals, folds.

  Args:
    folds: for each fold `name`, `epoch` (epochs completed by the weights
      that were tested) and `confusion` (C, C) of its test set.
    confusions_by_speaker: (C, C) of each tested speaker, over all folds;
      their sum is that of the folds.
    seed: of the bootstrap.
    num_resamples: of the bootstrap.

  Returns:
    Plain numbers, lists and dicts, ready for JSON: `pooled` (scores and
    confusion of all tests), `mean` and `sd` (over folds; sd with ddof 1,
    None for one fold), `ci95` (None for one speaker), `folds`, `speakers`.
  """
  assert folds and confusions_by_speaker
  per_fold = [
    {
      'name': str(fold['name']),
      'n_test': int(_counts(fold['confusion']).sum()),
      'epoch': int(fold['epoch']),
      **_with_matrix(fold['confusion']),
    }
    for fold in folds
  ]
  # Sorted, so that the bootstrap does not depend on the caller's order.
  speakers = {
    str(name): _counts(confusions_by_speaker[name])
    for name in sorted(confusions_by_speaker)
  }
  pooled = sum(_counts(fold['confusion']) for fold in folds)
  assert np.array_equal(pooled, sum(speakers.values())), (
    'folds and speakers count different utterances'
  )
  table = {name: [fold[name] for fold in per_fold] for name in SCORES}
  return {
    'pooled': _with_matrix(pooled),
    'mean': {name: float(np.mean(table[name])) for name in SCORES},
    'sd': {name: float(np.std(table[name], ddof=1)) for name in SCORES}
    if len(per_fold) > 1
    else None,
    'ci95': bootstrap_ci95(list(speakers.values()), seed, num_resamples),
    'folds': per_fold,
    'speakers': [
      {'name': name, 'n': int(counts.sum()), **_with_matrix(counts)}
      for name, counts in speakers.items()
    ],
  }


def selection_from_predictions(
  rows: Iterable[Mapping[str, Any]],
  classes: Sequence[str],
  epochs: Mapping[str, int],
  seed: int = 0,
) -> dict[str, Any]:
  """`summarise` from the predictions of one selection.

  Args:
    rows: one per tested utterance with `fold`, `speaker`, `label` and
      `predicted` (class names), as in `predictions.csv`.
    classes: names in the order of the matrices.
    epochs: fold -> epochs completed by the weights that were tested.
    seed: of the bootstrap.

  Returns:
    See `summarise`; folds are in the order of `epochs`.
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
  return summarise(folds, by_speaker, seed)


def _with_matrix(confusion) -> dict[str, Any]:
  counts = _counts(confusion)
  return {**scores(counts), 'confusion': counts.tolist()}


def _counts(confusion) -> np.ndarray:
  counts = np.asarray(confusion, np.int64)
  assert counts.ndim == 2 and counts.shape[0] == counts.shape[1]
  return counts


def _divide(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
  """Quotient, 0 where the denominator is 0."""
  return np.divide(
    numerator,
    denominator,
    out=np.zeros(np.broadcast_shapes(numerator.shape, denominator.shape)),
    where=denominator > 0,
  )
