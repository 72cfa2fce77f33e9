"""Scores from confusion matrices."""

from __future__ import annotations

import numpy as np
import pytest
from confusions import by_scikit_learn
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
