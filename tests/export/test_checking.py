"""Reports of several folds are pooled."""

from __future__ import annotations

import json

import numpy as np
import pytest

from sernet_jax.export import checking


def report(theirs, ours, difference, **more):
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
    **more,
  }


def test_summary_pools_counts():
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


def test_a_summary_gives_each_fold_what_is_its_own(tmp_path):
  """`heard` of a report is the sound of the check, of a model its speakers."""
  counts = [[2, 0], [0, 2]]
  abouts = [
    {'corpus': 'emodb', 'precision': 'int8', 'fold': fold, **own}
    for fold, own in (
      ('03', {'temperature': '1.5', 'heard': '{"emodb": ["08"]}'}),
      ('08', {'temperature': '2.2', 'heard': '{"emodb": ["03"]}'}),
      ('09', {'abstain': '0.700: 90%', 'heard': '{"emodb": ["03"]}'}),
    )
  ]
  checking.write_summary(
    tmp_path / 'summary.json',
    [
      report(counts, counts, 0.1, model=about, heard='tests', environment={})
      for about in abouts
    ],
  )
  found = json.loads((tmp_path / 'summary.json').read_text())
  assert found['model'] == {'corpus': 'emodb'}
  for fold, about in zip(found['folds'], abouts, strict=True):
    assert fold['heard'] == 'tests' and 'environment' not in fold
    assert fold['fold'] == about['fold'] and fold['precision'] == 'int8'
    assert found['model'] | fold['model'] == {
      k: v for k, v in about.items() if k not in ('fold', 'precision')
    }
