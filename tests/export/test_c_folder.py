"""The folder of C sources makes an app that decides as the JAX model does."""

from __future__ import annotations

import ctypes
import dataclasses
import json
import re
import subprocess

import c_sources
import numpy as np
import pytest
import tiny

from sernet_jax import features
from sernet_jax.audio import reading, segments
from sernet_jax.common.errors import InputError
from sernet_jax.corpora.synthetic import speech
from sernet_jax.export import __main__ as export, writing
from sernet_jax.export.device import c_folder, c_network
from sernet_jax.nn import folded
from sernet_jax.predict import bundle as bundle_lib
from sernet_jax.predict.recognizer import Recognizer

RATE_HZ = 16_000


@pytest.fixture(scope='module')
def checked(tmp_path_factory):
  """The app of a small network, compiled with sanitizers."""
  folder = tmp_path_factory.mktemp('checked')
  c_folder.write(folder, c_sources.small_bundle())
  return c_sources.build(folder, 'app', '-O1', *c_sources.CHECKED)


@pytest.fixture(scope='module')
def library(tmp_path_factory):
  folder = tmp_path_factory.mktemp('library')
  c_folder.write(folder, c_sources.small_bundle())
  return c_sources.Library(folder, c_sources.small_bundle())


def run(app, *arguments):
  return subprocess.run(
    [str(app), *map(str, arguments)], capture_output=True, text=True
  )


def sound(seconds, seed=0):
  random = np.random.default_rng(seed)
  time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
  tone = np.sin(2 * np.pi * (200 + 900 * time_s) * time_s)
  return 0.4 * tone + 0.05 * random.normal(size=time_s.size)


def wav(path, samples):
  reading.write_wav(path, samples, RATE_HZ)
  return path


def test_decisions_are_those_of_jax(tmp_path, capsys):
  """The weights in the package, on recordings of the embedded corpus."""
  folder = tmp_path / 'c'
  assert export.main(['--format=c', f'--output={folder}']) == 0
  said = capsys.readouterr().out
  assert 'cc -std=c99 -O2 *.c -lm -o app' in said
  assert 'classes anger, boredom, ' in said
  app = c_sources.build(folder, 'app', '-O2')
  paths = [
    wav(
      tmp_path / f'{speaker}{emotion}.wav',
      speech.synthesize(speaker, 'a01', emotion, 'a'),
    )
    for speaker in ('01', '05')
    for emotion in speech.CLASSES
  ]
  bundle = bundle_lib.load(bundle_lib.release_path())
  sounds = [segments.load_segments(path, bundle.audio)[0] for path in paths]
  expected = Recognizer([bundle], batch=len(paths))(np.stack(sounds))
  assert len(set(expected.argmax(axis=1))) > 1
  for option in ('--probabilities', '--fixed'):
    result = run(app, '--probabilities', option, *paths)
    assert (result.returncode, result.stderr) == (0, '')
    rows = [line.split('\t') for line in result.stdout.splitlines()]
    assert [row[0] for row in rows] == [str(path) for path in paths]
    assert [row[1] for row in rows] == [
      bundle.classes[best] for best in expected.argmax(axis=1)
    ]
    named = [[one.split('=') for one in row[2:]] for row in rows]
    for row in named:
      assert [name for name, _ in row] == list(bundle.classes)
    actual = np.array([[p for _, p in row] for row in named], float)
    # Nothing like what the ranges of 8 bits were measured on.
    assert np.abs(actual - expected).max() < 0.15


_CALLER = """
#include <stdio.h>

int main(int argc, char **argv) {
  static int16_t segment[SERNET_SAMPLES];
  FILE *file = fopen(argv[argc - 1], "rb");
  while (fread(segment, 2, SERNET_SAMPLES, file) == SERNET_SAMPLES)
    puts(hear(segment));
  return fclose(file);
}
"""


def test_the_snippet_of_the_page_answers_again_and_again_as_the_app(tmp_path):
  """Two answers in 7 s of sound, at two levels, with weights of the package."""
  text = (tiny.ROOT / 'docs' / 'export.md').read_text()
  (snippet,) = re.findall(r'^```c\n(.*?)^```$', text, re.M | re.S)
  assert len(snippet.splitlines()) <= 26
  bundle = bundle_lib.load(bundle_lib.release_path())
  folder, length = tmp_path / 'c', bundle.audio.num_samples
  c_folder.write(folder, bundle)
  app = c_sources.build(folder, 'app', '-O2')
  (folder / 'main.c').write_text(snippet + _CALLER)
  caller = c_sources.build(folder, 'caller', '-O2')
  answers, paths = {1.0: [], 0.1: []}, {1.0: [], 0.1: []}
  for gain in answers:  # as it is, and 20 dB below
    for emotion in speech.CLASSES:
      spoken = speech.synthesize('01', 'a01', emotion, 'a')
      whole = np.resize(spoken, 7 * RATE_HZ) * gain
      recorded = np.round(whole * 32767).astype('<i2')
      recorded.tofile(tmp_path / 'a.raw')
      heard = run(caller, tmp_path / 'a.raw').stdout.splitlines()
      assert len(heard) == 2
      answers[gain] += heard
      for start in (0, length):
        piece = np.float64(recorded[start : start + length]) / 32768
        name = f'{emotion}_{gain}_{start}.wav'
        paths[gain].append(wav(tmp_path / name, piece))
  for gain, labels in answers.items():
    said = run(app, *paths[gain]).stdout.splitlines()
    assert labels == [line.split('\t')[1] for line in said]
    assert len(set(labels)) > 1
  clicks = np.full(length, 1000, '<i2')
  clicks[: 40 * 47 : 40] = 9000  # as many as scaling leaves nothing of
  np.concatenate([clicks * 0, clicks]).tofile(tmp_path / 'a.raw')
  assert run(caller, tmp_path / 'a.raw').stdout == '(silence)\n' * 2


def test_the_network_is_that_of_jax_in_8_bits(library):
  """Rows are computed as they come, with a few of each map in memory."""
  bundle = c_sources.small_bundle()
  heard = np.stack([segments.prepare(sound(0.6, i), 9600) for i in range(6)])
  x = np.asarray(features.mfcc(heard, bundle.mfcc))
  expected = folded.probabilities(bundle.model, bundle.folded, x[..., None])
  actual = np.stack([library.probabilities(rows) for rows in x])
  assert np.ptp(expected, axis=0).max() > 0.01
  np.testing.assert_allclose(actual, expected, atol=0.01)
  np.testing.assert_allclose(actual.sum(axis=1), 1, rtol=1e-6)


@pytest.mark.parametrize('seconds', [0.05, 0.3, 0.6, 1.1])
@pytest.mark.parametrize('options', [[], ['--fixed'], ['--gate']])
def test_nothing_is_undefined(checked, tmp_path, seconds, options):
  path = wav(tmp_path / 'a.wav', sound(seconds))
  result = run(checked, *options, path)
  assert (result.returncode, result.stderr) == (0, '')
  names = [*c_sources.small_bundle().classes, '(no voice)']
  assert result.stdout.rstrip('\n') in names


def header(channels=1, rate_hz=RATE_HZ, bits=16, tag=1, size=None, extra=b''):
  fields = [
    (tag, 2),
    (channels, 2),
    (rate_hz, 4),
    (rate_hz * channels * bits // 8, 4),
    (channels * bits // 8, 2),
    (bits, 2),
  ]
  text = b''.join(n.to_bytes(count, 'little') for n, count in fields)
  return (
    b'RIFF\0\0\0\0WAVE'
    + extra
    + b'fmt \x10\0\0\0'
    + text
    + b'data'
    + (2000 if size is None else size).to_bytes(4, 'little')
  )


SOUND = (np.arange(1000) % 37 * 500).astype('<i2').tobytes()


@pytest.mark.parametrize(
  ('content', 'words'),
  [
    (b'', 'is not a WAV file'),
    (b'ID3 sound of another kind', 'is not a WAV file'),
    (header(channels=2) + SOUND, 'several channels'),
    (header(rate_hz=44_100) + SOUND, 'another rate than 16000 Hz'),
    (header(bits=24) + SOUND, '16 bits'),
    (header(tag=3, bits=32) + SOUND, '16 bits'),
    (header() + SOUND[:-100], 'cut short'),
    (header()[:30], 'cut short'),
    (header(size=0), 'does not say how long'),
    (header(size=0xFFFFFFFF) + SOUND, 'does not say how long'),
    (header() + bytes(2000), 'is silent'),
    (header() + b'\0\x10' * 1000, 'is silent'),
    (b'RIFF\0\0\0\0WAVEdata\x08\0\0\0' + SOUND, 'no format'),
  ],
)
def test_what_it_cannot_use_it_says_in_one_sentence(
  checked, tmp_path, content, words
):
  path = tmp_path / 'x.wav'
  path.write_bytes(content)
  result = run(checked, path)
  assert (result.returncode, result.stdout) == (2, '')
  assert result.stderr.startswith(f'error: {path} ')
  assert words in result.stderr
  assert result.stderr.count('\n') == 1


def test_other_parts_of_a_wav_file_are_passed_over(checked, tmp_path):
  path = tmp_path / 'x.wav'
  path.write_bytes(header(extra=b'LIST\x03\0\0\0abc\0') + SOUND)
  assert run(checked, path).returncode == 0


def test_one_bad_recording_does_not_stop_the_others(checked, tmp_path):
  good = wav(tmp_path / 'good.wav', sound(0.5))
  result = run(checked, tmp_path / 'none.wav', good)
  assert result.returncode == 2
  assert 'cannot be opened' in result.stderr
  assert result.stdout.startswith(f'{good}\t')
  assert run(checked).returncode == run(checked, '--fast', good).returncode == 2


def test_the_gate_opens_for_bursts_and_not_for_steady_noise(library):
  random = np.random.default_rng(0)
  noise = 100 * random.normal(size=4 * RATE_HZ)
  burst = np.zeros(noise.size)
  burst[RATE_HZ : 2 * RATE_HZ] = 3000 * random.normal(size=RATE_HZ)
  assert not library.gate(np.zeros(RATE_HZ)).any()
  assert not library.gate(noise).any()
  assert not library.gate(np.full(RATE_HZ, 0.3)).any()
  times_s = np.flatnonzero(library.gate(noise + burst)) * 256 / RATE_HZ
  assert 0.95 < times_s[0] < 1.05
  assert 2.2 < times_s[-1] < 2.4  # it closes 0.3 s after the burst
  # A short dip does not close it: hysteresis.
  burst[24_000:26_000] = 0
  open_ = library.gate(noise + burst)
  assert open_[70:120].all()


def test_the_metadata_says_what_the_model_needs(library):
  text = ctypes.c_char * 10_000
  found = ctypes.string_at(
    ctypes.addressof(text.in_dll(library.code, 'sernet_metadata'))
  )
  texts = json.loads(found)
  bundle = c_sources.small_bundle()
  assert json.loads(texts['classes']) == list(bundle.classes)
  assert json.loads(texts['audio'])['sample_rate_hz'] == RATE_HZ
  assert json.loads(texts['about'])['license'] == 'MIT'
  names = (ctypes.c_char_p * 3).in_dll(library.code, 'sernet_classes')
  assert [name.decode() for name in names] == list(bundle.classes)


def test_help_names_options_and_classes(checked):
  result = run(checked, '--help')
  assert (result.returncode, result.stderr) == (0, '')
  text = ' '.join(result.stdout.split())
  for words in ('--fixed', '--gate', '--abstain=P', '--stream', '16000 Hz'):
    assert words in text
  assert result.stdout.endswith('Classes: calm, cross "?", früh\n')
  assert '--help' in run(checked, '--hlep').stderr


def changed(**fields):
  return dataclasses.replace(c_sources.small_bundle(), **fields)


def test_what_the_sources_cannot_compute_is_refused(tmp_path, monkeypatch):
  folder = tmp_path / 'c'
  with pytest.raises(InputError, match='hears log_mel'):
    c_folder.write(folder, changed(feature_kind='log_mel'))
  with pytest.raises(InputError, match=r'range of .*--calibration'):
    c_folder.write(folder, changed(ranges={}))
  with monkeypatch.context() as patch:
    patch.setattr(c_network, '_LIMIT32', 2**20)
    with pytest.raises(InputError, match='more than 32 bits hold'):
      c_folder.write(folder, c_sources.small_bundle())
  with pytest.raises(InputError, match=r'model\.pooling=attention'):
    c_folder.write(folder, c_sources.small_bundle(pooling='attention'))
  assert not folder.exists()


def test_a_model_of_all_segments_is_said_to_be_judged_by_its_middle(tmp_path):
  bundle = c_sources.small_bundle()
  assert 'middle' not in c_folder.write(tmp_path, bundle)
  audio = dataclasses.replace(bundle.audio, segments='all')
  note = c_folder.write(tmp_path, changed(audio=audio))
  assert 'the app judges 0.6 s from the middle of a recording, predict' in note


def test_sources_of_others_are_not_compiled_with_them(tmp_path):
  (tmp_path / 'mine.c').write_text('int mine;')
  with pytest.raises(InputError, match=r'mine\.c'):
    c_folder.write(tmp_path, c_sources.small_bundle())
  assert [path.name for path in tmp_path.iterdir()] == ['mine.c']


@pytest.mark.parametrize('name', ['main.c', 'wav.h', 'network.c'])
def test_a_file_of_ones_own_is_not_replaced(tmp_path, name):
  """Such as a main.c in place of the app; an older export is replaced."""
  (tmp_path / 'notes.txt').write_text('mine')
  bundle = c_sources.small_bundle()
  c_folder.write(tmp_path, bundle)
  c_folder.write(tmp_path, bundle)
  path = tmp_path / name
  mine = '#include "network.h"\nint main(void) { return sernet_rows; }\n'
  path.write_text(mine)
  other = dataclasses.replace(bundle, classes=('a', 'b', 'c'))
  before = {one.name: one.read_bytes() for one in tmp_path.iterdir()}
  with pytest.raises(InputError, match=rf'{name} is there already .*--output'):
    c_folder.write(tmp_path, other)
  assert before == {one.name: one.read_bytes() for one in tmp_path.iterdir()}
  path.unlink()
  path.mkdir()
  with pytest.raises(InputError, match=rf'{name} is there already .*--output'):
    c_folder.write(tmp_path, other)


def test_ranges_stay_with_the_weights(tmp_path):
  path = tmp_path / 'a.safetensors'
  bundle_lib.save(path, c_sources.small_bundle(), 'float32')
  found = bundle_lib.load(path)
  assert found.ranges == c_sources.small_bundle().ranges
  assert writing.known_ranges(found) == found.ranges
  assert c_folder.sources(found) == c_folder.sources(c_sources.small_bundle())
