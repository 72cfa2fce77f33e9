"""C of networks that look at an utterance's own frames alone."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess

import c_sources
import numpy as np
import pytest

from sernet_jax import features
from sernet_jax.audio import reading, segments
from sernet_jax.corpora.readers import emodb
from sernet_jax.export.device import c_folder, micro_folder
from sernet_jax.export.emitters import int8
from sernet_jax.nn import folded
from sernet_jax.predict import bundle as bundle_lib, recordings as recognitions
from sernet_jax.predict.recognizer import Recognizer

RATE_HZ = 16_000
# Below a frame of 1024 samples, a frame, odd numbers of rows, a whole segment
# of 0.6 s and more.
LENGTHS = (700, 1024, 1500, 2048, 3000, 4700, 6144, 9599, 9600, 15_000)


def recordings(folder):
  """WAV files of all lengths that hardly resemble each other."""
  random = np.random.default_rng(4)
  paths = []
  for number, length in enumerate(LENGTHS):
    time_s = np.arange(length) / RATE_HZ
    tone = np.sin(2 * np.pi * (150 + 300 * number) * time_s)
    sound = 0.4 * tone * np.sin(40 * time_s) + 0.05 * random.normal(size=length)
    sound[:300] = sound[-200:] = 0  # digital silence is its own too
    paths.append(folder / f'{number}.wav')
    reading.write_wav(paths[-1], sound, RATE_HZ)
  return paths


def in_c(app, options, paths):
  """Labels, and probabilities (recordings, classes)."""
  done = subprocess.run(
    [app, '--probabilities', *options, *paths], capture_output=True, text=True
  )
  assert (done.returncode, done.stderr) == (0, '')
  rows = [line.split('\t')[1:] for line in done.stdout.splitlines()]
  numbers = [[one.rpartition('=')[2] for one in row[1:]] for row in rows]
  return [row[0] for row in rows], np.array(numbers, float)


def in_jax(bundle, paths):
  model = Recognizer([bundle])
  results = recognitions.recognize(map(str, paths), model, hop_s=0)
  return np.stack([one.probabilities for one in results])


@pytest.mark.parametrize('pooling', ['masked', 'statistics'])
def test_recordings_of_all_lengths_are_those_of_jax(tmp_path, pooling):
  bundle = c_sources.small_bundle(pooling=pooling)
  folder = tmp_path / 'c'
  c_folder.write(folder, bundle)
  app = c_sources.build(folder, 'app', '-O1', *c_sources.CHECKED)
  paths = recordings(tmp_path)
  expected = in_jax(bundle, paths)
  assert np.ptp(expected, axis=0).max() > 0.1
  for options in ([], ['--fixed']):
    labels, actual = in_c(app, options, paths)
    np.testing.assert_allclose(actual, expected, atol=0.03)
    sure = np.ptp(np.sort(expected)[:, -2:], axis=1) > 0.06
    assert sure.sum() > 5
    best = [bundle.classes[k] for k in expected.argmax(axis=1)]
    assert np.array(labels)[sure].tolist() == np.array(best)[sure].tolist()
  # Zeros around it would have changed the shortest one.
  padded = c_sources.small_bundle()
  assert np.abs(in_jax(padded, paths[:1]) - expected[0]).max() > 0.03


def test_the_state_says_how_many_rows_are_the_recordings_own(tmp_path):
  """Rows behind them change nothing, and the network is done before them."""
  bundle = c_sources.small_bundle(pooling='statistics')
  c_folder.write(tmp_path, bundle)
  library = c_sources.Library(tmp_path, bundle)
  rows = np.array(
    features.mfcc(np.random.default_rng(0).normal(size=(1, 9600)), bundle.mfcc)
  )[0]
  own = library.own_rows(5000)
  assert own == 1 + (5000 - 1024) // 256
  assert [library.own_rows(n) for n in (0, 1024, 1280, 9600)] == [1, 1, 2, 34]
  expected = folded.probabilities(
    bundle.model,
    bundle.folded,
    rows[None, :, :, None],
    np.int32([own]),
  )[0]
  found = library.probabilities(rows, own)
  np.testing.assert_allclose(found, expected, atol=0.02)
  rows[own:] = 100
  np.testing.assert_array_equal(library.probabilities(rows, own), found)


def test_a_network_that_takes_zeros_for_sound_always_takes_all_rows(tmp_path):
  c_folder.write(tmp_path, c_sources.small_bundle())
  library = c_sources.Library(tmp_path, c_sources.small_bundle())
  assert library.own_rows(100) == library.own_rows(9600) == 34


def in_micro(folder, bundle, prepared):
  """Probabilities (recordings, classes) of sound that fills the segment."""
  pytest.importorskip('ai_edge_litert')
  runtime = pytest.importorskip('tflite_micro').runtime
  said = micro_folder.write(folder, bundle)
  assert said.endswith('for sound that fills the segment')
  report = json.loads((folder / 'model.json').read_text())
  assert report['sound_fills_segment']
  interpreter = runtime.Interpreter.from_file(
    str(folder / 'model.tflite'), arena_size=report['arena_bytes']
  )
  scale = report['input']['scale'], report['input']['zero_point']
  rows = []
  for x in np.asarray(features.mfcc(prepared, bundle.mfcc)):
    interpreter.set_input(int8.quantized(x[None, ..., None], scale), 0)
    interpreter.invoke()
    assert interpreter.get_output(0).dtype == np.int8
    rows.append((interpreter.get_output(0)[0] + 128.0) / 256)
  return np.array(rows)


@pytest.mark.parametrize(
  ('pooling', 'bound'), [('masked', 0.03), ('statistics', 0.1)]
)
def test_tensorflow_lite_micro_has_sound_that_fills_it(
  tmp_path, pooling, bound
):
  bundle = c_sources.small_bundle(pooling=pooling)
  random = np.random.default_rng(0)
  swell = np.sin(np.arange(9600) / 900) ** 2
  heard = np.stack(
    [
      segments.prepare(
        random.normal(size=9600) * swell + np.sin(np.arange(9600) * 0.05 * i),
        9600,
      )
      for i in range(1, 7)
    ]
  )
  expected = Recognizer([bundle])(heard)
  assert np.ptp(expected, axis=0).max() > 0.05
  actual = in_micro(tmp_path, bundle, heard)
  np.testing.assert_allclose(actual, expected, atol=bound)


def test_the_weights_for_noise_in_micro_on_emodb(tmp_path, emodb_root):
  """Every 12th recording of at least 3 s."""
  bundle = bundle_lib.load(bundle_lib.release_path('emodb_robust'))
  corpus = emodb.emodb(emodb_root)
  paths = [
    one.path
    for one in corpus.utterances
    if pathlib.Path(one.path).stat().st_size > 97_000
  ][::12]
  heard = [segments.load_segments(path, bundle.audio)[0] for path in paths]
  expected = Recognizer([bundle])(np.stack(heard))
  actual = in_micro(tmp_path, bundle, np.stack(heard))
  np.testing.assert_allclose(actual, expected, atol=0.05)
  assert (actual.argmax(axis=1) == expected.argmax(axis=1)).all()
  assert len(paths) > 12


def test_the_weights_for_noise_on_emodb(tmp_path, emodb_root):
  """Every 13th recording by length, 1.2 to 9 s; heard in training."""
  bundle = bundle_lib.load(bundle_lib.release_path('emodb_robust'))
  c_folder.write(tmp_path, bundle)
  app = c_sources.build(tmp_path, 'app', '-O2')
  corpus = emodb.emodb(emodb_root)
  paths = sorted((one.path for one in corpus.utterances), key=os.path.getsize)
  paths = [*paths[::13], paths[-1]]
  expected = in_jax(bundle, paths)
  for options in ([], ['--fixed']):
    _, actual = in_c(app, options, paths)
    np.testing.assert_allclose(actual, expected, atol=0.02)
    same = actual.argmax(axis=1) == expected.argmax(axis=1)
    # Where the two best of JAX are further apart than 8 bits move them.
    sure = np.ptp(np.sort(expected)[:, -2:], axis=1) > 0.02
    assert same[sure].all()
    assert sure.sum() > 38
