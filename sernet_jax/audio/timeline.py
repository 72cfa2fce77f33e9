"""Windows over recordings of any length, cut from pieces of any size.

Window k starts at sample k * hop and has the model's length. The windows reach
the end of the recording: the last one holds what is left, and a recording
shorter than a window is one window. Memory holds one window and the current
piece, whatever the length of the recording.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import soxr

from sernet_jax.audio import quality, reading
from sernet_jax.common.errors import is_number, require


class Resampler:
  """Resamples piece by piece, to the same bits as `audio.load_mono`."""

  def __init__(self, from_hz: int, to_hz: int) -> None:
    self._stream = None
    if from_hz != to_hz:
      self._stream = soxr.ResampleStream(
        from_hz, to_hz, 1, 'float32', reading.RESAMPLER_QUALITY
      )

  def push(self, samples: np.ndarray, last: bool = False) -> np.ndarray:
    """Returns the next piece (samples,); with `last`, also all that is left.

    Args:
      samples: float32 (samples,) at the old rate.
      last: whether they are the last.
    """
    if self._stream is None:
      return samples
    return self._stream.resample_chunk(samples, last)


class Windows:
  """Cuts a stream of samples into windows.

  Attributes:
    length: samples of a window.
    hop: samples from the start of one window to that of the next.
    received: samples so far.
  """

  def __init__(self, length: int, hop: int) -> None:
    assert length > 0 and hop > 0
    self.length, self.hop = length, hop
    self.received = 0
    self._kept = np.zeros(0, np.float32)  # from the start of the next window
    self._start = 0  # where `_kept` begins
    self._next = 0  # where the next window begins
    self._covered = 0  # where the last window ended

  def push(self, samples: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Yields (start, window) for every window that `samples` complete.

    Args:
      samples: float32 (samples,), the next ones of the stream.

    Yields:
      The index of the window's first sample, and float32 (length,).
    """
    self.received += len(samples)
    self._kept = np.concatenate([self._kept, samples])
    while self._next + self.length <= self.received:
      begin = self._next - self._start
      yield self._next, self._kept[begin : begin + self.length]
      self._covered = self._next + self.length
      self._next += self.hop
    self._forget()

  def finish(self) -> Iterator[tuple[int, np.ndarray]]:
    """Yields the window with the end of the stream, if it was not yielded."""
    if self._covered < self.received:
      yield self._next, self._kept[self._next - self._start :]
      self._covered = self.received

  def _forget(self) -> None:
    """Drops samples that no later window holds."""
    begin = min(self._next - self._start, len(self._kept))
    # Copied, so that the piece itself is not kept alive.
    self._kept = self._kept[begin:].copy()
    self._start += begin


def hop_samples(hop_s: float | None, rate_hz: int, length: int) -> int:
  """Returns a hop in samples.

  Args:
    hop_s: seconds; None for one second, or the length of a window if that is
      shorter.
    rate_hz: sample rate.
    length: samples of a window.

  Raises:
    InputError: if the hop is not above 0 or leaves gaps between windows.
  """
  if hop_s is None:
    return min(rate_hz, length)
  fits = is_number(hop_s) and 0 < hop_s * rate_hz <= 2 * length
  hop = round(hop_s * rate_hz) if fits else 0
  require(
    0 < hop <= length,
    f'hop_s is {hop_s if is_number(hop_s) else repr(hop_s)}; give seconds above 0 and not above the length of a '
    f'window, {length / rate_hz:g} s',
  )
  return hop


def pieces(
  path: reading.PathLike,
  rate_hz: int,
  channel: str = quality.MEAN,
  watch: quality.Watch | None = None,
) -> Iterator[np.ndarray]:
  """Yields a recording in pieces: `audio.load_mono` in bounded memory.

  Args:
    path: the recording.
    rate_hz: rate of the pieces.
    channel: 'mean' of the channels, or the number of one from 0 on.
    watch: measures the recording.

  Yields:
    float32 (samples,), of any length.

  Raises:
    BadFile: as `audio.load_mono`; silence is noticed at the end.
  """
  resampler, count = None, 0
  watch = watch or quality.Watch(spectrum=False)
  for samples, from_hz in reading.blocks(path, channel, watch):
    if resampler is None:
      resampler = Resampler(from_hz, rate_hz)
    piece = resampler.push(samples)
    count += len(piece)
    yield piece
  assert resampler is not None  # reading.blocks yields a block or raises
  rest = resampler.push(np.zeros(0, np.float32), last=True)
  yield rest
  if silence := watch.silence(channel):
    raise reading.BadFile(path, silence)
  if not count + len(rest):
    raise reading.BadFile(path, f'is shorter than one sample at {rate_hz} Hz')


def slice_of(
  path: reading.PathLike,
  rate_hz: int,
  start: int,
  stop: int,
  channel: str = quality.MEAN,
) -> np.ndarray:
  """Returns samples `start` to `stop` of `pieces`, in bounded memory."""
  parts, received = [np.zeros(0, np.float32)], 0
  for piece in pieces(path, rate_hz, channel):
    first = max(0, start - received)
    parts.append(piece[first : max(first, stop - received)].copy())
    received += len(piece)
    if received >= stop:
      break
  return np.concatenate(parts)
