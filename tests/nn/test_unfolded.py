"""BatchNorm put back between folded layers computes the same function."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import small_model
import two_blocks

from sernet_jax.nn import folded, model, network, unfolded
from sernet_jax.nn.spec import ModelSpec

FRAMES = np.array([9, 5, 7, 9, 6], np.int32)


def made(pooling):
  spec = ModelSpec(
    num_classes=3, filters=6, blocks=two_blocks.BLOCKS, pooling=pooling
  )
  values = np.random.default_rng(1).normal(size=(5, 9, 8, 1))
  x = jnp.asarray(values, jnp.float32)
  return spec, folded.fold(spec, *small_model.weights(spec)), x


@pytest.mark.parametrize('pooling', ['mean', 'masked', 'statistics'])
def test_the_logits_are_those_of_the_folded_network(pooling):
  spec, given, x = made(pooling)
  mask = jnp.ones(5)
  statistics = unfolded.moments(spec, given, x, mask, FRAMES)
  params, stats = unfolded.unfold(spec, given, statistics)
  expected = folded.logits(spec, given, x, frames=FRAMES)
  found, _ = model.apply(spec, params, stats, x, train=False, frames=FRAMES)
  np.testing.assert_allclose(found, expected, atol=2e-5)
  again = folded.fold(spec, params, stats)
  for name, arrays in given.items():
    for key, values in arrays.items():
      np.testing.assert_allclose(again[name][key], values, atol=1e-5)


def test_a_training_batch_of_the_same_recordings_begins_there_too():
  """With the batch's own statistics, which are those that were put back."""
  spec, given, x = made('mean')
  statistics = unfolded.moments(spec, given, x, jnp.ones(5))
  params, stats = unfolded.unfold(spec, given, statistics)
  trained, moved = model.apply(spec, params, stats, x, train=True)
  np.testing.assert_allclose(trained, folded.logits(spec, given, x), atol=1e-4)
  for name, block in stats.items():
    for key, values in block.items():
      np.testing.assert_allclose(moved[name][key], values, rtol=1e-3, atol=1e-4)


def test_examples_that_do_not_count_do_not():
  spec, given, x = made('mean')
  mask = jnp.array([1.0, 1.0, 0.0, 1.0, 0.0])
  one = unfolded.moments(spec, given, x, mask)
  other = unfolded.moments(spec, given, x.at[2].set(9.0), mask)
  alone = unfolded.moments(spec, given, x[mask > 0], jnp.ones(3))
  for each in (other, alone):
    jax.tree.map(
      lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), one, each
    )


def test_frozen_layers_keep_weights_and_statistics_and_have_no_gradient():
  spec, _, x = made('mean')
  params, stats = model.init(jax.random.key(0), spec)
  stats = jax.tree.map(lambda a: a + 0.01, stats)
  frozen = ('spectral', 'temporal', 'joint', 'block1')

  def loss(params):
    logits, moved = network.apply(
      spec, params, stats, x, train=True, frozen=frozen
    )
    return jnp.sum(logits**2), moved

  gradient, moved = jax.grad(loss, has_aux=True)(params)
  for name, arrays in gradient.items():
    largest = max(float(jnp.abs(a).max()) for a in arrays.values())
    assert (largest == 0) == (name in frozen), name
  for name in stats:
    same = bool((moved[name]['mean'] == stats[name]['mean']).all())
    assert same == (name in frozen), name
