"""SpecAugment and mixup: what they hide and blend, and what they refuse."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from sernet_jax import features
from sernet_jax.common.errors import InputError

KEY = jax.random.key(0)


def runs(hidden):
  """Lengths of the runs of True in a vector."""
  edges = np.flatnonzero(np.diff(np.pad(hidden.astype(int), 1)))
  return edges[1::2] - edges[::2]


def test_masks_are_runs_no_longer_than_asked():
  values = np.ones((300, 60, 12), np.float32)
  masked = np.asarray(
    features.spec_augment(
      KEY, values, time_masks=1, max_time_frames=9, band_masks=1, max_bands=4
    )
  )
  frames_hidden = (masked == 0).all(axis=2)
  bands_hidden = (masked == 0).all(axis=1)
  # A cell is hidden just if its frame or its band is.
  expected = frames_hidden[:, :, None] | bands_hidden[:, None, :]
  np.testing.assert_array_equal(masked == 0, expected)
  lengths = [runs(row).sum() for row in frames_hidden]
  widths = [runs(row).sum() for row in bands_hidden]
  assert all(len(runs(row)) <= 1 for row in frames_hidden)
  assert set(lengths) == set(range(10))  # evenly from 0 to 9
  assert set(widths) == set(range(5))
  assert abs(np.mean(lengths) - 4.5) < 0.6
  # Masks reach every frame and every band.
  assert frames_hidden.any(axis=0).all()
  assert bands_hidden.any(axis=0).all()


def test_time_masks_fall_into_the_utterance():
  values = np.ones((200, 50, 8), np.float32)
  counts = np.full(200, 6)
  masked = np.asarray(
    features.spec_augment(
      KEY, values, counts, time_masks=1, max_time_frames=20, band_masks=0
    )
  )
  assert (masked[:, 6:] == 1).all()
  assert (masked[:, :6] == 0).any()
  # The same masks where each utterance begins elsewhere.
  firsts = np.arange(200) % 40
  moved = np.asarray(
    features.spec_augment(
      KEY,
      values,
      counts,
      time_masks=1,
      max_time_frames=20,
      band_masks=0,
      first_frames=firsts,
    )
  )
  for first, before, after in zip(firsts, masked, moved, strict=True):
    np.testing.assert_array_equal(np.roll(before, first, axis=0), after)


def test_augmentation_is_a_function_of_the_key():
  values = np.random.default_rng(0).standard_normal((4, 60, 12))
  values = values.astype(np.float32)
  augment = jax.jit(features.spec_augment)
  once, again = augment(KEY, values), augment(KEY, values)
  other = augment(jax.random.key(1), values)
  np.testing.assert_array_equal(once, again)
  assert np.any(np.asarray(once) != np.asarray(other))
  same = features.spec_augment(KEY, values, time_masks=0, band_masks=0)
  np.testing.assert_array_equal(same, values)


def test_fill_is_what_masked_cells_become():
  values = np.zeros((8, 60, 12), np.float32)
  masked = np.asarray(features.spec_augment(KEY, values, fill=-3.0))
  assert set(np.unique(masked)) == {-3.0, 0.0}


def test_mixup_blends_examples_and_labels_alike():
  values = np.eye(16, dtype=np.float32)
  labels = np.eye(16, dtype=np.float32)
  mixed, mixed_labels = jax.jit(features.mixup)(KEY, values, labels)
  np.testing.assert_allclose(mixed, mixed_labels, atol=1e-6)
  np.testing.assert_allclose(mixed.sum(axis=1), 1, atol=1e-5)
  assert np.all((np.asarray(mixed) > 0).sum(axis=1) <= 2)
  assert np.any(np.asarray(mixed) != values)


def test_the_weights_of_mixup_follow_alpha():
  values = np.arange(2000, dtype=np.float32)[:, None]
  labels = np.eye(2, dtype=np.float32)[np.arange(2000) % 2]
  own = {}
  for alpha in (0.05, 50.0):
    _, mixed = features.mixup(KEY, values, labels, alpha=alpha)
    own[alpha] = np.asarray(mixed).max(axis=1)
  assert np.median(own[0.05]) > 0.99  # nearly one example
  blended = own[50.0][own[50.0] < 0.999]
  assert abs(blended - 0.5).max() < 0.25  # nearly half of each


@pytest.mark.parametrize(
  ('call', 'words'),
  [
    (
      lambda x: features.spec_augment(KEY, x, max_bands=13),
      'max_bands is 13, but there are only 12',
    ),
    (
      lambda x: features.spec_augment(KEY, x, time_masks=-1),
      'time_masks is -1',
    ),
    (
      lambda x: features.mixup(KEY, x, np.arange(4)),
      'labels have dtype int.*one_hot',
    ),
    (
      lambda x: features.mixup(KEY, x, np.ones((3, 2))),
      r'\(3, 2\).*4 examples',
    ),
    (lambda x: features.mixup(KEY, x, np.ones((4, 2)), alpha=0), 'alpha is 0'),
  ],
)
def test_bad_arguments_are_refused(call, words):
  with pytest.raises(InputError, match=words):
    call(np.ones((4, 60, 12), np.float32))
