"""The chain computes what training computes, in numpy and in JAX."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from exportable import AUDIO, raw_and_prepared

from sernet_jax import features
from sernet_jax.export.emitters import eager
from sernet_jax.features import kinds
from sernet_jax.nn.spec import Layer
from sernet_jax.predict.plain import arrays, chain as export_chain
from sernet_jax.predict.sessions import waveform

EMITTERS = {'numpy': arrays.Arrays, 'jax': eager.Eager}


@pytest.mark.parametrize('emitter', EMITTERS)
def test_scale_inside_a_file_is_that_of_training(emitter):
  raw, prepared = raw_and_prepared()
  found = export_chain.scaled(EMITTERS[emitter](), raw, AUDIO.num_samples)
  np.testing.assert_allclose(found, prepared, atol=3e-7)


def test_scale_leaves_prepared_segments_alone():
  _, prepared = raw_and_prepared()
  ready = waveform.unscaled(prepared)
  found = export_chain.scaled(eager.Eager(), ready, AUDIO.num_samples)
  np.testing.assert_allclose(found, prepared, atol=1e-6)


def test_silence_gives_no_nan():
  silence = np.zeros((2, AUDIO.num_samples), np.float32)
  found = export_chain.scaled(
    eager.Eager(), waveform.unscaled(silence), AUDIO.num_samples
  )
  np.testing.assert_array_equal(found, silence)


FRONT_ENDS = [(n, 'paper') for n, k in kinds.KINDS.items() if not k.deltas] + [
  ('mfcc', name) for name in features.PRESETS if name != 'paper'
]


@pytest.mark.parametrize(('kind', 'name'), FRONT_ENDS)
def test_front_end_of_the_chain_is_that_of_training(kind, name):
  spec = features.PRESETS[name]
  random = np.random.default_rng(1)
  sound = np.float32(random.uniform(-1, 1, (2, 3000)))
  want = np.asarray(kinds.KINDS[kind].compute(sound, spec))
  bounds = {'atol': 2e-6 * max(100, np.abs(want).max()), 'rtol': 1e-5}

  @jax.jit
  def chain(x):
    return export_chain.features(eager.Eager(), x, 3000, kind, spec)

  found = chain(sound)
  assert found.shape == want.shape
  np.testing.assert_allclose(found, want, **bounds)
  found = export_chain.features(arrays.Arrays(), sound, 3000, kind, spec)
  assert (found.shape, found.dtype) == (want.shape, np.float32)
  np.testing.assert_allclose(found, want, **bounds)


@pytest.mark.parametrize('kernel', [(3, 3), (1, 1), (5, 3), (11, 1), (1, 9)])
@pytest.mark.parametrize('inputs', [1, 4])
def test_convolutions_in_numpy(kernel, inputs):
  random = np.random.default_rng(2)
  x = np.float32(random.normal(size=(2, 7, 6, inputs)))
  weights = np.float32(random.normal(size=(*kernel, inputs, 3)))
  bias = np.float32(random.normal(size=3))
  layer = Layer('one', 'block', inputs, 3, kernel)
  found = arrays.Arrays().conv_relu(layer, x, weights, bias)
  want = eager.Eager().conv_relu(layer, x, weights, bias)
  np.testing.assert_allclose(found, want, atol=1e-5)


@pytest.mark.parametrize('size', [(2, 2), (2, 1), (3, 4), (9, 9)])
def test_pools_in_numpy_take_the_mean_of_real_cells(size):
  x = np.float32(np.random.default_rng(3).normal(size=(2, 7, 5, 3)))
  found = arrays.Arrays().pool('one', x, size)
  want = eager.Eager().pool('one', x, size)
  np.testing.assert_allclose(found, want, atol=1e-6)
