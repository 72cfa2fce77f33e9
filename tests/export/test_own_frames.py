"""Files of networks that look at an utterance's own frames alone."""

from __future__ import annotations

import functools
import re

import exportable
import jax
import numpy as np
import pytest
import two_blocks
from exportable import AUDIO, CLASSES, FRONT

from sernet_jax.audio import segments
from sernet_jax.common.errors import InputError
from sernet_jax.export import recordings, targets, writing
from sernet_jax.export.emitters import eager
from sernet_jax.nn import folded, model
from sernet_jax.nn.spec import ModelSpec
from sernet_jax.predict import bundle as bundle_lib, models, recognizer
from sernet_jax.predict.plain import chain
from sernet_jax.predict.sessions import formats, waveform

LENGTH = AUDIO.num_samples
POOLINGS = ('masked', 'statistics', 'attention')


@functools.cache
def bundle(pooling):
  spec = ModelSpec(
    num_classes=len(CLASSES), blocks=two_blocks.BLOCKS, pooling=pooling
  )
  params, stats = jax.jit(model.init, static_argnums=1)(jax.random.key(1), spec)
  random = np.random.default_rng(2)
  for tree in (params, stats):
    for block in tree.values():
      for key in ('offset', 'mean', 'bias'):
        if key in block:
          block[key] = random.normal(size=block[key].shape)
  return bundle_lib.Bundle(
    model=spec,
    mfcc=FRONT,
    feature_kind='mfcc',
    audio=AUDIO,
    classes=CLASSES,
    folded=folded.fold(spec, params, stats),
    about={'name': 'test', 'fold': 'a'},
  )


@functools.cache
def heard():
  """Raw and prepared sound: from a fifth of a frame to more than a segment."""
  random = np.random.default_rng(5)
  lengths = [*range(100, LENGTH + 300, 170), LENGTH - 1]
  sounds = [np.float32(random.normal(size=length)) for length in lengths]
  sounds[3][:99] = sounds[5][-50:] = 0  # digital silence of their own
  cuts = [waveform.marked(segments.cut(x, AUDIO)[0]) for x in sounds]
  raw = np.stack([waveform.padded(x, LENGTH) for x in cuts])
  prepared = np.stack([segments.prepare(x, LENGTH) for x in cuts])
  return recordings.Segments(
    raw, prepared, np.arange(len(raw)), None, 'made-up sound'
  )


@functools.cache
def expected(pooling):
  return recognizer.Recognizer([bundle(pooling)])(heard().prepared)


@pytest.mark.parametrize('pooling', POOLINGS)
def test_the_chain_gives_the_probabilities_of_the_model(pooling):
  one = bundle(pooling)
  found = chain.probabilities(
    eager.Eager(), heard().raw, AUDIO, 'mfcc', FRONT, one.model, one.folded
  )
  assert expected(pooling).std(axis=0).max() > 0.01
  np.testing.assert_allclose(found, expected(pooling), atol=2e-5)


@pytest.mark.parametrize('pooling', POOLINGS)
@pytest.mark.parametrize('kind', ['stablehlo', 'onnx', 'tflite'])
def test_files_give_the_probabilities_of_the_model(tmp_path, kind, pooling):
  if kind in exportable.LIBRARY:
    pytest.importorskip(exportable.LIBRARY[kind])
  path = tmp_path / f'model.{kind}'
  writing.write(path, bundle(pooling), kind, 'fp32')
  run = formats.session(path, path.read_bytes())
  for part in (slice(0, 1), slice(2, 12)):
    np.testing.assert_allclose(
      run(heard().raw[part]), expected(pooling)[part], atol=2e-5
    )
  found = models.load(path)(heard().prepared)  # as `predict` runs it
  np.testing.assert_allclose(found, expected(pooling), atol=2e-5)


@pytest.mark.parametrize('kind', ['onnx', 'tflite'])
def test_files_in_8_bits_stay_close(tmp_path, kind):
  pytest.importorskip(exportable.LIBRARY[kind])
  path = tmp_path / f'model.{kind}'
  writing.write(path, bundle('statistics'), kind, 'int8', heard())
  found = formats.session(path, path.read_bytes())(heard().raw)
  np.testing.assert_allclose(found, expected('statistics'), atol=0.05)
  assert np.abs(found - expected('statistics')).max() > 1e-5  # not floats


def test_zeros_around_a_recording_change_nothing():
  """Wherever it lies; the mean over everything would see them."""
  sound = heard().raw[4]
  own = sound[sound != 0]
  moved = np.stack(
    [np.pad(own, (at, LENGTH - len(own) - at)) for at in (0, 77)]
  )
  one = bundle('statistics')
  found = chain.probabilities(
    eager.Eager(), moved, AUDIO, 'mfcc', FRONT, one.model, one.folded
  )
  np.testing.assert_array_equal(found[0], found[1])


@pytest.mark.parametrize(
  ('kind', 'pooling', 'cure'),
  [
    ('c', 'attention', 'export it to onnx or tflite'),
    ('tflite_micro', 'attention', 'export it to onnx or tflite'),
  ],
)
def test_what_microcontrollers_lack_is_refused_in_one_sentence(
  kind, pooling, cure
):
  with pytest.raises(
    InputError, match=rf'model\.pooling={pooling}.*{re.escape(cure)}'
  ):
    targets.require_exportable(bundle(pooling), [(kind, 'int8')])
