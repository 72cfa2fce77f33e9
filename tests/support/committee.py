"""Decisions of several seeds together, counted from their predictions."""

from __future__ import annotations

import numpy as np


def counts(rows, classes):
  """Confusion matrix of the decisions by the mean of two seeds' probabilities.

  Args:
    rows: of predictions.csv, two for each test, of one selection.
    classes: in the order of the probabilities.
  """
  tests = {}
  for row in rows:
    tests.setdefault((row['fold'], row['utterance']), []).append(row)
  found = np.zeros((len(classes), len(classes)), np.int64)
  for first, second in tests.values():
    total = np.add(first['probabilities'], second['probabilities'])
    found[classes.index(first['label']), np.argmax(total)] += 1
  return found
