"""Statistics of the whole training set: exact, of the training set alone."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import two_blocks

from sernet_jax.corpora.protocols import Fold
from sernet_jax.nn import model
from sernet_jax.nn.spec import ModelSpec
from sernet_jax.training import (
  batch_norm_statistics,
  batching,
  recipes,
  trial_state,
)
from sernet_jax.training.specs import LossSpec, OptimSpec

NUM_SEGMENTS, FRAMES, COEFFICIENTS = 14, 9, 8
apply = jax.jit(model.apply, static_argnums=0, static_argnames='train')
RECIPE = recipes.Recipe(
  model=ModelSpec(
    num_classes=2, filters=6, paths=('joint',), blocks=two_blocks.BLOCKS
  ),
  loss=LossSpec(),
  optim=OptimSpec(),
  batch_size=4,
)
LABELS = np.arange(NUM_SEGMENTS, dtype=np.int32) % 2
FOLDS = [
  Fold('a', 0, np.arange(4, 14), np.zeros(0, np.int32), np.arange(4)),
  Fold('b', 1, np.arange(7), np.zeros(0, np.int32), np.arange(7, 14)),
]


@pytest.fixture(scope='module')
def features():
  random = np.random.default_rng(0)
  shape = (NUM_SEGMENTS, FRAMES, COEFFICIENTS)
  scale = 1 + np.arange(NUM_SEGMENTS)[:, None, None] / 5
  return (2 + scale * random.normal(size=shape)).astype(np.float32)


def arrays(recipe=RECIPE):
  owners = np.arange(NUM_SEGMENTS, dtype=np.int32)
  return batching.fold_arrays(FOLDS, LABELS, owners, recipe.batch_size)


@pytest.fixture(scope='module')
def states():
  return trial_state.init_states(RECIPE, arrays())


def recomputed(features, states, epochs=(3, 3), recipe=RECIPE):
  return batch_norm_statistics.recompute(
    recipe, features, arrays(recipe), states.params, states.stats, epochs
  )


def assert_close(one, other, **tolerance):
  assert jax.tree.structure(one) == jax.tree.structure(other)
  for leaf, expected in zip(
    jax.tree.leaves(one), jax.tree.leaves(other), strict=True
  ):
    np.testing.assert_allclose(leaf, expected, **tolerance)


def test_the_first_block_has_the_moments_of_all_its_inputs(features, states):
  """In float64, of a plain convolution; batches of 4, 4 and 2 of them."""
  found = recomputed(features, states)['joint']
  for place, fold in enumerate(FOLDS):
    kernel = states.params['joint']['kernel'][place]
    x = features[fold.train].astype(np.float64)
    padded = np.pad(x, [(0, 0), (1, 1), (1, 1)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (1, 2))
    maps = np.einsum('nhwij,ijo->nhwo', windows, kernel[:, :, 0])
    mean, variance = maps.mean((0, 1, 2)), maps.var((0, 1, 2))
    np.testing.assert_allclose(found['mean'][place], mean, atol=1e-5)
    np.testing.assert_allclose(found['variance'][place], variance, rtol=1e-5)


def test_one_batch_of_all_has_the_statistics_of_its_training_pass(
  features, states
):
  """Every block; a network that forgets at once keeps those of one pass."""
  whole = dataclasses.replace(RECIPE, batch_size=10)
  found = recomputed(features, states, recipe=whole)
  forgetful = dataclasses.replace(RECIPE.model, batch_norm_momentum=0.0)
  for place, fold in enumerate(FOLDS):
    state = trial_state.unstack(states, place)
    x = jnp.asarray(features[fold.train])[..., None]
    _, stats = apply(forgetful, state.params, state.stats, x, train=True)
    assert_close(trial_state.unstack(found, place), stats, rtol=2e-5, atol=1e-5)


def test_the_moving_statistics_have_no_part_in_it(features, states):
  other = states._replace(stats=jax.tree.map(lambda s: s + 7, states.stats))
  assert_close(recomputed(features, other), recomputed(features, states))


def test_the_tests_have_no_part_in_it(features, states):
  """To the bit; a change in the training set does show."""
  found = recomputed(features, states)
  for place, fold in enumerate(FOLDS):
    before = trial_state.unstack(found, place)
    changed = features.copy()
    changed[fold.test] += 100
    after = trial_state.unstack(recomputed(changed, states), place)
    assert_close(before, after, rtol=0, atol=0)
    changed[fold.train[0]] += 1
    after = trial_state.unstack(recomputed(changed, states), place)
    assert np.abs(after['joint']['mean'] - before['joint']['mean']).max() > 0.01


def test_they_undo_what_the_moving_ones_miss(features, states):
  """After one step of 1 %, inference is far from the training passes."""
  state = trial_state.unstack(states, 0)
  x = jnp.asarray(features[FOLDS[0].train])[..., None]
  spec = RECIPE.model
  expected, moved = apply(spec, state.params, state.stats, x, train=True)
  whole = dataclasses.replace(RECIPE, batch_size=10)
  found = trial_state.unstack(recomputed(features, states, recipe=whole), 0)
  errors = [
    np.abs(apply(spec, state.params, stats, x, train=False)[0] - expected).max()
    for stats in (moved, found)
  ]
  assert errors[1] < 1e-4 < 0.05 < errors[0]


def test_batches_add_up_with_their_sizes():
  """Mean and variance of the numbers 0 .. 8 from three batches of them."""
  values = np.arange(9.0)
  parts = [values[:4], values[4:8], values[8:]]
  batches = [
    (
      len(part),
      {
        'block': {
          'mean': np.array([part.mean()]),
          'variance': np.array([part.var()]),
        }
      },
    )
    for part in parts
  ]
  found = batch_norm_statistics.pool(batches)['block']
  np.testing.assert_allclose(found['mean'], [values.mean()])
  np.testing.assert_allclose(found['variance'], [values.var()], rtol=1e-6)
