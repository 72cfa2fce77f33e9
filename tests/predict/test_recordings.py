"""The label of a file is training's; the stream gives the timeline."""

from __future__ import annotations

import csv
import dataclasses
import json

import numpy as np
import pytest
import small_model
import soundfile
import soxr

from sernet_jax.audio import (
  decoding,
  listening as listening_lib,
  quality,
  segments as segments_lib,
  timeline,
)
from sernet_jax.audio.listening import Listening
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
  lengths = [window.end_s - window.start_s for window in found.windows]
  expected = np.average(all_windows(found), axis=0, weights=lengths)
  np.testing.assert_allclose(found.probabilities, expected, atol=1e-6)


def test_a_window_of_the_timeline_counts_by_its_length(tmp_path, model):
  sound = small_model.sound(0.5)
  write(tmp_path / 'a.wav', sound)
  path = write(tmp_path / 'b.wav', np.append(sound, sound[:40]))  # 2.5 ms
  options = {'whole': 'timeline', 'hop_s': 0.25}
  found = one(path, model, **options)
  lengths = [window.end_s - window.start_s for window in found.windows]
  np.testing.assert_allclose(lengths, [0.25, 0.25, 0.0025])
  rows = all_windows(found)
  expected = np.average(rows, axis=0, weights=lengths)
  np.testing.assert_allclose(found.probabilities, expected, atol=1e-6)
  assert np.abs(found.probabilities - rows.mean(axis=0)).max() > 1e-4
  whole = one(tmp_path / 'a.wav', model, **options)
  np.testing.assert_allclose(
    found.probabilities, whole.probabilities, atol=0.01
  )
  assert found.probabilities.dtype == whole.probabilities.dtype


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
  # Its middle is silent: what is not is judged, here the end of the start.
  found = one(path, model)
  ((loudest_s, _),) = [
    (window.start_s, window.end_s)
    for window in found.windows
    if np.array_equal(window.probabilities, found.probabilities)
  ]
  assert loudest_s <= 0.3 or loudest_s > 1.4
  assert any('is silent in its middle' in note for note in found.notes)


@pytest.mark.parametrize('segments', ['center', 'all'])
@pytest.mark.parametrize('held_s', [600, 0.01])
def test_faint_noise_is_silence_beside_a_voice(
  tmp_path, monkeypatch, segments, held_s
):
  """The label is that of the loud part, on the timeline and of the whole."""
  monkeypatch.setattr(recordings, 'HELD_S', held_s)
  network = recognizer.Recognizer([small_model.make(segments=segments)])
  samples = small_model.sound(2.0)
  samples[8000:] *= 0.003  # -50 dB
  path = write(tmp_path / 'a.wav', samples)
  options = {'hop_s': 0.25}
  found = one(path, network, **options)
  assert [w.label is None for w in found.windows] == [False] * 2 + [True] * 6
  loud = [w.probabilities for w in found.windows[:2]]
  if segments == 'all':
    np.testing.assert_allclose(
      found.probabilities, np.mean(loud, axis=0), atol=1e-6
    )
  else:
    assert 'is silent in its middle' in found.notes[0]
  timeline_mean = one(path, network, whole='timeline', **options)
  np.testing.assert_allclose(
    timeline_mean.probabilities, np.mean(loud, axis=0), atol=1e-6
  )
  # Without the gate every window is judged.
  options['listening'] = Listening(gate_db=np.inf)
  found = one(path, network, **options)
  assert all(w.label for w in found.windows)


def test_the_last_bit_of_noise_is_silence(tmp_path, model):
  samples = np.random.default_rng(0).integers(-1, 2, 16_000) / 32_768
  path = write(tmp_path / 'a.wav', samples)
  for asked in ({}, {'whole': 'timeline'}):
    failure = one(path, model, **asked)
    assert 'its windows has -92 dB of full scale' in failure.message
  heard = one(path, model, listening=Listening(floor_db=-100))
  assert heard.label


@pytest.mark.parametrize('rate_hz', [16_000, 44_100])
@pytest.mark.parametrize('value', [0.25, -1.0, 2.0**-15])
def test_a_constant_is_silence(tmp_path, model, rate_hz, value):
  """Whatever is asked for; levels do not count an offset."""
  path = write(tmp_path / 'a.wav', np.full(9000, value), rate_hz)
  for asked in (
    {},
    {'hop_s': 0},
    {'whole': 'timeline'},
    {'listening': Listening(floor_db=-np.inf, gate_db=np.inf)},
  ):
    failure = one(path, model, **asked)
    assert f'all its 9000 samples are {value:.6g}, and' in failure.message
  assert listening_lib.level_db(np.full(9000, value, np.float32)) == -np.inf


@pytest.mark.parametrize('segments', ['center', 'all'])
@pytest.mark.parametrize('seconds', [0.1, 0.6])
def test_what_scaling_leaves_constant_fails_alone(tmp_path, segments, seconds):
  """An offset with a few clicks, of which the scale leaves the offset alone."""
  network = recognizer.Recognizer([small_model.make(segments=segments)])
  samples = np.full(round(seconds * small_model.RATE_HZ), 0.3)
  samples[1::2000] = 0.5
  paths = [
    write(tmp_path / 'a.wav', small_model.sound(0.5)),
    write(tmp_path / 'b.wav', samples),
    write(tmp_path / 'c.wav', small_model.sound(0.5, seed=1)),
  ]
  for asked in ({'hop_s': 0}, {}, {'whole': 'timeline'}):
    first, bad, last = recordings.recognize(paths, network, **asked)
    assert isinstance(bad, recordings.Failure)
    assert f'{paths[1]} is silent in' in bad.message
    for path, found in ((paths[0], first), (paths[2], last)):
      (alone,) = recordings.recognize([path], network, **asked)
      np.testing.assert_allclose(
        found.probabilities, alone.probabilities, atol=1e-6
      )
  stream = [small_model.sound(0.5), samples, small_model.sound(0.5)]
  labels = [w.label for w in live.estimates(stream, network, 16_000, 0.25)]
  assert labels[0] and labels[-1]
  assert (None in labels) == (seconds > 0.5)


def test_an_offset_is_not_heard(tmp_path, model):
  """Pauses with one are silence, the loudest window is that of the sound."""
  samples = small_model.sound(2.0)
  samples[8000:24_000] = 0
  plain = one(write(tmp_path / 'a.wav', samples), model)
  path = write(tmp_path / 'b.wav', samples / 2 + 0.4)
  for whole in recordings.WHOLE:
    found = one(path, model, whole=whole)
    assert [w.label is None for w in found.windows] == [
      w.label is None for w in plain.windows
    ]
  assert one(path, model).notes == plain.notes
  assert 'is silent in its middle' in plain.notes[0]
  samples = soundfile.read(path, dtype='float32')[0]
  streamed = live.estimates([samples], model, 16_000, hop_s=0.1)
  assert [w.label is None for w in streamed] == [
    w.label is None for w in found.windows
  ]


def test_levels_are_those_of_windows_without_their_mean():
  random = np.random.default_rng(0)
  for offset in (0.0, 0.5):
    samples = np.float32(0.01 * random.normal(size=3210) + offset)
    samples[1000:2000] *= 1.5
    samples[1000:2000] -= 0.5 * offset
    levels = listening_lib.Levels(1000)
    for piece in np.array_split(samples, 7):
      levels.push(piece)
    start, found_db = levels.loudest(1000, samples.size)
    assert start == quality.loudest(samples, 1000, 100) == 1000
    expected = listening_lib.level_db(samples[1000:2000])
    assert found_db == pytest.approx(expected, abs=1e-6)
    assert found_db == pytest.approx(20 * np.log10(0.015), abs=0.3)


@pytest.mark.parametrize('held_s', [600, 0.01])
def test_of_an_offset_in_the_middle_the_loudest_part_is_judged(
  tmp_path, model, monkeypatch, held_s
):
  """It has a few clicks, so that levels alone do not say that it is silent."""
  monkeypatch.setattr(recordings, 'HELD_S', held_s)
  offset = np.full(round(0.5 * small_model.RATE_HZ), 0.3)
  offset[1::2000] = 0.5
  sounds = small_model.sound(0.5), offset, small_model.sound(0.5, seed=1)
  path = write(tmp_path / 'a.wav', np.concatenate(sounds))
  found = one(path, model, hop_s=0.0)
  (note,) = [text for text in found.notes if 'silent in its middle' in text]
  start_s = float(note.split()[-5])
  assert start_s <= 0.3 or start_s >= 1.0


def test_a_short_recording_is_said_to_be_short(tmp_path, model):
  found = one(write(tmp_path / 'a.wav', np.full(1, 0.5)), model)
  assert 'lasts 0.00 s, shorter than 0.5 s' in found.notes[-1]
  path = write(tmp_path / 'b.wav', small_model.sound(0.4))
  assert 'lasts 0.40 s' in one(path, model).notes[-1]
  assert not one(path, model, listening=Listening(least_s=0.4)).notes


@pytest.mark.parametrize('rate_hz', [8000, 11_025, 16_000])
def test_a_narrow_band_is_said(tmp_path, model, rate_hz):
  """At its own rate, and after it was raised to the network's."""
  noise = 0.1 * np.random.default_rng(0).normal(size=rate_hz)
  path = write(tmp_path / 'a.wav', noise, rate_hz)
  raised = write(tmp_path / 'b.wav', soxr.resample(noise, rate_hz, 16_000))
  for found in (one(path, model), one(raised, model)):
    notes = [note for note in found.notes if 'has no sound above' in note]
    assert len(notes) == (rate_hz < 16_000)
    if notes:
      edge_khz = float(notes[0].split()[4])
      assert edge_khz == pytest.approx(rate_hz / 2000, abs=0.4)
      assert 'listens up to 7.6 kHz' in notes[0]


def test_channels_that_cancel_are_said(tmp_path, model):
  left = small_model.sound(1.0)
  delayed = np.roll(left, 40)
  path = write(tmp_path / 'a.wav', np.stack([left, delayed], 1))
  assert 'lose' in one(path, model).notes[0]
  only = one(path, model, listening=Listening(channel='0'))
  alone = one(write(tmp_path / 'b.wav', left), model)
  np.testing.assert_array_equal(only.probabilities, alone.probabilities)
  assert not only.notes
  write(path, np.stack([left, -left], 1))
  assert 'which cancel out; take one, by --channel' in one(path, model).message
  failure = one(path, model, listening=Listening(channel='2'))
  assert 'has 2 channels, none of number 2' in failure.message
  write(path, np.stack([left, left / 3], 1))
  assert not one(path, model).notes


def test_listening_that_makes_no_sense():
  for asked in (
    {'channel': 'left'}, {'channel': 0}, {'channel': None}, {'channel': '-1'},
    {'gate_db': 0}, {'floor_db': 3}, {'least_s': -1},
    {'gate_db': '40'}, {'floor_db': None},
  ):  # fmt: skip
    with pytest.raises(InputError, match=f'--{next(iter(asked))} is'):
      Listening(**asked)


@pytest.mark.parametrize(
  ('array', 'match'),
  [
    (np.ones((1, 4000), np.int16), 'are int16, which is not scaled'),
    (np.ones((1, 3999), np.float32), r'have shape \(1, 3999\)'),
    (np.ones(4000, np.float32), r'have shape \(4000,\)'),
    (np.full((1, 4000), 9.0, np.float32), 'have values beyond 1'),
    (np.full((1, 4000), np.nan, np.float32), 'or not finite'),
  ],
)
def test_arrays_that_were_not_prepared(model, array, match):
  with pytest.raises(InputError, match=match + '.*through audio.prepare'):
    model(array)


def test_an_array_that_is_a_constant(model):
  segments = np.zeros((3, 4000), np.float32)
  segments[2] = 0.5
  with pytest.raises(InputError, match=r'segment 2 has one value, 0\.5, from'):
    model(segments)
  segments[2, 0] = 0
  assert model(segments).shape == (3, len(model.classes))


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
    bundle, 'release_path', lambda name: tmp_path / 'w.safetensors'
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
    feature_kind, dimensions = 'mfcc', ()

    def __call__(self, segments):
      return np.tile(np.float32([0.25, 0.75]), (len(segments), 1))

  return Constant()
