"""A stream gives the timeline of the file; what it refuses; a microphone."""

from __future__ import annotations

import io

import numpy as np
import pytest
import small_model
import soundfile
import soxr

from sernet_jax.audio.listening import Listening
from sernet_jax.common.errors import InputError
from sernet_jax.predict import live, recognizer, recordings
from sernet_jax.predict.inference import options

# Formats that libsndfile writes and that have a mark of their own.
MARKED = sorted(
  soundfile.available_formats().keys()
  - {'RAW', 'HTK', 'SDS', 'MPC2K', 'SD2', 'MAT4', 'WVE', 'XI'}
)


@pytest.fixture(scope='module')
def model():
  return recognizer.Recognizer([small_model.make()])


def write(path, samples, rate_hz=small_model.RATE_HZ):
  soundfile.write(path, samples, rate_hz, subtype='PCM_16')
  return path


def one(path, model, **options):
  (found,) = recordings.recognize([path], model, **{'hop_s': 0.1, **options})
  return found


@pytest.mark.parametrize('rate_hz', [16_000, 44_100])
@pytest.mark.parametrize('seconds', [0.1, 0.25, 0.35, 0.87])
def test_a_stream_gives_the_timeline(tmp_path, model, rate_hz, seconds):
  """Bytes cut at odd places; the end of the input included."""
  samples = small_model.sound(seconds, rate_hz=rate_hz)
  path = write(tmp_path / 'a.wav', samples, rate_hz)
  raw = (samples * 32_768).astype('<i2').tobytes()
  sizes = np.random.default_rng(0).integers(1, 3000, 200)
  chunks, start = [], 0
  for size in sizes:
    chunks.append(raw[start : start + size])
    start += size
  pieces = live.from_raw([*chunks, raw[start:]])
  found = [*live.estimates(pieces, model, rate_hz, 0.1)]
  expected = one(path, model).windows
  assert len(found) == len(expected)
  for actual, window in zip(found, expected, strict=True):
    assert (actual.start_s, actual.end_s) == (window.start_s, window.end_s)
    assert actual.label == window.label
    np.testing.assert_allclose(
      actual.probabilities, window.probabilities, atol=1e-6
    )


def test_a_stream_that_fell_behind_skips_to_now(model):
  samples = small_model.sound(1.0)
  found = [*live.estimates([samples], model, 16_000, 0.1, newest_only=True)]
  # The newest full window, then the one that holds the end.
  assert [window.start_s for window in found] == [0.7, 0.8]


def test_a_stream_of_silence(model):
  found = [*live.estimates([np.zeros(5000, np.float32)], model, 16_000, 0.2)]
  assert [window.label for window in found] == [None, None]


@pytest.mark.parametrize(
  ('raw', 'match'),
  [
    (b'RIFF\0\0\0\0WAVE', 'is a WAV file.*ffmpeg'),
    (b'ID3\4abc', 'is an MP3 file'),
    (b'FORM\0\0\0\0AIFF', 'is an AIFF file'),
    (b'.snd' + bytes(20), 'is an AU file'),
    (b'caff\0\1\0\0', 'is a CAF file'),
    (b'riff.\x91\xcf\x11' + bytes(32), 'is a W64 file'),
    (b'NIST_1A\n   1024\n', 'is a NIST SPHERE file'),
    (b'\0\0\0\x1cftypM4A ', 'is an MP4 file'),
    (b'\x1aE\xdf\xa3\x9fB\x86', 'is a WebM or Matroska file'),
    (2 * (b'\xff\xfb\x90\0' + bytes(413)), 'is an MP3 file'),
    (2 * (b'\xff\xf1\x60\x40\x01\x1f\xfc' + bytes(1)), 'is an AAC file'),
    (b'path,label\n', 'is text, not sound'),
    ('größer\n'.encode(), 'is text, not sound'),
    (b'PK\3\4' + bytes(9), 'is a ZIP archive, not sound'),
    (b'', 'ended before its first sample'),
    (b'\1', 'ended before its first sample'),
  ],
)
def test_streams_of_something_else(raw, match):
  with pytest.raises(InputError, match=match):
    [*live.from_raw([raw[:3], raw[3:]])]


@pytest.mark.parametrize('form', [*MARKED])
def test_every_file_that_is_written_is_known_in_a_stream(form):
  """Whatever libsndfile writes: its first bytes say what it is."""
  file = io.BytesIO()
  soundfile.write(file, small_model.sound(0.2), 16_000, format=form)
  with pytest.raises(InputError, match=r'the input is an? .* file, not raw'):
    [*live.from_raw([file.getvalue()])]


def test_noise_is_not_taken_for_a_file():
  """Raw sound of any level, which now and then begins as a frame of MP3."""
  for seed in range(200):
    random = np.random.default_rng(seed)
    raw = (random.normal(size=2000) * 10 ** random.uniform(0, 4)).astype('<i2')
    raw[0] = -1025  # ff fb
    found = np.concatenate([*live.from_raw([raw.tobytes()])])
    np.testing.assert_array_equal(found * 32_768, raw)


@pytest.mark.parametrize('form', options.SAMPLE_FORMATS)
def test_forms_and_channels_of_a_stream(form):
  kind, zero, scale = options.SAMPLE_FORMATS[form]
  stereo = np.array([[0.5, 0.25], [-0.5, 0.0], [-1.0, 0.75]])
  raw = (stereo * scale + zero).astype(kind).tobytes()
  chunks = [raw[:3], raw[3:4], raw[4:]]
  for channel, expected in (
    ('mean', stereo.mean(axis=1)), ('0', stereo[:, 0]), ('1', stereo[:, 1])
  ):  # fmt: skip
    found = np.concatenate([*live.from_raw(chunks, [], form, 2, channel)])
    np.testing.assert_array_equal(found, expected)
  with pytest.raises(InputError, match='--channel is 2'):
    [*live.from_raw(chunks, [], form, 2, '2')]


def test_numbers_of_a_stream_that_are_not_finite():
  raw = np.float32([0.5, np.nan]).tobytes()
  with pytest.raises(InputError, match='check --format'):
    [*live.from_raw([raw], [], 'f32')]
  raw = np.full(400, 1e30, '<f4').tobytes()
  with pytest.raises(InputError, match=r'samples up to 1e\+30, and full scale'):
    [*live.from_raw([raw], [], 'f32')]


def test_a_stream_says_its_narrow_band_once(model):
  noise = 0.1 * np.random.default_rng(0).normal(size=(30, 8000))
  problems = []
  pieces = noise.astype(np.float32)
  for window in live.estimates(pieces, model, 8000, 0.25, problems=problems):
    if window.end_s < 9:
      assert not problems
  assert len(problems) == 1
  assert 'the input has no sound above 4.0 kHz' in problems[0]


@pytest.mark.parametrize('sizes', [(4000,), (320,), (1600, 400)])
def test_a_stream_finds_the_band_wherever_the_pipe_cuts(model, sizes):
  noise = 0.1 * np.random.default_rng(0).normal(size=8000)
  samples = soxr.resample(noise.astype(np.float32), 8000, 16_000)
  # Faded out to a pause of zeros and in again.
  places = [0, 7000, 8000, 9600, 10_600]
  samples *= np.interp(np.arange(16_000), places, [1, 1, 0, 0, 1])
  problems, pieces, start = [], [], 0
  while start < len(samples):
    for size in sizes:
      pieces.append(samples[start : start + size])
      start += size
  [*live.estimates(pieces, model, 16_000, 0.25, problems=problems)]
  (said,) = problems
  assert 'the input has no sound above 4.0 kHz' in said


def test_a_stream_says_that_channels_cancel_and_that_it_is_short(model):
  """As predict of the same sound, of pieces, and of bytes that are cut anywhere."""
  noise = 0.1 * np.random.default_rng(0).normal(size=6407).astype(np.float32)
  for left, right, words in (
    (noise[7:], noise[:-7], 'has 2 channels that lose 2.9 dB in their mean'),
    (noise[7:], -noise[7:], 'has 2 channels that cancel out in their mean'),
    (noise[7:], noise[7:], ''),
  ):
    raw = np.stack([left, right], 1).tobytes()
    chunks = [raw[start : start + 999] for start in range(0, len(raw), 999)]
    for channel in ('', '1'):
      problems = []
      found = [*live.estimates(
        live.from_raw(chunks, problems, 'f32', 2, ''), model, 16_000, 0.1,
        listening=Listening(channel=channel), problems=problems,
      )]  # fmt: skip
      mean = (left + right) / 2 if channel == '' else right
      expected = [*live.estimates([mean], model, 16_000, 0.1)]
      assert [w.label for w in found] == [w.label for w in expected]
      *odd, short = problems
      assert short.startswith('the input lasts 0.40 s, shorter than 0.5 s')
      assert len(odd) == (channel == '' and words != '')
      assert not odd or odd[0].startswith(f'the input {words}')
  with pytest.raises(
    InputError, match='--channel is 2, the input has 2; count'
  ):
    both = [np.stack([left, right], 1)]
    third = Listening(channel='2')
    [*live.estimates(both, model, 16_000, listening=third)]


def test_a_stream_says_before_its_end_that_channels_cancel(model):
  noise = 0.1 * np.random.default_rng(0).normal(size=(30, 16_000, 1))
  problems = []
  pieces = np.concatenate([noise, -noise], axis=2).astype(np.float32)
  ends_s = [
    window.end_s
    for window in live.estimates(pieces, model, 16_000, 0.25, problems=problems)
    if problems
  ]
  assert 9 < ends_s[0] < 12
  (said,) = problems
  assert 'cancel out' in said


def test_faint_noise_in_a_stream_is_silence(model):
  samples = small_model.sound(1.0)
  samples[8000:] *= 0.003
  found = [*live.estimates([samples], model, 16_000, 0.25)]
  assert [window.label is None for window in found] == [
    False,
    False,
    True,
    True,
  ]


def test_half_a_sample_at_the_end_is_said():
  problems = []
  found = np.concatenate([*live.from_raw([b'\1\0\2', b'\0\3'], problems)])
  np.testing.assert_array_equal(found * 32_768, [1, 2])
  assert problems == ['the input ended in the middle of a sample']
  assert next(live.from_raw([b'\1', b'\1'])) == 257 / 32_768


def test_rates_that_make_no_sense(model):
  for rate_hz in (0, None, '16000', 16000.5, np.nan):
    with pytest.raises(InputError, match=f'rate_hz is {rate_hz!r}; give'):
      live.estimates([], model, rate_hz)


def test_forms_that_are_not_known():
  for asked, match in (
    ({'form': 's24'}, "form is 's24', which is not known"),
    ({'channels': 0}, 'channels is 0; give'),
    ({'channels': 2, 'channel': 1}, 'channel is 1; give a string'),
  ):
    with pytest.raises(InputError, match=match):
      next(live.from_raw([bytes(range(128, 256)) * 64], **asked))


def test_a_microphone(monkeypatch):
  """A stand-in for sounddevice that calls back with five blocks."""
  import sys
  import types

  class Stream:
    def __init__(self, samplerate, blocksize, channels, dtype, callback):
      assert (samplerate, channels, dtype) == (16_000, 1, 'int16')
      self.blocks, self.callback = (
        [bytes([n, 0]) * blocksize for n in range(5)],
        callback,
      )

    def __enter__(self):
      for block in self.blocks:
        self.callback(memoryview(block), len(block) // 2, None, '')
      self.callback(b'\0\0', 1, None, 'input overflow')

    def __exit__(self, *error):
      pass

  module = types.SimpleNamespace(
    RawInputStream=Stream,
    PortAudioError=type('PortAudioError', (Exception,), {}),
  )
  monkeypatch.setitem(sys.modules, 'sounddevice', module)
  problems = []
  found = next(live.microphone(16_000, problems))
  assert len(found) == 5 * 800 * 2 + 2
  assert problems == ['the microphone reports: input overflow']
  monkeypatch.setitem(sys.modules, 'sounddevice', None)
  with pytest.raises(InputError, match='pip install sounddevice, or in'):
    next(live.microphone(16_000, []))
