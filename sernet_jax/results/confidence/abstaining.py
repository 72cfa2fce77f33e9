"""Abstaining: no label where the model is not sure."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sernet_jax.results.confidence import reliability


def coverage(
  probabilities: npt.ArrayLike, labels: npt.ArrayLike
) -> dict[str, np.ndarray]:
  """Computes what abstaining below each confidence leaves, and how right it is.

  Args:
    probabilities: (tests, classes).
    labels: (tests,), the true classes.

  Returns:
    `threshold`, `coverage` (share of utterances that keep their label) and
    `accuracy` (of these), each (distinct confidences,), the highest threshold
    first.
  """
  confidence, right = reliability.of_labels(probabilities, labels)
  order = np.argsort(-confidence, kind='stable')
  confidence, right = confidence[order], right[order]
  # Utterances of one confidence are kept or dropped together.
  last = np.append(confidence[1:] != confidence[:-1], True)
  kept = np.arange(1, len(confidence) + 1)
  return {
    'threshold': confidence[last],
    'coverage': (kept / len(confidence))[last],
    'accuracy': (np.cumsum(right) / kept)[last],
  }


def threshold(
  probabilities: npt.ArrayLike, labels: npt.ArrayLike, accuracy: float
) -> float | None:
  """Finds the least confidence from which on the labels are right enough.

  Args:
    probabilities: (tests, classes).
    labels: (tests,), the true classes.
    accuracy: share that must be right, of all that are at least as confident.

  Returns:
    The threshold; None where even the most confident are not right enough.
  """
  found = coverage(probabilities, labels)
  # Accuracy need not fall from threshold to threshold: the last one that is
  # enough keeps the most labels.
  good = np.flatnonzero(found['accuracy'] >= accuracy)
  return float(found['threshold'][good[-1]]) if good.size else None
