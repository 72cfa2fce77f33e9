"""Reading recordings, and the reasons why some cannot be read."""

from __future__ import annotations

import os
import unicodedata

import numpy as np
import pytest
import soundfile
from sounds import RATE_HZ, make_bad, tone

from sernet_jax.audio import decoding, reading
from sernet_jax.audio.containers import headers
from sernet_jax.audio.spec import AudioSpec
from sernet_jax.common.errors import InputError

LOSSLESS = 1e-4  # 16 bits and the resampler
LOSSY = 0.02  # of an amplitude of 0.125; 0.013 was measured for MP3 at 8 kHz


@pytest.mark.parametrize(
  ('suffix', 'options', 'tolerance'),
  [
    ('wav', {'subtype': 'PCM_16'}, LOSSLESS),
    ('wav', {'subtype': 'PCM_24'}, LOSSLESS),
    ('wav', {'subtype': 'PCM_32'}, LOSSLESS),
    ('wav', {'subtype': 'FLOAT'}, LOSSLESS),
    ('wav', {'subtype': 'DOUBLE'}, LOSSLESS),
    ('wav', {'format': 'WAVEX'}, LOSSLESS),
    ('wav', {'format': 'RF64'}, LOSSLESS),
    ('wav', {'endian': 'BIG'}, LOSSLESS),
    ('flac', {}, LOSSLESS),
    ('wav', {'subtype': 'PCM_U8'}, 1 / 128),
    ('wav', {'subtype': 'ULAW'}, LOSSY),
    ('ogg', {}, LOSSY),
    ('ogg', {'format': 'OGG', 'subtype': 'OPUS'}, LOSSY),
    ('mp3', {}, LOSSY),
  ],
)
@pytest.mark.parametrize('rate_hz', [8_000, 16_000, 48_000])
def test_every_format_and_rate_gives_the_same_tone(
  tmp_path, suffix, options, tolerance, rate_hz
):
  path = tmp_path / f'a.{suffix}'
  # The mean with the opposite second channel is a quarter of the first.
  left = tone(1.0, rate_hz)
  soundfile.write(path, np.stack([left, -0.5 * left], 1), rate_hz, **options)
  waveform = reading.load_mono(path, RATE_HZ)
  assert waveform.dtype == np.float32
  assert waveform.size == RATE_HZ
  middle = slice(4000, 12_000)
  np.testing.assert_allclose(
    waveform[middle], tone()[middle] / 4, atol=tolerance
  )
  assert np.abs(waveform[middle]).max() > 0.1
  assert reading.duration_s(path) == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize('channel', [0, 1, None, '-1', '', 'left', '\u00b2'])
def test_a_channel_is_a_string_that_counts_from_0(tmp_path, channel):
  """Neither the mean nor the last channel without a word."""
  match = 'channel is .*; give '
  with pytest.raises(InputError, match=match):
    AudioSpec(channel=channel)
  left = tone(0.1)
  for samples in (left, np.stack([left, left / 2], 1)):
    soundfile.write(tmp_path / 'a.wav', samples, RATE_HZ)
    with pytest.raises(InputError, match=match):
      reading.read(tmp_path / 'a.wav', channel=channel)


def test_write_wav_clips_and_comes_back(tmp_path):
  path = tmp_path / 'a.wav'
  reading.write_wav(path, np.array([0.0, 0.5, -0.25, 2.0]), 8_000)
  samples, rate_hz = reading.read(path)
  assert rate_hz == 8_000
  np.testing.assert_allclose(samples, [0, 0.5, -0.25, 1], atol=1 / 32_768)


def test_every_kind_of_bad_file_has_its_own_reason(tmp_path):
  for path, words in make_bad(tmp_path).values():
    with pytest.raises(reading.BadFile, match=words) as caught:
      reading.read(path)
    assert str(path) in str(caught.value)
    assert caught.value.path == str(path)


def test_a_pipe_is_not_waited_for(tmp_path):
  os.mkfifo(tmp_path / 'a.wav')
  with pytest.raises(reading.BadFile, match='is a pipe, not a file; give -'):
    reading.read(tmp_path / 'a.wav')


@pytest.mark.parametrize('rate_hz', [1, 99, 1_000_001])
def test_rates_that_no_recording_has(tmp_path, rate_hz):
  """A low rate makes gigabytes of a small file when it is raised."""
  soundfile.write(tmp_path / 'a.wav', tone(), rate_hz, subtype='PCM_16')
  for use in (reading.read, reading.duration_s):
    with pytest.raises(reading.BadFile, match=f'a sample rate of {rate_hz} Hz'):
      use(tmp_path / 'a.wav')


def test_what_does_not_fit_into_memory_is_refused(tmp_path, monkeypatch):
  """Bounded by the samples at the rate that is asked for, too."""
  path = tmp_path / 'a.flac'
  soundfile.write(path, tone(1.0, 8000), 8000)
  monkeypatch.setattr(reading, 'MAX_HELD', 8000)
  assert reading.read(path)[0].size == 8000
  with pytest.raises(reading.BadFile, match='too long to be held in memory'):
    reading.load_mono(path, 16_000)
  soundfile.write(path, tone(3.0, 8000), 8000)
  monkeypatch.setattr(decoding, '_BLOCK_S', 1)
  assert [len(block) for block, _ in reading.blocks(path)] == [8000] * 3


def test_a_name_that_is_spelt_otherwise_is_found_beside(tmp_path):
  for name in ('Größe.WAV', 'b.flac'):
    (tmp_path / name).write_bytes(b'')
  for name, there in (
    ('größe.wav', 'Größe.WAV'),
    (unicodedata.normalize('NFD', 'Größe.WAV'), 'Größe.WAV'),
    ('b.wav', 'b.flac'),
  ):
    with pytest.raises(reading.BadFile, match=f"but '{there}' does beside it"):
      reading.read(tmp_path / name)
  with pytest.raises(reading.BadFile, match='does not exist; replace'):
    reading.read(tmp_path / 'c.wav')
  with pytest.raises(reading.BadFile, match='is a path of Windows'):
    reading.read('C:\\sounds\\a.wav')


@pytest.mark.parametrize('channel', ['mean', '0', '1'])
def test_a_channel_of_a_recording(tmp_path, channel):
  path = tmp_path / 'a.wav'
  stereo = np.stack([tone(0.1), tone(0.1, frequency_hz=900)], 1)
  soundfile.write(path, stereo, RATE_HZ, subtype='FLOAT')
  expected = stereo.mean(1) if channel == 'mean' else stereo[:, int(channel)]
  found, _ = reading.read(path, channel)
  np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_file_that_may_not_be_read(tmp_path, monkeypatch):
  path = tmp_path / 'a.wav'
  reading.write_wav(path, tone(), RATE_HZ)

  def refuse(path):
    raise PermissionError(13, 'Permission denied')

  # As by chmod 0, which does not stop the administrator.
  monkeypatch.setattr(headers, 'look', refuse)
  with pytest.raises(reading.BadFile, match='may not be read'):
    reading.read(path)
