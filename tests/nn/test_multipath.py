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


def phonemes_too(**fields):
  return small_networks.settings(
    'multipath',
    path_dropout=0.0,
    phonemes=6,
    phoneme_size=4,
    phoneme_maps=3,
    phoneme_heights=(3, 4),
    **fields,
  )


def test_parameters_with_phonemes_are_those_of_the_layer_table():
  """47 vectors, four heights over them, a dense layer, and a wider second."""
  spec = networks.make('multipath', num_classes=4, phonemes=47)
  paths = 100 * 100 * (3 + 9 + 13 + 17) + 4 * 100
  assert sum(layer.num_weights for layer in spec.layers()) == (
    1_880_604 + 47 * 100 + paths + (400 * 400 + 400) + 400 * 200
  )
  card = network.cost(spec, 256, 128)
  assert card['parameters_trainable'] == 2_546_104


def test_a_step_with_phonemes_is_that_of_an_independent_twin():
  """Fewer phonemes than frames, more than frames, and one alone."""
  spec = phonemes_too()
  said = [(1, 2, 3, 3, 2), (6,), (5, 4, 3, 2, 1, 6, 1, 2, 3, 4, 5, 6), (2, 5)]

  def theirs(*given):
    return multipath_twin.loss(*given, len(spec.kernels), said, 2)

  slopes.check_step(
    spec, theirs, lengths=(17, 12, 9, 14), frames=20, seed=6, said=said
  )


def test_phonemes_change_the_answer_and_none_is_an_answer_too():
  spec = phonemes_too()
  params, stats = small_networks.weights(spec)
  x = np.random.default_rng(2).normal(size=(3, 9, spec.width + 1, 1))
  x[:, :, -1] = 0.0
  x[0, :4, -1, 0] = x[1, :4, -1, 0] = 1, 2, 3, 4
  x[2] = x[0]
  x[2, 1, -1] = 6
  x[1, :, :-1] = x[0, :, :-1]
  logits, _ = network.apply(spec, params, stats, np.float32(x), train=False)
  np.testing.assert_allclose(logits[0], logits[1], rtol=1e-5, atol=1e-6)
  assert np.abs(logits[0] - logits[2]).max() > 1e-4
  x[:, :, -1] = 0.0
  logits, _ = network.apply(spec, params, stats, np.float32(x), train=False)
  assert np.isfinite(logits).all()


def test_sound_alone_is_refused_where_phonemes_are_read():
  spec = phonemes_too()
  params, stats = small_networks.weights(spec)
  x = np.zeros((1, 9, spec.width, 1), np.float32)
  with pytest.raises(InputError, match=r'also reads phonemes .*phonemes=0'):
    network.apply(spec, params, stats, x, train=False)


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
    ({'phonemes': -1}, r'model\.phonemes is -1'),
    ({'phoneme_heights': (3, 0)}, r'model\.phoneme_heights'),
  ],
)
def test_settings_that_make_no_sense_are_one_sentence(fields, match):
  with pytest.raises(InputError, match=match):
    networks.make('multipath', **fields)
