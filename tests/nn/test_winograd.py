"""Minimal filtering against numpy loops."""

from __future__ import annotations

import hypothesis
import jax
import numpy as np
import pytest
from hypothesis import strategies as st
from kernels import check, draw, numpy_conv

from sernet_jax.nn.kernels import convolution, tiling, winograd


@pytest.mark.parametrize('along', [tiling.TALL, tiling.WIDE])
def test_a_filter_is_a_correlation(along):
  """A' [(G g) * (B' d)], in float64 to its last digits."""
  random = np.random.default_rng(0)
  signal, kernel = random.normal(size=along.tile), random.normal(size=3)
  found = along.outputs @ ((along.kernel @ kernel) * (along.inputs @ signal))
  expected = np.correlate(signal, kernel, 'valid')
  assert along.tile == len(along.inputs) == along.step + 2
  np.testing.assert_allclose(found, expected, rtol=0, atol=2e-14)


def test_rounding_is_as_small_as_the_text_says():
  """The largest map of the network, beside float64."""
  x, kernel = draw(3, (1, 92, 20, 96), (3, 3, 96, 64))
  x = np.maximum(x, 0)
  wide = np.pad(x.astype(np.float64), ((0, 0), (1, 1), (1, 1), (0, 0)))
  expected = sum(
    wide[:, i : i + 92, j : j + 20] @ kernel[i, j].astype(np.float64)
    for i in range(3)
    for j in range(3)
  )
  check(jax.jit(winograd.conv)(x, kernel), expected, relative=1.5e-6)
  # Processors without AVX-512 add up in another order.
  check(jax.jit(convolution.plain_conv)(x, kernel), expected, relative=1.5e-6)


@jax.jit
def both(x, kernel, dy):
  """Result and kernel gradient, compiled as one."""
  return winograd.conv(x, kernel), winograd.kernel_gradient(x, dy)


@hypothesis.settings(max_examples=6)
@hypothesis.given(
  shape=st.tuples(*map(st.integers, (1, 1, 1), (6, 9, 9))),
  inputs=st.integers(1, 5),
  outputs=st.integers(1, 5),
)
def test_winograd_equals_numpy_loops(shape, inputs, outputs):
  arrays = draw(7, (*shape, inputs), (3, 3, inputs, outputs))
  (weights,) = draw(8, (*shape, outputs))
  y, (_, dkernel) = numpy_conv(*arrays, weights)
  check(both(*arrays, weights), (y, dkernel))


def test_winograd_groups_fill_the_cache_and_no_more():
  """Groups divide the examples, and a large map is a group by itself."""
  sizes = [
    tiling.group(np.zeros((examples, *size, 1))).shape[:2]
    for examples, size in [
      (32, (92, 20)), (32, (46, 10)), (32, (12, 5)), (7, (92, 20)), (1, (9, 9))
    ]
  ]  # fmt: skip
  # Groups, and the rows of all examples of a group.
  assert sizes == [(32, 92), (8, 4 * 46), (2, 16 * 12), (7, 92), (1, 9)]


def test_maps_are_pooled_as_tiles_only_where_windows_fit():
  assert winograd.pools((1, 92, 20, 96), (2, 2))
  assert winograd.pools((1, 44, 10, 64), (4, 1))
  assert not winograd.pools((1, 46, 10, 64), (2, 2))  # half a tile at the end
  assert not winograd.pools((1, 24, 6, 96), (3, 2))  # across two tiles
  assert not winograd.pools((1, 24, 8, 96), (2, 4))
