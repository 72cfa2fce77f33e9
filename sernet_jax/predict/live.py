"""Estimates from a stream of raw sound, one each hop, in bounded memory.

Each window is scaled by its own 99.9th percentile before its features are
computed, as a segment is in training. A coefficient of one window is therefore
not that of the same samples in the next one, and no features are carried over:
every window is computed anew, which gives the timeline of `recognize` exactly.
"""

from __future__ import annotations

import queue
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from sernet_jax.audio import timeline
from sernet_jax.common.errors import InputError, require
from sernet_jax.predict.models import Model
from sernet_jax.predict.recordings import Window

_FULL_SCALE = np.float32(32_768)
_QUEUE_S = 10  # of sound that may wait for a slow machine
_BLOCK_S = 0.05
HINT = 'convert it, for instance: ffmpeg -i FILE -f s16le -ac 1 -ar 16000 -'


def from_pcm16(
  chunks: Iterable[bytes], problems: list[str] | None = None
) -> Iterator[np.ndarray]:
  """Converts raw little-endian 16-bit mono, cut anywhere, to float32.

  Args:
    chunks: bytes; a sample may lie across two of them.
    problems: receives a sentence if half a sample is left at the end.

  Returns:
    An iterator over pieces (samples,) in [-1, 1).

  Raises:
    InputError: if it is a WAV, FLAC, OGG or MP3 file instead, or empty.
  """
  rest, begun = b'', False
  for chunk in chunks:
    rest += chunk
    if not begun and len(rest) >= 4:
      begun = True
      require(
        rest[:4] not in (b'RIFF', b'RIFX', b'RF64', b'fLaC', b'OggS')
        and rest[:3] != b'ID3',
        f'the input is a sound file ({rest[:4]!r}...), not raw 16-bit samples; '
        f'{HINT}',
      )
    if begun:
      whole = len(rest) // 2 * 2
      yield np.frombuffer(rest[:whole], '<i2').astype(np.float32) / _FULL_SCALE
      rest = rest[whole:]
  if not begun:
    require(
      len(rest) >= 2, 'the input ended before its first sample; pipe sound in'
    )
    yield np.frombuffer(rest[:2], '<i2').astype(np.float32) / _FULL_SCALE
    rest = rest[2:]
  if rest and problems is not None:
    problems.append('the input ended in the middle of a sample')


def estimates(
  pieces: Iterable[np.ndarray],
  model: Model,
  rate_hz: int,
  hop_s: float | None = None,
  newest_only: bool = False,
) -> Iterator[Window]:
  """Estimates a window each time one is full, and the rest at the end.

  Args:
    pieces: float32 (samples,) at `rate_hz`, of any sizes.
    model: from `models.load`.
    rate_hz: of the pieces; other rates than the model's are resampled.
    hop_s: from window to window; None as in `recognize`.
    newest_only: of windows that became full with the same piece compute only
      the last, so that estimates keep up even on a slow machine.

  Raises:
    InputError: if rate or hop make no sense.
  """
  spec = model.audio
  require(
    100 <= rate_hz <= 1_000_000,
    f'rate_hz is {rate_hz}; give the sample rate of the sound, such as 16000',
  )
  hop = timeline.hop_samples(hop_s, spec.sample_rate_hz, spec.num_samples)
  windows = timeline.Windows(spec.num_samples, hop)
  resampler = timeline.Resampler(rate_hz, spec.sample_rate_hz)
  return _estimates(pieces, model, windows, resampler, newest_only)


def _estimates(
  pieces: Iterable[np.ndarray],
  model: Model,
  windows: timeline.Windows,
  resampler: timeline.Resampler,
  newest_only: bool,
) -> Iterator[Window]:
  for piece in pieces:
    full: Iterable[tuple[int, np.ndarray]]
    full = windows.push(resampler.push(piece))
    if newest_only:
      full = [*full][-1:]
    for start, samples in full:
      yield _estimate(model, start, samples)
  rest = resampler.push(np.zeros(0, np.float32), last=True)
  for start, samples in windows.push(rest):
    yield _estimate(model, start, samples)
  for start, samples in windows.finish():
    yield _estimate(model, start, samples)


def _estimate(model: Model, start: int, samples: np.ndarray) -> Window:
  """Runs the model on one window (samples,) that begins at `start`."""
  rate_hz = model.audio.sample_rate_hz
  times_s = (start / rate_hz, (start + len(samples)) / rate_hz)
  segment = timeline.prepare(samples, model.audio.num_samples)
  if segment is None:
    return Window(*times_s, None, None)
  shares = model(segment[None])[0]
  return Window(*times_s, model.classes[int(np.argmax(shares))], shares)


def microphone(rate_hz: int, problems: list[str]) -> Iterator[bytes]:
  """Yields raw 16-bit sound from the default microphone, without end.

  A piece is what came in since the last one. Ten seconds may wait; sound
  beyond that is lost, and `problems` receives a sentence about it.

  Raises:
    InputError: if sounddevice, PortAudio or a microphone is missing.
  """
  try:
    import sounddevice
  except ImportError as error:
    raise InputError(
      'the microphone needs the package sounddevice; install it with '
      "pip install 'sernet_jax[microphone]'"
    ) from error
  except OSError as error:  # the library below it
    raise InputError(
      f'sounddevice cannot be used ({error}); install PortAudio, for instance '
      'apt install libportaudio2'
    ) from error
  waiting: queue.Queue[bytes] = queue.Queue(round(_QUEUE_S / _BLOCK_S))

  def receive(data: Any, frames: int, time: Any, status: Any) -> None:
    del frames, time
    try:
      waiting.put_nowait(bytes(data))
    except queue.Full:
      problems.append('sound was lost: the machine is too slow for this hop')
      return
    if status:
      problems.append(f'the microphone reports: {status}')

  try:
    with sounddevice.RawInputStream(
      samplerate=rate_hz,
      blocksize=round(_BLOCK_S * rate_hz),
      channels=1,
      dtype='int16',
      callback=receive,
    ):
      while True:
        parts = [waiting.get()]
        while not waiting.empty():
          parts.append(waiting.get_nowait())
        yield b''.join(parts)
  except sounddevice.PortAudioError as error:
    raise InputError(
      f'no sound from the microphone ({error}); check that one is connected '
      f'and that it can do {rate_hz} Hz'
    ) from error
