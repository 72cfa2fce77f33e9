"""Writes a model in any of the formats."""

from __future__ import annotations

import dataclasses
import pathlib

import numpy as np

from sernet_jax.common import files
from sernet_jax.common.errors import require
from sernet_jax.export.emitters import eager as eager_lib
from sernet_jax.export.recordings import Segments
from sernet_jax.features import kinds
from sernet_jax.nn.networks import packing
from sernet_jax.predict import bundle as bundle_lib, recognizer
from sernet_jax.predict.bundle import Bundle
from sernet_jax.predict.plain import chain, own_frames

_DTYPES = {'fp32': 'float32', 'fp16': 'float16'}
_BATCH = 32


def write(
  path: pathlib.Path,
  bundle: Bundle,
  kind: str,
  precision: str,
  calibration: Segments | None = None,
) -> None:
  """Writes a file, whole or not at all.

  Args:
    path: of the file.
    bundle: the model.
    kind: a format of `formats.PRECISIONS`.
    precision: one that the format has.
    calibration: what 'int8' finds its ranges with; without it TensorFlow Lite
      files have those of the bundle.

  Raises:
    InputError: if a converter is missing or the file cannot be written.
  """
  about = {**bundle.about, 'precision': precision}
  bundle = dataclasses.replace(bundle, about=about)
  if kind == 'safetensors':
    bundle_lib.save(path, bundle, _DTYPES[precision])
    return
  metadata = bundle_lib.metadata(bundle)
  if kind == 'stablehlo':
    from sernet_jax.export import to_stablehlo

    content = to_stablehlo.convert(bundle, precision, metadata)
  elif kind == 'onnx':
    from sernet_jax.export import to_onnx

    sound = None if calibration is None else calibration.raw
    content = to_onnx.convert(bundle, precision, metadata, sound)
  else:
    from sernet_jax.export import to_tflite

    seen = None
    if precision == 'int8':
      if calibration is None:
        seen = known_ranges(bundle)
      else:
        seen = ranges(bundle, calibration.prepared)
    content = to_tflite.convert(bundle, precision, metadata, seen)
  files.write_bytes(path, content, files.Cure('--output'))


def ranges(
  bundle: Bundle, prepared: np.ndarray
) -> dict[str, tuple[float, float]]:
  """Finds the ranges of the input and output of each layer.

  Args:
    bundle: the model.
    prepared: (segments, num_samples), each through `audio.prepare`.

  Returns:
    As `Eager.ranges`.
  """
  eager = eager_lib.Eager()
  features = kinds.KINDS[bundle.feature_kind].compute
  for start in range(0, len(prepared), _BATCH):
    sound, own = prepared[start : start + _BATCH], None
    if bundle.model.masked:
      sound, lengths = recognizer.from_first_sample(sound)
      own = own_frames.OwnFrames(
        eager,
        np.asarray(lengths, np.float32)[:, None],
        bundle.audio.num_samples,
        bundle.mfcc,
      )
    values = features(sound, bundle.mfcc)
    chain.network(eager, values, bundle.light_sernet, bundle.folded, own)
  return eager.ranges


def known_ranges(bundle: Bundle) -> dict[str, tuple[float, float]]:
  """The ranges of every layer's input and output that a bundle comes with.

  Raises:
    InputError: if it lacks any of them.
  """
  for layer in bundle.light_sernet.layers('path', 'block', 'dense'):
    require(
      {layer.name, f'{layer.name}_input'} <= set(bundle.ranges),
      f'the model does not know the range of {layer.name}, which int8 needs; '
      'give --calibration=FOLDER of speech such as the model will hear',
    )
  return bundle.ranges


def weights_bytes(bundle: Bundle, kind: str, precision: str) -> int:
  """Bytes that the network's weights take in a file, without the front end.

  A bias takes 4 bytes, in fp16 2 in safetensors and StableHLO files; a binary
  weight a bit in safetensors files, with a number for each output. In 8 bits
  the kernels of the blocks take a byte a weight and a float32 scale for each
  output.
  """
  if kind == 'safetensors':
    return packing.num_bytes(bundle.model, {'fp32': 4, 'fp16': 2}[precision])
  if precision == 'fp32' or kind == 'stablehlo':
    return {'fp32': 4, 'fp16': 2}[precision] * bundle.num_parameters
  total = 0
  for layer in bundle.light_sernet.layers():
    each = {'fp16': 2, 'int8': 4}[precision]
    if precision == 'int8' and layer.kind == 'block':
      each = 1
      total += 4 * layer.outputs
    total += 4 * layer.outputs + each * layer.num_weights
  return total
