"""Bundles with random weights, small enough to run in milliseconds."""

from __future__ import annotations

import jax
import numpy as np
import two_blocks

from sernet_jax.audio.spec import AudioSpec
from sernet_jax.features.spec import MfccSpec
from sernet_jax.nn import folded, model
from sernet_jax.nn.spec import ModelSpec
from sernet_jax.predict import bundle

RATE_HZ = 16_000
CLASSES = ('high', 'low', 'none')
MFCC = MfccSpec(num_mel_bands=20, num_coefficients=8)


# Compiled: called as it is, every operation is a program of its own.
init = jax.jit(model.init, static_argnums=1)


def weights(spec: ModelSpec, seed: int = 0):
  """Parameters and statistics that are neither 0 nor 1 anywhere."""
  params, stats = init(jax.random.key(seed), spec)
  random = np.random.default_rng(seed)

  def moved(leaf):
    noise = random.uniform(0.1, 0.5, leaf.shape).astype(np.float32)
    return np.asarray(leaf) + noise * (leaf.ndim == 1)

  return jax.tree.map(moved, (params, stats))


def make(
  seed: int = 0,
  duration_s: float = 0.25,
  segments: str = 'center',
  kind: str = 'mfcc',
  **about: str,
) -> bundle.Bundle:
  """Three classes, two small blocks, 8 coefficients, segments of a quarter of a second."""
  spec = ModelSpec(
    num_classes=len(CLASSES), filters=6, blocks=two_blocks.BLOCKS
  )
  return bundle.Bundle(
    spec,
    MFCC,
    kind,
    AudioSpec(RATE_HZ, duration_s, segments),
    CLASSES,
    folded.fold(spec, *weights(spec, seed)),
    {'name': 'small', **about},
  )


def sound(seconds: float, seed: int = 0, rate_hz: int = RATE_HZ) -> np.ndarray:
  """A tone that rises, with noise; float32 in [-1, 1], in steps of 16 bits."""
  random = np.random.default_rng(seed)
  time_s = np.arange(round(seconds * rate_hz)) / rate_hz
  tone = 0.4 * np.sin(2 * np.pi * (300 + 400 * time_s) * time_s)
  samples = tone + 0.05 * random.normal(size=time_s.size)
  return np.round(samples * 32_767).astype(np.float32) / 32_768
