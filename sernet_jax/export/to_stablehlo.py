"""StableHLO files: the JAX program itself, for CPU, CUDA and TPU.

`jax.export` writes a flatbuffer, which `jax.export.deserialize` reads without
this package. Behind it, where a flatbuffer's readers do not look, stands what
the file is for, with a checksum of both.
"""

from __future__ import annotations

import hashlib
import json
import pathlib
from collections.abc import Mapping

import jax
import numpy as np

from sernet_jax.common.errors import InputError, require
from sernet_jax.export import chain, eager
from sernet_jax.features import kinds
from sernet_jax.nn import folded as folded_lib
from sernet_jax.predict.bundle import Bundle

PLATFORMS = ('cpu', 'cuda', 'tpu')
_MARK = b'sernet_jax trailer'
_CHECKSUM = 'sha256'
_MAX_TRAILER_BYTES = 1 << 18


def convert(
  bundle: Bundle, precision: str, metadata: Mapping[str, str]
) -> bytes:
  """The content of a file.

  Args:
    bundle: what to write.
    precision: 'fp32'; 'fp16' stores the network's numbers in fp16 and
      computes in float32.
    metadata: stored behind the program, text by name.
  """
  folded = bundle.folded
  if precision == 'fp16':
    folded = jax.tree.map(lambda leaf: leaf.astype(np.float16), folded)
  samples = bundle.audio.num_samples

  def sernet(waveform):
    stored = jax.tree.map(
      lambda leaf: jax.numpy.asarray(leaf).astype(np.float32), folded
    )
    scaled = chain.scaled(eager.Eager(), waveform, samples)
    features = kinds.KINDS[bundle.feature_kind].compute(scaled, bundle.mfcc)
    return folded_lib.probabilities(bundle.model, stored, features[..., None])

  shape = jax.export.symbolic_shape(f'batch, {samples}')
  exported = jax.export.export(jax.jit(sernet), platforms=PLATFORMS)(
    jax.ShapeDtypeStruct(shape, np.float32)
  )
  program = bytes(exported.serialize())
  said = {**metadata, _CHECKSUM: _digest(program, metadata)}
  trailer = json.dumps(said).encode()
  return program + trailer + len(trailer).to_bytes(8, 'little') + _MARK


class Session:
  """A StableHLO file ready to run.

  Attributes:
    metadata: texts by name.
    fits: whether inputs and outputs are a waveform and probabilities.
    num_samples: of a waveform, None if it does not fit.
    num_classes: outputs, likewise.
  """

  def __init__(self, path: pathlib.Path, content: bytes, threads: int = 0):
    del threads  # JAX takes the cores of its process.
    program, self.metadata = _split(path, content)
    try:
      exported = jax.export.deserialize(bytearray(program))
    except (ValueError, KeyError, TypeError) as error:
      raise InputError(
        f'{path} was written by a JAX that {jax.__version__} does not read; '
        'export it again or install the other version'
      ) from error
    inputs, outputs = exported.in_avals, exported.out_avals
    self.fits = (
      [len(one.shape) for one in inputs] == [2]
      and [len(one.shape) for one in outputs] == [2]
      and inputs[0].dtype == np.float32
    )
    self.num_samples = inputs[0].shape[1] if self.fits else None
    self.num_classes = outputs[0].shape[1] if self.fits else None
    platform = jax.default_backend()
    known = {'gpu': 'cuda'}.get(platform, platform)
    require(
      known in exported.platforms,
      f'{path} is for {", ".join(exported.platforms)}, and JAX runs on {known} '
      'here; set JAX_PLATFORMS=cpu',
    )
    self._call = jax.jit(exported.call)

  def __call__(self, waveforms: np.ndarray) -> np.ndarray:
    """Raw waveforms (batch, samples) to probabilities (batch, classes)."""
    return np.asarray(self._call(waveforms))


def _digest(program: bytes, metadata: Mapping[str, str]) -> str:
  """Of the program and of all that is said of it."""
  said = json.dumps(dict(metadata), sort_keys=True).encode()
  return hashlib.sha256(program + said).hexdigest()


def _split(path: pathlib.Path, content: bytes) -> tuple[bytes, dict[str, str]]:
  """The program and what is said of it; the checksum must fit."""
  end = len(content) - len(_MARK) - 8
  require(
    end >= 0 and content.endswith(_MARK),
    f'{path} is cut short or was not written by python -m sernet_jax.export; '
    'copy or export it again',
  )
  size = int.from_bytes(content[end : end + 8], 'little')
  try:
    if not 0 < size <= min(end, _MAX_TRAILER_BYTES):
      raise ValueError
    said = json.loads(content[end - size : end])
    program = content[: end - size]
    if said.pop(_CHECKSUM) != _digest(program, said):
      raise ValueError
  except (ValueError, KeyError, TypeError, AttributeError) as error:
    raise InputError(
      f'{path} is damaged (its checksum does not fit); copy or export it again'
    ) from error
  return program, {str(key): str(text) for key, text in said.items()}
