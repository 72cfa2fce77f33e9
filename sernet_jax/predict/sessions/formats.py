"""The formats a model can be exported to, what runs a file of each, checksums.

Libraries that run models trust what they read: a flipped byte can end the
process. So every exported file carries a checksum, which is compared before a
library reads the file: safetensors, ONNX and TensorFlow Lite files as a seal
among their texts (`seals`), StableHLO files in what follows the program
(`stablehlo_session`).
"""

from __future__ import annotations

import importlib
import json
import pathlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from sernet_jax.common.errors import InputError, require
from sernet_jax.runs.weights.seals import (
  SEAL as SEAL,
  UNSEALED as UNSEALED,
  check_seal as check_seal,
  checksum as checksum,
  has_seal as has_seal,
  sealed as sealed,
)

if TYPE_CHECKING:
  import numpy as np  # `python -m sernet_jax.export --help` needs none

# Format -> precisions. What a precision means is in the writer of the format.
PRECISIONS = {
  'safetensors': ('fp32', 'fp16'),
  'stablehlo': ('fp32', 'fp16'),
  'onnx': ('fp32', 'fp16', 'int8'),
  'tflite': ('fp32', 'fp16', 'int8'),
}
# End of a file's name -> the module of its runner, `Session`.
MODULES = {
  '.onnx': 'onnx_session',
  '.tflite': 'tflite_session',
  '.stablehlo': 'stablehlo_session',
}
SEALED = ('.onnx', '.tflite')


class Session(Protocol):
  """An exported file ready to run, whatever its format.

  Attributes:
    metadata: texts by name; empty for a file of another program.
    fits: whether inputs and outputs are a waveform and probabilities.
    num_samples: length of a waveform, None if it does not fit.
    num_classes: number of outputs, likewise.
  """

  metadata: Mapping[str, str]
  fits: bool
  num_samples: int | None
  num_classes: int | None

  def __call__(self, waveforms: np.ndarray) -> np.ndarray:
    """Raw waveforms (batch, samples) to probabilities (batch, classes)."""
    ...


def session(path: pathlib.Path, content: bytes, threads: int = 0) -> Session:
  """Opens a file with the runner of its format.

  Loads the library of that format alone.

  Args:
    path: of the file; its end names the format.
    content: the bytes of the file.
    threads: to run on; 0 for as many as the library likes.

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
    check_seal(path, content)
  module = importlib.import_module(f'{__package__}.{MODULES[suffix]}')
  return module.Session(path, content, threads)


def report_path(path: pathlib.Path) -> pathlib.Path:
  """The report beside an exported file."""
  return path.with_name(path.name + '.json')


def check_report(path: pathlib.Path, content: bytes) -> None:
  """Raises `InputError` if the report beside a file is of another file."""
  beside = report_path(path)
  try:
    report = json.loads(beside.read_text())
  except (OSError, ValueError):
    return  # a file works without its report
  expected = report.get('sha256') if isinstance(report, dict) else None
  require(
    expected in (None, checksum(content)),
    f'{path} is not the file that {beside.name} beside it was written for; '
    'copy both again, or delete the report',
  )
