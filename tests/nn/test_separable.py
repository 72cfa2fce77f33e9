"""The separable network: counts, and a step against a twin in numpy."""

from __future__ import annotations

import jax
import numpy as np
import pytest
import separable_twin
import slopes
import small_networks

from sernet_jax.common.errors import InputError
from sernet_jax.nn import network, networks
from sernet_jax.training.specs import LossSpec


@pytest.mark.parametrize(
  ('fields', 'expected'),
  [
    ({'num_classes': 4}, 948_806),
    ({'num_classes': 7}, 949_001),
    ({'num_classes': 4, 'shared': False}, 1_784_774),
    ({'num_classes': 7, 'shared': False}, 1_784_969),
  ],
)
def test_parameters_are_those_of_the_layer_table(fields, expected):
  spec = networks.make('separable', **fields)
  assert sum(layer.num_weights for layer in spec.layers()) == expected


def test_the_convolutions_are_a_tenth_of_it():
  spec = networks.make('separable')
  sizes = {layer.name: layer.num_weights for layer in spec.layers()}
  blocks = ('conv', 'expand', 'depthwise', 'project')
  assert sum(sizes[n] for n in sizes if n.startswith(blocks)) == 95_808
  assert sizes['ahead'] == 835_968


def test_it_starts_as_its_code_does():
  """GRUCell of TensorFlow 1, PReLU of Keras, Glorot over all channels."""
  spec = small_networks.settings('separable', units=2, expanded=64)
  params, _ = network.init(jax.random.key(0), spec)
  np.testing.assert_array_equal(params['ahead']['bias'], [1, 1, 1, 1, 0, 0])
  np.testing.assert_array_equal(params['prelu']['slope'], 0)
  limit = np.sqrt(6 / (9 * 64 + 9))  # as many come in as channels, one goes out
  widest = np.abs(params['depthwise2']['kernel']).max()
  assert 0.95 * limit < widest <= limit


@pytest.mark.parametrize(
  ('fields', 'match'),
  [({'blocks': 0}, r'model\.blocks'), ({'shared': 1}, r'model\.shared')],
)
def test_settings_that_make_no_sense_are_one_sentence(fields, match):
  with pytest.raises(InputError, match=match):
    networks.make('separable', **fields)


@pytest.mark.parametrize('shared', [True, False])
def test_a_step_is_that_of_an_independent_twin(shared):
  """Loss, and its slopes, of utterances of several lengths side by side."""
  spec = small_networks.settings('separable', shared=shared)

  def theirs(*given):
    return separable_twin.loss(*given, spec.blocks)

  slopes.check_step(
    spec,
    theirs,
    lengths=(17, 12, 9, 14),
    frames=20,
    seed=6,
    loss=LossSpec(name='focal'),
  )
