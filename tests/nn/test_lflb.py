"""The LFLB network: counts, and a step against a twin in numpy."""

from __future__ import annotations

import dataclasses

import jax
import lflb_twin
import numpy as np
import pytest
import slopes
import small_networks

from sernet_jax import features
from sernet_jax.common.errors import InputError
from sernet_jax.nn import network, networks


@pytest.mark.parametrize(
  ('fields', 'trainable'),
  [
    ({'num_classes': 7}, 655_815),
    ({'num_classes': 4}, 655_044),
    ({'num_classes': 6}, 655_558),
    ({'num_classes': 7, 'units': 32}, 280_615),
  ],
)
def test_parameters_are_those_of_the_layer_table(fields, trainable):
  card = network.cost(networks.make('lflb', **fields), 251, 128)
  assert card['parameters_trainable'] == trainable
  assert card['parameters'] == trainable + 2 * (64 + 64 + 128 + 128)


def test_eight_seconds_are_247_frames_of_128_bands():
  """With half a frame of zeros on both sides they are the code's 251."""
  spec = features.PRESETS['lflb']
  assert features.num_frames(8 * spec.sample_rate_hz, spec) == 247
  centered = dataclasses.replace(spec, padding='zeros')
  assert features.num_frames(8 * spec.sample_rate_hz, centered) == 251
  assert spec.num_mel_bands == 128


def test_the_lstm_has_a_step_for_each_128_frames_begun():
  """What follows them changes the state, what stands behind does not."""
  spec = small_networks.settings('lflb', pools=(2, 4, 4, 4))
  params, stats = small_networks.weights(spec)
  x = np.random.default_rng(1).normal(size=(1, 129, spec.width, 1))
  x = x.astype(np.float32)
  apply = jax.jit(
    lambda x, frames: network.apply(
      spec, params, stats, x, train=False, frames=frames
    )[0]
  )
  one, two = (apply(x, np.array([n])) for n in (128, 129))
  assert np.abs(one - two).max() > 1e-3
  louder = x.copy()
  louder[:, 128] = 1e3
  np.testing.assert_array_equal(one, apply(louder, np.array([128])))


def test_a_step_is_that_of_an_independent_twin():
  """Loss, and its slopes, of utterances of several lengths side by side."""
  spec = small_networks.settings('lflb')

  def theirs(*given):
    return lflb_twin.loss(*given, spec.pools)

  slopes.check_step(spec, theirs, lengths=(27, 24, 13, 9), frames=31, seed=6)


@pytest.mark.parametrize(
  ('fields', 'match'),
  [
    ({'pools': (2, 4, 4)}, r'model\.pools .* four whole numbers'),
    ({'channels': (0, 8, 8, 8)}, r'model\.channels'),
    ({'units': 0}, r'model\.units'),
  ],
)
def test_settings_that_make_no_sense_are_one_sentence(fields, match):
  with pytest.raises(InputError, match=match):
    networks.make('lflb', **fields)
