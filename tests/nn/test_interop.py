"""The authors' variables become the network's arrays."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from sernet_jax.common.errors import InputError
from sernet_jax.nn import interop, model
from sernet_jax.nn.spec import ModelSpec

pytestmark = pytest.mark.usefixtures('full_optimization')


def test_every_variable_has_one_place(golden_weights):
  names = interop.keras_names()
  assert len(set(names.values())) == len(names) == 45
  assert set(names.values()) == set(golden_weights)


def test_the_arrays_are_the_networks(golden_weights):
  """Names, shapes and types of `model.init`."""
  expected = jax.eval_shape(
    lambda key: model.init(key, ModelSpec()), jax.random.key(0)
  )
  actual = interop.from_keras(golden_weights)
  assert jax.tree.structure(actual) == jax.tree.structure(expected)
  for one, other in zip(
    jax.tree.leaves(actual), jax.tree.leaves(expected), strict=True
  ):
    assert (one.shape, one.dtype) == (other.shape, other.dtype)


@pytest.mark.parametrize(
  ('layer', 'array', 'name'),
  [
    ('temporal', 'kernel', 'conv2d/kernel'),
    ('spectral', 'bias', 'conv2d_1/bias'),
    ('joint', 'scale', 'batch_normalization_2/gamma'),
    ('block1', 'kernel', 'conv2d_3/kernel'),
    ('block3', 'offset', 'batch_normalization_5/beta'),
    ('block5', 'mean', 'batch_normalization_7/moving_mean'),
    ('block5', 'variance', 'batch_normalization_7/moving_variance'),
    ('head', 'kernel', 'dense/kernel'),
  ],
)
def test_a_variable_lands_in_its_place(golden_weights, layer, array, name):
  params, stats = interop.from_keras(golden_weights)
  tree = stats if array in ('mean', 'variance') else params
  np.testing.assert_array_equal(tree[layer][array], golden_weights[name])


def test_names_may_end_in_colon_0(golden_weights):
  plain = interop.from_keras(golden_weights)
  suffixed = interop.from_keras(
    {f'{name}:0': array for name, array in golden_weights.items()}
  )
  assert jax.tree.structure(plain) == jax.tree.structure(suffixed)
  for one, other in zip(
    jax.tree.leaves(plain), jax.tree.leaves(suffixed), strict=True
  ):
    np.testing.assert_array_equal(one, other)


def test_float64_becomes_float32(golden_weights):
  name = 'dense/bias'
  weights = {**golden_weights, name: golden_weights[name].astype(np.float64)}
  assert interop.from_keras(weights)[0]['head']['bias'].dtype == np.float32


def test_a_missing_variable_is_named(golden_weights):
  weights = dict(golden_weights)
  del weights['batch_normalization_4/beta']
  with pytest.raises(InputError, match=r"lack \['batch_normalization_4/beta'"):
    interop.from_keras(weights)


def test_an_unknown_variable_is_named(golden_weights):
  weights = {**golden_weights, 'dense_1/kernel': np.zeros(3)}
  with pytest.raises(InputError, match=r"unknown \['dense_1/kernel'\]"):
    interop.from_keras(weights)


@pytest.mark.parametrize('bad', [np.nan, np.inf])
def test_a_value_that_is_not_finite_is_named(golden_weights, bad):
  array = golden_weights['conv2d_6/kernel'].copy()
  array[0, 0, 0, 0] = bad
  weights = {**golden_weights, 'conv2d_6/kernel': array}
  with pytest.raises(InputError, match=r'conv2d_6/kernel .*not finite'):
    interop.from_keras(weights)


@pytest.mark.parametrize(
  ('changes', 'match'),
  [
    ({'pooling': 'attention'}, 'has attention, for which'),
    ({'dimensions': 3}, 'has dimensions, for which'),
    ({'pooling': 'attention', 'dimensions': 3}, 'has attention, dimensions,'),
    ({'pooling': 'statistics'}, 'reads 640 values, .* the 320 means of block5'),
  ],
)
def test_what_keras_does_not_have_is_refused(changes, match):
  spec = ModelSpec(**changes)
  params, stats = jax.eval_shape(
    lambda key: model.init(key, spec), jax.random.key(0)
  )
  params, stats = jax.tree.map(
    lambda leaf: np.zeros(leaf.shape), (params, stats)
  )
  with pytest.raises(InputError, match=match):
    interop.to_keras(params, stats)
