"""Reads recordings: any format, width and channel count to mono float32.

What cannot be used raises `BadFile` with its reason. float32 holds 16- and
24-bit sound exactly.
"""

from __future__ import annotations

import io
import os
import pathlib
from collections.abc import Iterator, Sequence

import numpy as np
import soundfile
import soxr

from sernet_jax.audio import decoding, quality
from sernet_jax.audio.decoding import BadFile as BadFile

RESAMPLER_QUALITY = 'HQ'
MAX_NAMED = 50  # bad files named in one message
# Beyond whole numbers of 32 bits that were not scaled.
LOUDEST = 1e10
MAX_HELD = 1 << 28  # samples of a recording that is held whole: 1 GiB

PathLike = str | os.PathLike


def read(
  path: PathLike,
  channel: str = quality.MEAN,
  watch: quality.Watch | None = None,
) -> tuple[np.ndarray, int]:
  """Reads a recording in any format that libsndfile or FFmpeg knows.

  Args:
    path: WAV, FLAC, OGG (Vorbis, Opus), MP3, AIFF, ...; M4A, WebM, ... with
      PyAV.
    channel: 'mean' of the channels, or the number of one from 0 on.
    watch: measures the recording.

  Returns:
    Samples float32 (samples,), full scale 1; and the sample rate in Hz.

  Raises:
    BadFile: if the file is missing, unreadable, not audio, cut short, without
      samples, silent, longer than `MAX_HELD`, or holds samples that are not
      finite.
    InputError: if `channel` is neither 'mean' nor the number of a channel.
  """
  return _read(path, channel, watch or quality.Watch(spectrum=False))


def _read(
  path: PathLike, channel: str, watch: quality.Watch, to_hz: int | None = None
) -> tuple[np.ndarray, int]:
  """`read`, bounded by its length at the rate `to_hz` as well."""
  parts, count, rate_hz = [], 0, 0
  for samples, rate_hz in blocks(path, channel, watch):
    parts.append(samples)
    count += len(samples)
    held = max(1, (to_hz or 0) / rate_hz) * count
    if held > MAX_HELD:
      raise BadFile(
        path,
        f'lasts more than {count / rate_hz / 3600:.1f} h, too long to be held '
        'in memory; cut it into shorter ones',
      )
  if silence := watch.silence(channel):
    raise BadFile(path, silence)
  return np.concatenate(parts), rate_hz


def blocks(
  path: PathLike,
  channel: str = quality.MEAN,
  watch: quality.Watch | None = None,
) -> Iterator[tuple[np.ndarray, int]]:
  """Reads like `read`, but block by block, for recordings of any length.

  Returns:
    An iterator over (float32 (samples,), the sample rate in Hz). A fault of the
    file raises when its block is reached; silence is not a fault.

  Raises:
    BadFile: as `read`.
  """
  with decoding.opened(path) as source:
    count = 0
    for block in source.blocks():
      count += len(block)
      with np.errstate(over='ignore', invalid='ignore'):  # told below
        samples = quality.mix(block, channel)
      if samples is None:
        raise BadFile(
          path, f'has {source.channels} channels, none of number {channel}'
        )
      if wrong := fault(samples):
        raise BadFile(path, wrong)
      if watch is not None:
        watch.see(block, samples, source.rate_hz)
      yield samples, source.rate_hz
    if not count:
      raise BadFile(path, 'holds no samples')
    if watch is not None:
      watch.notes += source.notes


def fault(samples: np.ndarray) -> str:
  """Says that samples cannot be sound, to follow the name of a recording."""
  bad = np.count_nonzero(~np.isfinite(samples))
  if bad:
    return f'has {bad} samples that are not finite numbers'
  highest = float(np.abs(samples).max(initial=0.0))
  if highest > LOUDEST:
    return f'has samples up to {highest:.3g}, and full scale is 1'
  return ''


def load_mono(
  path: PathLike,
  sample_rate_hz: int,
  channel: str = quality.MEAN,
  watch: quality.Watch | None = None,
) -> np.ndarray:
  """Reads like `read` and resamples to `sample_rate_hz`: (samples,)."""
  watch = watch or quality.Watch(spectrum=False)
  samples, rate_hz = _read(path, channel, watch, sample_rate_hz)
  return resampled(path, samples, rate_hz, sample_rate_hz)


def resampled(
  path: PathLike, samples: np.ndarray, from_hz: int, to_hz: int
) -> np.ndarray:
  """Returns the samples of a recording at another rate.

  Raises:
    BadFile: if none is left; `path` names the recording.
  """
  if from_hz != to_hz:
    samples = soxr.resample(samples, from_hz, to_hz, quality=RESAMPLER_QUALITY)
  if not samples.size:
    raise BadFile(path, f'is shorter than one sample at {to_hz} Hz')
  return samples


def duration_s(path: PathLike) -> float:
  """Returns the length of a recording, from its header if that is exact.

  Raises:
    BadFile: as `read`, for faults that show without decoding.
  """
  return length(path)[0]


def length(path: PathLike) -> tuple[float, int]:
  """Returns the length of a recording in seconds and its sample rate in Hz."""
  with decoding.opened(path) as source:
    frames = source.frames
    if frames is None:
      frames = sum(len(block) for block in source.blocks())
    if not frames:
      raise BadFile(path, 'holds no samples')
    return frames / source.rate_hz, source.rate_hz


def durations(paths: Sequence[PathLike]) -> list[float | str]:
  """Returns the `duration_s` of each recording, or what is wrong with it."""
  results: list[float | str] = []
  for path in paths:
    try:
      results.append(duration_s(path))
    except BadFile as error:
      results.append(error.reason)
  return results


def write_wav(path: PathLike, samples: np.ndarray, rate_hz: int) -> None:
  """Writes mono samples (samples,) in [-1, 1] as 16-bit WAV."""
  content = io.BytesIO()
  samples = np.clip(samples, -1.0, 1.0)
  soundfile.write(content, samples, rate_hz, subtype='PCM_16', format='WAV')
  # Not written by libsndfile: its error for a full disk is not an OSError.
  pathlib.Path(path).write_bytes(content.getvalue())


def describe_bad(bad: dict[str, str], count: int, total: int) -> str:
  """Returns a sentence that names the bad files.

  Args:
    bad: {path: reason}; all parts of a file may be one entry.
    count: how many recordings cannot be used.
    total: of so many.
  """
  named = [f'{path} {reason}' for path, reason in bad.items()]
  if len(named) > MAX_NAMED:
    named[MAX_NAMED:] = [f'and {len(named) - MAX_NAMED} more']
  return f'{count} of {total} recordings cannot be used: ' + '; '.join(named)
