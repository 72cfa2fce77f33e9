"""CPAC: counts of its code, and a step against a twin in numpy."""

from __future__ import annotations

import cpac_twin
import jax
import numpy as np
import pytest
import slopes
import small_networks

from sernet_jax.common.errors import InputError
from sernet_jax.nn import network, networks


def test_parameters_are_those_of_the_authors_code():
  card = network.cost(networks.make('cpac'), 188, 39)
  assert card['parameters'] == 321_864
  assert card['parameters_trainable'] == 321_864 - 3 * 2 * 64


def wide_apart():
  """A small network whose votes differ, so that routing has work to do."""
  spec = small_networks.settings('cpac')
  params, stats = small_networks.weights(spec)
  for name in ('primary', 'routing'):
    params[name]['kernel'] = 4 * params[name]['kernel']
  return spec, (params, stats)


def test_a_step_is_that_of_an_independent_twin():
  """Loss and its slopes; statistics stay."""
  spec, weights = wide_apart()

  def theirs(params, *given):
    return cpac_twin.loss(params, weights[1], *given, spec.size, spec.capsules)

  slopes.check_step(
    spec, theirs, lengths=(46,) * 4, frames=46, seed=6, weights=weights
  )
  x = np.random.default_rng(0).normal(size=(2, 46, spec.width, 1))
  _, moved = network.apply(spec, *weights, np.float32(x), train=True)
  jax.tree.map(np.testing.assert_array_equal, moved, weights[1])


def test_fewer_frames_than_its_kernels_get_zeros_behind_them():
  spec, (params, stats) = wide_apart()
  x = np.random.default_rng(0).normal(size=(1, 20, spec.width, 1))
  x = x.astype(np.float32)
  short, padded = (
    network.apply(spec, params, stats, one, train=False)[0]
    for one in (x, np.pad(x, ((0, 0), (0, 18), (0, 0), (0, 0))))
  )
  np.testing.assert_allclose(short, padded, atol=1e-6)


def test_values_are_dropped_in_training_alone():
  spec = small_networks.settings('cpac', convolution_dropout=True)
  params, stats = small_networks.weights(spec)
  x = np.random.default_rng(2).normal(size=(3, 40, spec.width, 1))

  def embedded(**given):
    return network.apply(spec, params, stats, np.float32(x), **given)[0]

  one, other = (
    embedded(train=True, key=jax.random.key(seed)) for seed in (0, 1)
  )
  assert np.abs(one - other).max() > 1e-4
  np.testing.assert_array_equal(
    embedded(train=False, key=jax.random.key(0)), embedded(train=False)
  )


@pytest.mark.parametrize(
  ('fields', 'match'),
  [({'coefficients': 37}, 'at least 38'), ({'groups': 0}, r'model\.groups')],
)
def test_settings_that_make_no_sense_are_one_sentence(fields, match):
  with pytest.raises(InputError, match=match):
    networks.make('cpac', **fields)
