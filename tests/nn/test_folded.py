"""BatchNorm folded into the convolutions changes no output."""

from __future__ import annotations

import functools

import jax
import numpy as np
import pytest
import small_model

from sernet_jax.common.errors import InputError
from sernet_jax.nn import cost, folded, interop, model
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
  plain = folded.fold(spec, *model.init(jax.random.key(0), spec))
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
  """However the weights reach the program; see `fence.apart`."""
  spec = ModelSpec(num_classes=2)
  weights = folded.ready(
    folded.fold(spec, *model.init(jax.random.key(0), spec))
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
  found = folded.fold(spec, *model.init(jax.random.key(0), spec))
  assert folded.count(found) == numbers
  assert cost.cost(spec, 184)['fp16_bytes'] == 2 * numbers
  shapes = jax.tree.map(np.shape, found)
  assert shapes == folded.shapes(spec)


def test_wrong_input_is_named():
  spec = ModelSpec()
  with pytest.raises(InputError, match=r'\(2, 184, 40\).*\[\.\.\., None\]'):
    folded.logits(spec, {}, np.zeros((2, 184, 40)))
