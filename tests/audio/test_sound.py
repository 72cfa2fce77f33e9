"""Samples in memory are heard as the file that holds them."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
import sounds

from sernet_jax.audio import quality, reading, sound, timeline
from sernet_jax.common.errors import InputError

TONE = sounds.tone(0.5)


@pytest.mark.parametrize(
  ('subtype', 'dtype'),
  [('PCM_16', 'int16'), ('PCM_32', 'int32'), ('PCM_24', 'int32')],
)
def test_whole_numbers_have_the_scale_of_their_type(tmp_path, subtype, dtype):
  path = tmp_path / 'a.wav'
  soundfile.write(path, TONE, 44_100, subtype=subtype)
  raw, rate_hz = soundfile.read(path, dtype=dtype)
  heard, found_hz = reading.read(sound.make(raw, rate_hz))
  expected, _ = reading.read(path)
  assert found_hz == 44_100
  np.testing.assert_array_equal(heard, expected)


def test_eight_bits_have_their_middle_at_128_or_0():
  values = np.array([0, 128, 192], np.uint8)
  signed = np.array([-128, 0, 64], np.int8)
  for given in (values, signed):
    made = sound.make(given, 8000).samples
    np.testing.assert_array_equal(made[:, 0], [-1.0, 0.0, 0.5])


@pytest.mark.parametrize('dtype', [np.float16, np.float32, np.float64])
def test_floating_point_is_taken_as_it_is(dtype):
  made = sound.make(TONE.astype(dtype), 16_000).samples
  assert made.dtype == np.float32
  np.testing.assert_allclose(made[:, 0], TONE, atol=1e-3)


def test_channels_and_rates_are_those_of_the_file(tmp_path):
  stereo = np.stack([TONE, 0.5 * TONE], axis=1)
  soundfile.write(tmp_path / 'a.wav', stereo, 22_050, subtype='FLOAT')
  held = sound.make(stereo, 22_050)
  for channel in ('mean', '1'):
    np.testing.assert_array_equal(
      reading.load_mono(held, 16_000, channel),
      reading.load_mono(tmp_path / 'a.wav', 16_000, channel),
    )
    pieces = timeline.pieces(held, 16_000, channel, quality.Watch())
    np.testing.assert_array_equal(
      np.concatenate([*pieces]), reading.load_mono(held, 16_000, channel)
    )
  with pytest.raises(reading.BadFile, match='has 2 channels, none of number 2'):
    reading.read(held, '2')


@pytest.mark.parametrize('dtype', ['i2', 'i4', 'f4', 'f8'])
def test_either_order_of_bytes_is_read(dtype):
  samples = TONE.astype(dtype) if dtype[0] == 'f' else np.int16(9 * TONE)
  one, other = (samples.astype(f'{order}{dtype}') for order in '<>')
  np.testing.assert_array_equal(
    sound.make(other, 16_000).samples, sound.make(one, 16_000).samples
  )


def test_one_row_is_one_channel():
  row = sound.make(TONE[None], 16_000)
  np.testing.assert_array_equal(row.samples, sound.make(TONE, 16_000).samples)
  assert sound.make([0.5, 0.25, 0.0], 16_000).samples.shape == (3, 1)


@pytest.mark.parametrize(
  ('samples', 'rate_hz', 'match'),
  [
    (np.zeros((2, 9000)), 16_000, r'by \.T, and sounds as a list'),
    (np.zeros((900, 65)), 16_000, 'could be channels'),
    (np.zeros((4, 4)), 16_000, 'could be channels'),
    (np.zeros((2, 3, 4)), 16_000, r'shape \(2, 3, 4\)'),
    (np.float64(1.0), 16_000, r'shape \(\)'),
    ([1, 2, 3], 16_000, 'int64, which has no full scale'),
    (np.zeros(9, bool), 16_000, 'is bool'),
    (np.zeros(9, complex), 16_000, 'is complex128'),
    (['a', 'b'], 16_000, 'which has no full scale'),
    ([[1.0], [1.0, 2.0]], 16_000, 'is not an array'),
    (1000.0 * TONE, 16_000, 'reaches 500, and full scale is 1'),
    (TONE, 16_000.5, 'give a whole number of samples a second'),
    (TONE, '16000', 'give a whole number of samples a second'),
    (TONE, True, 'give a whole number of samples a second'),
    (TONE, float('nan'), 'give a whole number of samples a second'),
    (np.ma.array(TONE, mask=TONE > 0), 16_000, 'has samples that are masked'),
    (
      np.broadcast_to(np.float32(0.1), (2**50,)),
      16_000,
      'has 1125899906842624 samples, more than fit into memory',
    ),
  ],
)
def test_what_may_not_be_sound_is_refused(samples, rate_hz, match):
  with pytest.raises(InputError, match=match):
    sound.make(samples, rate_hz)


@pytest.mark.parametrize(
  ('samples', 'rate_hz', 'match'),
  [
    (np.zeros(0), 16_000, 'holds no samples'),
    (np.zeros((0, 2)), 16_000, 'holds no samples'),
    (np.zeros((2, 0)), 16_000, 'holds no samples'),
    (np.zeros(90), 16_000, 'is silent: all its 90 samples are 0'),
    (
      np.full(90, 9, np.int16),
      8000,
      'is silent: all its 90 samples are 0.000274658, and',
    ),
    (
      np.full((90, 2), -0.5),
      44_100,
      'is silent: all its 90 samples are -0.5, and a',
    ),
    (np.full(9, np.nan), 16_000, 'has 9 samples that are not finite'),
    (np.array([0.1, np.inf]), 16_000, 'has 1 samples that are not finite'),
    (TONE, 99, 'a sample rate of 99 Hz, outside of 100 to'),
    (TONE, 10**400, 'a sample rate of 1000'),
  ],
)
def test_bad_sound_is_refused_like_a_bad_file(samples, rate_hz, match):
  with pytest.raises(reading.BadFile, match=f'^the sound (has )?{match}'):
    reading.read(sound.make(samples, rate_hz))
