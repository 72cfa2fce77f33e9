"""The label of a file is training's; the stream gives the timeline."""

from __future__ import annotations

import csv
import dataclasses
import json

import numpy as np
import pytest
import small_model
import soundfile

from sernet_jax.audio import (
  decoding,
  segments as segments_lib,
  timeline,
)
from sernet_jax.common.errors import InputError
from sernet_jax.predict import (
  bundle,
  live,
  models,
  output,
  recognizer,
  recordings,
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


def all_windows(recording):
  return np.stack([window.probabilities for window in recording.windows])


@pytest.mark.parametrize('segments', ['center', 'all'])
@pytest.mark.parametrize('seconds', [0.1, 0.25, 0.4, 1.234])
@pytest.mark.parametrize('held_s', [600, 0.01])
def test_the_whole_is_what_training_evaluates(
  tmp_path, monkeypatch, segments, seconds, held_s
):
  """Held or, as a long recording, read twice; `audio.cut_and_prepare` decides."""
  monkeypatch.setattr(recordings, 'HELD_S', held_s)
  small = small_model.make(segments=segments)
  path = write(tmp_path / 'a.wav', small_model.sound(seconds))
  network = recognizer.Recognizer([small])
  expected = network(segments_lib.load_segments(path, small.audio)).mean(axis=0)
  found = one(path, network)
  np.testing.assert_allclose(found.probabilities, expected, atol=1e-6)
  assert found.label == small.classes[int(np.argmax(expected))]
  assert found.duration_s == pytest.approx(seconds, abs=1e-4)


def test_the_timeline_is_each_window_by_itself(tmp_path, model):
  samples = small_model.sound(0.93)
  found = one(write(tmp_path / 'a.wav', samples), model)
  assert len(found.windows) == 8  # 0.0 to 0.7, the last one 0.23 s long
  for number, window in enumerate(found.windows):
    start = 1600 * number
    assert window.start_s == pytest.approx(number / 10)
    assert window.end_s == pytest.approx(min(number / 10 + 0.25, 0.93))
    segment = segments_lib.prepare(samples[start : start + 4000], 4000)
    expected = model(segment[None])[0]
    np.testing.assert_allclose(window.probabilities, expected, atol=1e-6)
    assert window.label == model.classes[int(np.argmax(expected))]


def test_the_mean_of_the_timeline(tmp_path, model):
  path = write(tmp_path / 'a.wav', small_model.sound(1.0))
  found = one(path, model, whole='timeline')
  expected = all_windows(found).mean(axis=0)
  np.testing.assert_allclose(found.probabilities, expected, atol=1e-6)


def test_without_timeline(tmp_path, model):
  path = write(tmp_path / 'a.wav', small_model.sound(0.5))
  found = one(path, model, hop_s=0.0)
  assert not found.windows
  with pytest.raises(InputError, match='hop_s'):
    one(path, model, hop_s=0.0, whole='timeline')


def test_silence_inside_has_no_label(tmp_path, model):
  samples = small_model.sound(2.0)
  samples[8000:24_000] = 0
  path = write(tmp_path / 'a.wav', samples)
  found = one(path, model, whole='timeline')
  silent = [w.label is None for w in found.windows]
  assert silent == [8000 <= 1600 * k <= 20_000 for k in range(len(silent))]
  assert all(
    (w.probabilities is None) == (w.label is None) for w in found.windows
  )
  # The centred segment is silent: training would refuse the file.
  failure = one(path, model)
  assert isinstance(failure, recordings.Failure)
  assert 'is silent in its segments' in failure.message


def test_files_share_batches_and_keep_their_order(tmp_path, model):
  """Forty files, some bad, give what each gives alone."""
  paths = []
  for number in range(40):
    path = tmp_path / f'{number:02}.wav'
    if number % 10 == 3:
      path.write_bytes(b'RIFF')
    else:
      write(path, small_model.sound(0.1 + 0.02 * number, seed=number))
    paths.append(path)
  found = [*recordings.recognize(paths, model, 0.1)]
  assert [result.path for result in found] == [str(path) for path in paths]
  for number, result in enumerate(found):
    assert isinstance(result, recordings.Failure) == (number % 10 == 3)
  for number in (0, 17, 39):
    alone = one(paths[number], model)
    np.testing.assert_allclose(
      all_windows(found[number]), all_windows(alone), atol=1e-6
    )


def test_an_ensemble_is_the_mean(tmp_path):
  small = [small_model.make(seed) for seed in range(3)]
  segments = np.stack(
    [
      segments_lib.prepare(small_model.sound(0.25, seed), 4000)
      for seed in range(20)
    ]
  )
  expected = np.mean(
    [recognizer.Recognizer([one])(segments) for one in small], axis=0
  )
  found = recognizer.Recognizer(small)(segments)
  np.testing.assert_allclose(found, expected, atol=1e-7)
  np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)
  np.testing.assert_allclose(
    recognizer.probabilities(small[0], segments[:2]),
    recognizer.Recognizer(small[:1])(segments[:2]),
    atol=1e-6,
  )
  other = dataclasses.replace(small[1], classes=('a', 'b', 'c'))
  with pytest.raises(InputError, match='differ in classes'):
    recognizer.Recognizer([small[0], other])


@pytest.mark.parametrize('kind', ['mfcc', 'log_mel', 'spectrogram'])
def test_every_kind_of_features(kind):
  found = recognizer.Recognizer([small_model.make(kind=kind)])
  segment = segments_lib.prepare(small_model.sound(0.25), 4000)[None]
  assert found(segment).shape == (1, 3)
  assert found(segment[:0]).shape == (0, 3)


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
  pieces = live.from_pcm16([*chunks, raw[start:]])
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
    (b'RIFF\0\0\0\0WAVE', 'is a sound file .*ffmpeg'),
    (b'ID3\4abc', 'is a sound file'),
    (b'', 'ended before its first sample'),
    (b'\1', 'ended before its first sample'),
  ],
)
def test_streams_of_something_else(raw, match):
  with pytest.raises(InputError, match=match):
    [*live.from_pcm16([raw[:3], raw[3:]])]


def test_half_a_sample_at_the_end_is_said():
  problems = []
  found = np.concatenate([*live.from_pcm16([b'\1\0\2', b'\0\3'], problems)])
  np.testing.assert_array_equal(found * 32_768, [1, 2])
  assert problems == ['the input ended in the middle of a sample']
  assert next(live.from_pcm16([b'\1', b'\1'])) == 257 / 32_768


def test_rates_that_make_no_sense(model):
  with pytest.raises(InputError, match='rate_hz is 0'):
    live.estimates([], model, 0)


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
  with pytest.raises(InputError, match=r'sernet_jax\[microphone\]'):
    next(live.microphone(16_000, []))


def test_models_that_are_none(tmp_path):
  with pytest.raises(InputError, match='does not exist'):
    models.load(tmp_path / 'none.safetensors')
  path = tmp_path / 'a.pkl'
  path.write_bytes(b'cos\nsystem\n')
  with pytest.raises(InputError, match=r'no known kind.*\.safetensors'):
    models.load(path)
  small = tmp_path / 'a.safetensors'
  bundle.save(small, small_model.make())
  with pytest.raises(InputError, match='leave out --fold'):
    models.load(small, fold='03')


def test_the_release_weights(monkeypatch, tmp_path):
  monkeypatch.setattr(
    bundle, 'release_path', lambda: tmp_path / 'w.safetensors'
  )
  with pytest.raises(InputError, match='comes without weights'):
    models.load()
  bundle.save(tmp_path / 'w.safetensors', small_model.make())
  assert models.load().classes == small_model.CLASSES


def test_the_weights_in_the_box_know_what_they_were_trained_on(emodb_root):
  """Sixteen of the recordings, 1.2 to 9 s long."""
  emotions = dict(zip('WLEAFTN', (0, 1, 2, 3, 4, 6, 5), strict=True))
  paths = sorted((emodb_root / 'wav').glob('*.wav'))[::35]
  release = models.load()
  found = [*recordings.recognize(paths, release, 0)]
  assert [one.label for one in found] == [
    release.classes[emotions[path.name[5]]] for path in paths
  ]


def test_outputs_say_the_same(tmp_path, model):
  found = one(write(tmp_path / 'a.wav', small_model.sound(0.5)), model)
  quiet = dataclasses.replace(
    found,
    windows=(*found.windows, recordings.Window(3600.25, 3601, None, None)),
  )
  texts = {}
  for kind in output.FORMATS:
    writer = output.Writer(kind, model.classes, [quiet.path])
    texts[kind] = writer.head() + writer.text(quiet)
  (line,) = texts['json'].splitlines()
  content = json.loads(line)
  rows = [*csv.DictReader(texts['csv'].splitlines())]
  assert [row['part'] for row in rows] == ['whole'] + ['window'] * 5
  assert len(content['timeline']) == 5
  for row, heard in zip(rows, [content, *content['timeline']], strict=True):
    assert row['label'] == (heard['label'] or '')
    for name in model.classes:
      if heard['probabilities'] is None:
        assert row[f'p_{name}'] == ''
      else:
        share = np.float32(heard['probabilities'][name])
        assert np.float32(row[f'p_{name}']) == share
  lines = texts['table'].splitlines()
  assert len(lines) == 2 + 5
  assert lines[-1].split() == ['01:00:00.2', 'to', '01:00:01.0', '(silence)']
  assert content['label'] in lines[1]


def test_clock():
  assert output.clock(62.54) == '00:01:02.5'
  assert output.clock(59.96) == '00:01:00.0'
  assert output.clock(3600 * 100 + 1) == '100:00:01.0'


def test_memory_does_not_grow_with_the_recording(tmp_path, monkeypatch):
  """The pieces held are let go of once a recording is a long one."""
  monkeypatch.setattr(recordings, 'HELD_S', 1)
  monkeypatch.setattr(decoding, '_BLOCK_SAMPLES', 4000)
  path = write(tmp_path / 'a.wav', small_model.sound(8))
  held = []
  push = timeline.Windows.push

  def watched(self, samples):
    held.append(len(self._kept) + len(samples))
    return push(self, samples)

  monkeypatch.setattr(timeline.Windows, 'push', watched)
  found = one(path, constant_model(), hop_s=0.25)
  assert len(found.windows) == 32
  assert max(held) <= 4000 + 4000


def constant_model():
  """A model of no weights at all: what `models.Model` asks for."""

  class Constant:
    name, classes = 'constant', ('a', 'b')
    audio, mfcc = small_model.make().audio, small_model.MFCC
    feature_kind = 'mfcc'

    def __call__(self, segments):
      return np.tile(np.float32([0.25, 0.75]), (len(segments), 1))

  return Constant()
