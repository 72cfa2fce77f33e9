"""Exported C sources say nothing where `stream` and `predict` say nothing."""

from __future__ import annotations

import dataclasses
import pathlib
import re
import subprocess

import c_sources
import numpy as np
import pytest

from sernet_jax.audio import reading, voice_gate
from sernet_jax.audio.listening import Listening
from sernet_jax.export.device import c_folder
from sernet_jax.predict import live, recordings
from sernet_jax.predict.inference import unsure
from sernet_jax.predict.recognizer import Recognizer

RATE_HZ = 16_000
THRESHOLD = 0.611


def calibrated():
  """The small network, with a threshold kept beside its weights."""
  bundle = c_sources.small_bundle()
  about = {
    **bundle.about,
    'temperature': '0.8',
    'abstain': f'{THRESHOLD}: 90% of the labels from there on were right',
  }
  return dataclasses.replace(bundle, about=about)


@pytest.fixture(scope='module')
def app(tmp_path_factory):
  folder = tmp_path_factory.mktemp('app')
  c_folder.write(folder, calibrated())
  return c_sources.build(folder, 'app', '-O1', *c_sources.CHECKED)


def always_on():
  """16-bit sound: silence, steady noise, bursts loud and faint, a part window."""
  random = np.random.default_rng(7)
  length = 15 * RATE_HZ + 5001
  time_s = np.arange(length) / RATE_HZ
  sound = 60 * random.normal(size=length)  # steady noise
  sound[14 * RATE_HZ : 15 * RATE_HZ] = 0
  sound += 500  # an offset, which is not heard
  for start_s, seconds, steps, hz in (
    (4.0, 0.9, 9000, 300),
    (6.1, 0.12, 9000, 700),  # too short for a voice
    (8.0, 1.7, 2500, 1200),
    (11.0, 1.0, 300, 500),
    (13.2, 0.7, 9000, 2500),
    (15.05, 0.2, 9000, 250),
  ):
    inside = (time_s >= start_s) & (time_s < start_s + seconds)
    tone = np.sin(2 * np.pi * hz * time_s * (1 + 0.02 * time_s))
    sound += steps * inside * (tone + 0.3 * random.normal(size=length))
  return np.clip(np.round(sound), -32768, 32767).astype('<i2')


def said(window):
  if window.probabilities is None:
    return '(silence)'
  return window.label or '(unsure)'


@pytest.mark.parametrize('voice', [False, True])
@pytest.mark.parametrize('abstain', [0.0, THRESHOLD])
def test_a_stream_says_in_c_what_it_says_in_python(app, voice, abstain):
  whole = always_on()
  options = ['--gate'] * voice + ['--abstain'] * bool(abstain)
  done = subprocess.run(
    [app, '--stream', *options], input=whole.tobytes(), capture_output=True
  )
  assert (done.returncode, done.stderr) == (0, b'')
  lines = [line.split('\t') for line in done.stdout.decode().splitlines()]
  model = Recognizer([calibrated()])
  pieces = np.array_split(np.float32(whole) / 32768, 37)
  windows = [
    unsure.of_part(window, abstain)
    for window in live.estimates(pieces, model, RATE_HZ, voice=voice)
  ]
  assert len(lines) == len(windows) > 20
  found = []
  for (start, end, label), window in zip(lines, windows, strict=True):
    assert float(start) == pytest.approx(window.start_s, abs=0.006)
    assert float(end) == pytest.approx(window.end_s, abs=0.006)
    found.append(label)
    assert label.replace('no voice', 'silence') == said(window)
  assert ('(no voice)' in found) == voice
  assert ('(unsure)' in found) == bool(abstain)
  assert '(silence)' in found
  assert set(found) & set(model.classes)


@pytest.mark.parametrize('abstain', ['', '--abstain', '--abstain=0.4'])
def test_recordings_are_unsure_where_predict_is(app, tmp_path, abstain):
  """Also one that is silent in its middle, which is judged elsewhere."""
  whole = np.float64(always_on()) / 32768
  paths = []
  for name, start, stop in (
    ('a', 4.0, 4.6),
    ('b', 8.1, 8.5),
    ('c', 13.0, 14.0),
    ('d', 11.0, 11.5),
    ('e', 8.0, 10.0),
  ):
    samples = whole[round(start * RATE_HZ) : round(stop * RATE_HZ)]
    paths.append(str(tmp_path / f'{name}.wav'))
    reading.write_wav(paths[-1], samples, RATE_HZ)
  apart = np.zeros(3 * RATE_HZ)
  apart[:8000], apart[-9000:] = whole[64_000:72_000], whole[130_000:139_000]
  paths.append(str(tmp_path / 'apart.wav'))
  reading.write_wav(paths[-1], apart, RATE_HZ)
  done = subprocess.run(
    [app, *filter(None, [abstain]), *paths], capture_output=True, text=True
  )
  assert (done.returncode, done.stderr) == (0, '')
  model = Recognizer([calibrated()])
  least = {'': 0.0, '--abstain': unsure.of_model('own', model)}.get(
    abstain, 0.4
  )
  results = [
    unsure.leave_out(one, least) for one in recordings.recognize(paths, model)
  ]
  assert any('silent in its middle' in note for note in results[-1].notes)
  expected = [one.label or '(unsure)' for one in results]
  lines = [line.split('\t') for line in done.stdout.splitlines()]
  assert lines == [list(row) for row in zip(paths, expected, strict=True)]
  assert ('(unsure)' in expected) == (abstain == '--abstain')


def test_steady_noise_has_no_voice_and_a_burst_has(app, tmp_path):
  whole = always_on()
  for start_s, words in ((2.5, '(no voice)'), (4.0, None)):
    path = tmp_path / 'x.wav'
    start = round((start_s - 0.3) * RATE_HZ)
    part = np.float64(whole[start : start + 9600]) / 32768
    reading.write_wav(path, part, RATE_HZ)
    done = subprocess.run([app, '--gate', path], capture_output=True, text=True)
    found = done.stdout.strip()
    assert found == words if words else found in calibrated().classes


def test_what_is_below_the_floor_is_silent(app, tmp_path):
  path = tmp_path / 'faint.wav'
  samples = np.zeros(9600)
  samples[::400] = 1 / 32768
  reading.write_wav(path, samples, RATE_HZ)
  done = subprocess.run([app, path], capture_output=True, text=True)
  assert done.returncode == 2
  assert done.stderr == f'error: {path} is silent; give another recording\n'
  (result,) = recordings.recognize([str(path)], Recognizer([calibrated()]))
  assert 'is silent' in result.message


@pytest.mark.parametrize('seconds', [0.4, 0.6, 1.5])
@pytest.mark.parametrize('clicks', [0, 6, 7, 9, 10])
def test_an_offset_below_a_few_clicks_is_silent_as_for_python(
  app, tmp_path, seconds, clicks
):
  """Scaling leaves a constant of it, unless the clicks are too many."""
  path, model = tmp_path / 'offset.wav', Recognizer([calibrated()])
  samples = np.full(round(seconds * RATE_HZ), 1000, '<i2')
  middle = samples.size // 2
  samples[middle - 20 * clicks : middle + 20 * clicks : 40] = 9000
  reading.write_wav(path, np.float64(samples) / 32768, RATE_HZ)
  done = subprocess.run([app, path], capture_output=True, text=True)
  (result,) = recordings.recognize([str(path)], model)
  if isinstance(result, recordings.Failure):
    assert 'silent' in result.message
    assert done.stderr == f'error: {path} is silent; give another recording\n'
    assert (done.returncode, done.stdout) == (2, '')
  else:
    assert done.stdout == f'{result.label}\n'
  done = subprocess.run(
    [app, '--stream'], input=samples.tobytes(), capture_output=True
  )
  pieces = [np.float32(samples) / 32768]
  lines = done.stdout.decode().splitlines()
  assert [line.split('\t')[2] for line in lines] == [
    said(window) for window in live.estimates(pieces, model, RATE_HZ)
  ]
  few = clicks <= (9 if seconds >= 0.6 else 6)
  assert isinstance(result, recordings.Failure) == few


def test_of_an_offset_in_the_middle_the_loudest_part_is_judged(app, tmp_path):
  path, model = tmp_path / 'offset.wav', Recognizer([calibrated()])
  voice = 0.03 * np.random.default_rng(0).normal(size=RATE_HZ)
  offset = np.full(RATE_HZ, 0.03)
  offset[100::2000] = 0.3
  reading.write_wav(path, np.concatenate([voice, offset, voice]), RATE_HZ)
  (result,) = recordings.recognize([str(path)], model, hop_s=0.0)
  assert any('is silent in its middle' in note for note in result.notes)
  done = subprocess.run([app, path], capture_output=True, text=True)
  assert (done.stdout, done.stderr) == (f'{result.label}\n', '')


@pytest.mark.parametrize(
  ('arguments', 'words'),
  [
    (['--abstain=1', 'x.wav'], 'is not a probability'),
    (['--abstain=-0.1', 'x.wav'], 'is not a probability'),
    (['--abstain=', 'x.wav'], 'is not a probability'),
    (['--abstain=0.5x', 'x.wav'], 'is not a probability'),
    (['--stream', 'x.wav'], 'takes no recordings'),
    (['--strem'], 'is not known'),
    (['--stream'], 'no sound came from stdin; pipe'),
  ],
)
def test_a_wrong_option_is_one_sentence(app, arguments, words):
  done = subprocess.run(
    [app, *arguments], capture_output=True, text=True, input=''
  )
  assert (done.returncode, done.stdout) == (2, '')
  assert words in done.stderr
  assert done.stderr.count('\n') == 1


@pytest.mark.skipif(
  not pathlib.Path('/dev/full').exists(), reason='no device that is always full'
)
@pytest.mark.parametrize('streams', [False, True])
def test_what_cannot_be_written_is_not_lost_without_a_word(
  app, tmp_path, streams
):
  path = tmp_path / 'noise.wav'
  samples = np.random.default_rng(0).uniform(-0.5, 0.5, RATE_HZ)
  reading.write_wav(path, samples, RATE_HZ)
  with path.open('rb') as sound, pathlib.Path('/dev/full').open('wb') as full:
    done = subprocess.run(
      [app, '--stream' if streams else path],
      stdin=sound,
      stdout=full,
      stderr=subprocess.PIPE,
      text=True,
    )
  assert done.returncode == 2
  assert done.stderr.startswith('error: what was recognized could not be writ')
  assert done.stderr.count('\n') == 1


def test_weights_without_a_threshold_have_none_of_their_own(tmp_path):
  c_folder.write(tmp_path, c_sources.small_bundle())
  own = c_sources.build(tmp_path, 'app', '-O0')
  done = subprocess.run(
    [own, '--abstain', 'x.wav'], capture_output=True, text=True
  )
  assert done.returncode == 2
  assert 'keep no threshold' in done.stderr


def test_the_constants_are_those_of_python_and_may_be_replaced(tmp_path):
  header = c_folder.sources(calibrated())['gate.h'].decode()
  found = dict(re.findall(r'#define (\w+) \((.*?)f?\)', header))
  spec = voice_gate.GateSpec(RATE_HZ, 256)
  heard = Listening()
  assert {name: float(value) for name, value in found.items()} == {
    'SERNET_GATE_OPEN_DB': voice_gate.OPEN_DB,
    'SERNET_GATE_CLOSE_DB': voice_gate.CLOSE_DB,
    'SERNET_GATE_LEAST_DB': voice_gate.LEAST_DB,
    'SERNET_GATE_RISE_DB': voice_gate.RISE_DB,
    'SERNET_GATE_HANG': spec.hang_hops,
    'SERNET_GATE_VOICE': spec.voice_hops,
    'SERNET_SILENCE_DB': heard.gate_db,
    'SERNET_FLOOR_DB': heard.floor_db,
  }
  c_folder.write(tmp_path, calibrated())
  app = c_sources.build(tmp_path, 'app', '-O0', '-DSERNET_GATE_OPEN_DB=200')
  done = subprocess.run(
    [app, '--stream', '--gate'],
    input=always_on().tobytes(),
    capture_output=True,
    text=False,
  )
  labels = {line.split('\t')[2] for line in done.stdout.decode().splitlines()}
  assert labels == {'(silence)', '(no voice)'}
