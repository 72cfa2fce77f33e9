"""The scores of confusion matrices.

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

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

SCORES = ('wa', 'uar', 'f1_macro', 'f1_weighted')


def confusion(
  labels: npt.ArrayLike, predictions: npt.ArrayLike, num_classes: int
) -> np.ndarray:
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


def scores(confusion: npt.ArrayLike) -> dict[str, float]:
  """WA, UAR, macro and weighted F1 of one confusion matrix.

  Args:
    confusion: (C, C) counts, not all zero; rows are the truth.

  Returns:
    The four `SCORES` as fractions in [0, 1].
  """
  counts = as_counts(confusion)
  assert counts.any(), 'no utterance was counted'
  return {name: float(value) for name, value in scores_of_many(counts).items()}


def scores_of_many(confusions: npt.ArrayLike) -> dict[str, np.ndarray]:
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
  confusion: npt.ArrayLike, classes: Sequence[str]
) -> list[dict[str, str | int | float | None]]:
  """Recall, precision, F1 and support of each class.

  Args:
    confusion: (C, C) counts.
    classes: C names.

  Returns:
    C dicts of `name`, `support` (utterances of the class), `recall`,
    `precision`, `f1`; None where a figure has no denominator.
  """
  counts = as_counts(confusion)
  assert len(classes) == len(counts)
  right, truth, predicted = np.diag(counts), counts.sum(1), counts.sum(0)

  def share(numerator: float, denominator: float) -> float | None:
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


def as_counts(confusion: npt.ArrayLike) -> np.ndarray:
  """Returns a confusion matrix as int64 (C, C)."""
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
