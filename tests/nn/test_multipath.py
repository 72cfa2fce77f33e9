"""The multi-path network: counts, and a step against a twin in numpy."""

from __future__ import annotations

import jax
import multipath_twin
import numpy as np
import pytest
import slopes
import small_networks

from sernet_jax import features
from sernet_jax.common.errors import InputError
from sernet_jax.nn import network, networks


@pytest.mark.parametrize(
  ('maps', 'expected'), [(64, 657_148), (128, 1_232_892), (200, 1_880_604)]
)
def test_parameters_are_those_of_the_layer_table(maps, expected):
  spec = networks.make('multipath', num_classes=4, maps=maps)
  assert sum(layer.num_weights for layer in spec.layers()) == expected


def test_six_seconds_are_256_frames():
  spec = features.PRESETS['yenigalla2018']
  assert features.num_frames(6 * spec.sample_rate_hz, spec) == 256


def test_a_step_is_that_of_an_independent_twin():
  """Loss, and its slopes, of utterances of several lengths side by side."""
  spec = small_networks.settings('multipath', path_dropout=0.0)

  def theirs(*given):
    return multipath_twin.loss(*given, len(spec.kernels))

  slopes.check_step(spec, theirs, lengths=(17, 12, 9, 14), frames=20, seed=6)


def test_units_are_dropped_in_training_alone():
  spec = small_networks.settings('multipath', path_dropout=0.5)
  params, stats = small_networks.weights(spec)
  x = np.random.default_rng(2).normal(size=(3, 9, spec.width, 1))

  def logits(**given):
    return network.apply(spec, params, stats, np.float32(x), **given)[0]

  one, other, without = (
    logits(train=True, key=key)
    for key in (jax.random.key(0), jax.random.key(1), None)
  )
  assert np.abs(one - other).max() > 1e-3 < np.abs(one - without).max()
  np.testing.assert_array_equal(
    logits(train=False, key=jax.random.key(0)), logits(train=False)
  )


@pytest.mark.parametrize(
  ('fields', 'match'),
  [
    ({'kernel_bands': (3, 4)}, r'model\.kernel_bands .* for each path'),
    ({'kernel_frames': ()}, r'model\.kernel_frames'),
    ({'path_dropout': 1.0}, r'model\.path_dropout'),
  ],
)
def test_settings_that_make_no_sense_are_one_sentence(fields, match):
  with pytest.raises(InputError, match=match):
    networks.make('multipath', **fields)
