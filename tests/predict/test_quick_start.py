"""The first segments are computed in numpy, as exactly as with JAX."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest
import small_model
import two_blocks

from sernet_jax import audio
from sernet_jax.audio.spec import AudioSpec
from sernet_jax.common import files
from sernet_jax.common.errors import InputError
from sernet_jax.nn import folding
from sernet_jax.nn.spec import POOLINGS, ModelSpec
from sernet_jax.predict import bundle as bundle_lib, models
from sernet_jax.predict.plain.quick_start import QuickStart
from sernet_jax.predict.recognizer import Recognizer


def segments(count=5):
  """Sound shorter and longer than a segment of 4,000 samples."""
  lengths = [1.0, 0.25, 0.2, 0.07, 0.011]
  return np.stack(
    [
      audio.prepare(small_model.sound(lengths[k % 5], k), 4000)
      for k in range(count)
    ]
  )


def of_pooling(pooling):
  made = small_model.make()
  spec = ModelSpec(
    num_classes=3, filters=6, blocks=two_blocks.BLOCKS, pooling=pooling
  )
  weights = folding.fold(spec, *small_model.weights(spec))
  return dataclasses.replace(made, model=spec, folded=weights)


@pytest.mark.parametrize('pooling', POOLINGS)
def test_numpy_gives_the_probabilities_and_embeddings_of_jax(pooling):
  made = of_pooling(pooling)
  quick, whole = QuickStart([made]), Recognizer([made])
  found, want = (one.with_embeddings(segments()) for one in (quick, whole))
  assert want[:, :3].std(axis=0).max() > 0.01
  assert (found.shape, found.dtype) == (want.shape, np.float32)
  np.testing.assert_allclose(found, want, atol=1e-5, rtol=1e-5)
  np.testing.assert_allclose(quick(segments()), want[:, :3], atol=1e-5)
  assert 'with_jax' not in vars(quick)


@pytest.mark.parametrize('kind', ['mfcc', 'log_mel', 'spectrogram'])
def test_every_kind_of_features(kind):
  made = small_model.make(kind=kind)
  np.testing.assert_allclose(
    QuickStart([made])(segments()), Recognizer([made])(segments()), atol=1e-5
  )


def test_an_ensemble_is_the_mean_and_has_no_embeddings():
  both = [small_model.make(seed) for seed in range(2)]
  quick = QuickStart(both, 'both')
  np.testing.assert_allclose(
    quick(segments()), Recognizer(both)(segments()), atol=1e-5
  )
  with pytest.raises(InputError, match='both is an ensemble'):
    quick.with_embeddings(segments())


def test_jax_takes_over_after_so_many_segments():
  made = [small_model.make(seed) for seed in range(2)]
  quick, whole = QuickStart(made, most=14), Recognizer(made)
  sound = segments(7)
  np.testing.assert_allclose(quick(sound), whole(sound), atol=1e-5)
  assert 'with_jax' not in vars(quick)  # 7 segments, 2 networks
  np.testing.assert_array_equal(quick(sound), whole(sound))  # to the bit
  assert 'with_jax' in vars(quick)
  always = QuickStart(made, most=None)
  for _ in range(3):
    always(sound)
  assert 'with_jax' not in vars(always)


def test_no_segments_and_segments_that_were_not_scaled():
  quick = QuickStart([small_model.make()])
  assert quick(segments()[:0]).shape == (0, 3)
  with pytest.raises(InputError, match='values beyond 1'):
    quick(3 * segments())


def test_a_recording_is_recognized_without_jax(tmp_path):
  """Silence, notes, a timeline: all but the network is the same anyway."""
  path = tmp_path / 'a.wav'
  audio.write_wav(path, np.tile(small_model.sound(1.0), 4), 16_000)
  program = """
import sys
from sernet_jax.predict import __main__ as command
code = command.main([*sys.argv[1:], '--output=json'])
heavy = {'jax', 'flax', 'optax', 'orbax', 'matplotlib', 'onnxruntime'}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
sys.exit(code)
"""
  done = subprocess.run(
    [sys.executable, '-c', program, path],
    check=True,
    capture_output=True,
    text=True,
  )
  found = json.loads(done.stdout)
  whole = models.load()
  segment = audio.load_segments(path, whole.audio)
  want = dict(zip(whole.classes, whole(segment)[0], strict=True))
  assert len(found['timeline']) == 2
  assert found['probabilities'] == pytest.approx(want, abs=1e-5)


def test_the_weights_in_the_package_on_real_speech():
  root = os.environ.get('SERNET_EMODB') or files.cache_dir() / 'emodb'
  paths = sorted(pathlib.Path(root).glob('wav/*.wav'))[::60]
  if not paths:
    pytest.skip('EMO-DB is absent: set SERNET_EMODB or download it')
  made = bundle_lib.load(bundle_lib.release_path())
  sound = np.concatenate(
    [audio.load_segments(path, AudioSpec()) for path in paths]
  )
  found, want = QuickStart([made])(sound), Recognizer([made])(sound)
  np.testing.assert_allclose(found, want, atol=1e-6)
  np.testing.assert_array_equal(found.argmax(axis=1), want.argmax(axis=1))
