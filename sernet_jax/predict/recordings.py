"""From recordings to labels, probabilities and a timeline.

The label of a whole recording is what training's evaluation gives for the
same file: the mean over the segments that the model's `AudioSpec` names. The
timeline is extra. Segments of many recordings share batches; a recording is
read in pieces and never held whole if it is long.
"""

from __future__ import annotations

import collections
import dataclasses
import os
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from sernet_jax.audio import reading, timeline
from sernet_jax.common.errors import InputError
from sernet_jax.predict.models import Model

HELD_S = 600  # a longer recording is read twice instead of held
BATCH = 16
WHOLE = ('segments', 'timeline')


@dataclasses.dataclass(frozen=True, eq=False)
class Window:
  """A window of the timeline; label and probabilities are None in silence."""

  start_s: float
  end_s: float
  label: str | None
  probabilities: np.ndarray | None


@dataclasses.dataclass(frozen=True, eq=False)
class Recording:
  """What was heard in one recording.

  Attributes:
    path: as it was given.
    duration_s: at the model's rate.
    label: the most probable class.
    probabilities: float32 (classes,).
    windows: the timeline, empty if none was asked for.
  """

  path: str
  duration_s: float
  label: str
  probabilities: np.ndarray
  windows: tuple[Window, ...]


@dataclasses.dataclass(frozen=True)
class Failure:
  """A recording that cannot be used, and the sentence that says why."""

  path: str
  message: str


class _Batch:
  """Collects segments of many recordings and runs them together."""

  def __init__(self, model: Model):
    self._model = model
    self._segments: list[np.ndarray] = []
    self._sinks: list[Callable[[np.ndarray], None]] = []

  def add(
    self, segment: np.ndarray, sink: Callable[[np.ndarray], None]
  ) -> None:
    """`sink` is called with the probabilities, sooner or later."""
    self._segments.append(segment)
    self._sinks.append(sink)
    if len(self._segments) == BATCH:
      self.flush()

  def flush(self) -> None:
    """Runs what waits."""
    if self._segments:
      rows = self._model(np.stack(self._segments))
      for row, sink in zip(rows, self._sinks, strict=True):
        sink(row)
      self._segments, self._sinks = [], []


class _Pending:
  """A recording whose segments wait for their probabilities."""

  def __init__(self, path: str, model: Model):
    self.path, self._model = path, model
    self.num_samples = 0
    self._missing = 0
    self._whole: list[np.ndarray] = []
    self._windows: list[tuple[int, int, np.ndarray | None]] = []

  def add_whole(self, batch: _Batch, segment: np.ndarray) -> None:
    """One of the segments that vote for the recording."""
    self._missing += 1

    def sink(row):
      self._whole.append(row)
      self._missing -= 1

    batch.add(segment, sink)

  def add_window(self, batch: _Batch, start: int, samples: np.ndarray) -> None:
    """One window of the timeline."""
    place, stop = len(self._windows), start + len(samples)
    self._windows.append((start, stop, None))
    segment = timeline.prepare(samples, self._model.audio.num_samples)
    if segment is None:
      return
    self._missing += 1

    def sink(row):
      self._windows[place] = (start, stop, row)
      self._missing -= 1

    batch.add(segment, sink)

  @property
  def done(self) -> bool:
    """Every segment has its probabilities."""
    return not self._missing

  def result(self) -> Recording:
    """The mean of the votes, or of the timeline if nothing else voted."""
    rate_hz, classes = self._model.audio.sample_rate_hz, self._model.classes
    windows = tuple(
      Window(
        start / rate_hz,
        stop / rate_hz,
        None if row is None else classes[int(np.argmax(row))],
        row,
      )
      for start, stop, row in self._windows
    )
    votes = self._whole or [row for *_, row in self._windows if row is not None]
    mean = np.mean(votes, axis=0)
    return Recording(
      self.path,
      self.num_samples / rate_hz,
      classes[int(np.argmax(mean))],
      mean,
      windows,
    )


def recognise(
  paths: Iterable[str | os.PathLike[str]],
  model: Model,
  hop_s: float | None = None,
  whole: str = 'segments',
) -> Iterator[Recording | Failure]:
  """What is heard in every recording, in the order of `paths`.

  Args:
    paths: of any format, rate and length that `audio` reads.
    model: from `models.load`.
    hop_s: from window to window of the timeline; 0 for no timeline, None for
      a second (or the model's length if that is shorter).
    whole: 'segments' for the label training's evaluation gives; 'timeline' for
      the mean over the timeline.

  Raises:
    InputError: if hop_s makes no sense; a bad recording is a `Failure`.
  """
  assert whole in WHOLE
  spec = model.audio
  hop = 0
  if hop_s != 0 or whole == 'timeline':
    hop = timeline.hop_samples(hop_s, spec.sample_rate_hz, spec.num_samples)
  return _recognise(paths, model, hop, whole)


def _recognise(paths, model, hop, whole) -> Iterator[Recording | Failure]:
  batch = _Batch(model)
  waiting: collections.deque[_Pending | Failure] = collections.deque()
  for path in paths:
    pending = _Pending(os.fspath(path), model)
    try:
      _scan(pending, model, hop, whole, batch)
      waiting.append(pending)
    except InputError as error:
      waiting.append(Failure(pending.path, str(error)))
    yield from _finished(waiting)
  batch.flush()
  yield from _finished(waiting)


def _finished(waiting) -> Iterator[Recording | Failure]:
  while waiting and (isinstance(waiting[0], Failure) or waiting[0].done):
    first = waiting.popleft()
    yield first if isinstance(first, Failure) else first.result()


def _scan(pending, model, hop, whole, batch) -> None:
  """Reads a recording and hands all its segments to the batch."""
  spec = model.audio
  windows = timeline.Windows(spec.num_samples, hop) if hop else None
  held: list[np.ndarray] | None = []
  for piece in timeline.pieces(pending.path, spec.sample_rate_hz):
    pending.num_samples += len(piece)
    if windows is not None:
      for start, samples in windows.push(piece):
        pending.add_window(batch, start, samples)
    if pending.num_samples > max(HELD_S, spec.duration_s) * spec.sample_rate_hz:
      held = None
    if held is not None:
      held.append(piece)
  if windows is not None:
    for start, samples in windows.finish():
      pending.add_window(batch, start, samples)
  if whole == 'timeline' or (
    # Then the one window is the centred segment.
    windows is not None
    and spec.segments == 'center'
    and pending.num_samples <= spec.num_samples
  ):
    return
  try:
    if held is None:
      _scan_long(pending, spec, batch)
    else:
      for segment in reading.segments(np.concatenate(held), spec):
        pending.add_whole(batch, segment)
  except reading.BadFile:
    raise
  except InputError as error:
    raise reading.BadFile(
      pending.path, f'is silent in its segments of {spec.duration_s} s'
    ) from error


def _scan_long(pending, spec, batch) -> None:
  """`audio.segments` of a recording that is too long to hold."""
  length, rate_hz = spec.num_samples, spec.sample_rate_hz
  if spec.segments == 'center':
    left = (pending.num_samples - length) // 2
    centre = timeline.slice_of(pending.path, rate_hz, left, left + length)
    for segment in reading.segments(centre, spec):
      pending.add_whole(batch, segment)
    return
  count = 0
  side_by_side = timeline.Windows(length, length)
  last = (pending.num_samples + length // 2) // length * length
  for piece in timeline.pieces(pending.path, rate_hz):
    for _, samples in side_by_side.push(piece):
      count += _add_unless_silent(pending, batch, samples, length)
  for start, samples in side_by_side.finish():
    if start < last:
      count += _add_unless_silent(pending, batch, samples, length)
  if not count:
    raise InputError('silent in every segment')


def _add_unless_silent(pending, batch, samples, length) -> bool:
  segment = timeline.prepare(samples, length)
  if segment is not None:
    pending.add_whole(batch, segment)
  return segment is not None
