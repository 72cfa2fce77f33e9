"""Scores from confusion matrices, and their intervals over speakers."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from sklearn import metrics as sk_metrics

from sernet_jax.results import metrics


@st.composite
def labelled(draw):
  """Truth, predictions and the number of classes; some classes are absent."""
  num_classes = draw(st.integers(2, 6))
  label = st.integers(0, num_classes - 1)
  pairs = draw(st.lists(st.tuples(label, label), min_size=1, max_size=40))
  truth, predicted = np.array(pairs).T
  return truth, predicted, num_classes


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


def test_scores_worked_out_by_hand():
  # Recalls 3/4 and 1/2; F1 = 2 * right / (row + column) = 6/8 and 2/4.
  found = metrics.scores([[3, 1, 0], [1, 1, 0], [0, 0, 0]])
  assert found == pytest.approx(
    {
      'wa': 4 / 6,
      'uar': (3 / 4 + 1 / 2) / 2,
      'f1_macro': (3 / 4 + 1 / 2) / 2,
      'f1_weighted': (4 * 3 / 4 + 2 * 1 / 2) / 6,
    },
    abs=1e-15,
  )


def test_a_class_that_is_only_predicted_lowers_f1_but_not_uar():
  found = metrics.scores([[1, 1], [0, 0]])
  assert found['uar'] == 0.5
  assert found['f1_macro'] == pytest.approx((2 / 3 + 0) / 2)


@settings(max_examples=40, deadline=None)
@given(labelled())
def test_matrix_and_lists_of_utterances_give_the_same_scores(data):
  truth, predicted, num_classes = data
  matrix = metrics.confusion(truth, predicted, num_classes)
  assert matrix.dtype == np.int64
  assert matrix.sum() == len(truth)
  assert matrix.tolist() == (
    sk_metrics.confusion_matrix(
      truth, predicted, labels=range(num_classes)
    ).tolist()
  )
  expected = by_scikit_learn(truth, predicted)
  assert metrics.scores(matrix) == pytest.approx(expected, abs=1e-12)
  many = metrics.scores_of_many(np.stack([matrix, 3 * matrix]))
  for name, values in many.items():
    assert values == pytest.approx([expected[name]] * 2, abs=1e-12), name


def test_per_class_agrees_with_scikit_learn():
  truth, predicted = [0, 0, 0, 1, 1, 3], [0, 0, 1, 1, 3, 3]
  rows = metrics.per_class(metrics.confusion(truth, predicted, 4), 'abcd')
  precision, recall, f1, support = sk_metrics.precision_recall_fscore_support(
    truth, predicted, labels=[0, 1, 3]
  )
  present = [rows[k] for k in (0, 1, 3)]
  assert [row['precision'] for row in present] == pytest.approx(precision)
  assert [row['recall'] for row in present] == pytest.approx(recall)
  assert [row['f1'] for row in present] == pytest.approx(f1)
  assert [row['support'] for row in present] == list(support)
  nothing = {'support': 0, 'recall': None, 'precision': None, 'f1': None}
  assert rows[2] == {'name': 'c', **nothing}


def test_confusion_of_no_utterances_is_zero_and_of_bad_labels_a_bug():
  assert metrics.confusion([], [], 3).tolist() == [[0] * 3] * 3
  for labels, predictions in (([0, 3], [0, 0]), ([0, 0], [0, -1])):
    with pytest.raises(AssertionError):
      metrics.confusion(labels, predictions, 3)


def speakers_matrices(num_speakers=8, seed=1):
  random = np.random.default_rng(seed)
  counts = random.integers(0, 6, (num_speakers, 4, 4))
  return counts + np.eye(4, dtype=int) * random.integers(5, 20)


def test_bootstrap_is_the_percentiles_of_scores_of_drawn_speakers():
  counts = speakers_matrices()
  found = metrics.bootstrap_ci95(counts, seed=3, num_resamples=60)
  # The same draws, one resample at a time and by scikit-learn.
  drawn = np.random.default_rng(3).multinomial(8, np.full(8, 1 / 8), size=60)
  resampled = [
    by_scikit_learn(
      *utterances(sum(n * m for n, m in zip(row, counts, strict=True)))
    )
    for row in drawn
  ]
  for name in metrics.SCORES:
    expected = np.percentile(
      [scores[name] for scores in resampled], [2.5, 97.5]
    )
    assert found[name] == pytest.approx(expected, abs=1e-12), name


def test_interval_holds_the_pooled_score_and_narrows_with_more_speakers():
  counts = speakers_matrices()
  wide = metrics.bootstrap_ci95(counts)
  narrow = metrics.bootstrap_ci95(np.concatenate([counts] * 16))
  pooled = metrics.scores(counts.sum(0))
  for name in metrics.SCORES:
    low, high = wide[name]
    assert low < pooled[name] < high
    # 16 times the speakers: a quarter of the width.
    ratio = (narrow[name][1] - narrow[name][0]) / (high - low)
    assert ratio == pytest.approx(1 / 4, rel=0.1)


def test_speakers_are_resampled_whole_not_utterances():
  # Alike speakers leave nothing to vary, however few their utterances.
  alike = np.stack([[[3, 1], [1, 3]]] * 5)
  assert metrics.bootstrap_ci95(alike)['wa'] == [0.75, 0.75]


def test_no_interval_from_one_speaker():
  assert metrics.bootstrap_ci95(speakers_matrices(1)) is None


def test_summary_pools_counts_and_averages_folds():
  folds = [
    {'name': 'a', 'epoch': 3, 'confusion': np.array([[8, 0], [0, 2]])},
    {'name': 'b', 'epoch': 5, 'confusion': [[0, 1], [1, 0]]},
  ]
  speakers = {fold['name']: fold['confusion'] for fold in folds}
  found = metrics.summarise(folds, speakers, num_resamples=100)
  assert found['pooled']['confusion'] == [[8, 1], [1, 2]]
  assert found['pooled']['wa'] == pytest.approx(10 / 12)
  assert found['mean']['wa'] == pytest.approx(1 / 2)
  assert found['sd']['wa'] == pytest.approx(np.sqrt(1 / 2))  # ddof = 1.
  assert [fold['n_test'] for fold in found['folds']] == [10, 2]
  assert [fold['epoch'] for fold in found['folds']] == [3, 5]
  assert [speaker['n'] for speaker in found['speakers']] == [10, 2]
  assert set(found['ci95']) == set(metrics.SCORES)
  assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_summary_of_one_fold_has_no_spread():
  matrix = [[3, 1], [0, 2]]
  fold = {'name': '03', 'epoch': 1, 'confusion': matrix}
  found = metrics.summarise([fold], {'03': matrix})
  assert found['sd'] is None
  assert found['ci95'] is None


def test_summary_does_not_depend_on_the_order_of_speakers():
  counts = dict(zip('abcd', speakers_matrices(4), strict=True))
  fold = {'name': '1', 'epoch': 1, 'confusion': sum(counts.values())}
  backwards = dict(reversed(counts.items()))
  assert metrics.summarise([fold], counts) == metrics.summarise(
    [fold], backwards
  )


def test_folds_and_speakers_must_count_the_same_utterances():
  fold = {'name': '1', 'epoch': 1, 'confusion': [[2, 0], [0, 2]]}
  with pytest.raises(AssertionError, match='different utterances'):
    metrics.summarise([fold], {'a': [[1, 0], [0, 2]]})


def test_predictions_give_the_selection():
  rows = [
    {'fold': '1', 'speaker': 'a', 'label': 'calm', 'predicted': 'calm'},
    {'fold': '1', 'speaker': 'b', 'label': 'wild', 'predicted': 'calm'},
    {'fold': '2', 'speaker': 'a', 'label': 'wild', 'predicted': 'wild'},
  ]
  found = metrics.selection_from_predictions(
    rows, ['calm', 'wild'], {'1': 7, '2': 9}
  )
  assert found['pooled']['confusion'] == [[1, 0], [1, 1]]
  assert [fold['epoch'] for fold in found['folds']] == [7, 9]
  assert found['speakers'][0]['confusion'] == [[1, 0], [0, 1]]
