"""Raw bytes of a stream as float32 samples, refused where they are a file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from sernet_jax.audio import quality, reading
from sernet_jax.audio.containers import signatures
from sernet_jax.common.errors import (
  InputError,
  require,
  require_choice,
  require_whole,
)
from sernet_jax.predict.inference import options

HINT = (
  'convert it, for instance: ffmpeg -i FILE -f s16le -ac 1 -ar 16000 -, or '
  'give the file to python -m sernet_jax.predict'
)


def from_raw(
  chunks: Iterable[bytes],
  problems: list[str] | None = None,
  form: str = 's16',
  channels: int = 1,
  channel: str = quality.MEAN,
) -> Iterator[np.ndarray]:
  """Converts raw sound, cut anywhere, to float32.

  Args:
    chunks: bytes; a sample may lie across two of them.
    problems: receives a sentence if half a sample is left at the end.
    form: of the samples, one of `options.SAMPLE_FORMATS`.
    channels: their number; samples of all of them take turns.
    channel: 'mean' of them, or the number of one from 0 on; '' for all, as
      `estimates` takes them.

  Returns:
    An iterator over pieces (samples,), or (samples, channels) of all, in
    [-1, 1].

  Raises:
    InputError: if it is a file of any kind or text instead, is empty, or holds
      a number that is not finite; or for another form or channel.
  """
  require_choice('form', form, options.SAMPLE_FORMATS)
  require_whole('channels', channels)
  kind, zero, scale = options.SAMPLE_FORMATS[form]
  width = np.dtype(kind).itemsize * channels
  rest, begun, read = b'', False, False
  for chunk in chunks:
    rest += chunk
    # The first bytes wait for each other, so that a file shows what it is.
    if not begun and len(rest) < signatures.HEAD_BYTES:
      continue
    if not begun:
      _require_raw(rest)
      begun = True
    whole = len(rest) // width * width
    if whole:
      read = True
      yield _samples(rest[:whole], kind, zero, scale, channels, channel)
      rest = rest[whole:]
  if not begun:
    _require_raw(rest)
    whole = len(rest) // width * width
    if whole:
      read = True
      yield _samples(rest[:whole], kind, zero, scale, channels, channel)
      rest = rest[whole:]
  require(read, 'the input ended before its first sample; pipe sound in')
  if rest and problems is not None:
    problems.append('the input ended in the middle of a sample')


def _require_raw(head: bytes) -> None:
  """Raises `InputError` if the input begins as a file or as text."""
  found = signatures.identify(head[: signatures.HEAD_BYTES])
  if found is None:
    return
  thing = found.name if found.reader else f'{found.name}, not sound'
  raise InputError(f'the input is {thing}, not raw samples; {HINT}')


def _samples(
  data: bytes, kind: str, zero: int, scale: int, channels: int, channel: str
) -> np.ndarray:
  """Converts whole samples of all channels to float32, see `from_raw`."""
  values = np.frombuffer(data, kind).astype(np.float32)
  with np.errstate(over='ignore', invalid='ignore'):  # told below
    block = ((values - zero) / np.float32(scale)).reshape(-1, channels)
    samples = block if channel == '' else quality.mix(block, channel)
  fault = reading.fault(block)
  require(not fault, f'the input {fault}; check --format')
  if samples is None:
    raise InputError(
      f'--channel is {channel}, the input has {channels}; count from 0 on'
    )
  return samples
