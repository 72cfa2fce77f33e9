"""Runs a TensorFlow Lite file with ai-edge-litert; JAX stays out of it."""

from __future__ import annotations

import contextlib
import json
import pathlib
import struct
from collections.abc import Iterator

import numpy as np

from sernet_jax.common import extras
from sernet_jax.common.errors import InputError, first_line

INPUT, OUTPUT = 'waveform', 'probabilities'
METADATA = 'sernet_jax'
IDENTIFIER = b'TFL3'


class Session:
  """A TensorFlow Lite file ready to run; see `formats.Session`."""

  def __init__(self, path: pathlib.Path, content: bytes, threads: int = 0):
    with needed():
      from ai_edge_litert import interpreter

    self.metadata = _metadata(path, content)
    try:
      self._interpreter = interpreter.Interpreter(
        model_content=content, num_threads=threads or None
      )
      self._interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
      raise _damaged(path, error) from error
    inputs = self._interpreter.get_input_details()
    outputs = self._interpreter.get_output_details()
    self.fits = (
      [(one['name'], one['dtype']) for one in inputs] == [(INPUT, np.float32)]
      and [one['name'] for one in outputs] == [OUTPUT]
      and len(inputs[0]['shape']) == len(outputs[0]['shape']) == 2
    )
    self._indices = inputs[0]['index'], outputs[0]['index']
    self.num_samples = int(inputs[0]['shape'][1]) if self.fits else None
    self.num_classes = int(outputs[0]['shape'][1]) if self.fits else None
    self._batch = 1

  def __call__(self, waveforms: np.ndarray) -> np.ndarray:
    """Raw waveforms (batch, samples) to probabilities (batch, classes)."""
    source, result = self._indices
    if len(waveforms) != self._batch:
      self._interpreter.resize_tensor_input(source, waveforms.shape)
      self._interpreter.allocate_tensors()
      self._batch = len(waveforms)
    self._interpreter.set_tensor(source, waveforms)
    self._interpreter.invoke()
    return self._interpreter.get_tensor(result)


def _metadata(path: pathlib.Path, content: bytes) -> dict[str, str]:
  """The texts in a file; the generated schema raises all sorts of errors."""
  from ai_edge_litert import schema_py_generated as schema

  if content[4:8] != IDENTIFIER:
    raise _damaged(path, 'it does not begin as one')
  try:
    model = schema.Model.GetRootAs(content, 0)
    for i in range(model.MetadataLength()):
      note = model.Metadata(i)
      if note.Name() == METADATA.encode():
        data = model.Buffers(note.Buffer()).DataAsNumpy()
        texts = json.loads(bytes(data))
        if isinstance(texts, dict):
          return {str(key): str(text) for key, text in texts.items()}
  except (
    struct.error,
    IndexError,
    ValueError,
    TypeError,
    AttributeError,
    OverflowError,
    RecursionError,
  ) as error:
    raise _damaged(path, error) from error
  return {}


def _damaged(path: pathlib.Path, error: object) -> InputError:
  return InputError(
    f'{path} is damaged or not a TensorFlow Lite file ({first_line(error)}); copy '
    'or export it again'
  )


@contextlib.contextmanager
def needed() -> Iterator[None]:
  """Turns a missing package into an `InputError`."""
  try:
    yield
  except ImportError as error:
    raise extras.missing('TensorFlow Lite files need', 'tflite') from error
