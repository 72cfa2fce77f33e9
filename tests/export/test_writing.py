"""A file of any format gives what the JAX model gives."""

from __future__ import annotations

import builtins
import dataclasses

import numpy as np
import pytest
from exportable import (
  AUDIO,
  BOUND,
  CLASSES,
  FRONT,
  PAIRS,
  bundle,
  expected,
  heard,
  raw_and_prepared,
)

from sernet_jax.common.errors import InputError
from sernet_jax.export import writing
from sernet_jax.predict import exported, models, recognizer
from sernet_jax.predict.sessions import formats


@pytest.mark.parametrize(('kind', 'precision'), PAIRS)
def test_file_gives_the_probabilities_of_the_model(
  exported_file, kind, precision
):
  runner = models.load(exported_file(kind, precision))
  assert runner.classes == CLASSES
  assert (runner.audio, runner.mfcc, runner.feature_kind) == (
    AUDIO,
    FRONT,
    'mfcc',
  )
  found = runner(heard().prepared)
  assert found.shape == (len(heard().prepared), len(CLASSES))
  assert expected().std(axis=0).max() > 0.01  # else agreement says nothing
  np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
  np.testing.assert_allclose(found, expected(), atol=BOUND[precision])
  if kind != 'safetensors':  # Half of the sound is short, with zeros around.
    path = exported_file(kind, precision)
    run = formats.session(path, path.read_bytes())
    found = run(heard().raw)
    np.testing.assert_allclose(found, expected(), atol=BOUND[precision])


@pytest.mark.parametrize('kind', ['stablehlo', 'onnx', 'tflite'])
def test_file_takes_raw_sound_in_batches_of_any_size(exported_file, kind):
  path = exported_file(kind, 'fp32')
  run = formats.session(path, path.read_bytes())
  raw, prepared = raw_and_prepared()
  want = recognizer.Recognizer([bundle()])(prepared)
  for part in (slice(0, 1), slice(0, 3), slice(2, 5), slice(4, 5)):
    np.testing.assert_allclose(run(raw[part]), want[part], atol=1e-5)


@pytest.mark.parametrize('kind', ['onnx', 'tflite'])
def test_sizes_follow_the_precision(exported_file, kind):
  sizes = {
    precision: exported_file(kind, precision).stat().st_size
    for precision in ('fp32', 'fp16', 'int8')
  }
  weights = {
    precision: writing.weights_bytes(bundle(), kind, precision)
    for precision in sizes
  }
  assert round(weights['fp16'] / 2**20, 2) == 0.88
  assert weights['int8'] < 500_000
  for precision, size in sizes.items():
    # Front end and structure come on top.
    assert weights[precision] < size < weights[precision] + 120_000


def test_missing_library_is_one_sentence(exported_file, monkeypatch):
  path = exported_file('onnx', 'fp32')
  real = builtins.__import__

  def refuse(name, *rest, **more):
    if name.startswith('onnx'):
      raise ImportError(name, name=name)
    return real(name, *rest, **more)

  monkeypatch.setattr(builtins, '__import__', refuse)
  with pytest.raises(InputError, match='pip install onnx onnxruntime, or'):
    exported.Exported(path)
  with pytest.raises(InputError, match='pip install onnx onnxruntime, or'):
    writing.write(path, bundle(), 'onnx', 'fp32')


def test_made_up_specs_do_not_pass_unseen(tmp_path):
  """A bundle of another front end gives another file, not the same one."""
  other = dataclasses.replace(
    bundle(), mfcc=dataclasses.replace(FRONT, window='hann')
  )
  paths = [tmp_path / 'a.stablehlo', tmp_path / 'b.stablehlo']
  for path, one in zip(paths, (bundle(), other), strict=True):
    writing.write(path, one, 'stablehlo', 'fp32')
  first, second = (models.load(path)(heard().prepared) for path in paths)
  assert np.abs(first - second).max() > 1e-4
