"""Some of the classes, their probabilities divided by their sum."""

from __future__ import annotations

import json

import numpy as np
import pytest
import small_model
import soundfile

import sernet_jax
from sernet_jax.common.errors import InputError
from sernet_jax.predict import __main__ as command, bundle, recognizer
from sernet_jax.predict.inference import class_choice

SEGMENTS = np.stack([small_model.sound(0.25, seed) for seed in range(3)])


@pytest.fixture(scope='module')
def model():
  return recognizer.Recognizer([small_model.make()], 'small')


def test_probabilities_are_those_given_that_it_is_one_of_them(model):
  chosen = class_choice.among(model, ('none', 'high'))
  rows = model(SEGMENTS)[:, [2, 0]]
  expected = rows / rows.sum(axis=1, keepdims=True)
  found = chosen(SEGMENTS)
  assert found.dtype == np.float32
  np.testing.assert_allclose(found, expected, rtol=1e-6)
  with_maps = chosen.with_embeddings(SEGMENTS)
  np.testing.assert_allclose(with_maps[:, :2], expected, rtol=1e-5)
  np.testing.assert_array_equal(
    with_maps[:, 2:], model.with_embeddings(SEGMENTS)[:, 3:]
  )
  assert chosen(SEGMENTS[:0]).shape == (0, 2)


def test_where_none_of_them_is_possible_all_are_alike():
  class Sure:
    classes = ('a', 'b', 'c')
    name = 'sure'

    def __call__(self, segments):
      return np.tile(np.float32([1, 0, 0]), (len(segments), 1))

  found = class_choice.among(Sure(), ('b', 'c'))(SEGMENTS)
  np.testing.assert_array_equal(found, np.full((3, 2), 0.5))


@pytest.mark.parametrize(
  ('classes', 'match'),
  [
    (('hihg', 'low'), "did you mean 'high'"),
    (('high',), 'names high alone; give two or more of high, low, none'),
    (('high', 'high'), 'names one twice'),
    (('',), "--classes is ''"),
  ],
)
def test_mistakes_are_one_sentence(model, classes, match):
  with pytest.raises(InputError, match=match):
    class_choice.among(model, classes)


def test_the_command_and_python_choose_alike(tmp_path, capsys):
  bundle.save(tmp_path / 'm.safetensors', small_model.make(), 'float32')
  sound = small_model.sound(0.6)
  soundfile.write(tmp_path / 'a.wav', sound, small_model.RATE_HZ)
  code = command.main(
    [
      str(tmp_path / 'a.wav'),
      f'--model={tmp_path / "m.safetensors"}',
      '--classes=low, none',
      '--output=json',
    ]
  )
  found = json.loads(capsys.readouterr().out)
  assert code == 0
  assert list(found['probabilities']) == ['low', 'none']
  assert sum(found['probabilities'].values()) == pytest.approx(1)
  predictor = sernet_jax.load(
    tmp_path / 'm.safetensors', classes=('low', 'none')
  )
  answer = predictor.predict(sound, small_model.RATE_HZ)
  # The command computes in numpy, Python with JAX.
  assert answer.probabilities == pytest.approx(found['probabilities'], abs=1e-5)
