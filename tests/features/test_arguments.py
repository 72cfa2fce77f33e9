"""What is not an array, or not a spec, is named in one sentence."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from sernet_jax import features
from sernet_jax.common.errors import InputError
from sernet_jax.features.spec import MfccSpec

SMALL = MfccSpec(
  frame_samples=64, hop_samples=16, fft_size=64, num_mel_bands=8,
  num_coefficients=5, lower_edge_hz=300.0,
)  # fmt: skip
SOUND = np.random.default_rng(0).uniform(-0.5, 0.5, 300).astype(np.float32)
FRAMES = np.ones((9, 4), np.float32)
KEY = jax.random.key(0)
# Each takes what should be an array.
TAKERS = [
  lambda x: features.mfcc(x, SMALL),
  lambda x: features.spectrogram(x, SMALL),
  lambda x: features.mel_spectrogram(x, SMALL),
  lambda x: features.log_mel_spectrogram(waveform=x, spec=SMALL),
  lambda x: features.stream_step(features.stream_init(SMALL), x, SMALL),
  lambda x: features.frame_mask(x, 300, SMALL),
  lambda x: features.mfcc(SOUND[None], SMALL, x if x is not None else 'all'),
  lambda x: features.compress(x, SMALL),
  lambda x: features.cepstrum(x, SMALL),
  features.normalize,
  lambda x: features.running_normalize(features.running_init(4), x),
  features.deltas,
  features.add_deltas,
  lambda x: features.deltas(FRAMES, num_frames=x if x is not None else 'all'),
  features.pcen,
  lambda x: features.spec_augment(KEY, x),
  lambda x: features.mixup(KEY, x, FRAMES),
  lambda x: features.mixup(KEY, FRAMES, x),
]
SPECIFIED = [
  lambda spec: features.mfcc(SOUND, spec),
  lambda spec: features.mel_spectrogram(SOUND, spec=spec),
  lambda spec: features.num_frames(300, spec),
  lambda spec: features.frame_mask(300, 300, spec),
  lambda spec: features.compress(FRAMES, spec),
  lambda spec: features.cepstrum(FRAMES, spec),
  features.stream_init,
  lambda spec: features.stream_step(features.stream_init(SMALL), SOUND, spec),
]


@pytest.mark.parametrize('number', range(len(TAKERS)))
def test_what_is_not_an_array_is_named(number):
  for value in (None, 'a.wav', np.array([None] * 300), [[1.0], [1.0, 2.0]]):
    with pytest.raises(InputError, match=r' is .*; give an array of numbers'):
      TAKERS[number](value)


@pytest.mark.parametrize('augment', [features.spec_augment, features.mixup])
def test_a_key_in_the_place_of_values_is_named(augment):
  with pytest.raises(InputError, match=r'values is a random key; .*key first'):
    augment(FRAMES, KEY, FRAMES)


@pytest.mark.parametrize('shape', [(2000, 2), (1, 2000, 1)])
def test_channels_behind_samples_are_turned_not_padded(shape):
  """As soundfile reads them."""
  sound = np.zeros(shape, np.float32)
  with pytest.raises(InputError, match=r'so turn \(samples, channels\) into'):
    features.mfcc(sound, features.PRESETS['paper'])
  with pytest.raises(InputError, match='so pad it'):
    features.mfcc(sound[..., :1000, :], features.PRESETS['paper'])


@pytest.mark.parametrize('number', range(len(SPECIFIED)))
def test_what_is_not_a_spec_is_named(number):
  for value in (None, {}, 'paper'):
    with pytest.raises(InputError, match=r'spec is .*; give an MfccSpec'):
      SPECIFIED[number](value)


def test_what_python_says_of_arguments_stays():
  with pytest.raises(TypeError, match='spec'):
    features.mfcc(SOUND)
  for count in (20.0, None, [300], np.array([300.0])):
    with pytest.raises(InputError, match=r'num_samples is .*; give an integer'):
      features.num_frames(count, SMALL)
  with pytest.raises(InputError, match='state is tuple; give'):
    features.stream_step((), SOUND, SMALL)
