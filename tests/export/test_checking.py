"""Reports of several folds are pooled."""

from __future__ import annotations

import numpy as np
import pytest

from sernet_jax.export import checking


def test_summary_pools_counts():
  def report(theirs, ours, difference):
    return {
      'format': 'onnx',
      'precision': 'int8',
      'num_recordings': int(np.sum(theirs)),
      'same_labels': 0.5,
      'largest_difference': difference,
      'confusion_jax': theirs,
      'confusion_file': ours,
      'file_bytes': 10,
      'weights_bytes': 8,
      'latency_ms': {'1': 3.0, '2': 2.0},
      'peak_memory_mib': {'1': 50.0, '2': 50.0},
    }

  rows = checking.summary(
    [
      report([[2, 0], [0, 2]], [[2, 0], [1, 1]], 0.1),
      report([[0, 0], [0, 4]], [[0, 0], [0, 4]], 0.3),
    ]
  )
  assert len(rows) == 1
  assert rows[0]['num_recordings'] == 8
  assert rows[0]['largest_difference'] == 0.3
  assert rows[0]['jax']['uar'] == 1.0
  assert rows[0]['lost']['wa'] == pytest.approx(1 / 8)
  assert rows[0]['lost']['uar'] == pytest.approx(1 / 12)
