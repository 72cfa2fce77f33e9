"""An untrained network to export, and made-up sound for it."""

from __future__ import annotations

import functools

import jax
import numpy as np

from sernet_jax import features
from sernet_jax.audio.spec import AudioSpec
from sernet_jax.export import recordings as export_data
from sernet_jax.features.spec import MfccSpec
from sernet_jax.nn import folded, model
from sernet_jax.nn.spec import ModelSpec
from sernet_jax.predict import bundle as bundle_lib

FRONT = MfccSpec(
  frame_samples=512, hop_samples=128, fft_size=512, num_coefficients=13
)
AUDIO = AudioSpec(16_000, 0.112)
CLASSES = ('calm', 'cross', 'glad')


@functools.cache
def bundle():
  """An untrained network with the statistics of made-up sound."""
  spec = ModelSpec(num_classes=len(CLASSES), batch_norm_momentum=0.0)
  params, stats = model.init(jax.random.key(1), spec)
  x = features.mfcc(heard().prepared, FRONT)[..., None]
  _, stats = model.apply(spec, params, stats, x, train=True)
  params['head']['kernel'] *= 2  # decided enough to tell sounds apart
  params, stats = jax.tree.map(np.asarray, (params, stats))
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
  return export_data.made_up(AUDIO)
