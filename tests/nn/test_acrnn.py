"""3-D ACRNN: counts, and one step against an independent twin in numpy."""

from __future__ import annotations

import acrnn_twin
import pytest
import slopes
import small_networks

from sernet_jax.common.errors import InputError
from sernet_jax.nn import network, networks

FACTS = [
  ({'norm': 'linear', 'num_classes': 4}, 8_317_510),
  ({'norm': 'linear', 'num_classes': 7}, 8_317_705),
  ({'norm': 'linear', 'num_classes': 4, 'convolutions': 6}, 9_300_806),
  ({'norm': 'linear', 'num_classes': 4, 'pool': (2, 4)}, 6_351_430),
  (
    {'norm': 'linear', 'num_classes': 4, 'convolutions': 6, 'pool': (2, 4)},
    7_334_726,
  ),
  # BatchNorm on 64 instead of 768: 2 x 704 fewer.
  ({'num_classes': 4}, 8_317_510 - 1_536 + 128),
]


@pytest.mark.parametrize(('fields', 'expected'), FACTS)
def test_parameters_are_those_of_the_layer_table(fields, expected):
  spec = networks.make('acrnn', **fields)
  assert sum(layer.num_weights for layer in spec.layers()) == expected


def test_multiplications_are_those_of_the_layers():
  spec = networks.make('acrnn', convolutions=2, num_classes=4)
  cells, halves = 300 * 40, 150 * 20
  expected = cells * 5 * 3 * 3 * 128 + halves * 5 * 3 * 128 * 256
  expected += 150 * (20 * 256 * 768 + 2 * (768 + 128) * 512)
  expected += 150 * 256 + 150 * 256 + 256 * 64 + 64 * 4  # score, sum, dense
  assert network.cost(spec, 300, 120)['mflops'] == 2 * expected / 1e6


@pytest.mark.parametrize(
  ('fields', 'match'),
  [
    ({'norm': 'none'}, r'model\.norm'),
    ({'pool': (0, 2)}, r'model\.pool'),
    ({'convolutions': 0}, r'model\.convolutions'),
    ({'dropout': 1.0}, r'model\.dropout'),
    ({'num_classes': 1}, 'num_classes'),
  ],
)
def test_settings_that_make_no_sense_are_one_sentence(fields, match):
  with pytest.raises(InputError, match=match):
    networks.make('acrnn', **fields)


def test_a_step_is_that_of_an_independent_twin():
  """Loss, and its slope along random directions, in numpy and float64."""
  spec = small_networks.settings('acrnn')

  def theirs(*given):
    return acrnn_twin.loss(*given, spec.convolutions, spec.pool, spec.bands)

  slopes.check_step(spec, theirs, lengths=(17, 12, 9, 14), frames=20, seed=5)
