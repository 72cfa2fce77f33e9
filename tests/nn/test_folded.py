"""BatchNorm folded into the convolutions changes no output."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import small_model
from kernels import check, draw

from sernet_jax.common.errors import InputError
from sernet_jax.nn import cost, folded, interop, model
from sernet_jax.nn.kernels import convolution, norm_pool
from sernet_jax.nn.spec import ModelSpec

apply = jax.jit(functools.partial(model.apply, train=False), static_argnums=0)


@pytest.mark.parametrize(
  'spec',
  [
    ModelSpec(num_classes=3, filters=12),
    ModelSpec(num_classes=4, filters=8, paths=('joint', 'spectral')),
    ModelSpec(num_classes=2, filters=5, paths=('temporal',)),
  ],
)
def test_equals_the_network_it_comes_from(spec):
  params, stats = small_model.weights(spec)
  x = np.random.default_rng(1).normal(size=(3, 21, 9, 1)).astype(np.float32)
  expected, _ = apply(spec, params, stats, x)
  logits = jax.jit(folded.logits, static_argnums=0)
  found = logits(spec, folded.fold(spec, params, stats), x)
  np.testing.assert_allclose(found, expected, atol=2e-5)


def test_made_ready_it_computes_the_same():
  """Kernels given as tiles, on the way that `predict` takes."""
  spec = ModelSpec(num_classes=2)
  plain = folded.fold(spec, *small_model.init(jax.random.key(0), spec))
  ready = folded.ready(plain)
  assert len(ready['block1']['tiles']) == 24
  assert 'tiles' not in ready['block5'] and 'tiles' not in ready['joint']
  x = np.random.default_rng(1).normal(size=(5, 21, 9, 1)).astype(np.float32)
  logits = jax.jit(folded.logits, static_argnums=0)
  np.testing.assert_allclose(
    logits(spec, ready, x), logits(spec, plain, x), atol=1e-6
  )


@pytest.mark.skipif(jax.default_backend() != 'cpu', reason='for CPUs')
@pytest.mark.parametrize('way', ['given', 'closed over', 'exported'])
def test_paths_stay_a_piece_of_their_own(way):
  """The way the weights reach the program does not matter; see `fence.apart`."""
  spec = ModelSpec(num_classes=2)
  weights = folded.ready(
    folded.fold(spec, *small_model.init(jax.random.key(0), spec))
  )
  x = jax.ShapeDtypeStruct((1, 21, 9, 1), np.float32)
  if way == 'given':
    program = jax.jit(folded.logits, static_argnums=0)
    lowered = program.lower(spec, weights, x)
  else:
    program = jax.jit(lambda x: folded.logits(spec, weights, x))
    if way == 'exported':
      saved = jax.export.export(program)(x).serialize()
      program = jax.jit(jax.export.deserialize(saved).call)
    lowered = program.lower(x)
  assert ' conditional(' in lowered.compile().as_text()


def test_equals_tensorflow(golden, golden_weights):
  """The authors' variables, folded, give TensorFlow's probabilities."""
  params, stats = interop.from_keras(golden_weights)
  spec = ModelSpec()
  found = folded.fold(spec, params, stats)
  x = np.random.default_rng(1).normal(size=(2, 184, 40, 1)).astype(np.float32)
  expected, _ = apply(spec, params, stats, x)
  np.testing.assert_allclose(
    jax.jit(folded.probabilities, static_argnums=0)(spec, found, x),
    jax.nn.softmax(expected),
    atol=1e-5,
  )


@pytest.mark.parametrize(('classes', 'numbers'), [(7, 460_743), (4, 459_780)])
def test_counts_of_the_paper(classes, numbers):
  spec = ModelSpec(num_classes=classes)
  found = folded.fold(spec, *small_model.init(jax.random.key(0), spec))
  assert folded.count(found) == numbers
  assert cost.cost(spec, 184)['fp16_bytes'] == 2 * numbers
  shapes = jax.tree.map(np.shape, found)
  assert shapes == spec.shapes()


def test_wrong_input_is_named():
  spec = ModelSpec()
  with pytest.raises(InputError, match=r'\(2, 184, 40\).*\[\.\.\., None\]'):
    folded.logits(spec, {}, np.zeros((2, 184, 40)))


# Blocks made ready: shapes of maps and kernels.

WINDOWS = [(2, 2), (2, 1), None]
CONVOLUTIONS = [
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
@pytest.mark.parametrize(('shape', 'kernel'), CONVOLUTIONS)
def test_a_ready_block_equals_its_definition(shape, kernel, window):
  x, kernel, bias = draw(9, shape, kernel, kernel[-1:])
  block = {**folded.prepare(kernel), 'bias': bias}
  plain = jax.nn.relu(convolution.plain_conv(x, kernel) + bias)
  found = jax.jit(folded.conv_relu_pool, static_argnums=2)(x, block, window)
  check(found, norm_pool.average_pool(plain, window))


@pytest.mark.skipif(jax.default_backend() != 'cpu', reason='rounds by itself')
@pytest.mark.parametrize('precision', ['float16', 'bfloat16', 'tf32'])
@pytest.mark.parametrize(
  ('shape', 'kernel'), [CONVOLUTIONS[0], CONVOLUTIONS[-1]]
)
def test_a_ready_block_has_the_type_and_precision_of_its_definition(
  shape, kernel, precision
):
  """Factors of few bits are rounded as `convolution.conv` rounds them."""
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
