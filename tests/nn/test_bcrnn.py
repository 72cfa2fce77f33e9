"""The binary network: bits, a step against a twin in numpy, training."""

from __future__ import annotations

import acrnn_twin
import binary_twin
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import slopes
import small_networks

from sernet_jax.nn import network, networks
from sernet_jax.nn.networks import binary, packing


@pytest.mark.parametrize(
  ('convolutions', 'bits'), [(5, 8_290_304), (6, 9_273_344)]
)
def test_bits_are_those_of_the_layer_table(convolutions, bits):
  spec = networks.make('bcrnn', convolutions=convolutions)
  shapes = {
    f'{layer}/{name}': shape
    for layer, arrays in spec.shapes().items()
    for name, shape in arrays.items()
  }
  assert sum(np.prod(shapes[name]) for name in spec.binary) == bits
  full = networks.make('acrnn', convolutions=convolutions)
  assert spec.shapes() == full.shapes()
  # The bits, and all else at two bytes: under a fifteenth of fp16.
  scales = sum(shapes[name][-1] for name in spec.binary)
  whole = packing.num_bytes(full, 2) - 2 * bits
  assert packing.num_bytes(spec, 2) == bits // 8 + 2 * scales + whole
  assert packing.num_bytes(spec, 2) < packing.num_bytes(full, 2) / 14.5
  card = network.cost(small_networks.settings('bcrnn'), 20, 12)
  assert card['fp16_bytes'] == packing.num_bytes(
    small_networks.settings('bcrnn'), 2
  )


def test_binary_weights_are_those_of_the_formula():
  weights = np.random.default_rng(0).normal(size=(3, 2, 4, 5))
  weights[0, 0, 0] = 0.0
  expected = binary_twin.binarized(weights)
  found = binary.binarized(jnp.asarray(weights, jnp.float32))
  np.testing.assert_allclose(found, expected, rtol=1e-5)
  assert len(np.unique(np.abs(found[..., 2]))) == 1


def test_a_step_is_that_of_an_independent_twin():
  """Loss, and its slopes past the signs, with weights beyond 1 among them."""
  spec = small_networks.settings('bcrnn')
  params, stats = small_networks.weights(spec)
  params['linear']['kernel'] = 3 * params['linear']['kernel']
  params['conv2']['kernel'][0] = 1.25
  assert (abs(params['linear']['kernel']) > 1).any()
  base = slopes.as_float64(params)

  def theirs(params, *given):
    straight = binary_twin.straight(params, base)
    return acrnn_twin.loss(
      straight, *given, spec.convolutions, spec.pool, spec.bands
    )

  slopes.check_step(
    spec,
    theirs,
    lengths=(17, 12, 9, 14),
    frames=20,
    seed=5,
    weights=(params, stats),
  )


def test_weights_beyond_1_have_no_gradient():
  weights = jnp.array([[0.5, -1.5], [1.0, -0.2], [-1.0, 1.1]])
  gradient = jax.grad(lambda w: (binary.binarized(w) * 3.0).sum())(weights)
  np.testing.assert_array_equal(gradient, [[3, 0], [3, 3], [3, 0]])
