"""Confusion matrices, and their scores by another library."""

from __future__ import annotations

import numpy as np
from sklearn import metrics as sk_metrics


def by_scikit_learn(truth, predicted):
  """The scores from lists of utterances instead of a matrix."""
  return {
    'wa': sk_metrics.accuracy_score(truth, predicted),
    'uar': sk_metrics.recall_score(
      truth, predicted, average='macro', labels=np.unique(truth)
    ),
    'f1_macro': sk_metrics.f1_score(
      truth, predicted, average='macro', zero_division=0
    ),
    'f1_weighted': sk_metrics.f1_score(
      truth, predicted, average='weighted', zero_division=0
    ),
  }


def utterances(matrix):
  """Truth and predictions of which `matrix` is the count."""
  cells = np.indices(matrix.shape).reshape(2, -1)
  return np.repeat(cells, matrix.ravel(), axis=1)


def speakers_matrices(num_speakers=8, seed=1):
  random = np.random.default_rng(seed)
  counts = random.integers(0, 6, (num_speakers, 4, 4))
  return counts + np.eye(4, dtype=int) * random.integers(5, 20)
