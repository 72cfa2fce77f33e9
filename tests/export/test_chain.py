"""The chain computes what training computes, scale and front end."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from exportable import AUDIO, raw_and_prepared

from sernet_jax import features
from sernet_jax.export import chain as export_chain
from sernet_jax.export.emitters import eager
from sernet_jax.features import kinds
from sernet_jax.predict.sessions import waveform


def test_scale_inside_a_file_is_that_of_training():
  raw, prepared = raw_and_prepared()
  found = export_chain.scaled(eager.Eager(), raw, AUDIO.num_samples)
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


@pytest.mark.parametrize(
  ('kind', 'name'),
  [(kind, 'paper') for kind in kinds.KINDS]
  + [('mfcc', name) for name in features.PRESETS if name != 'paper'],
)
def test_front_end_of_the_chain_is_that_of_training(kind, name):
  spec = features.PRESETS[name]
  random = np.random.default_rng(1)
  sound = np.float32(random.uniform(-1, 1, (2, 3000)))
  want = np.asarray(kinds.KINDS[kind].compute(sound, spec))

  @jax.jit
  def chain(x):
    return export_chain.features(eager.Eager(), x, 3000, kind, spec)

  found = chain(sound)
  assert found.shape == want.shape
  np.testing.assert_allclose(
    found, want, atol=2e-6 * max(100, np.abs(want).max()), rtol=1e-5
  )
