"""Windows of a stream of which only the new part is computed."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import small_model

from sernet_jax.audio import segments
from sernet_jax.common.errors import InputError
from sernet_jax.nn import folded
from sernet_jax.predict import live
from sernet_jax.predict.recognizer import Recognizer

HOP = 512  # two frames, one column behind the pools of the paths
LENGTH = 4000
FAR_DB = 60.0  # holds any scale


def recognizer_of(pooling='mean', networks=1):
  """Networks with maps of their own columns, windows of twelve frames."""
  bundles = []
  for seed in range(networks):
    made = small_model.make(seed)
    spec = dataclasses.replace(made.model, pooling=pooling)
    weights = folded.fold(spec, *small_model.weights(spec, seed))
    bundles.append(dataclasses.replace(made, model=spec, folded=weights))
  return Recognizer(bundles)


@pytest.fixture(scope='module')
def model():
  return recognizer_of()


def stream(windows, seed=0):
  seconds = (LENGTH + windows * HOP) / small_model.RATE_HZ
  return small_model.sound(seconds, seed)


def window(samples, index):
  return samples[index * HOP : index * HOP + LENGTH]


@pytest.mark.parametrize(
  ('pooling', 'networks'), [('mean', 1), ('statistics', 2)]
)
def test_windows_are_those_computed_whole(pooling, networks):
  model = recognizer_of(pooling, networks)
  moving, samples = model.moving_window(HOP, FAR_DB), stream(5)
  scale = segments.scale(window(samples, 0))
  rows = []
  for index in range(5):
    actual = moving(index * HOP, window(samples, index))
    whole = segments.scaled(window(samples, index), scale)
    expected = model(whole[None])[0]
    np.testing.assert_allclose(actual, expected, atol=1e-5)
    rows.append(expected)
  assert (moving.renewed, moving.advanced) == (1, 4)
  assert np.ptp(rows, axis=0).max() > 1e-3  # the windows do differ


def test_a_gap_or_another_level_computes_anew(model):
  moving, samples = model.moving_window(HOP, 3.0), stream(4)
  louder = samples.copy()
  louder[window(samples, 3).size // 2 + 3 * HOP :] *= 2
  for index in (0, 1, 3):  # 2 is left out
    moving(index * HOP, window(samples, index))
  assert (moving.renewed, moving.advanced) == (2, 1)
  actual = moving(4 * HOP, window(louder, 4))
  assert (moving.renewed, moving.advanced) == (3, 1)
  expected = model(segments.prepare(window(louder, 4), LENGTH)[None])[0]
  np.testing.assert_allclose(actual, expected, atol=1e-5)


def test_a_stream_with_a_held_scale(model, monkeypatch):
  samples, made = stream(6), []
  original = Recognizer.moving_window

  def noted(self, *arguments):
    made.append(original(self, *arguments))
    return made[-1]

  monkeypatch.setattr(Recognizer, 'moving_window', noted)
  hop_s = HOP / small_model.RATE_HZ
  pieces = np.array_split(samples, 7)
  found = [*live.estimates(pieces, model, 16_000, hop_s, held_db=FAR_DB)]
  (moving,) = made
  assert (moving.renewed, moving.advanced) == (1, 6)
  scale = segments.scale(window(samples, 0))
  for index, one in enumerate(found[:7]):
    whole = segments.scaled(window(samples, index), scale)
    np.testing.assert_allclose(
      one.probabilities, model(whole[None])[0], atol=1e-5
    )


@pytest.mark.parametrize(
  ('hop_s', 'held_db', 'match'),
  [
    (0.1, 3.0, r'hop of 0.1 s is not a whole number .* --hop_s=0.096 or'),
    (0.24, 3.0, 'windows share nothing'),
    (0.032, -1.0, 'held_db is -1.0; give a finite number of at least 0'),
  ],
)
def test_settings_that_keep_nothing(model, hop_s, held_db, match):
  with pytest.raises(InputError, match=match):
    live.estimates([], model, 16_000, hop_s, held_db=held_db)


def test_a_front_end_that_looks_further_and_a_file_keep_nothing(model):
  made = small_model.make()
  mfcc = dataclasses.replace(made.mfcc, padding='reflect')
  centered = Recognizer([dataclasses.replace(made, mfcc=mfcc)])
  with pytest.raises(InputError, match='looks beyond single frames'):
    live.estimates([], centered, 16_000, 0.032, held_db=3.0)

  class File:
    name, audio, mfcc = 'model.onnx', model.audio, model.mfcc

  with pytest.raises(InputError, match=r'model\.onnx is an exported file'):
    live.estimates([], File(), 16_000, 0.032, held_db=3.0)
