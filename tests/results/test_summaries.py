"""Entries of results.json from matrices and predictions."""

from __future__ import annotations

import json

import numpy as np
import pytest
from confusions import speakers_matrices

from sernet_jax.results import metrics, summaries


def test_summary_pools_counts_and_averages_folds():
  folds = [
    {'name': 'a', 'epoch': 3, 'confusion': np.array([[8, 0], [0, 2]])},
    {'name': 'b', 'epoch': 5, 'confusion': [[0, 1], [1, 0]]},
  ]
  speakers = {fold['name']: fold['confusion'] for fold in folds}
  result = summaries.summarize(folds, speakers, num_resamples=100)
  found = result.to_json()
  assert found['pooled']['confusion'] == [[8, 1], [1, 2]]
  assert found['pooled']['wa'] == pytest.approx(10 / 12)
  assert found['mean']['wa'] == pytest.approx(1 / 2)
  assert found['sd']['wa'] == pytest.approx(np.sqrt(1 / 2))  # ddof = 1.
  assert [fold['n_test'] for fold in found['folds']] == [10, 2]
  assert [fold['epoch'] for fold in found['folds']] == [3, 5]
  assert [speaker['n'] for speaker in found['speakers']] == [10, 2]
  assert found['ci95'] is None  # of two speakers
  three = summaries.intervals(
    dict.fromkeys('abc', np.eye(2, dtype=int)), num_resamples=100
  )
  assert set(three) == set(metrics.SCORES)
  assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_summary_of_one_fold_has_no_spread():
  matrix = [[3, 1], [0, 2]]
  fold = {'name': '03', 'epoch': 1, 'confusion': matrix}
  found = summaries.summarize([fold], {'03': matrix}).to_json()
  assert found['sd'] is None
  assert found['ci95'] is None


def test_summary_does_not_depend_on_the_order_of_speakers():
  counts = dict(zip('abcd', speakers_matrices(4), strict=True))
  fold = {'name': '1', 'epoch': 1, 'confusion': sum(counts.values())}
  backwards = dict(reversed(counts.items()))
  assert summaries.summarize([fold], counts) == summaries.summarize(
    [fold], backwards
  )


def test_folds_and_speakers_must_count_the_same_utterances():
  fold = {'name': '1', 'epoch': 1, 'confusion': [[2, 0], [0, 2]]}
  with pytest.raises(AssertionError, match='different utterances'):
    summaries.summarize([fold], {'a': [[1, 0], [0, 2]]})


def test_predictions_give_the_selection():
  rows = [
    {'fold': '1', 'speaker': 'a', 'label': 'calm', 'predicted': 'calm'},
    {'fold': '1', 'speaker': 'b', 'label': 'wild', 'predicted': 'calm'},
    {'fold': '2', 'speaker': 'a', 'label': 'wild', 'predicted': 'wild'},
  ]
  found = summaries.from_predictions(
    rows, ['calm', 'wild'], {'1': 7, '2': 9}
  ).to_json()
  assert found['pooled']['confusion'] == [[1, 0], [1, 1]]
  assert [fold['epoch'] for fold in found['folds']] == [7, 9]
  assert found['speakers'][0]['confusion'] == [[1, 0], [0, 1]]
