"""What makes a label doubtful: bands and channels, and how it is counted."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
import soxr
from sounds import RATE_HZ, noise

from sernet_jax.audio import quality, reading, segments, timeline
from sernet_jax.audio.spec import AudioSpec


def watched(block, rate_hz=RATE_HZ):
  watch = quality.Watch()
  for piece in np.array_split(np.float32(block), 3):
    watch.see(piece, piece.mean(axis=1), rate_hz)
  return watch


def test_the_loss_of_a_mean_is_that_of_its_phase():
  left, right = np.random.default_rng(0).normal(size=(2, 30_000))
  for channels, expected in (
    ([left], 0), ([left, left], 0), ([left, left / 9], 0), ([left, 0 * left], 0),
    ([left, right], 3), ([left, -left], np.inf),
  ):  # fmt: skip
    found = watched(np.stack(channels, 1)).loss_db()
    assert found == pytest.approx(expected, abs=0.1)


def test_an_offset_of_channels_does_not_count_for_their_loss():
  left, right = np.random.default_rng(0).normal(size=(2, 30_000)) / 99
  for channels, expected in (([left, right], 3), ([left, -left], np.inf)):
    found = watched(np.stack(channels, 1) + np.array([0.7, 0.2])).loss_db()
    assert found == pytest.approx(expected, abs=0.1)
  assert watched(np.full((900, 2), 0.3)).loss_db() == 0


def test_a_constant_is_no_sound():
  for values, expected in (
    ([], False), ([0], False), ([0.3], True), ([0.3] * 9, False),
    ([0] * 9, False), ([0.3] * 8 + [0.2], True), ([-1] * 2, False),
  ):  # fmt: skip
    assert quality.holds_sound(np.float32(values)) == expected
    watch = quality.Watch(spectrum=False)
    for piece in np.array_split(np.float32(values), 3):
      watch.see(piece[:, None], piece, RATE_HZ)
    assert bool(watch.silence()) != expected
  assert watch.silence() == (
    'is silent: all its 2 samples are -1, and a constant holds no sound'
  )


def test_a_silent_channel_is_not_told_as_a_mean_that_cancels(tmp_path):
  path = tmp_path / 'a.wav'
  soundfile.write(path, np.stack([noise(), -noise(), 0 * noise()], 1), RATE_HZ)
  for channel, words in (
    ('2', 'is silent: all 16000 samples of its channel 2 are 0; '),
    ('mean', 'is silent as the mean of its channels, which cancel out'),
  ):
    with pytest.raises(reading.BadFile, match=words):
      reading.read(path, channel)
    with pytest.raises(reading.BadFile, match=words):
      list(timeline.pieces(path, RATE_HZ, channel))
  assert reading.read(path, '1')[0].size == RATE_HZ


def test_two_microphones_lose_more_than_a_decibel():
  """0.4 ms apart, as those of EMOVO: a comb with its first gap at 1.25 kHz."""
  sound = np.random.default_rng(0).normal(size=RATE_HZ)
  watch = watched(np.stack([sound[7:], sound[:-7]], 1))
  (sentence,) = watch.sentences(7600.0)
  assert 'lose 3.0 dB' in sentence
  assert '--channel=0' in sentence
  assert not watch.sentences(7600.0, '0')


def test_an_offset_does_not_hide_the_band():
  sound = 0.01 * np.random.default_rng(0).normal(size=RATE_HZ)
  for samples in (sound, sound + 0.5, sound[:300] - 0.9):
    assert watched(samples[:, None]).band_hz(7600.0) is None


def test_the_band_is_the_same_wherever_blocks_are_cut():
  """As by pipes: a frame lies across several of them, and no edge is heard."""
  samples = soxr.resample(np.float32(noise(8000)), 8000, RATE_HZ)
  for sizes in ([16_000], [320], [512], [800], [1600, 400], [1600, 448], [1]):
    watch, start = quality.Watch(), 0
    while start < len(samples):
      for size in sizes:
        piece = samples[start : start + size]
        watch.see(piece[:, None], piece, RATE_HZ)
        start += size
    assert watch.band_hz(7600.0) == 4000, sizes


def test_a_band_ends_at_half_of_the_rate_or_nowhere():
  for rate_hz in (100, 200, 4000, 8000, 11_025, 12_000):
    assert watched(noise()[:, None], rate_hz).band_hz(7600.0) == rate_hz / 2
  for rate_hz in (15_000, 16_000, 44_100):
    assert watched(noise()[:, None], rate_hz).band_hz(7600.0) is None
  assert quality.Watch().band_hz(7600.0) is None
  assert watched(np.zeros((9, 1))).band_hz(7600.0) is None


def test_a_network_beyond_speech_asks_for_what_the_rate_allows():
  """As those that bring 16 kHz to 22,050 Hz: of no recording of 16 kHz is said
  that it lacks what a telephone's lacks."""
  for rate_hz in (15_000, 16_000, 22_050, 44_100):
    assert watched(noise()[:, None], rate_hz).band_hz(11_025.0) is None
  for rate_hz in (8000, 11_025, 12_000):
    found = watched(noise()[:, None], rate_hz)
    assert found.band_hz(11_025.0) == rate_hz / 2
    assert 'up to 11.0 kHz' in found.sentences(11_025.0)[0]
  once_16_khz = soxr.resample(noise(), RATE_HZ, 44_100)
  ends_hz = watched(once_16_khz[:, None], 44_100).band_hz(11_025.0)
  assert ends_hz == pytest.approx(8000, abs=250)


def test_notes_are_counted_by_what_they_say():
  notes = {
    'a.wav': ['lasts 1 s', 'is odd'],
    'b.wav': ['lasts 2.5 s'],
    'c.wav': ['is odd', 'lasts 0.1 s'],
  }
  assert quality.summary(notes, 9) == (
    '3 of 9 recordings: a.wav lasts 1 s.',
    '2 of 9 recordings: a.wav is odd.',
  )
  assert quality.summary({}, 9) == ()


def test_read_all_notes_what_is_odd(tmp_path):
  """A silent middle gives the loudest segment; a band is told; order is kept."""
  spec = AudioSpec(duration_s=0.5)
  good, narrow, hollow = (tmp_path / f'{name}.wav' for name in 'abc')
  soundfile.write(good, noise(16_000), RATE_HZ)
  soundfile.write(narrow, noise(8000), 8000)
  samples = np.zeros(24_000)
  samples[1600:4800] = noise(3200)
  soundfile.write(hollow, samples, RATE_HZ)
  notes = {}
  found = dict(
    segments.read_all(
      [good, narrow, hollow], spec, notes=notes, limit_hz=7600.0
    )
  )
  assert sorted(found) == [0, 1, 2]
  assert sorted(notes) == [str(narrow), str(hollow)]
  assert 'has no sound above 4.0 kHz' in notes[str(narrow)][0]
  assert 'is silent in its middle' in notes[str(hollow)][0]
  loud = reading.load_mono(hollow, RATE_HZ)[:8000]
  np.testing.assert_array_equal(found[2][0], segments.prepare(loud, 8000))


def test_training_reads_one_channel_if_it_is_told_to(tmp_path):
  stereo = np.stack([noise(8000), noise(9000)[1000:]], 1)
  soundfile.write(tmp_path / 'a.wav', stereo, RATE_HZ)
  soundfile.write(tmp_path / 'b.wav', stereo[:, 1], RATE_HZ)
  one = segments.load_segments(tmp_path / 'a.wav', AudioSpec(channel='1'))
  np.testing.assert_array_equal(
    one, segments.load_segments(tmp_path / 'b.wav', AudioSpec())
  )
  assert 'channel' not in AudioSpec().to_json()
  assert AudioSpec(**AudioSpec(channel='1').to_json()).channel == '1'
