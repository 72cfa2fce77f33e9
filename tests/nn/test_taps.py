"""Convolutions and poolings by shifted copies equal their definitions."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from kernels import check, draw, value_and_vjp

from sernet_jax.nn.kernels import taps

# x, kernel, strides, padding, dilation
CASES = {
  'causal': ((2, 9, 1, 3), (2, 1, 3, 4), (1, 1), ((4, 0), (0, 0)), (4, 1)),
  'beyond the map': (
    (2, 3, 1, 3),
    (2, 1, 3, 3),
    (1, 1),
    ((8, 0), (0, 0)),
    (8, 1),
  ),
  'one cell': ((2, 5, 4, 3), (1, 1, 3, 5), (1, 1), 'SAME', (1, 1)),
  'same': ((2, 7, 6, 3), (5, 3, 3, 4), (1, 1), 'SAME', (1, 1)),
  'depthwise': ((2, 7, 6, 5), (3, 3, 1, 5), (1, 1), 'SAME', (1, 1)),
  'depthwise strided': ((2, 7, 6, 5), (3, 3, 1, 5), (2, 1), 'SAME', (1, 1)),
  'in groups': ((2, 5, 4, 4), (3, 3, 2, 6), (1, 1), 'SAME', (1, 1)),
  'strided': ((2, 8, 7, 1), (3, 3, 1, 4), (2, 2), ((1, 1), (0, 0)), (1, 1)),
  'same strided': ((2, 8, 7, 2), (3, 2, 2, 3), (2, 3), 'SAME', (1, 2)),
  'valid': ((2, 8, 7, 2), (3, 2, 2, 3), (1, 1), 'VALID', (2, 1)),
  'wide': ((1, 6, 5, 72), (5, 3, 72, 3), (1, 1), 'SAME', (1, 1)),
}


def plain(x, kernel, strides, padding, dilation):
  return jax.lax.conv_general_dilated(
    x,
    kernel,
    strides,
    padding,
    rhs_dilation=dilation,
    dimension_numbers=('NHWC', 'HWIO', 'NHWC'),
    feature_group_count=x.shape[-1] // kernel.shape[2],
  )


@pytest.mark.parametrize('case', CASES)
def test_values_and_gradients_are_those_of_xla(case):
  x, kernel, *how = CASES[case]
  shape = jax.eval_shape(
    lambda x, k: plain(x, k, *how), *map(jnp.zeros, (x, kernel))
  ).shape
  arrays = draw(1, x, kernel, shape)

  @jax.jit
  def both(x, kernel, weights):
    return [
      value_and_vjp(
        lambda x, k, f=function: f(x, k, *how), x, kernel, weights=weights
      )
      for function in (taps.conv, plain)
    ]

  check(*both(*arrays))


@pytest.mark.skipif(jax.default_backend() != 'cpu', reason='rounds by itself')
def test_bfloat16_adds_up_in_float32():
  x, kernel = draw(2, (1, 5, 4, 300), (1, 1, 300, 2))
  x, kernel = (a.astype(jnp.bfloat16) for a in (x, kernel))
  found = taps.conv(x, kernel)
  assert found.dtype == jnp.bfloat16
  exact = np.asarray(x, np.float64) @ np.asarray(kernel, np.float64)[0, 0]
  np.testing.assert_allclose(found.astype(np.float32), exact, rtol=2**-8)
  gradient = jax.grad(lambda k: taps.conv(x, k).astype(jnp.float32).sum())
  assert gradient(kernel).dtype == jnp.bfloat16


POOLS = {
  'side by side': ((2, 6, 5, 3), (2, 2), (2, 2), ((0, 0), (0, 1))),
  'overlapping': ((2, 7, 6, 3), (3, 3), (2, 2), ((0, 2), (0, 1))),
  'uneven': ((2, 7, 6, 3), (1, 4), (1, 2), ((0, 0), (1, 1))),
}


@pytest.mark.parametrize('case', POOLS)
def test_largest_values_and_their_gradients_are_those_of_xla(case):
  shape, window, strides, pads = POOLS[case]

  def reduced(x):
    full = ((0, 0), *pads, (0, 0))
    return jax.lax.reduce_window(
      x, -jnp.inf, jax.lax.max, (1, *window, 1), (1, *strides, 1), full
    )

  ours = functools.partial(
    taps.max_pool, window=window, strides=strides, pads=pads
  )
  x = np.random.default_rng(3).integers(0, 4, shape).astype(np.float32)  # ties
  weights = draw(4, jax.eval_shape(reduced, x).shape)[0]
  check(
    *(
      value_and_vjp(f, jnp.asarray(x), weights=weights) for f in (ours, reduced)
    )
  )


def test_what_is_not_a_number_is_passed_on():
  x = np.zeros((1, 4, 4, 1), np.float32)
  x[0, 1, 0], x[0, 2, 3] = np.nan, np.nan
  y = taps.max_pool(jnp.asarray(x), (2, 2), (2, 2), ((0, 0), (0, 0)))
  np.testing.assert_array_equal(
    np.isnan(y[0, :, :, 0]), [[True, False], [False, True]]
  )
