"""Runs a StableHLO file with JAX.

The file is a flatbuffer, which `jax.export.deserialize` reads without this
package. Behind it, where a flatbuffer's readers do not look, follows a
trailer: the metadata as JSON with a checksum of program and metadata, its
size and a mark.
"""

from __future__ import annotations

import json
import pathlib
from collections.abc import Mapping

import jax
import numpy as np

from sernet_jax.common.errors import InputError, require
from sernet_jax.predict.sessions import formats

_MARK = b'sernet_jax trailer'
_CHECKSUM = 'sha256'
_MAX_TRAILER_BYTES = 1 << 18


class Session:
  """A StableHLO file ready to run; see `formats.Session`."""

  def __init__(self, path: pathlib.Path, content: bytes, threads: int = 0):
    del threads  # JAX takes the cores of its process.
    program, self.metadata = _split(path, content)
    try:
      exported = jax.export.deserialize(bytearray(program))
      exported.mlir_module()  # reads the program, of which the rest is a frame
    except Exception as error:
      # Those of the compiler have no base of their own.
      ours = type(error).__module__.startswith(('jax', 'builtins'))
      if not ours or isinstance(error, MemoryError):
        raise
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
    backend = jax.default_backend()
    platform = {'gpu': 'cuda'}.get(backend, backend)
    require(
      platform in exported.platforms,
      f'{path} is for {", ".join(exported.platforms)}, and JAX runs on '
      f'{platform} here; set JAX_PLATFORMS=cpu',
    )
    self._call = jax.jit(exported.call)

  def __call__(self, waveforms: np.ndarray) -> np.ndarray:
    """Raw waveforms (batch, samples) to probabilities (batch, classes)."""
    return np.asarray(self._call(waveforms))


def with_trailer(program: bytes, metadata: Mapping[str, str]) -> bytes:
  """The content of a file: a program, and behind it its metadata."""
  texts = {**metadata, _CHECKSUM: _checksum(program, metadata)}
  trailer = json.dumps(texts).encode()
  return program + trailer + len(trailer).to_bytes(8, 'little') + _MARK


def _checksum(program: bytes, metadata: Mapping[str, str]) -> str:
  """Checksum of a program and its metadata."""
  texts = json.dumps(dict(metadata), sort_keys=True).encode()
  return formats.checksum(program + texts)


def _split(path: pathlib.Path, content: bytes) -> tuple[bytes, dict[str, str]]:
  """Inverts `with_trailer`; raises `InputError` if the checksum differs."""
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
    texts = json.loads(content[end - size : end])
    program = content[: end - size]
    if texts.pop(_CHECKSUM) != _checksum(program, texts):
      raise ValueError
  except (ValueError, KeyError, TypeError, AttributeError) as error:
    raise InputError(
      f'{path} is damaged (its checksum does not fit); copy or export it again'
    ) from error
  return program, {str(key): str(text) for key, text in texts.items()}
