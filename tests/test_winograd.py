"""Minimal filtering, and what inference makes of it and of single channels."""

from __future__ import annotations

import hypothesis
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import strategies as st
from test_ops import check, draw, numpy_conv

from sernet_jax import ops, winograd


@pytest.mark.parametrize('along', [winograd._TALL, winograd._WIDE])
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
  check(jax.jit(ops.plain_conv)(x, kernel), expected, relative=8e-7)


@hypothesis.settings(max_examples=6)
@hypothesis.given(
  shape=st.tuples(*map(st.integers, (1, 1, 1), (6, 9, 9))),
  inputs=st.integers(1, 5),
  outputs=st.integers(1, 5),
)
def test_winograd_equals_numpy_loops(shape, inputs, outputs):
  arrays = draw(7, (*shape, inputs), (3, 3, inputs, outputs))
  (weights,) = draw(8, (*shape, outputs))
  y, (_, by_kernel) = numpy_conv(*arrays, weights)
  check(jax.jit(winograd.conv)(*arrays), y)
  check(jax.jit(winograd.kernel_gradient)(arrays[0], weights), by_kernel)


def test_winograd_groups_fill_the_cache_and_no_more():
  """Groups divide the examples, and a large map is a group by itself."""
  sizes = [
    winograd._group(np.zeros((examples, *size, 1))).shape[:2]
    for examples, size in [
      (32, (92, 20)), (32, (46, 10)), (32, (12, 5)), (7, (92, 20)), (1, (9, 9))
    ]
  ]  # fmt: skip
  # Groups, and the rows of all examples of a group.
  assert sizes == [(32, 92), (8, 4 * 46), (2, 16 * 12), (7, 92), (1, 9)]


WINDOWS = [(2, 2), (2, 1), None]
BLOCKS = [
  # By tiles up to the pooling, where the window cuts the map evenly.
  ((3, 8, 6, 32), (3, 3, 32, 40)),
  ((2, 12, 4, 40), (3, 3, 40, 32)),
  # None at all.
  ((0, 8, 6, 32), (3, 3, 32, 40)),
  # By tiles, and odd maps.
  ((2, 7, 5, 32), (3, 3, 32, 32)),
  ((1, 1, 1, 32), (3, 3, 32, 32)),
  # Few channels, one position, one channel.
  ((2, 6, 5, 3), (3, 3, 3, 7)),
  ((2, 6, 4, 33), (1, 1, 33, 40)),
  ((2, 9, 7, 1), (11, 1, 1, 4)),
  ((3, 7, 11, 1), (1, 9, 1, 4)),
  ((1, 2, 1, 1), (3, 3, 1, 5)),
]


@pytest.mark.parametrize('window', WINDOWS, ids=str)
@pytest.mark.parametrize(('shape', 'kernel'), BLOCKS)
def test_a_ready_block_equals_its_definition(shape, kernel, window):
  x, kernel, bias = draw(9, shape, kernel, kernel[-1:])
  block = {**ops.ready(kernel), 'bias': bias}
  plain = jax.nn.relu(ops.plain_conv(x, kernel) + bias)
  found = jax.jit(ops.conv_relu_pool_ready, static_argnums=2)(x, block, window)
  check(found, ops.average_pool(plain, window))


@pytest.mark.skipif(jax.default_backend() != 'cpu', reason='rounds by itself')
@pytest.mark.parametrize('precision', ['float16', 'bfloat16', 'tf32'])
@pytest.mark.parametrize(('shape', 'kernel'), [BLOCKS[0], BLOCKS[-1]])
def test_a_ready_block_has_the_type_and_precision_of_its_definition(
  shape, kernel, precision
):
  """Few bits are rounded as `ops.conv` does it, before they are multiplied."""
  arrays = draw(9, shape, kernel, kernel[-1:])
  if precision != 'tf32':
    arrays = [jnp.asarray(a, precision) for a in arrays]
  context = 'tensorfloat32' if precision == 'tf32' else 'float32'
  with jax.default_matmul_precision(context):
    x, kernel, bias = map(jnp.asarray, arrays)
    block = {**ops.ready(kernel), 'bias': bias}
    plain = jax.nn.relu(ops.conv(x, kernel) + bias)
    expected = ops.average_pool(plain, (2, 1))
    found = jax.jit(ops.conv_relu_pool_ready, static_argnums=2)(
      x, block, (2, 1)
    )
  assert found.dtype == expected.dtype
  within = {'float16': 0.03, 'bfloat16': 2.0**-8, 'tf32': 1e-5}[precision]
  check(found, expected, within)


def test_maps_are_pooled_as_tiles_only_where_windows_fit():
  assert winograd.pools((1, 92, 20, 96), (2, 2))
  assert winograd.pools((1, 44, 10, 64), (4, 1))
  assert not winograd.pools((1, 46, 10, 64), (2, 2))  # half a tile at the end
  assert not winograd.pools((1, 24, 6, 96), (3, 2))  # across two tiles
  assert not winograd.pools((1, 24, 8, 96), (2, 4))


@hypothesis.settings(max_examples=6)
@hypothesis.given(
  shape=st.tuples(*map(st.integers, (1, 1, 1), (3, 9, 9))),
  size=st.tuples(st.sampled_from([1, 3, 5]), st.sampled_from([1, 3, 9])),
)
def test_taps_equal_numpy_loops(shape, size):
  arrays = draw(10, (*shape, 1), (*size, 1, 3), (*shape, 3))
  fast = jax.jit(ops.conv_by_taps)
  check(fast(*arrays[:2]), numpy_conv(*arrays)[0])


def twice(x):
  return jnp.sin(x) * 2


@pytest.mark.parametrize('shape', [(4, 3), (4, 0)], ids=str)
@pytest.mark.parametrize('first', [0.5, np.nan, np.inf], ids=str)
def test_apart_changes_nothing(shape, first):
  """Alone, under vmap, mapped and in gradients, whatever x holds."""
  (x,) = draw(11, shape)
  x[:1, :1] = first

  def apart(x):
    return ops.apart(twice, x)

  for made in (
    lambda f: f,
    jax.vmap,
    lambda f: lambda x: jax.lax.map(f, x),
    lambda f: jax.grad(lambda x: jnp.sum(f(x) ** 2)),
    lambda f: jax.vmap(jax.grad(lambda x: jnp.sum(f(x) ** 2))),
    lambda f: jax.grad(lambda x: jnp.sum(jax.vmap(f)(x) ** 2)),
  ):
    np.testing.assert_allclose(
      jax.jit(made(apart))(x), made(twice)(x), rtol=1e-5, atol=1e-6
    )


@pytest.mark.skipif(jax.default_backend() != 'cpu', reason='for CPUs')
@pytest.mark.parametrize(
  'made',
  [
    lambda f: f,
    jax.vmap,
    lambda f: jax.grad(lambda x: f(x).sum()),
    lambda f: jax.vmap(jax.grad(lambda x: f(x).sum())),
  ],
  ids=['alone', 'vmap', 'grad', 'vmap of grad'],
)
def test_apart_stays_apart(made):
  """XLA cannot decide the condition; if it could, speed would be lost."""
  (x,) = draw(12, (4, 3))
  function = made(lambda x: ops.apart(twice, x))
  program = jax.jit(lambda x: jnp.pad(function(x), 1))
  assert ' conditional(' in program.lower(x).compile().as_text()
