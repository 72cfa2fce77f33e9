"""GM-TCN: counts of its code, and a step against a twin in numpy."""

from __future__ import annotations

import gmtcn_twin
import pytest
import slopes
import small_networks

from sernet_jax.common.errors import InputError
from sernet_jax.nn import network, networks


@pytest.mark.parametrize(
  ('levels', 'expected', 'mib'), [(7, 260_644, 0.99), (8, 297_616, 1.135)]
)
def test_parameters_are_those_of_the_authors_code(levels, expected, mib):
  card = network.cost(networks.make('gmtcn', levels=levels), 188, 39)
  assert card['parameters_trainable'] == card['parameters'] == expected
  assert 4 * expected / 2**20 == pytest.approx(mib, abs=0.005)


def test_a_step_is_that_of_an_independent_twin():
  """Loss, and its slopes; all frames count."""
  spec = small_networks.settings('gmtcn')

  def theirs(*given):
    return gmtcn_twin.loss(*given, spec.levels)

  slopes.check_step(spec, theirs, lengths=(17,) * 4, frames=17, seed=6)


@pytest.mark.parametrize(
  ('fields', 'match'),
  [({'levels': 13}, r'model\.levels'), ({'coefficients': 0}, 'coefficients')],
)
def test_settings_that_make_no_sense_are_one_sentence(fields, match):
  with pytest.raises(InputError, match=match):
    networks.make('gmtcn', **fields)
