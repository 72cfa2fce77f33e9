"""Raw waveform to probabilities, written once for numpy and every export format.

`probabilities` expresses the whole chain in about twenty operations that an
emitter carries out: one writes ONNX nodes, one TensorFlow Lite operators, one
computes at once. Values are (batch, ...), the batch is free.

The chain is that of `audio.prepare`, `features.mfcc` (`front_end`) and
`folded.logits`, in forms that every runtime has and that need few constants.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from sernet_jax.audio.spec import AudioSpec
from sernet_jax.features.spec import MfccSpec
from sernet_jax.nn.spec import PATH_POOL, Layer, ModelSpec, window as pool_of
from sernet_jax.predict.plain.front_end import (
  TAIL as TAIL,
  features as features,
  scaled as scaled,
)
from sernet_jax.predict.plain.own_frames import OwnFrames
from sernet_jax.predict.plain.protocol import (
  Emitter,
  NetworkEmitter,
  Value,
  size,
)

Folded = Mapping[str, Mapping[str, np.ndarray]]


def probabilities(
  out: Emitter,
  x: Value,
  audio_spec: AudioSpec,
  feature_kind: str,
  mfcc: MfccSpec,
  model: ModelSpec,
  folded: Folded,
) -> Value:
  """Expresses the whole chain.

  Args:
    out: carries the operations out.
    x: raw waveform (batch, samples), `audio_spec.num_samples` of them.
    audio_spec: rate and length.
    feature_kind: one of `features.kinds.KINDS` without deltas.
    mfcc: the front end.
    model: the network.
    folded: its weights with BatchNorm folded in.

  Returns:
    (batch, classes).
  """
  own, samples = None, audio_spec.num_samples
  if model.masked:
    x = out.from_first(x)
    own = OwnFrames(out, out.extent(x), samples, mfcc)
  x = scaled(out, x, samples)
  x = features(out, x, samples, feature_kind, mfcc)
  return out.softmax(network(out, x, model, folded, own))


def embeddings(
  out: Emitter,
  x: Value,
  feature_kind: str,
  mfcc: MfccSpec,
  model: ModelSpec,
  folded: Folded,
) -> Value:
  """Expresses prepared sound to the pooled map, from which `head` goes on.

  Args:
    out: carries the operations out.
    x: waveform (batch, samples), through `audio.prepare`.
    feature_kind: as for `probabilities`.
    mfcc: likewise.
    model: likewise.
    folded: likewise.

  Returns:
    (batch, channels).
  """
  own, samples = None, size(x.shape, 1)
  if model.masked:
    x = out.from_first(x)
    own = OwnFrames(out, out.extent(x), samples, mfcc)
  x = features(out, x, samples, feature_kind, mfcc)
  return pooled(out, x, model, folded, own)


def network(
  out: NetworkEmitter,
  x: Value,
  model: ModelSpec,
  folded: Folded,
  own: OwnFrames | None = None,
) -> Value:
  """Expresses features to logits.

  Args:
    out: carries the operations out.
    x: (batch, frames, coefficients).
    model: the network.
    folded: its weights with BatchNorm folded in.
    own: the frames that are an utterance's own; None where all count.
  """
  return head(out, pooled(out, x, model, folded, own), model, folded)


def head(
  out: NetworkEmitter, x: Value, model: ModelSpec, folded: Folded
) -> Value:
  """Expresses the pooled map (batch, channels) to logits."""
  for layer in model.layers('dense'):
    x = out.dense(layer.name, x, **_arrays(folded[layer.name]))
  return x


def pooled(
  out: NetworkEmitter,
  x: Value,
  model: ModelSpec,
  folded: Folded,
  own: OwnFrames | None = None,
) -> Value:
  """Expresses features to the pooled map; see `network`."""
  x = out.image(x)
  if own is not None:
    x = own.clear(x)
  paths = model.layers('path')
  x = out.join('paths', [_block(out, layer, x, folded, own) for layer in paths])
  if own is not None:
    own.step(PATH_POOL)
  for layer in model.layers('block'):
    window = pool_of(model, layer)
    x = _block(out, dataclasses.replace(layer, pool=window), x, folded, own)
    if own is not None:
      own.step(window)
  if own is not None:
    scores = [_arrays(folded[layer.name]) for layer in model.layers('score')]
    x = own.over_map(x, model, scores[0] if scores else None)
  return x


def _block(
  out: NetworkEmitter,
  layer: Layer,
  x: Value,
  folded: Folded,
  own: OwnFrames | None,
) -> Value:
  """Convolution, bias, ReLU and pooling."""
  x = out.conv_relu(layer, x, **_arrays(folded[layer.name]))
  if own is not None:
    return own.pool(f'{layer.name}_pool', x, layer.pool)
  if layer.pool is None:
    return out.mean_map(f'{layer.name}_mean', x)
  return out.pool(f'{layer.name}_pool', x, layer.pool)


def _arrays(block: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
  return {key: np.asarray(block[key], np.float32) for key in ('kernel', 'bias')}
