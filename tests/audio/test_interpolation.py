"""Traces of a rate that was raised by plain interpolation."""

from __future__ import annotations

import numpy as np
import pytest
import soxr
from sounds import noise

from sernet_jax.audio import interpolation, quality

OLD = interpolation.OLD_RATES_HZ


def old_rate(samples, rate_hz, parts=7):
  trace = interpolation.Trace()
  for part in np.array_split(np.float32(samples), parts):
    trace.add(part, rate_hz)
  return trace.old_rate_hz()


def raised(samples, old_hz, rate_hz, how):
  """A sound at another rate, in steps of 16 bits."""
  places = np.arange(len(samples) * rate_hz // old_hz) * old_hz / rate_hz
  if how == 'straight':
    found = np.interp(places, np.arange(len(samples)), samples)
  else:
    found = samples[places.astype(int)]
  return np.round(32_767 * found) / 32_768


@pytest.mark.parametrize('how', ['straight', 'repeated'])
@pytest.mark.parametrize('old_hz', OLD)
@pytest.mark.parametrize('rate_hz', [16_000, 44_100, 48_000])
def test_plain_interpolation_is_found(how, old_hz, rate_hz):
  samples = raised(noise(old_hz), old_hz, rate_hz, how)
  assert old_rate(samples, rate_hz) == old_hz


def test_other_sound_has_no_trace():
  for rate_hz in (8000, 16_000, 44_100):
    assert old_rate(noise(rate_hz), rate_hz) is None
  proper = soxr.resample(noise(8000), 8000, 16_000)
  assert old_rate(proper, 16_000) is None
  click = np.zeros(16_000)
  click[[100, 101, 9000]] = 0.5
  assert old_rate(click, 16_000) is None
  assert old_rate(np.zeros(16_000), 16_000) is None
  assert old_rate(noise(16_000)[:2], 16_000) is None


def test_blocks_of_any_length_give_the_same():
  samples = raised(noise(8000), 8000, 16_000, 'straight')
  assert {old_rate(samples, 16_000, parts) for parts in (1, 3, 9000)} == {8000}


def test_a_telephone_in_a_wider_file_is_noted():
  watch = quality.Watch()
  samples = np.float32(raised(noise(8000), 8000, 16_000, 'straight'))
  watch.see(samples[:, None], samples, 16_000)
  assert watch.band_hz(7600.0) is None
  (sentence,) = watch.sentences(7600.0)
  assert sentence.startswith('was brought from 8 to 16 kHz by plain interpola')
  assert 'above 4 kHz' in sentence
  # A network that listens up to 4 kHz alone misses nothing.
  assert watch.sentences(4000.0) == ()


@pytest.mark.parametrize('tone_hz', [2000, 4000, 6000])
def test_a_steady_tone_is_no_trace(tone_hz):
  """The sizes of its differences come and go with 12 or 8 kHz too."""
  time_s = np.arange(16_000) / 16_000
  tone = 0.3 * np.sin(2 * np.pi * tone_hz * time_s) + 0.1 * noise(16_000)
  assert old_rate(tone, 16_000) is None
