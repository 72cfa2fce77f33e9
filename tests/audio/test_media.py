"""What telephones and browsers record, through FFmpeg, right to the sample."""

from __future__ import annotations

import fractions
import io
import sys

import numpy as np
import pytest
import soundfile
from sounds import RATE_HZ, noise, tone

from sernet_jax.audio import quality, reading

av = pytest.importorskip('av')

# Container, codec, what the file's name ends in, sample rate in Hz.
KINDS = {
  'm4a': ('ipod', 'aac', RATE_HZ),
  'mp4': ('mp4', 'aac', 44_100),
  '3gp': ('3gp', 'aac', RATE_HZ),
  'webm': ('webm', 'libopus', 48_000),
  'mka': ('matroska', 'pcm_s16le', RATE_HZ),
  'mov': ('mov', 'alac', RATE_HZ),
  'caf': ('caf', 'alac', RATE_HZ),
  'wv': ('wv', 'wavpack', RATE_HZ),
}


def encoded(samples, container, codec, rate_hz):
  """The bytes of a recording of one channel."""
  file = io.BytesIO()
  with av.open(file, 'w', format=container) as out:
    stream = out.add_stream(codec, rate=rate_hz, layout='mono')
    form = stream.codec_context.format.name
    convert = av.AudioResampler(format=form, layout='mono', rate=rate_hz)
    for start in range(0, len(samples), 1000):
      block = samples[None, start : start + 1000].astype(np.float32)
      frame = av.AudioFrame.from_ndarray(block, format='fltp', layout='mono')
      frame.sample_rate, frame.pts = rate_hz, start
      frame.time_base = fractions.Fraction(1, rate_hz)
      for part in convert.resample(frame):
        out.mux(stream.encode(part))
    out.mux(stream.encode(None))
  return file.getvalue()


@pytest.mark.parametrize('suffix', KINDS)
def test_the_length_is_right_to_the_sample(tmp_path, suffix):
  container, codec, rate_hz = KINDS[suffix]
  samples = tone(0.4, rate_hz)[: round(0.4 * rate_hz) - 123]
  path = tmp_path / f'a.{suffix}'
  path.write_bytes(encoded(samples, container, codec, rate_hz))
  found, found_hz = reading.read(path)
  assert found_hz == rate_hz
  assert found.size == samples.size
  assert reading.duration_s(path) == samples.size / rate_hz
  # A shift of one sample would be 0.08 of the amplitude of 0.5 at 16 kHz.
  middle = slice(samples.size // 4, samples.size * 3 // 4)
  np.testing.assert_allclose(found[middle], samples[middle], atol=0.05)


def test_aac_without_a_container_says_that_it_does_not_know(tmp_path):
  path = tmp_path / 'a.aac'
  path.write_bytes(encoded(tone(), 'adts', 'aac', RATE_HZ))
  watch = quality.Watch()
  size = reading.read(path, watch=watch)[0].size
  assert RATE_HZ <= size < RATE_HZ + 2048
  assert 'does not say where its sound begins' in watch.notes[0]


@pytest.mark.parametrize('suffix', ['m4a', 'webm'])
def test_a_file_that_is_cut_short_or_is_not_sound(tmp_path, suffix):
  container, codec, rate_hz = KINDS[suffix]
  content = encoded(noise(rate_hz), container, codec, rate_hz)
  path = tmp_path / f'a.{suffix}'
  path.write_bytes(content[: len(content) // 3])
  with pytest.raises(reading.BadFile, match='cut short'):
    reading.read(path)
  path.write_bytes(content[:60])
  with pytest.raises(reading.BadFile, match='cut short'):
    reading.read(path)


def test_a_codec_that_libsndfile_does_not_know_in_a_wav_file(tmp_path):
  path = tmp_path / 'a.wav'
  path.write_bytes(encoded(tone(), 'wav', 'adpcm_yamaha', RATE_HZ))
  with pytest.raises(soundfile.LibsndfileError):
    soundfile.SoundFile(path)
  found, _ = reading.read(path)
  assert abs(found.size - RATE_HZ) <= 1024
  np.testing.assert_allclose(found[4000:8000], tone()[4000:8000], atol=0.05)


def test_without_pyav_the_sentence_has_the_cure(tmp_path, monkeypatch):
  path = tmp_path / 'a.m4a'
  path.write_bytes(encoded(tone(), 'ipod', 'aac', RATE_HZ))
  monkeypatch.setitem(sys.modules, 'av', None)
  with pytest.raises(
    reading.BadFile,
    match=r'pip install av, or in a clone .*, or convert it.*ffmpeg -i',
  ):
    reading.read(path)
