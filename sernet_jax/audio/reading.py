"""Decodes recordings: any format, width and channel count to mono float32.

What cannot be used raises `BadFile` with its reason. float32 holds 16- and
24-bit sound exactly.
"""

from __future__ import annotations

import contextlib
import io
import os
import pathlib
from collections.abc import Iterator, Sequence

import numpy as np
import soundfile
import soxr

from sernet_jax.audio import containers
from sernet_jax.common.errors import InputError

RESAMPLER_QUALITY = 'HQ'
MAX_NAMED = 50  # bad files named in one message
MAX_FRAMES = 1 << 40  # more is libsndfile's mark for an unknown length
_BLOCK_FRAMES = 1 << 20

PathLike = str | os.PathLike


class BadFile(InputError):
  """A recording that cannot be used.

  Attributes:
    path: the file.
    reason: what is wrong with it, to follow its name: 'is silent'.
  """

  def __init__(self, path: PathLike, reason: str):
    self.path, self.reason = os.fspath(path), reason
    super().__init__(
      f'{self.path} {reason}; replace the recording or leave it out'
    )


def read(path: PathLike) -> tuple[np.ndarray, int]:
  """Reads a recording in any format that libsndfile knows.

  Args:
    path: WAV, FLAC, OGG (Vorbis, Opus), MP3, AIFF, ...

  Returns:
    Samples float32 (samples,), the mean of the channels, full scale 1; and
    the sample rate in Hz.

  Raises:
    BadFile: if the file is missing, unreadable, not audio, cut short, without
      samples, silent, or holds samples that are not finite.
  """
  with _open(path) as sound:
    samples = _decode(path, sound)
    rate_hz = sound.samplerate
  samples = samples.mean(axis=1) if samples.shape[1] > 1 else samples[:, 0]
  if not np.isfinite(samples).all():
    count = np.count_nonzero(~np.isfinite(samples))
    raise BadFile(path, f'has {count} samples that are not finite numbers')
  if not samples.any():
    raise BadFile(path, f'is silent: all its {samples.size} samples are 0')
  return samples, rate_hz


def blocks(path: PathLike) -> Iterator[tuple[np.ndarray, int]]:
  """Reads like `read`, but block by block, for recordings of any length.

  Returns:
    An iterator over (float32 (samples,), the mean of the channels; the sample
    rate in Hz). A fault of the file raises when its block is reached; silence
    is not a fault.

  Raises:
    BadFile: as `read`.
  """
  with _open(path) as sound:
    count = 0
    for block in _blocks(path, sound):
      count += len(block)
      samples = block.mean(axis=1) if block.shape[1] > 1 else block[:, 0]
      if not np.isfinite(samples).all():
        bad = np.count_nonzero(~np.isfinite(samples))
        raise BadFile(path, f'has {bad} samples that are not finite numbers')
      yield samples, sound.samplerate
    if not count:
      raise BadFile(path, 'holds no samples')


def load_mono(path: PathLike, sample_rate_hz: int) -> np.ndarray:
  """Reads like `read` and resamples to `sample_rate_hz`: (samples,)."""
  samples, rate_hz = read(path)
  if rate_hz != sample_rate_hz:
    samples = soxr.resample(
      samples, rate_hz, sample_rate_hz, quality=RESAMPLER_QUALITY
    )
  if not samples.size:
    raise BadFile(path, f'is shorter than one sample at {sample_rate_hz} Hz')
  return samples


def duration_s(path: PathLike) -> float:
  """Returns the length of a recording, from its header if that is exact.

  Raises:
    BadFile: as `read`, for faults that show without decoding.
  """
  with _open(path) as sound:
    exact = containers.states_length(path)
    frames = sound.frames if exact else len(_decode(path, sound))
    return frames / sound.samplerate


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


def describe_bad(bad: dict[str, str], total: int) -> str:
  """Returns a sentence that names the bad files of {path: reason}."""
  named = [f'{path} {reason}' for path, reason in bad.items()]
  if len(named) > MAX_NAMED:
    named[MAX_NAMED:] = [f'and {len(named) - MAX_NAMED} more']
  return f'{len(bad)} of {total} recordings cannot be used: ' + '; '.join(named)


@contextlib.contextmanager
def _open(path: PathLike) -> Iterator[soundfile.SoundFile]:
  """Opens a recording; raises `BadFile` for a fault that its header shows."""
  try:
    if pathlib.Path(path).is_dir():
      raise BadFile(path, 'is a folder, not a recording')
    fault = containers.fault(path)
  except FileNotFoundError:
    raise BadFile(path, 'does not exist') from None
  except PermissionError:
    raise BadFile(path, 'may not be read (see its permissions)') from None
  except OSError as error:
    raise BadFile(path, f'cannot be read ({error.strerror})') from error
  if fault:
    raise BadFile(path, fault)
  try:
    # As bytes: a name need not be UTF-8.
    sound = soundfile.SoundFile(os.fsencode(path))
  except soundfile.LibsndfileError as error:
    reason = f'is not audio libsndfile can read ({_words(error)})'
    raise BadFile(path, reason) from error
  except TypeError as error:  # the name ends in .raw
    raise BadFile(path, 'is sound without a header') from error
  with sound:
    if not sound.frames:
      raise BadFile(path, 'holds no samples')
    if sound.frames > MAX_FRAMES:
      raise BadFile(path, 'does not say how long it is: FLAC from a pipe')
    yield sound


def _decode(path: PathLike, sound: soundfile.SoundFile) -> np.ndarray:
  """Returns all samples, float32 (frames, channels)."""
  samples = np.concatenate(
    [np.zeros((0, sound.channels), np.float32), *_blocks(path, sound)]
  )
  if not len(samples):
    raise BadFile(path, 'holds no samples')
  return samples


def _blocks(path: PathLike, sound: soundfile.SoundFile) -> Iterator[np.ndarray]:
  """Yields the samples block by block, float32 (frames, channels)."""
  count, size = 0, _BLOCK_FRAMES // sound.channels
  try:
    # Up to the end: the length in the header may be an estimate.
    while len(block := sound.read(size, 'float32', always_2d=True)):
      count += len(block)
      yield block
  except soundfile.LibsndfileError as error:
    reason = f'is damaged or cut short ({_words(error)})'
    raise BadFile(path, reason) from error
  if 0 < count < sound.frames and containers.states_length(path):
    raise BadFile(
      path,
      f'is cut short: its header promises {sound.frames} samples, {count} '
      'are there',
    )


def _words(error: soundfile.LibsndfileError) -> str:
  """Returns libsndfile's message without its prefix and full stop."""
  return error.error_string.removeprefix('Error : ').strip().rstrip('.')
