"""Reads recordings of which some are parts of longer files (`part.Part`)."""

from __future__ import annotations

import functools
import pathlib
import threading

import numpy as np

from sernet_jax.audio import decoding, quality, reading
from sernet_jax.audio.containers import behind
from sernet_jax.audio.part import Part, Recording
from sernet_jax.audio.spec import MEAN


def read(recording: Recording, channel: str = MEAN) -> tuple[np.ndarray, int]:
  """Reads a recording, or a part of one, like `reading.read`.

  Args:
    recording: a file or a part of one.
    channel: 'mean' of the channels, or the number of one from 0 on.

  Returns:
    Samples float32 (samples,), and their rate in Hz.

  Raises:
    BadFile: as `reading.read`; also if the part is silent or lies behind the
      end of its file, and its path is then the part in words.
  """
  if not isinstance(recording, Part):
    return reading.read(recording, channel)
  samples, rate_hz, _ = _part(recording, channel)
  return samples, rate_hz


def _part(
  recording: Part, channel: str
) -> tuple[np.ndarray, int, quality.Watch]:
  """`read` of a part, with what was found about its file."""
  path = pathlib.Path(recording.path)
  changed_ns = path.stat().st_mtime_ns if path.is_file() else 0
  with _DECODING:
    samples, rate_hz, watch = _whole(recording.path, changed_ns, channel)
  start, end_s = round(recording.start_s * rate_hz), recording.end_s
  end = samples.size if end_s is None else round(end_s * rate_hz)
  part = samples[start:end]
  if not part.size:
    raise reading.BadFile(str(recording), 'lies behind the end of the file')
  if not quality.holds_sound(part):
    reason = _silence(recording.path, channel, start, min(end, samples.size))
    raise reading.BadFile(str(recording), reason)
  return part, rate_hz, watch


def _silence(path: str, channel: str, start: int, end: int) -> str:
  """Says what a silent part is like, which takes its channels once more."""
  watch = quality.Watch(spectrum=False)
  place = 0
  with decoding.opened(path) as source:
    for block in source.blocks():
      some = block[max(0, start - place) : end - place]
      samples = quality.mix(some, channel)
      if samples is not None and samples.size:
        watch.see(some, samples, source.rate_hz)
      place += len(block)
      if place >= end:
        break
  return watch.silence(channel) or 'is silent'  # if it was replaced just now


def load_mono(
  recording: Recording,
  sample_rate_hz: int,
  channel: str = MEAN,
  watch: quality.Watch | None = None,
) -> np.ndarray:
  """Reads like `reading.load_mono`, parts of files too: (samples,).

  Of a part, `watch` measures the band; what its container and its channels are
  like is that of the whole file.
  """
  if not isinstance(recording, Part):
    return reading.load_mono(recording, sample_rate_hz, channel, watch)
  samples, rate_hz, whole = _part(recording, channel)
  if watch is not None:
    watch.see(samples[:, None], samples, rate_hz)
    watch.take_over(whole)
    if recording.end_s is not None:
      missing_s = recording.end_s - recording.start_s - samples.size / rate_hz
      if missing_s > behind.LEFT_OUT_S:
        watch.notes.append(
          f'ends {missing_s:.2f} s behind the end of its file; what is there was '
          'taken'
        )
  return reading.resampled(str(recording), samples, rate_hz, sample_rate_hz)


# The parts of a file follow each other, so that it is decoded once for all;
# threads that ask for them at once wait for the first.
_DECODING = threading.Lock()


@functools.lru_cache(maxsize=2)
def _whole(
  path: str, changed_ns: int, channel: str
) -> tuple[np.ndarray, int, quality.Watch]:
  del changed_ns  # part of the key: a file that was replaced is read again
  watch = quality.Watch(spectrum=False)
  samples, rate_hz = reading.read(path, channel, watch)
  return samples, rate_hz, watch
