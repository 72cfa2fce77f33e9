"""Sizes of the network and of its weights, how they start, dropout."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sernet_jax.nn import interop, model
from sernet_jax.nn.spec import PATH_KERNELS, ModelSpec

SPEC = ModelSpec()


@pytest.fixture(scope='module')
def weights(golden_weights):
  return interop.from_keras(golden_weights)


def shapes(spec):
  """(params, stats) of `init` without computing them."""
  return jax.eval_shape(lambda key: model.init(key, spec), jax.random.key(0))


@pytest.mark.parametrize('train', [False, True])
@pytest.mark.parametrize(
  'size', [(184, 40), (434, 40), (61, 13), (17, 128), (99, 513), (1, 1)]
)
def test_any_input_length(size, train):
  params, stats = shapes(SPEC)
  x = jax.ShapeDtypeStruct((3, *size, 1), jnp.float32)
  logits, after = jax.eval_shape(
    lambda *args: model.apply(SPEC, *args, train=train), params, stats, x
  )
  assert logits.shape == (3, 7) and logits.dtype == jnp.float32
  assert after == stats


@pytest.mark.parametrize(
  ('num_classes', 'everything', 'trainable'),
  [(7, 463_431, 461_703), (4, 462_468, 460_740)],
)
def test_parameter_counts(num_classes, everything, trainable):
  params, stats = shapes(ModelSpec(num_classes=num_classes))
  assert model.count(params) == trainable
  assert model.count(params) + model.count(stats) == everything


@pytest.mark.parametrize(
  ('paths', 'each'),
  [
    (('temporal',), 96),
    (('spectral',), 96),
    (('joint',), 96),
    (('spectral', 'joint'), 48),
    (('temporal', 'spectral', 'joint'), 32),
  ],
)
def test_paths_share_96_filters(paths, each):
  spec = ModelSpec(paths=paths)
  params, stats = shapes(spec)
  blocks = {f'block{number}' for number in range(1, 6)}
  assert set(params) == {*paths, *blocks, 'head'}
  for name in paths:
    assert params[name]['kernel'].shape == (*PATH_KERNELS[name], 1, each)
  assert params['block1']['kernel'].shape == (3, 3, 96, 64)
  x = jax.ShapeDtypeStruct((2, 9, 7, 1), jnp.float32)
  for train in (False, True):
    logits, _ = jax.eval_shape(
      lambda *args, train=train: model.apply(spec, *args, train=train),
      params,
      stats,
      x,
    )
    assert logits.shape == (2, 7)


def test_the_order_of_naming_does_not_matter():
  def program(*paths):
    spec = ModelSpec(paths=paths)

    def init_and_apply(key, x):
      return model.apply(spec, *model.init(key, spec), x, train=False)

    x = jnp.zeros((1, 3, 3, 1))
    return str(jax.make_jaxpr(init_and_apply)(jax.random.key(0), x))

  one = program('spectral', 'temporal', 'joint')
  assert one == program('joint', 'spectral', 'temporal')
  assert one != program('joint', 'spectral')


# Start and dropout


@pytest.fixture(scope='module')
def fresh():
  """Fresh weights from two keys, compiled once.

  This kind of key compiles four times faster than the default kind.
  """
  init = jax.jit(lambda key: model.init(key, SPEC))
  return [init(jax.random.key(seed, impl='unsafe_rbg')) for seed in (0, 1)]


def test_weights_start_as_keras_starts_them(fresh):
  params, stats = fresh[0]
  for layer, arrays in params.items():
    kernel = np.asarray(arrays['kernel'])
    *size, inputs, outputs = kernel.shape
    # Glorot and Bengio (2010): a variance of 2 / (fan in + fan out).
    limit = np.sqrt(6 / (np.prod(size) * (inputs + outputs)))
    assert 0.98 * limit < np.abs(kernel).max() <= limit, layer
    assert abs(kernel.mean()) < 4 * limit / np.sqrt(3 * kernel.size), layer
    deciles, _ = np.histogram(kernel, 10, (-limit, limit))
    expected = kernel.size / 10
    assert np.abs(deciles - expected).max() < 4 * np.sqrt(expected), layer
    if 'bias' in arrays:
      assert not np.any(arrays['bias'])
    if layer != 'head':
      assert np.all(arrays['scale'] == 1) and not np.any(arrays['offset'])
      assert np.all(stats[layer]['variance'] == 1)
      assert not np.any(stats[layer]['mean'])
  with_bias = {layer for layer, arrays in params.items() if 'bias' in arrays}
  assert with_bias == {*PATH_KERNELS, 'head'}


def test_another_key_draws_other_kernels(fresh):
  (one, _), (other, _) = fresh
  for layer in one:
    same = np.asarray(one[layer]['kernel']) == np.asarray(
      other[layer]['kernel']
    )
    assert same.mean() < 0.01, layer


def test_dropout_drops_and_scales_the_input_of_the_head(weights):
  """One class per feature and a unit matrix make the logits the features."""
  width = 320
  spec = ModelSpec(num_classes=width, dropout=0.3)
  params, stats = weights
  head = {'kernel': jnp.eye(width), 'bias': jnp.zeros(width)}
  params = {**params, 'head': head}
  x = np.random.default_rng(0).normal(size=(4, 12, 9, 1)).astype(np.float32)

  @jax.jit
  def features(key):
    def apply(train, key):
      return model.apply(spec, params, stats, x, train=train, key=key)[0]

    return (
      apply(True, key),
      apply(True, None),
      apply(False, key) - apply(False, None),
    )

  dropped, whole, inference = features(jax.random.key(0))
  assert not np.any(inference)
  alive = np.asarray(whole) != 0
  assert alive.sum() > 400
  ratio = np.asarray(dropped)[alive] / np.asarray(whole)[alive]
  kept = ratio != 0
  np.testing.assert_allclose(ratio[kept], 1 / 0.7, rtol=1e-5)
  assert abs(kept.mean() - 0.7) < 4 * np.sqrt(0.21 / alive.sum())
  again, other = features(jax.random.key(0)), features(jax.random.key(1))
  np.testing.assert_array_equal(dropped, again[0])
  assert np.any((dropped == 0) != (other[0] == 0))
