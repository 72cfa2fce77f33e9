"""Blocks made ready give what their definition gives."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import pytest
from kernels import check, draw

from sernet_jax.nn import folded
from sernet_jax.nn.kernels import convolution, norm_pool

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
  block = {**folded.prepare(kernel), 'bias': bias}
  plain = jax.nn.relu(convolution.plain_conv(x, kernel) + bias)
  found = jax.jit(folded.conv_relu_pool, static_argnums=2)(x, block, window)
  check(found, norm_pool.average_pool(plain, window))


@pytest.mark.skipif(jax.default_backend() != 'cpu', reason='rounds by itself')
@pytest.mark.parametrize('precision', ['float16', 'bfloat16', 'tf32'])
@pytest.mark.parametrize(('shape', 'kernel'), [BLOCKS[0], BLOCKS[-1]])
def test_a_ready_block_has_the_type_and_precision_of_its_definition(
  shape, kernel, precision
):
  """Few bits are rounded as `convolution.conv` does it, before they are multiplied."""
  arrays = draw(9, shape, kernel, kernel[-1:])
  if precision != 'tf32':
    arrays = [jnp.asarray(a, precision) for a in arrays]
  context = 'tensorfloat32' if precision == 'tf32' else 'float32'
  with jax.default_matmul_precision(context):
    x, kernel, bias = map(jnp.asarray, arrays)
    block = {**folded.prepare(kernel), 'bias': bias}
    plain = jax.nn.relu(convolution.conv(x, kernel) + bias)
    expected = norm_pool.average_pool(plain, (2, 1))
    found = jax.jit(folded.conv_relu_pool, static_argnums=2)(x, block, (2, 1))
  assert found.dtype == expected.dtype
  within = {'float16': 0.03, 'bfloat16': 2.0**-8, 'tf32': 1e-5}[precision]
  check(found, expected, within)
