"""Runs an ONNX file with onnxruntime; JAX stays out of it."""

from __future__ import annotations

import contextlib
import pathlib
from collections.abc import Iterator

import numpy as np

from sernet_jax.common import extras
from sernet_jax.common.errors import InputError, first_line

INPUT, OUTPUT = 'waveform', 'probabilities'


class Session:
  """An ONNX file ready to run; see `formats.Session`."""

  def __init__(self, path: pathlib.Path, content: bytes, threads: int = 0):
    with needed():
      import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
      self._session = onnxruntime.InferenceSession(
        content, options, providers=['CPUExecutionProvider']
      )
    except Exception as error:  # its errors have no common base
      if not type(error).__module__.startswith('onnxruntime'):
        raise
      raise InputError(
        f'{path} is damaged or not an ONNX file ({first_line(error)}); copy or '
        'export it again'
      ) from error
    inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
    self.metadata = dict(
      self._session.get_modelmeta().custom_metadata_map.items()
    )
    self.fits = (
      [(one.name, one.type) for one in inputs] == [(INPUT, 'tensor(float)')]
      and [one.name for one in outputs] == [OUTPUT]
      and len(inputs[0].shape) == len(outputs[0].shape) == 2
    )
    self.num_samples = inputs[0].shape[1] if self.fits else None
    self.num_classes = outputs[0].shape[1] if self.fits else None

  def __call__(self, waveforms: np.ndarray) -> np.ndarray:
    """Raw waveforms (batch, samples) to probabilities (batch, classes)."""
    return self._session.run([OUTPUT], {INPUT: waveforms})[0]


@contextlib.contextmanager
def needed() -> Iterator[None]:
  """Turns a missing package into an `InputError`."""
  try:
    yield
  except ImportError as error:
    raise extras.missing('ONNX files need', 'onnx') from error
