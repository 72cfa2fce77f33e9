"""Cuts and scales recordings to the segments that features are computed from.

A recording at the rate of the `AudioSpec` is cut or padded to its length, one
segment or several; each segment is scaled by itself (`prepare`). `read_all`
does so for a whole corpus and collects the files that cannot be used.

The samples are float32 throughout, which reproduces the authors' prepared
segments to the bit.
"""

from __future__ import annotations

import collections
import concurrent.futures
import dataclasses
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from sernet_jax.audio import part_reading, quality, reading
from sernet_jax.audio.listening import FLOOR_DB, faint, level_db
from sernet_jax.audio.part import Recording, is_among
from sernet_jax.audio.spec import EPSILON, PERCENTILE, AudioSpec
from sernet_jax.common import machine, progress_bar
from sernet_jax.common.errors import (
  InputError,
  require,
  require_choice,
  require_whole,
)

# Segments, and what is odd about their recording.
_Loaded = tuple[np.ndarray, tuple[str, ...]]
_Load = Callable[[Recording, AudioSpec, quality.Watch | None], np.ndarray]
_Mark = Callable[[np.ndarray], np.ndarray]


def prepare(waveform: np.ndarray, num_samples: int) -> np.ndarray:
  """Makes one segment of exactly `num_samples`, scaled to [-1, 1].

  In this order: a longer waveform is cut to its center (if the excess is odd,
  the right end loses one more); x = clip(x / (p + eps), -1, 1), p the 99.9th
  percentile of abs(x); a shorter one gets zeros on both sides (if their number
  is odd, the right side gets one more).

  Args:
    waveform: (samples,), real and finite, of any amplitude.
    num_samples: length of the segment.

  Returns:
    float32 (num_samples,), in [-1, 1].

  Raises:
    InputError: if the waveform is empty, not one-dimensional, not real or not
      finite, or `num_samples` is not a whole number above 0.
  """
  require_whole('num_samples', num_samples)
  waveform = np.asarray(waveform)
  require(
    waveform.dtype.kind in 'fiub',
    f'waveform has type {waveform.dtype}; give real numbers, (samples,)',
  )
  waveform = waveform.astype(np.float32, copy=False)
  if waveform.ndim != 1 or not waveform.size:
    raise InputError(
      f'waveform has shape {waveform.shape}; give one channel of at least one '
      'sample'
    )
  if not np.isfinite(waveform).all():
    raise InputError('waveform has samples that are not finite; repair them')
  left = max(0, waveform.size - num_samples) // 2
  segment = waveform[left : left + num_samples]
  # Scaled before it is padded: zeros would lower the percentile.
  segment = scaled(segment, scale(segment))
  missing = num_samples - segment.size
  return np.pad(segment, (missing // 2, missing - missing // 2))


def prepare_sound(waveform: np.ndarray, num_samples: int) -> np.ndarray | None:
  """Prepares a segment like `prepare`; None if that leaves no sound.

  Silence is none, nor is what the scale clips to a constant: an offset below a
  few clicks.

  Args:
    waveform: as for `prepare`.
    num_samples: likewise.

  Raises:
    InputError: as `prepare`.
  """
  if not quality.holds_sound(waveform):
    return None
  segment = prepare(waveform, num_samples)
  left = max(0, num_samples - waveform.size) // 2
  own = segment[left : left + waveform.size]  # zeros around it are not part
  return segment if quality.holds_sound(own) else None


def scale(waveform: np.ndarray) -> np.float32:
  """The 99.9th percentile of abs(waveform), by which `prepare` divides.

  In float32, as the authors have it: the results agree to the bit. That is
  `np.percentile` of numpy 2.4; from 2.0 to 2.3 it counts places in float32 too,
  which leads 1e-5 away (numpy/numpy#29105). It may go when those are no longer
  allowed.
  """
  values = np.abs(waveform)
  place = (len(values) - 1) * (PERCENTILE / 100)  # between two of them, float64
  below = int(place)
  above = min(below + 1, len(values) - 1)
  values.partition((below, above))
  low, high, share = values[below], values[above], place - below
  # From the nearer one; a float of Python leaves float32 as it is.
  if share < 0.5:
    found = low + (high - low) * share
  else:
    found = high - (high - low) * (1 - share)
  return np.float32(found + EPSILON)


def scaled(waveform: np.ndarray, by: np.float32) -> np.ndarray:
  """Divides (samples,) by a scale and clips to [-1, 1]."""
  return np.clip(waveform / by, -1.0, 1.0)


def cut_and_prepare(
  waveform: np.ndarray, spec: AudioSpec, mark: _Mark | None = None
) -> np.ndarray:
  """Cuts an utterance into segments and prepares each (`prepare`).

  'center' takes the one in the middle; 'all' takes segments side by side from
  the start, and what remains at the end is one more (padded) if it is at least
  half as long as a segment, or if there is nothing else. Of a silent middle the
  loudest segment is taken, and other silent segments are left out (`is_silent`).

  Args:
    waveform: (samples,) at `spec.sample_rate_hz`.
    spec: rate, duration and mode.
    mark: changes each cut before it is scaled and padded.

  Returns:
    float32 (segments, spec.num_samples), at least one segment.

  Raises:
    InputError: as `prepare`, or if every segment is silent.
  """
  return _prepared(cut(waveform, spec), spec, mark)


def _prepared(
  pieces: Sequence[np.ndarray], spec: AudioSpec, mark: _Mark | None
) -> np.ndarray:
  """Prepares the pieces of an utterance, as `cut_and_prepare` says."""
  found = []
  for samples in pieces:
    own = samples if mark is None else mark(samples)
    if (part := prepare_sound(own, spec.num_samples)) is not None:
      found.append((part, level_db(samples)))
  if not found:
    raise InputError('waveform is silent in every segment; leave it out')
  # Of a recording that is faint throughout, all.
  heard = [part for part, found_db in found if found_db >= FLOOR_DB]
  return np.stack(heard or [part for part, _ in found])


def cut(waveform: np.ndarray, spec: AudioSpec) -> list[np.ndarray]:
  """Cuts a waveform into pieces (samples,), at most `spec.num_samples` long."""
  return _cut(waveform, spec)[0]


def _cut(
  waveform: np.ndarray, spec: AudioSpec
) -> tuple[list[np.ndarray], bool]:
  """The pieces of `cut`, and whether the middle one was moved."""
  length = spec.num_samples
  if spec.segments == 'center':
    left, moved = center(waveform, spec)
    return [waveform[left : left + length]], moved
  # A rest of half a segment or more rounds up.
  count = max(1, (len(waveform) + length // 2) // length)
  return [waveform[i * length : (i + 1) * length] for i in range(count)], False


def center(waveform: np.ndarray, spec: AudioSpec) -> tuple[int, bool]:
  """Returns where the middle segment begins, and whether it was moved.

  If it is silent, the loudest one takes its place, unless so is that.
  """
  length = spec.num_samples
  left = max(0, len(waveform) - length) // 2
  if is_silent(waveform[left : left + length], length):
    best = quality.loudest(waveform, length, max(1, spec.sample_rate_hz // 10))
    if not is_silent(waveform[best : best + length], length):
      return best, True
  return left, False


def is_silent(
  waveform: np.ndarray, num_samples: int, least_db: float = FLOOR_DB
) -> bool:
  """Tells whether a stretch leaves no sound, or has less than `least_db`.

  What resampling leaves of an offset lies below its default, and so does dither.
  """
  segment = prepare_sound(waveform, num_samples)
  return segment is None or level_db(waveform) < least_db


def load_segments(
  path: Recording,
  spec: AudioSpec,
  watch: quality.Watch | None = None,
  mark: _Mark | None = None,
) -> np.ndarray:
  """Reads a file for `cut_and_prepare`; raises `BadFile` if it cannot."""
  waveform = part_reading.load_mono(
    path, spec.sample_rate_hz, spec.channel, watch
  )
  pieces, moved = _cut(waveform, spec)
  if watch is not None and moved:
    watch.notes.append(
      f'is silent in its middle; its loudest {spec.duration_s:g} s were taken'
    )
  if watch is not None:
    watch.notes += faint(max(map(level_db, pieces)))
  try:
    return _prepared(pieces, spec, mark)
  except InputError as error:
    reason = f'is silent in its segments of {spec.duration_s} s'
    raise reading.BadFile(str(path), reason) from error


def load_whole(
  path: Recording, spec: AudioSpec, watch: quality.Watch | None = None
) -> np.ndarray:
  """Reads a file as one segment of its own length, (1, samples)."""
  waveform = part_reading.load_mono(
    path, spec.sample_rate_hz, spec.channel, watch
  )
  if watch is not None:
    parts = cut(waveform, dataclasses.replace(spec, segments='all'))
    watch.notes += faint(max(map(level_db, parts)))
  whole = prepare_sound(waveform, len(waveform))
  if whole is None:
    raise reading.BadFile(
      str(path), 'is silent: scaled, nothing but a constant is left of it'
    )
  return whole[None]


def read_all(
  paths: Sequence[Recording],
  spec: AudioSpec,
  on_bad_file: str = 'error',
  skipped: dict[str, str] | None = None,
  progress: bool = True,
  start: int = 0,
  load: _Load | None = None,
  notes: dict[str, list[str]] | None = None,
  limit_hz: float = 0.0,
) -> Iterator[tuple[int, np.ndarray]]:
  """Reads many recordings in parallel, in bounded memory.

  Args:
    paths: the recordings, or parts of them.
    spec: the segments to make of them.
    on_bad_file: 'error' or 'skip'.
    skipped: receives {path: reason} of the bad files as they come up.
    progress: show a bar, or a line a minute if stderr is not a terminal.
    start: index of the first to read; those before it were read already, and
      the bad ones among them are in `skipped`.
    load: from a path to its segments, if not `load_segments`.
    notes: receives {path: what is odd about it} as it comes up, each to follow
      the path.
    limit_hz: up to which the features listen.

  Returns:
    An iterator over (index into `paths`, float32 (segments, num_samples)) in
    the order of `paths`; bad files are passed over.

  Raises:
    InputError: with 'error', at the end and naming all bad files; with 'skip'
      if no file is left.
  """
  require_choice('data.on_bad_file', on_bad_file, ('error', 'skip'))
  bad = {} if skipped is None else skipped

  def load_noted(path: Recording) -> _Loaded:
    watch = None if notes is None else quality.Watch()
    parts = (load or load_segments)(path, spec, watch)
    return parts, watch.sentences(limit_hz, spec.channel) if watch else ()

  found = _read_all(list(paths), load_noted, on_bad_file, bad, progress, start)
  return _noted(found, paths, {} if notes is None else notes)


def _noted(
  found: Iterator[tuple[int, _Loaded]],
  paths: Sequence[Recording],
  notes: dict[str, list[str]],
) -> Iterator[tuple[int, np.ndarray]]:
  """Passes on the segments and keeps the notes."""
  for index, (parts, sentences) in found:
    if sentences:
      notes[str(paths[index])] = [*sentences]
    yield index, parts


def _read_all(
  paths: list[Recording],
  load: Callable[[Recording], _Loaded],
  on_bad_file: str,
  bad: dict[str, str],
  progress: bool,
  start: int,
) -> Iterator[tuple[int, _Loaded]]:
  """`read_all` after its checks, which a generator would make too late."""
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
  waiting: collections.deque[tuple[int, concurrent.futures.Future[_Loaded]]] = (
    collections.deque()
  )
  indices = iter(range(start, len(paths)))
  # Not len(bad): all parts of a file that cannot be read are one entry in it.
  failed = sum(is_among(path, bad) for path in paths[:start])
  try:
    while True:
      # A few files ahead of the consumer, so that memory stays bounded.
      while (
        len(waiting) < 4 * workers and (i := next(indices, None)) is not None
      ):
        waiting.append((i, pool.submit(load, paths[i])))
      if not waiting:
        break
      index, future = waiting.popleft()
      bar.update()
      try:
        result = future.result()
      except reading.BadFile as error:
        bad[error.path] = error.reason
        failed += 1
        continue
      yield index, result
  finally:
    pool.shutdown(wait=False, cancel_futures=True)
    bar.close()
  if not failed:
    return
  told = reading.describe_bad(bad, failed, len(paths))
  if on_bad_file == 'error':
    raise InputError(
      f'{told}; repair them or leave them out with '
      '--config.data.on_bad_file=skip'
    )
  if failed == len(paths):
    raise InputError(f'{told}; none is left, so check data.root')
