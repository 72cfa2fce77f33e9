"""The formats a model can be exported to, and what runs a file of each."""

from __future__ import annotations

import importlib
import pathlib
from typing import Any

from sernet_jax.common.errors import InputError
from sernet_jax.predict.sessions import seal

# Format -> precisions. What a precision means in each, the format's file says.
PRECISIONS = {
  'safetensors': ('fp32', 'fp16'),
  'stablehlo': ('fp32', 'fp16'),
  'onnx': ('fp32', 'fp16', 'int8'),
  'tflite': ('fp32', 'fp16', 'int8'),
}
# By the end of a file's name: where its runner, `Session`, is.
MODULES = {
  '.onnx': 'predict.sessions.onnx_session',
  '.tflite': 'predict.sessions.tflite_session',
  '.stablehlo': 'export.to_stablehlo',
}
SEALED = ('.onnx', '.tflite')  # StableHLO has a checksum of its own


def report_path(path: pathlib.Path) -> pathlib.Path:
  """The report beside an exported file."""
  return path.with_name(path.name + '.json')


def session(path: pathlib.Path, content: bytes, threads: int = 0) -> Any:
  """The runner of a file's format; loads the library of that format alone.

  Returns:
    A callable from raw waveforms (batch, samples) to probabilities, with
    `metadata`, `fits`, `num_samples` and `num_classes`.

  Raises:
    InputError: if the file is damaged or the library is missing.
  """
  suffix = path.suffix.lower()
  if suffix not in MODULES:
    raise InputError(
      f'{path} is of no exported kind; give a file that ends in '
      f'{", ".join(MODULES)}'
    )
  if suffix in SEALED:
    seal.check(path, content)
  module = importlib.import_module(f'sernet_jax.{MODULES[suffix]}')
  return module.Session(path, content, threads)
