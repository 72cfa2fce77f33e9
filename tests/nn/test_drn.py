"""The dilated residual network: counts, and a step against a twin in numpy."""

from __future__ import annotations

import drn_twin
import pytest
import slopes
import small_networks

from sernet_jax.common.errors import InputError
from sernet_jax.nn import networks


@pytest.mark.parametrize(
  ('classes', 'expected'), [(4, 5_741_780), (7, 5_742_383)]
)
def test_parameters_are_those_of_the_layer_table(classes, expected):
  spec = networks.make('drn', num_classes=classes)
  sizes = {layer.name: layer.num_weights for layer in spec.layers()}
  assert sum(sizes.values()) == expected
  convolutions = ('conv', 'widen', 'stage')
  assert sum(sizes[n] for n in sizes if n.startswith(convolutions)) == 4_547_552


def test_a_step_is_that_of_an_independent_twin():
  """Loss, and its slopes, of utterances of several lengths side by side."""
  spec = small_networks.settings('drn')

  def theirs(*given):
    return drn_twin.loss(*given, spec.heads)

  slopes.check_step(spec, theirs, lengths=(31, 26, 17, 22), frames=37, seed=6)


@pytest.mark.parametrize(
  ('fields', 'match'),
  [
    ({'heads': 7}, r'model\.heads is 7, which does not divide'),
    ({'heads': 0}, r'model\.heads'),
    ({'channels': (1, 2)}, r'model\.channels .* four whole numbers'),
    ({'channels': (8, 8, 8, 0)}, r'model\.channels'),
  ],
)
def test_settings_that_make_no_sense_are_one_sentence(fields, match):
  with pytest.raises(InputError, match=match):
    networks.make('drn', **fields)
