"""BatchNorm, ReLU and pooling equal their definition, and that numpy loops."""

from __future__ import annotations

import functools

import hypothesis
import jax
import jax.numpy as jnp
import jax.test_util
import numpy as np
import pytest
from hypothesis import strategies as st
from kernels import (
  EPSILON,
  MASKS,
  WINDOWS,
  check,
  draw,
  norm_inputs,
  numpy_norm_relu_pool,
  numpy_pool,
  pooled_shape,
  value_and_vjp,
)

from sernet_jax.nn.kernels import norm_pool

# Average pooling


@hypothesis.settings(max_examples=16)
@hypothesis.given(
  shape=st.tuples(*map(st.integers, (1, 1, 1, 1), (2, 7, 7, 3))),
  window=st.sampled_from(WINDOWS),
)
def test_average_pool_equals_numpy_loops(shape, window):
  (x,) = draw(7, shape)
  pooled = jax.jit(norm_pool.average_pool, static_argnums=1)(x, window)
  check(pooled, numpy_pool(x.astype(np.float64), window))


def test_average_pool_by_hand():
  x = jnp.arange(15.0).reshape(1, 3, 5, 1)
  pooled = norm_pool.average_pool(x, (2, 2))[0, :, :, 0]
  # The last column and the last row have fewer cells.
  np.testing.assert_allclose(pooled, [[3, 5, 6.5], [10.5, 12.5, 14]])
  np.testing.assert_allclose(norm_pool.average_pool(x, None), [[7.0]])


# BatchNorm, ReLU, pooling


@functools.partial(jax.jit, static_argnums=5)
def both_norms(x, scale, offset, mask, weights, window):
  return [
    value_and_vjp(
      lambda *args, f=function: f(*args, mask, window, EPSILON),
      x,
      scale,
      offset,
      weights=(weights, jnp.ones_like(scale), jnp.ones_like(scale)),
    )
    for function in (norm_pool.norm_relu_pool, norm_pool.plain_norm_relu_pool)
  ]


@pytest.mark.parametrize('mask', MASKS.values(), ids=MASKS)
@pytest.mark.parametrize('window', WINDOWS)
def test_norm_relu_pool_equals_its_definition(window, mask):
  shape = (3, 7, 5, 4)
  (weights,) = draw(9, pooled_shape(shape, window))
  mask = np.array(mask, np.float32)
  fast, plain = both_norms(*norm_inputs(8, shape), mask, weights, window)
  check(fast, plain)
  assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(fast))


def test_norm_relu_pool_equals_its_definition_under_vmap():
  folds, shape, window = 2, (3, 5, 3, 4), (2, 2)
  inputs = [norm_inputs(seed, shape) for seed in range(folds)]
  inputs = [np.stack(arrays) for arrays in zip(*inputs, strict=True)]
  mask = np.array([MASKS['all'], MASKS['some']], np.float32)
  (weights,) = draw(10, (folds, *pooled_shape(shape, window)))
  check(
    *jax.jit(jax.vmap(functools.partial(both_norms, window=window)))(
      *inputs, mask, weights
    )
  )


def test_norm_relu_pool_equals_its_definition_in_a_scan():
  steps, shape, window = 2, (3, 5, 3, 4), (2, 1)
  inputs = [norm_inputs(seed, shape) for seed in range(steps)]
  inputs = [np.stack(arrays) for arrays in zip(*inputs, strict=True)]
  mask = np.array([MASKS['all'], MASKS['some']], np.float32)
  (weights,) = draw(11, (steps, *pooled_shape(shape, window)))

  @jax.jit
  def scanned(*arrays):
    return jax.lax.scan(
      lambda carry, step: (carry, both_norms(*step, window)), 0, arrays
    )[1]

  check(*scanned(*inputs, mask, weights))


def test_norm_relu_pool_is_the_same_eagerly():
  shape, window = (3, 7, 5, 4), (2, 2)
  inputs = norm_inputs(12, shape)
  mask = np.array(MASKS['some'], np.float32)
  (weights,) = draw(13, pooled_shape(shape, window))
  eager = norm_pool.norm_relu_pool(*inputs, mask, window, EPSILON)
  check(eager, both_norms(*inputs, mask, weights, window)[0][0])


@hypothesis.settings(max_examples=8)
@hypothesis.given(
  shape=st.tuples(*map(st.integers, (1, 1, 1, 1), (4, 5, 5, 3))),
  window=st.sampled_from(WINDOWS),
  masked=st.integers(0, 2),
)
def test_norm_relu_pool_equals_numpy(shape, window, masked):
  mask = np.ones(shape[0], np.float32)
  mask[1 : 1 + masked] = 0
  inputs = norm_inputs(14, shape)
  actual = jax.jit(norm_pool.norm_relu_pool, static_argnums=(4, 5))(
    *inputs, mask, window, EPSILON
  )
  check(actual, numpy_norm_relu_pool(*inputs, mask, window))


def test_a_masked_batch_is_the_short_batch():
  shape, window = (5, 5, 3, 4), (2, 2)
  x, scale, offset = norm_inputs(15, shape)
  (weights,) = draw(16, pooled_shape(shape, window))
  mask = np.array([1, 0, 1, 1, 0], np.float32)
  real = mask > 0
  # The loss of masked examples is 0 times what it would be.
  padded, _ = both_norms(
    x, scale, offset, mask, weights * mask[:, None, None, None], window
  )
  short, _ = both_norms(
    x[real], scale, offset, mask[real], weights[real], window
  )
  (values, *moments), (dx, *others) = padded
  check(((values[real], *moments), (dx[real], *others)), short)
  np.testing.assert_array_equal(dx[~real], 0)


@pytest.mark.parametrize(
  'function', [norm_pool.norm_relu_pool, norm_pool.plain_norm_relu_pool]
)
def test_no_gradient_flows_through_the_moments_or_to_the_mask(function):
  x, scale, offset = norm_inputs(17, (2, 3, 2, 2))

  @jax.jit
  def gradients(x, mask):
    def pull(which, weights):
      _, pull = jax.vjp(
        lambda x, mask: function(x, scale, offset, mask, None, EPSILON)[which],
        x,
        mask,
      )
      return pull(weights)

    return pull(np.s_[1:], (jnp.ones(2),) * 2), pull(0, jnp.ones((2, 2)))

  by_moments, by_values = gradients(x, np.ones(2, np.float32))
  assert not any(np.any(gradient) for gradient in by_moments)
  assert np.any(by_values[0])
  if function is norm_pool.norm_relu_pool:
    assert not np.any(by_values[1])


def test_moments_by_hand():
  x = jnp.array([1.0, 3.0, 100.0, 5.0]).reshape(2, 2, 1, 1)
  mean, variance = norm_pool.moments(x, jnp.array([1.0, 0.0]))
  assert (mean[0], variance[0]) == (2, 1)  # of 1 and 3, divided by 2
  assert all(not np.any(m) for m in norm_pool.moments(x, jnp.zeros(2)))


def test_normalize_by_hand():
  y = norm_pool.normalize(jnp.array([7.0]), 3.0, 0.5, 1.0, 8.0, 1.0)
  np.testing.assert_allclose(y, [6.5], rtol=1e-6)  # (7 - 1) / 3 * 3 + 0.5


@pytest.mark.parametrize('window', [(2, 2), None])
def test_norm_relu_pool_gradients_by_finite_differences(window):
  arrays = [a.astype(np.float64) for a in norm_inputs(20, (3, 5, 3, 2))]
  mask = np.array(MASKS['some'], np.float64)

  @jax.jit
  def pooled(x, scale, offset):
    y, *_ = norm_pool.norm_relu_pool(x, scale, offset, mask, window, EPSILON)
    return jnp.sin(y)

  with jax.enable_x64(True):
    jax.test_util.check_grads(
      pooled, arrays, order=1, modes=['rev'], eps=1e-5, atol=1e-7, rtol=1e-7
    )
