"""Folds as arrays: equal shapes, honest masks, the right places."""

from __future__ import annotations

import hypothesis
import jax
import numpy as np
import pytest
from hypothesis import strategies as st

from sernet_jax.corpora.protocols import Fold
from sernet_jax.training import batching

NOBODY = np.array([], np.int32)


def int32(*values):
  return np.array(values, np.int32)


@st.composite
def cases(draw):
  """(folds, labels, segment_utterances, batch size), folds of unequal size.

  Each fold deals the utterances out to train, validation and test; none of
  the parts is empty, but for a validation that nobody has.
  """
  count = draw(st.integers(3, 15))
  labels = draw(st.lists(st.integers(0, 3), min_size=count, max_size=count))
  segments = draw(st.lists(st.integers(1, 3), min_size=count, max_size=count))
  held_out = draw(st.booleans())
  folds = []
  for index in range(draw(st.integers(1, 4))):
    side = draw(
      st.lists(st.integers(0, 1 + held_out), min_size=count, max_size=count)
    )
    side[: 2 + held_out] = range(2 + held_out)
    side = np.array(draw(st.permutations(side)))
    train, test, validation = (
      np.flatnonzero(side == part).astype(np.int32) for part in range(3)
    )
    folds.append(Fold(f'{index}', index, train, validation, test))
  return (
    folds,
    np.array(labels, np.int32),
    np.repeat(np.arange(count, dtype=np.int32), segments),
    draw(st.integers(1, 6)),
  )


@hypothesis.settings(max_examples=40)
@hypothesis.given(cases())
def test_all_folds_have_the_same_shapes(case):
  folds, _, _, batch_size = case
  arrays = batching.fold_arrays(*case)
  assert len(arrays) == len(folds)
  shapes = [
    jax.tree.map(lambda leaf: (np.shape(leaf), leaf.dtype), one)
    for one in arrays
  ]
  assert all(one == shapes[0] for one in shapes)
  for one in arrays:
    assert len(one.train) == len(one.train_mask)
    assert len(one.train) % batch_size == 0
    for part in (one.test, one.validation):
      if part is not None:
        assert len(part.segments) == len(part.slots)
        assert len(part.segments) % batch_size == 0
        assert len(part.labels) == len(part.mask)


@hypothesis.settings(max_examples=40)
@hypothesis.given(cases())
def test_training_holds_every_segment_once(case):
  folds, _, segment_utterances, batch_size = case
  for fold, arrays in zip(folds, batching.fold_arrays(*case), strict=True):
    real = arrays.train_mask == 1
    expected = np.flatnonzero(np.isin(segment_utterances, fold.train))
    np.testing.assert_array_equal(np.sort(arrays.train[real]), expected)
    np.testing.assert_array_equal(arrays.train_mask[~real], 0)
    np.testing.assert_array_equal(arrays.train[~real], 0)
    assert arrays.index == fold.index
  most = max(int(a.train_mask.sum()) for a in batching.fold_arrays(*case))
  assert len(arrays.train) - most < batch_size


@hypothesis.settings(max_examples=40)
@hypothesis.given(cases())
def test_every_segment_votes_for_its_utterance(case):
  folds, labels, segment_utterances, _ = case
  for fold, arrays in zip(folds, batching.fold_arrays(*case), strict=True):
    for utterances, part in (
      (fold.test, arrays.test),
      (fold.validation, arrays.validation),
    ):
      if part is None:
        assert len(utterances) == 0
        continue
      count = len(utterances)
      np.testing.assert_array_equal(part.mask[:count], 1)
      np.testing.assert_array_equal(part.mask[count:], 0)
      np.testing.assert_array_equal(part.labels[:count], labels[utterances])
      assert len(part.mask) > count  # the last slot is free for padding
      votes = {
        (segment, utterances[slot])
        for segment, slot in zip(part.segments, part.slots, strict=True)
        if slot < count
      }
      assert votes == {
        (segment, utterance)
        for segment, utterance in enumerate(segment_utterances)
        if utterance in utterances
      }
      padding = part.slots >= count
      assert padding.sum() == len(part.slots) - len(votes)
      np.testing.assert_array_equal(part.slots[padding], len(part.mask) - 1)
      np.testing.assert_array_equal(part.segments[padding], 0)


def test_two_folds_by_hand():
  labels = int32(2, 0, 1, 2)
  segment_utterances = int32(0, 0, 1, 2, 2, 2, 3)
  folds = [
    Fold('a', 0, int32(1, 2, 3), NOBODY, int32(0)),
    Fold('b', 4, int32(1), NOBODY, int32(0, 2, 3)),
  ]
  one, other = batching.fold_arrays(folds, labels, segment_utterances, 4)
  assert (one.index, other.index) == (0, 4)
  np.testing.assert_array_equal(one.train, [2, 3, 4, 5, 6, 0, 0, 0])
  np.testing.assert_array_equal(one.train_mask, [1, 1, 1, 1, 1, 0, 0, 0])
  np.testing.assert_array_equal(other.train, [2, 0, 0, 0, 0, 0, 0, 0])
  np.testing.assert_array_equal(other.train_mask, [1, 0, 0, 0, 0, 0, 0, 0])
  np.testing.assert_array_equal(one.test.segments, [0, 1, 0, 0, 0, 0, 0, 0])
  np.testing.assert_array_equal(one.test.slots, [0, 0, 3, 3, 3, 3, 3, 3])
  np.testing.assert_array_equal(one.test.labels, [2, 0, 0, 0])
  np.testing.assert_array_equal(one.test.mask, [1, 0, 0, 0])
  np.testing.assert_array_equal(other.test.segments, [0, 1, 3, 4, 5, 6, 0, 0])
  np.testing.assert_array_equal(other.test.slots, [0, 0, 1, 1, 1, 2, 3, 3])
  np.testing.assert_array_equal(other.test.labels, [2, 1, 2, 0])
  np.testing.assert_array_equal(other.test.mask, [1, 1, 1, 0])


@pytest.mark.parametrize('held_out', [False, True])
def test_validation_is_there_where_the_protocol_holds_somebody_out(held_out):
  validation = int32(1, 3) if held_out else NOBODY
  fold = Fold('a', 0, int32(2), validation, int32(0))
  (arrays,) = batching.fold_arrays(
    [fold], int32(0, 1, 2, 3), int32(0, 1, 2, 3), 2
  )
  if held_out:
    np.testing.assert_array_equal(arrays.validation.segments, [1, 3])
    np.testing.assert_array_equal(arrays.validation.labels, [1, 3, 0])
  else:
    assert arrays.validation is None


@hypothesis.settings(max_examples=25)
@hypothesis.given(cases(), st.integers(1, 4))
def test_batches_of_one_speaker_hold_nobody_else(case, people):
  _, labels, segment_utterances, batch_size = case
  speakers = np.arange(len(labels), dtype=np.int32) % people
  arrays = batching.fold_arrays(*case, speakers=speakers)
  plain = batching.fold_arrays(*case)
  assert len({len(each.train) for each in arrays}) == 1
  assert len(arrays[0].train) % batch_size == 0
  for one, other in zip(arrays, plain, strict=True):
    real = one.train_mask > 0
    rows = sorted(other.train[other.train_mask > 0])
    assert sorted(one.train[real]) == rows
    owners = speakers[segment_utterances[one.train]]
    np.testing.assert_array_equal(owners[real], one.groups[real])
    batches = np.reshape(one.groups, (-1, batch_size))
    masks = np.reshape(real, (-1, batch_size))
    counts = {}
    for batch, mask in zip(batches, masks, strict=True):
      assert len(set(batch[mask])) <= 1
      if mask.any():
        counts.setdefault(batch[mask][0], []).append(mask.sum())
    # As few batches as hold a speaker's recordings, evenly filled.
    for sizes in counts.values():
      assert len(sizes) == -(-sum(sizes) // batch_size)
      assert max(sizes) - min(sizes) <= 1


def test_the_batches_of_a_speaker_by_hand():
  fold = Fold('a', 0, int32(1, 2, 3, 4, 5, 6), NOBODY, int32(0))
  speakers = int32(0, 2, 1, 2, 2, 1, 2)
  (arrays,) = batching.fold_arrays(
    [fold], np.zeros(7, np.int32), np.arange(7), 3, speakers=speakers
  )
  np.testing.assert_array_equal(arrays.train, [2, 5, 0, 1, 3, 0, 4, 6, 0])
  np.testing.assert_array_equal(arrays.train_mask, [1, 1, 0] * 3)
  np.testing.assert_array_equal(arrays.groups, [1, 1, 1, 2, 2, 2, 2, 2, 2])
