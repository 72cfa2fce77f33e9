"""Windows over a recording of any length, from pieces of any size.

Window k starts at sample k * hop and has the model's length. The windows reach
the end of the recording: the last one holds what is left, and a recording
shorter than a window is one window. What is kept in memory is one window and
the piece at hand, whatever the length of the recording.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import soxr

from sernet_jax.audio import reading
from sernet_jax.common.errors import require


class Resampler:
  """Pieces at one rate to pieces at another, the bits of `audio.load_mono`."""

  def __init__(self, from_hz: int, to_hz: int):
    self._stream = None
    if from_hz != to_hz:
      self._stream = soxr.ResampleStream(
        from_hz, to_hz, 1, 'float32', reading.RESAMPLER_QUALITY
      )

  def push(self, samples: np.ndarray, last: bool = False) -> np.ndarray:
    """The next piece float32 (samples,); with `last` all that is left too."""
    if self._stream is None:
      return samples
    return self._stream.resample_chunk(samples, last)


class Windows:
  """Cuts a stream of samples into windows.

  Attributes:
    received: samples so far.
  """

  def __init__(self, length: int, hop: int):
    assert length > 0 and hop > 0
    self.length, self.hop = length, hop
    self.received = 0
    self._kept = np.zeros(0, np.float32)  # from the start of the next window
    self._start = 0  # where `_kept` begins
    self._next = 0  # where the next window begins
    self._covered = 0  # where the last window ended

  def push(self, samples: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Yields (start, float32 (length,)) for every window that is now full."""
    self.received += len(samples)
    self._kept = np.concatenate([self._kept, samples])
    while self._next + self.length <= self.received:
      begin = self._next - self._start
      yield self._next, self._kept[begin : begin + self.length]
      self._covered = self._next + self.length
      self._next += self.hop
    self._forget()

  def finish(self) -> Iterator[tuple[int, np.ndarray]]:
    """Yields the window that holds the end, unless one has reached it."""
    if self._covered < self.received:
      yield self._next, self._kept[self._next - self._start :]
      self._covered = self.received

  def _forget(self) -> None:
    """Lets go of what no later window holds."""
    begin = min(self._next - self._start, len(self._kept))
    # Copied, so that the piece itself is not kept alive.
    self._kept = self._kept[begin:].copy()
    self._start += begin


def hop_samples(hop_s: float | None, rate_hz: int, length: int) -> int:
  """A hop in samples; `InputError` if it is none or leaves gaps.

  None is one second, or the length of a window if that is shorter.
  """
  if hop_s is None:
    return min(rate_hz, length)
  hop = round(hop_s * rate_hz) if np.isfinite(hop_s) else 0
  require(
    0 < hop <= length,
    f'hop_s is {hop_s}; give seconds above 0 and not above the length of a '
    f'window, {length / rate_hz:g} s',
  )
  return hop


def pieces(path: reading.PathLike, rate_hz: int) -> Iterator[np.ndarray]:
  """A recording at `rate_hz` in pieces: `audio.load_mono` in bounded memory.

  Raises:
    BadFile: as `audio.load_mono`; that it is silent shows at its end.
  """
  resampler, silent, count = None, True, 0
  for samples, from_hz in reading.blocks(path):
    if resampler is None:
      resampler = Resampler(from_hz, rate_hz)
    silent = silent and not samples.any()
    piece = resampler.push(samples)
    count += len(piece)
    yield piece
  assert resampler is not None  # audio.blocks gives a piece or raises
  rest = resampler.push(np.zeros(0, np.float32), last=True)
  yield rest
  if silent:
    raise reading.BadFile(path, 'is silent: all its samples are 0')
  if not count + len(rest):
    raise reading.BadFile(path, f'is shorter than one sample at {rate_hz} Hz')


def slice_of(
  path: reading.PathLike, rate_hz: int, start: int, stop: int
) -> np.ndarray:
  """Samples `start` to `stop` of `pieces`, in bounded memory."""
  parts, received = [np.zeros(0, np.float32)], 0
  for piece in pieces(path, rate_hz):
    first = max(0, start - received)
    parts.append(piece[first : max(first, stop - received)].copy())
    received += len(piece)
    if received >= stop:
      break
  return np.concatenate(parts)


def prepare(samples: np.ndarray, length: int) -> np.ndarray | None:
  """`audio.prepare`, or None for a window without any sound."""
  return reading.prepare(samples, length) if samples.any() else None
