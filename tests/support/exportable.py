"""An untrained network to export, and made-up sound for it."""

from __future__ import annotations

import functools

import jax
import numpy as np

from sernet_jax import features
from sernet_jax.audio import segments
from sernet_jax.audio.spec import AudioSpec
from sernet_jax.export import checking, recordings as export_data
from sernet_jax.features.spec import MfccSpec
from sernet_jax.nn import folded, model
from sernet_jax.nn.spec import ModelSpec
from sernet_jax.predict import bundle as bundle_lib
from sernet_jax.predict.sessions import formats, waveform

# 11 frames of 13 coefficients: maps of odd sizes all the way down.
FRONT = MfccSpec(
  frame_samples=512, hop_samples=128, fft_size=512, num_coefficients=13
)
AUDIO = AudioSpec(16_000, 0.112)
CLASSES = ('calm', 'cross', 'glad')
LIBRARY = {'onnx': 'onnxruntime', 'tflite': 'ai_edge_litert'}
PAIRS = [
  (kind, precision)
  for kind, precisions in formats.PRECISIONS.items()
  for precision in precisions
]
# Of probabilities: float32 rounding, fp16 kernels, 8-bit kernels and maps.
BOUND = {'fp32': 2e-5, 'fp16': 5e-3, 'int8': 0.1}


@functools.cache
def bundle():
  """An untrained network with the statistics of made-up sound."""
  spec = ModelSpec(num_classes=len(CLASSES), batch_norm_momentum=0.0)
  init = jax.jit(model.init, static_argnums=1)
  apply = jax.jit(functools.partial(model.apply, spec, train=True))
  params, stats = init(jax.random.key(1), spec)
  x = features.mfcc(heard().prepared, FRONT)[..., None]
  _, stats = apply(params, stats, x)
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


@functools.cache
def expected():
  return checking.expected(bundle(), heard())


def recordings():
  """Long, short, quiet, and with zeros of its own at the ends."""
  random = np.random.default_rng(5)
  length = AUDIO.num_samples
  loud = random.normal(size=length + 501)
  quiet = 1e-4 * random.normal(size=length)
  short = random.normal(size=length // 3)
  edges = random.normal(size=length)
  edges[:100] = edges[-37:] = 0
  click = np.zeros(length)
  click[length // 2] = 0.3
  return [np.float32(x) for x in (loud, quiet, short, edges, click)]


def raw_and_prepared():
  length = AUDIO.num_samples
  cuts = [segments.cut(x, AUDIO)[0] for x in recordings()]
  raw = np.stack([waveform.padded(x, length) for x in cuts])
  return raw, np.stack([segments.prepare(x, length) for x in recordings()])


def recognized(path):
  """Probabilities (segments, classes) of the JAX model for a recording."""
  return checking.Recognizer([bundle()])(segments.load_segments(path, AUDIO))
