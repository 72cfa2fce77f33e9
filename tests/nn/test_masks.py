"""Networks that look at an utterance's own frames alone."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import two_blocks

from sernet_jax.nn import folded, model, pooling
from sernet_jax.nn.kernels import fused_paths, norm_pool
from sernet_jax.nn.kernels.path_maps import Path
from sernet_jax.nn.spec import Layer, ModelSpec

FRAMES = (13, 9, 4, 6)  # of four utterances padded to 13
MASKED = ('masked', 'statistics', 'attention')


def spec_of(name):
  return ModelSpec(num_classes=3, blocks=two_blocks.BLOCKS, pooling=name)


@pytest.fixture(scope='module')
def features():
  return np.random.default_rng(0).normal(size=(4, 13, 8, 1)).astype(np.float32)


@functools.cache
def weights_of(name):
  """Weights whose BatchNorm moves every map away from 0."""
  params, stats = model.init(jax.random.key(1), spec_of(name))
  random = np.random.default_rng(2)
  for tree in (params, stats):
    for block in tree.values():
      for key in ('offset', 'mean', 'bias'):
        if key in block:
          block[key] = random.normal(size=block[key].shape).astype(np.float32)
  return params, stats


@pytest.mark.parametrize('name', MASKED)
def test_a_padded_utterance_has_the_logits_it_has_alone(features, name):
  spec, weights = spec_of(name), weights_of(name)
  padded, _ = model.apply(
    spec, *weights, features, train=False, frames=jnp.array(FRAMES)
  )
  for one, frames, found in zip(features, FRAMES, padded, strict=True):
    alone, _ = model.apply(spec, *weights, one[None, :frames], train=False)
    np.testing.assert_allclose(found, alone[0], atol=1e-5)


@pytest.mark.parametrize('name', MASKED)
def test_the_folded_network_has_the_same_logits(features, name):
  spec, weights = spec_of(name), weights_of(name)
  frames = jnp.array(FRAMES)
  expected, _ = model.apply(
    spec, *weights, features, train=False, frames=frames
  )
  found = folded.logits(
    spec, folded.fold(spec, *weights), features, frames=frames
  )
  np.testing.assert_allclose(found, expected, atol=1e-4)
  plain = folded.logits(spec, folded.fold(spec, *weights), features[:1])
  np.testing.assert_allclose(plain[0], expected[0], atol=1e-4)


def test_training_does_not_see_what_lies_behind_an_utterance(features):
  spec, weights = spec_of('masked'), weights_of('masked')
  other = features.copy()
  for one, frames in zip(other, FRAMES, strict=True):
    one[frames:] = 7.0
  apply = jax.jit(
    functools.partial(
      model.apply, spec, *weights, train=True, frames=jnp.array(FRAMES)
    )
  )
  for found, expected in zip(
    jax.tree.leaves(apply(other)), jax.tree.leaves(apply(features)), strict=True
  ):
    np.testing.assert_array_equal(found, expected)
  # The published network averages over all of it.
  mean = ModelSpec(num_classes=3, blocks=two_blocks.BLOCKS)
  changed = [
    model.apply(mean, *weights, x, train=False, frames=jnp.array(FRAMES))[0]
    for x in (features, other)
  ]
  assert np.abs(changed[0] - changed[1]).max() > 1e-3


def masks():
  frames = np.arange(13) < np.array(FRAMES)[:, None]
  mask = frames * np.array([1, 1, 0, 1])[:, None]
  return jnp.asarray(mask, jnp.float32)


def test_gradients_of_blocks_are_those_of_the_definition():
  random = np.random.default_rng(3)
  x = jnp.asarray(random.normal(size=(4, 13, 8, 3)), jnp.float32)
  scale, offset = jnp.asarray(random.normal(size=(2, 3)), jnp.float32)
  for window in ((2, 2), (2, 1), (1, 1), None):

    def loss(function, x, scale, offset, window=window):
      y, mean, variance = function(x, scale, offset, masks(), window, 1e-3)
      return jnp.sum(jnp.sin(3 * y)), (mean, variance)

    (own, plain) = (
      jax.jit(
        jax.value_and_grad(
          functools.partial(loss, function), argnums=(0, 1, 2), has_aux=True
        )
      )(x, scale, offset)
      for function in (norm_pool.norm_relu_pool, norm_pool.plain_norm_relu_pool)
    )
    for found, expected in zip(
      jax.tree.leaves(own), jax.tree.leaves(plain), strict=True
    ):
      np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    # No gradient reaches a frame that is not the utterance's own.
    assert not np.asarray(own[1][0])[np.asarray(masks()) == 0].any()


def test_the_mean_of_a_window_counts_own_frames():
  x = jnp.arange(1.0, 6.0).reshape(1, 5, 1, 1)
  mask = jnp.array([[1.0, 1.0, 1.0, 0.0, 0.0]])
  pooled = norm_pool.masked_pool(x, mask, (2, 1))
  assert pooled.ravel().tolist() == [1.5, 3.0, 0.0]
  assert norm_pool.masked_pool(x, mask, None).ravel().tolist() == [2.0]
  assert norm_pool.pooled_mask(mask, (2, 1)).tolist() == [[1.0, 1.0, 0.0]]


def test_paths_side_by_side_are_those_one_by_one():
  random = np.random.default_rng(4)
  x = jnp.asarray(random.normal(size=(4, 13, 8, 1)), jnp.float32)
  x = x * norm_pool.cell_weights(masks())
  paths = [
    Path(*(jnp.asarray(random.normal(size=s), jnp.float32) for s in shapes))
    for shapes in (((11, 1, 1, 4), 4, 4), ((3, 3, 1, 4), 4, 4))
  ]

  def loss(function, x, paths):
    y, moments = function(x, paths, masks(), (2, 2), 1e-3)
    return jnp.sum(jnp.sin(3 * y)), moments

  found, expected = (
    jax.jit(
      jax.value_and_grad(
        functools.partial(loss, function), argnums=(0, 1), has_aux=True
      )
    )(x, paths)
    for function in (
      fused_paths.conv_norm_relu_pool,
      fused_paths.plain_conv_norm_relu_pool,
    )
  )
  for own, plain in zip(
    jax.tree.leaves(found), jax.tree.leaves(expected), strict=True
  ):
    np.testing.assert_allclose(own, plain, rtol=2e-4, atol=2e-4)


def test_statistics_are_mean_and_deviation_of_own_cells():
  x = jnp.asarray([[[[1.0]], [[3.0]], [[100.0]]]])  # (1, 3, 1, 1)
  mask = jnp.array([[1.0, 1.0, 0.0]])
  spec = spec_of('statistics')
  found = pooling.over_map(x, mask, spec)
  np.testing.assert_allclose(found, [[2.0, 1.0]], atol=1e-4)
  assert spec.layers('dense')[0].inputs == 2 * two_blocks.BLOCKS[-1][0]


def test_attention_gives_no_weight_to_foreign_cells():
  x = jnp.asarray([[[[1.0]], [[3.0]], [[100.0]]]])
  scores = jnp.asarray([[[[0.0]], [[np.log(3.0)]], [[50.0]]]])
  mask = jnp.array([[1.0, 1.0, 0.0]])
  found = pooling.over_map(x, mask, spec_of('attention'), scores)
  np.testing.assert_allclose(found, [[2.5]], rtol=1e-6)


def test_the_last_block_leaves_its_map_to_the_pooling():
  last = Layer('block2', 'block', 3, 4, pool=None)
  assert pooling.window(spec_of('attention'), last) == (1, 1)
  assert pooling.window(spec_of('masked'), last) is None
