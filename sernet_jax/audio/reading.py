"""From a recording to segments the features are computed from.

A recording becomes mono (mean of its channels), is resampled to the rate of
the `AudioSpec` and cut or padded to its length, one segment or several; each
segment is scaled by itself (`prepare`). What cannot be used raises `BadFile`
with its reason; `read_all` collects these over a corpus.

The samples are float32 throughout: that holds 16- and 24-bit sound exactly,
and it reproduces the authors' prepared segments to the bit.
"""

from __future__ import annotations

import collections
import concurrent.futures
import contextlib
import io
import os
import pathlib
from collections.abc import Iterator, Sequence

import numpy as np
import soundfile
import soxr

from sernet_jax.audio import containers
from sernet_jax.audio.spec import AudioSpec
from sernet_jax.common import machine, progress_bar
from sernet_jax.common.errors import InputError, require_choice

PERCENTILE = 99.9
EPSILON = float(np.finfo(np.float64).eps)  # keeps silence from dividing by 0
RESAMPLER_QUALITY = 'HQ'
MAX_NAMED = 50  # bad files spelt out in one message
MAX_FRAMES = 1 << 40
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
  """Reads a recording of any format, width and channel count libsndfile knows.

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
  """`read` piece by piece, for recordings of any length.

  Returns:
    An iterator over (float32 (samples,), the mean of the channels; the sample
    rate in Hz). What is wrong with the file shows when the piece is reached;
    silence is not looked for.

  Raises:
    BadFile: as `read`.
  """
  with _open(path) as sound:
    count = 0
    for block in _blocks(path, sound):
      count += len(block)
      samples = block.mean(axis=1) if block.shape[1] > 1 else block[:, 0]
      if not np.isfinite(samples).all():
        number = np.count_nonzero(~np.isfinite(samples))
        raise BadFile(path, f'has {number} samples that are not finite numbers')
      yield samples, sound.samplerate
    if not count:
      raise BadFile(path, 'holds no samples')


def load_mono(path: PathLike, sample_rate_hz: int) -> np.ndarray:
  """`read`, resampled to `sample_rate_hz`: float32 (samples,)."""
  samples, rate_hz = read(path)
  if rate_hz != sample_rate_hz:
    samples = soxr.resample(
      samples, rate_hz, sample_rate_hz, quality=RESAMPLER_QUALITY
    )
  if not samples.size:
    raise BadFile(path, f'is shorter than one sample at {sample_rate_hz} Hz')
  return samples


def prepare(waveform: np.ndarray, num_samples: int) -> np.ndarray:
  """One segment of exactly `num_samples`, scaled to [-1, 1].

  In this order: a longer waveform is cut to its centre (of an odd excess the
  right end loses one more); x = clip(x / (p + eps), -1, 1), p the 99.9th
  percentile of abs(x); a shorter one gets zeros on both sides (of an odd lack
  the right side gets one more).

  Args:
    waveform: (samples,), real and finite, of any amplitude.
    num_samples: length of the segment.

  Returns:
    float32 (num_samples,), in [-1, 1].

  Raises:
    InputError: if the waveform is empty, not one-dimensional or not finite.
  """
  waveform = np.asarray(waveform, np.float32)
  if waveform.ndim != 1 or not waveform.size:
    raise InputError(
      f'waveform has shape {waveform.shape}; give one channel of at least one '
      'sample'
    )
  if not np.isfinite(waveform).all():
    raise InputError('waveform has samples that are not finite; repair them')
  left = max(0, waveform.size - num_samples) // 2
  segment = waveform[left : left + num_samples]
  scale = np.percentile(np.abs(segment), PERCENTILE) + EPSILON
  segment = np.clip(segment / np.float32(scale), -1.0, 1.0)
  lack = num_samples - segment.size
  return np.pad(segment, (lack // 2, lack - lack // 2))


def segments(waveform: np.ndarray, spec: AudioSpec) -> np.ndarray:
  """Segments of one utterance, each through `prepare`.

  With 'center' the one in the middle. With 'all' those side by side from the
  start; what remains at the end counts as one more (padded) if it is at least
  half as long as a segment, or if it is all there is. Segments without any
  sound are left out.

  Args:
    waveform: (samples,) at `spec.sample_rate_hz`.
    spec: rate, duration and mode.

  Returns:
    float32 (segments, spec.num_samples), at least one segment.

  Raises:
    InputError: as `prepare`, or if every segment is silent.
  """
  parts = [prepare(part, spec.num_samples) for part in cut(waveform, spec)]
  parts = [part for part in parts if part.any()]
  if not parts:
    raise InputError('waveform is silent in every segment; leave it out')
  return np.stack(parts)


def cut(waveform: np.ndarray, spec: AudioSpec) -> list[np.ndarray]:
  """What `segments` prepares: pieces of at most `spec.num_samples`."""
  length = spec.num_samples
  if spec.segments == 'center':
    left = max(0, len(waveform) - length) // 2
    return [waveform[left : left + length]]
  count = max(1, (len(waveform) + length // 2) // length)
  return [waveform[i * length : (i + 1) * length] for i in range(count)]


def load_segments(path: PathLike, spec: AudioSpec) -> np.ndarray:
  """`segments` of a file; raises `BadFile` for what cannot be used."""
  waveform = load_mono(path, spec.sample_rate_hz)
  try:
    return segments(waveform, spec)
  except InputError as error:
    reason = f'is silent in its segments of {spec.duration_s} s'
    raise BadFile(path, reason) from error


def read_all(
  paths: Sequence[PathLike],
  spec: AudioSpec,
  on_bad_file: str = 'error',
  skipped: dict[str, str] | None = None,
  progress: bool = True,
  start: int = 0,
) -> Iterator[tuple[int, np.ndarray]]:
  """Reads many recordings in parallel, in bounded memory.

  Args:
    paths: the recordings.
    spec: what to make of them.
    on_bad_file: 'error' or 'skip'.
    skipped: receives {path: reason} of the bad files as they come up.
    progress: show a bar, or a line a minute where stderr is no terminal.
    start: index of the first to read; those before it were read already, and
      the bad ones among them are in `skipped`.

  Returns:
    An iterator over (index into `paths`, float32 (segments, num_samples)) in
    the order of `paths`; bad files are passed over.

  Raises:
    InputError: with 'error', at the end and naming all bad files; with 'skip'
      if no file is left.
  """
  require_choice('data.on_bad_file', on_bad_file, ('error', 'skip'))
  bad = {} if skipped is None else skipped
  return _read_all(list(paths), spec, on_bad_file, bad, progress, start)


def duration_s(path: PathLike) -> float:
  """Length of a recording, from its header where that says it.

  Raises:
    BadFile: as `read`, for all that shows without decoding.
  """
  with _open(path) as sound:
    exact = containers.states_length(path)
    frames = sound.frames if exact else len(_decode(path, sound))
    return frames / sound.samplerate


def durations(paths: Sequence[PathLike]) -> list[float | str]:
  """`duration_s` of each recording, or what is wrong with it."""
  found: list[float | str] = []
  for path in paths:
    try:
      found.append(duration_s(path))
    except BadFile as error:
      found.append(error.reason)
  return found


def write_wav(path: PathLike, samples: np.ndarray, rate_hz: int) -> None:
  """Writes mono samples (samples,) in [-1, 1] as 16-bit WAV."""
  content = io.BytesIO()
  samples = np.clip(samples, -1.0, 1.0)
  soundfile.write(content, samples, rate_hz, subtype='PCM_16', format='WAV')
  # Not written by libsndfile, which words a full disk in its own way.
  pathlib.Path(path).write_bytes(content.getvalue())


def describe_bad(bad: dict[str, str], total: int) -> str:
  """One sentence that names the bad files of {path: reason}."""
  named = [f'{path} {reason}' for path, reason in bad.items()]
  if len(named) > MAX_NAMED:
    named[MAX_NAMED:] = [f'and {len(named) - MAX_NAMED} more']
  return f'{len(bad)} of {total} recordings cannot be used: ' + '; '.join(named)


@contextlib.contextmanager
def _open(path: PathLike) -> Iterator[soundfile.SoundFile]:
  """A recording that opens and whose header shows no fault."""
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
  """All samples, float32 (frames, channels)."""
  samples = np.concatenate(
    [np.zeros((0, sound.channels), np.float32), *_blocks(path, sound)]
  )
  if not len(samples):
    raise BadFile(path, 'holds no samples')
  return samples


def _blocks(path: PathLike, sound: soundfile.SoundFile) -> Iterator[np.ndarray]:
  """The samples piece by piece, float32 (frames, channels)."""
  count, size = 0, _BLOCK_FRAMES // sound.channels
  try:
    # Until the end, because the length of the header may be a guess.
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
  return error.error_string.removeprefix('Error : ').strip().rstrip('.')


def _read_all(
  paths: list[PathLike],
  spec: AudioSpec,
  on_bad_file: str,
  bad: dict[str, str],
  progress: bool,
  start: int,
) -> Iterator[tuple[int, np.ndarray]]:
  workers = min(16, machine.num_cores())
  bar = progress_bar.make(
    total=len(paths),
    initial=start,
    desc='reading',
    unit='file',
    leave=False,
    shown=progress,
  )
  pool = concurrent.futures.ThreadPoolExecutor(workers)
  waiting: collections.deque = collections.deque()
  indices = iter(range(start, len(paths)))
  try:
    while True:
      while (
        len(waiting) < 4 * workers and (i := next(indices, None)) is not None
      ):
        waiting.append((i, pool.submit(load_segments, paths[i], spec)))
      if not waiting:
        break
      index, future = waiting.popleft()
      bar.update()
      try:
        result = future.result()
      except BadFile as error:
        bad[error.path] = error.reason
        continue
      yield index, result
  finally:
    pool.shutdown(wait=False, cancel_futures=True)
    bar.close()
  if bad and on_bad_file == 'error':
    raise InputError(
      describe_bad(bad, len(paths))
      + '; repair them or leave them out with --config.data.on_bad_file=skip'
    )
  if bad and len(bad) == len(paths):
    raise InputError(
      describe_bad(bad, len(paths)) + '; none is left, so check data.root'
    )
