"""The estimate is counts times the prices of the published table."""

from __future__ import annotations

import pytest

from experiments.lib import energy
from sernet_jax.nn.cost import cost
from sernet_jax.nn.spec import ModelSpec


def test_the_prices_are_those_of_the_table():
  prices = {'float32': 4.6, 'float16': 1.5, 'int8': 0.3}
  assert pytest.approx(prices) == energy.MULTIPLY_ADD_PJ
  assert energy.DRAM_PJ_PER_BYTE == 162.5  # 1.3 nJ for 64 bits


def test_arithmetic_is_the_multiply_adds_of_the_cost_card():
  spec = ModelSpec()
  found = energy.estimate(spec, 184)
  multiply_adds = cost(spec, 184)['mflops'] * 1e6 / 2
  assert found['float32']['arithmetic_mj'] == pytest.approx(
    multiply_adds * 4.6e-9
  )
  least = 4 * (cost(spec, 184)['parameters_folded'] + 184 * 40 + 7)
  assert found['float32']['least_bytes'] == least


def test_traffic_of_a_small_network_counted_by_hand():
  # 1 x 1 input: every map holds one value per channel.
  spec = ModelSpec(num_classes=2, paths=('joint',), filters=2)
  found = energy.estimate(spec, 1, coefficients=1)['int8']
  channels = (2, 64, 96, 128, 160, 320)
  read = 1 + sum(channels)  # the input, and each map by what follows its pool
  written = sum(channels) + 2
  pools = 2 * sum(channels)  # read and written
  weights = (
    9 * (2 + 2 * 64 + 64 * 96 + 96 * 128 + 128 * 160)
    + 160 * 320
    + 320 * 2
    + sum(channels)
    + 2
  )
  assert found['most_bytes'] == weights + read + written + pools
  assert found['least_bytes'] == weights + 1 + 2


@pytest.mark.parametrize('frames', [184, 434])
def test_fewer_bits_and_less_traffic_cost_less(frames):
  found = energy.estimate(ModelSpec(), frames)
  for name in ('arithmetic_mj', 'least_mj', 'most_mj'):
    assert found['float32'][name] > found['float16'][name] > found['int8'][name]
  for kind in found.values():
    assert kind['arithmetic_mj'] < kind['least_mj'] < kind['most_mj']
