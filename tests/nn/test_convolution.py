"""The fast operations equal their definitions, and these equal numpy loops."""

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
  nearest,
  norm_inputs,
  numpy_conv,
  numpy_norm_relu_pool,
  numpy_pool,
  pooled_shape,
  value_and_vjp,
)

from sernet_jax.nn.kernels import convolution, norm_pool

# Convolution. Shapes are (examples, frames, coefficients, inputs) and
# (height, width, inputs, outputs).

CONVOLUTIONS = [
  ((2, 9, 7, 1), (11, 1, 1, 4)),
  ((2, 7, 11, 1), (1, 9, 1, 4)),
  ((3, 6, 5, 3), (3, 3, 3, 7)),
  ((2, 5, 6, 7), (3, 3, 7, 3)),
  ((2, 4, 3, 4), (3, 3, 4, 4)),
  ((2, 5, 4, 6), (1, 1, 6, 9)),
  ((1, 1, 1, 2), (3, 3, 2, 3)),
  ((2, 3, 2, 3), (11, 1, 3, 2)),
  # Enough channels for winograd.py; odd and even maps, one and many groups.
  ((3, 5, 4, 32), (3, 3, 32, 40)),
  ((2, 23, 5, 40), (3, 3, 40, 32)),
  ((5, 24, 20, 32), (3, 3, 32, 32)),
  ((1, 1, 1, 32), (3, 3, 32, 32)),
]


@jax.jit
def both_convolutions(x, kernel, weights):
  return [
    value_and_vjp(function, x, kernel, weights=weights)
    for function in (convolution.conv, convolution.plain_conv)
  ]


@pytest.mark.parametrize(('x', 'kernel'), CONVOLUTIONS)
def test_conv_equals_its_definition(x, kernel):
  check(*both_convolutions(*draw(0, x, kernel, (*x[:3], kernel[3]))))


@pytest.mark.parametrize(('x', 'kernel'), [*CONVOLUTIONS[2:4], CONVOLUTIONS[8]])
def test_conv_equals_its_definition_under_vmap(x, kernel):
  folds = 2
  arrays = draw(1, (folds, *x), (folds, *kernel), (folds, *x[:3], kernel[3]))
  check(*jax.jit(jax.vmap(both_convolutions))(*arrays))


def test_conv_equals_its_definition_when_folds_share_the_input():
  x, kernels, weights = draw(2, (2, 5, 4, 1), (2, 3, 3, 1, 4), (2, 5, 4, 4))
  mapped = jax.vmap(both_convolutions, in_axes=(None, 0, None))
  check(*jax.jit(mapped)(x, kernels, weights))


def test_conv_equals_its_definition_in_a_scan():
  steps, (x, kernel) = 3, CONVOLUTIONS[3]
  arrays = draw(3, (steps, *x), (steps, *kernel), (steps, *x[:3], kernel[3]))

  @jax.jit
  def scanned(*arrays):
    return jax.lax.scan(
      lambda carry, step: (carry, both_convolutions(*step)), 0, arrays
    )[1]

  fast, plain = scanned(*arrays)
  check(fast, plain)
  check(plain[0][1], both_convolutions(*(a[1] for a in arrays))[1][0])


def test_conv_is_the_same_eagerly():
  arrays = draw(4, *CONVOLUTIONS[3], (2, 5, 6, 3))
  check(convolution.conv(*arrays[:2]), both_convolutions(*arrays)[0][0])


@pytest.mark.skipif(jax.default_backend() != 'cpu', reason='rounds by itself')
@pytest.mark.parametrize(
  ('x', 'kernel'), [CONVOLUTIONS[i] for i in (0, 2, 3, 8)]
)
@pytest.mark.parametrize(('precision', 'bits'), [('tf32', 10), ('bf16', 7)])
def test_lower_precisions_round_factors_and_add_in_float32(
  precision, bits, x, kernel
):
  arrays = draw(6, x, kernel, (*x[:3], kernel[3]))
  y, gradients = numpy_conv(*(nearest(a, bits) for a in arrays))
  if precision == 'tf32':
    with jax.default_matmul_precision('tensorfloat32'):
      found = both_convolutions(*arrays)[0]
    within = 1e-5  # of float32 sums
  else:
    x, kernel, weights = (jnp.asarray(a, jnp.bfloat16) for a in arrays)
    found = both_convolutions(x, kernel, weights)[0]
    assert {leaf.dtype for leaf in jax.tree.leaves(found)} == {
      jnp.dtype('bfloat16')
    }
    within = 2.0**-8  # of the largest number, rounded once to bfloat16
  check(found, (y, gradients), within)
  exact = numpy_conv(*arrays)
  with pytest.raises(AssertionError):
    check((y, gradients), exact, within / 10)
  check(both_convolutions(*arrays)[0], exact)


@hypothesis.settings(max_examples=6)
@hypothesis.given(
  x=st.tuples(*map(st.integers, (1, 1, 1, 1), (3, 6, 6, 4))),
  size=st.tuples(st.sampled_from([1, 3, 5]), st.sampled_from([1, 3, 9])),
  outputs=st.integers(1, 4),
)
def test_conv_equals_numpy_loops(x, size, outputs):
  arrays = draw(5, x, (*size, x[3], outputs), (*x[:3], outputs))
  fast = jax.jit(
    lambda x, kernel, weights: value_and_vjp(
      convolution.conv, x, kernel, weights=weights
    )
  )
  check(fast(*arrays), numpy_conv(*arrays))


@pytest.mark.parametrize('inputs', [3, 32])
def test_other_devices_keep_the_usual_ways(inputs):
  """Only a CPU's program has the loops of products."""
  arrays = draw(6, (2, 5, 4, inputs), (3, 3, inputs, 32), (2, 5, 4, 32))
  traced = jax.jit(
    lambda x, kernel, weights: jax.vjp(convolution.conv, x, kernel)[1](weights)
  ).trace(*arrays)
  programs = {
    platform: traced.lower(lowering_platforms=(platform,)).as_text()
    for platform in ('cpu', 'cuda')
  }
  assert 'stablehlo.while' in programs['cpu']
  assert 'stablehlo.while' not in programs['cuda']
  x, _, weights = arrays
  usual = convolution._plain_kernel_gradient(x, weights, (3, 3))
  check(usual, numpy_conv(*arrays)[1][1])


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
  (values, *moments), (by_x, *by_others) = padded
  check(((values[real], *moments), (by_x[real], *by_others)), short)
  np.testing.assert_array_equal(by_x[~real], 0)


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


# Against finite differences in float64


@pytest.mark.parametrize(('x', 'kernel'), CONVOLUTIONS[2:4])
def test_conv_gradients_by_finite_differences(x, kernel):
  arrays = [a.astype(np.float64) for a in draw(19, x, kernel)]
  with jax.enable_x64(True):
    jax.test_util.check_grads(
      jax.jit(lambda x, kernel: jnp.sin(convolution.conv(x, kernel))),
      arrays,
      order=1,
      modes=['rev'],
      eps=1e-5,
      atol=1e-7,
      rtol=1e-7,
    )


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
