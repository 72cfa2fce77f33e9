"""Recordings to labels, probabilities and a timeline.

The label of a whole recording is what training's evaluation gives for the
same file: the mean over the segments that the model's `AudioSpec` names, but
those that count as silence beside the loudest (`audio.listening`). The timeline
is extra; where the label is its mean, a window counts by its length.

A recording is a row of items, read in pieces and never held whole if it is
long: its windows, its votes, its end. The items of all recordings form one
stream, in which segments share batches across recordings; behind the model
the stream has probabilities in place of segments, in the same order, and is
grouped by recording again.
"""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from sernet_jax.audio import (
  quality,
  reading,
  segments as segments_lib,
  timeline,
)
from sernet_jax.audio.listening import Levels, Listening, level_db
from sernet_jax.audio.sound import Sound
from sernet_jax.audio.spec import AudioSpec
from sernet_jax.common import errors
from sernet_jax.common.errors import InputError, require_choice
from sernet_jax.predict.inference import embeddings, voice_activity
from sernet_jax.predict.inference.embeddings import Run
from sernet_jax.predict.inference.result import (
  Failure as Failure,
  Recording as Recording,
  Window as Window,
  answer,
  mean,
)
from sernet_jax.predict.models import Model
from sernet_jax.predict.sessions import waveform as waveform_lib

HELD_S = 600  # a longer recording is read twice instead of held
WHOLE = ('segments', 'timeline')


class _Span(NamedTuple):
  """Key of a window of the timeline: its samples in the recording."""

  start: int
  weight: int  # their number: the last window may hold a few
  level_db: float


class _Vote(NamedTuple):
  """Key of a segment that votes for the whole recording."""

  level_db: float
  weight: int = 1


class _End(NamedTuple):
  """Key after the last segment of a recording."""

  path: str
  num_samples: int
  notes: tuple[str, ...]


_Key = _Span | _Vote | _End | Failure
# The array is a segment (samples,) before the model, and behind it its
# probabilities, its numbers if the model has dimensions, and its embedding if
# asked for (classes + dimensions + channels,); None for silence and at the end
# of a recording.
_Item = tuple[_Key, np.ndarray | None]
_Row = tuple[_Span | _Vote, np.ndarray]


def recognize(
  paths: Iterable[str | os.PathLike[str]],
  model: Model,
  hop_s: float | None = None,
  whole: str = 'segments',
  listening: Listening | None = None,
  embed: bool = False,
) -> Iterator[Recording | Failure]:
  """Recognizes the emotion in every recording, in the order of `paths`.

  Args:
    paths: of any format, rate and length that `audio` reads; or a
      `audio.sound.Sound`.
    model: from `models.load`.
    hop_s: from window to window of the timeline; 0 for no timeline, None for
      a second (or the model's length if that is shorter).
    whole: 'segments' for the label training's evaluation gives; 'timeline' for
      the mean over the timeline, in which windows count by their lengths.
    listening: the channel, and what counts as silence; with `vad` the label is
      the mean over windows of the speech, whatever `whole` says.
    embed: whether results have embeddings.

  Returns:
    An iterator over one result for each path; memory is bounded by the
    longest timeline.

  Raises:
    InputError: if hop_s makes no sense or the model has no embeddings, or for
      one path alone; a bad recording is a `Failure`.
  """
  errors.require_paths('paths', paths)
  require_choice('whole', whole, WHOLE)
  spec = model.audio
  hop = 0
  if hop_s != 0 or whole == 'timeline':
    hop = timeline.hop_samples(hop_s, spec.sample_rate_hz, spec.num_samples)
  listening = listening or Listening()
  if not listening.channel:
    listening = dataclasses.replace(listening, channel=spec.channel)
  run = embeddings.function(model) if embed else embeddings.rows(model)
  segments = _segments_of_all(paths, model, hop, whole, listening)
  return _grouped(_probabilities(segments, run), model, listening.gate_db)


def _segments_of_all(
  paths: Iterable[str | os.PathLike[str]],
  model: Model,
  hop: int,
  whole: str,
  listening: Listening,
) -> Iterator[_Item]:
  """The segments of each recording, then its end or failure."""
  for path in paths:
    name = repr(path)
    try:
      errors.require_path('one of the recordings', path)
      name = os.fspath(path)
      source = path if isinstance(path, Sound) else name
      yield from _segments(source, model, hop, whole, listening)
    except InputError as error:
      yield Failure(name, str(error)), None


def _segments(
  path: str | Sound,
  model: Model,
  hop: int,
  whole: str,
  listening: Listening,
) -> Iterator[_Item]:
  """The windows of a recording (if `hop`), its votes and its end.

  Raises:
    InputError: if the recording cannot be used; segments may have come before.
  """
  spec, floor_db = model.audio, listening.floor_db
  length, rate_hz = spec.num_samples, spec.sample_rate_hz
  windows = voice_activity.windows(path, spec, hop, listening)
  watch, levels, num_samples = quality.Watch(), Levels(rate_hz), 0
  held: list[np.ndarray] | None = []
  for piece in timeline.pieces(path, rate_hz, listening.channel, watch):
    num_samples += len(piece)
    levels.push(piece)
    if windows is not None:
      yield from _spans(windows.push(piece), length, floor_db)
    if num_samples > max(HELD_S, spec.duration_s) * rate_hz:
      held = None
    if held is not None:
      held.append(piece)
  if num_samples == 1:
    floor_db = -math.inf  # a single sample has no level
  if windows is not None:
    yield from _spans(windows.finish(), length, floor_db)
  loudest, loudest_db = levels.loudest(length, num_samples)
  if loudest_db < floor_db:
    raise reading.BadFile(path, listening.too_quiet(loudest_db))
  notes = [*watch.sentences(model.mfcc.upper_edge_hz, listening.channel)]
  notes += listening.short(num_samples / rate_hz)

  def piece_at(start: int) -> np.ndarray:
    if held is not None:
      return waveform[start : start + length]
    stop = start + length
    return timeline.slice_of(path, rate_hz, start, stop, listening.channel)

  # A recording of one window: that window is the centered segment already.
  one = hop and spec.segments == 'center' and num_samples <= length
  if whole == 'segments' and not one and not listening.vad:
    waveform = np.concatenate(held or [np.zeros(0, np.float32)])
    if spec.segments == 'center':
      center = piece_at(max(0, num_samples - length) // 2)
      least_db = max(floor_db, loudest_db - listening.gate_db)
      if segments_lib.is_silent(center, length, least_db):
        if held is not None:  # as training does
          loudest = quality.loudest(waveform, length, rate_hz // 10)
        center = piece_at(loudest)
        notes.append(
          'is silent in its middle: its label is that of the loudest '
          f'{spec.duration_s:g} s, {loudest / rate_hz:.1f} s from its start'
        )
      cuts: Iterable[np.ndarray] = [center]
    elif held is not None:
      cuts = segments_lib.cut(waveform, spec)
    else:
      cuts = _cut_again(path, num_samples, spec, listening.channel)
    yield from _votes(cuts, path, spec, floor_db)
  yield _End(os.fspath(path), num_samples, tuple(notes)), None


def _spans(
  windows: Iterable[tuple[int, np.ndarray]], length: int, floor_db: float
) -> Iterator[_Item]:
  for start, samples in windows:
    segment, found_db = _heard(samples, length, floor_db)
    yield _Span(start, len(samples), found_db), segment


def _heard(
  samples: np.ndarray, length: int, floor_db: float
) -> tuple[np.ndarray | None, float]:
  """Prepares a window, None if it is silent, and measures its level."""
  found_db = level_db(samples)
  if found_db < floor_db:
    return None, found_db
  marked = waveform_lib.marked(samples)
  return segments_lib.prepare_sound(marked, length), found_db


def _votes(
  cuts: Iterable[np.ndarray],
  path: str | Sound,
  spec: AudioSpec,
  floor_db: float,
) -> Iterator[_Item]:
  """The cuts of a recording as `audio.cut_and_prepare` makes them."""
  silent = True
  for samples in cuts:
    segment, found_db = _heard(samples, spec.num_samples, floor_db)
    if segment is not None:
      silent = False
      yield _Vote(found_db), segment
  if silent:
    raise reading.BadFile(
      path, f'is silent in its segments of {spec.duration_s} s'
    )


def _cut_again(
  path: str | Sound, num_samples: int, spec: AudioSpec, channel: str
) -> Iterator[np.ndarray]:
  """Reads a recording that is too long to hold once more: segments 'all'."""
  length, rate_hz = spec.num_samples, spec.sample_rate_hz
  side_by_side = timeline.Windows(length, length)
  for piece in timeline.pieces(path, rate_hz, channel):
    for _, samples in side_by_side.push(piece):
      yield samples
  # A rest shorter than half a segment is not one of the cuts.
  last = (num_samples + length // 2) // length * length
  for start, samples in side_by_side.finish():
    if start < last:
      yield samples


def _probabilities(items: Iterable[_Item], model: Run) -> Iterator[_Item]:
  """Runs the model on `waveform.BATCH` segments at a time, whosever they are.

  The items come back in the same order, with what `model` makes of the
  segments in their place.
  """
  waiting: list[_Item] = []
  count = 0
  for key, segment in items:
    waiting.append((key, segment))
    count += segment is not None
    # Items without a segment only wait for those before them.
    if count in (0, waveform_lib.BATCH):
      yield from _run(waiting, model)
      waiting, count = [], 0
  yield from _run(waiting, model)


def _run(items: list[_Item], model: Run) -> Iterator[_Item]:
  segments = [segment for _, segment in items if segment is not None]
  rows = iter(model(np.stack(segments))) if segments else iter(())
  for key, segment in items:
    yield key, None if segment is None else next(rows)


def _grouped(
  items: Iterable[_Item], model: Model, gate_db: float
) -> Iterator[Recording | Failure]:
  """One result for each recording in the stream of probabilities."""
  votes: list[_Row] = []
  spans: list[tuple[_Span, np.ndarray | None]] = []
  for key, row in items:
    if isinstance(key, _Vote):
      assert row is not None
      votes.append((key, row))
    elif isinstance(key, _Span):
      spans.append((key, row))
    else:
      if isinstance(key, Failure):
        yield key
      else:
        yield _recording(key, votes, spans, model, gate_db)
      votes, spans = [], []


def _recording(
  end: _End,
  votes: list[_Row],
  spans: list[tuple[_Span, np.ndarray | None]],
  model: Model,
  gate_db: float,
) -> Recording | Failure:
  """Result for one recording, without what is silent beside the loudest."""
  rate_hz = model.audio.sample_rate_hz
  outputs = model.classes, len(model.dimensions)
  heard: list[_Row] = [(key, row) for key, row in spans if row is not None]
  # Without votes, as for whole='timeline', the windows vote.
  voting = votes or heard
  if not voting:
    return Failure(end.path, f'{end.path} is silent in all its windows')
  least_db = max(key.level_db for key, _ in (*votes, *heard)) - gate_db
  windows = []
  for key, row in spans:
    if row is not None and key.level_db < least_db:
      row = None
    times_s = key.start / rate_hz, (key.start + key.weight) / rate_hz
    label, shares, embedding, numbers = answer(row, *outputs)
    windows.append(Window(*times_s, label, shares, embedding, numbers))
  # The loudest vote may lie below the loudest window.
  least_db = min(least_db, max(key.level_db for key, _ in voting))
  loud = [(key.weight, row) for key, row in voting if key.level_db >= least_db]
  label, shares, embedding, numbers = answer(mean(loud), *outputs)
  assert label is not None and shares is not None
  found = label, shares, tuple(windows), end.notes, embedding, numbers
  return Recording(end.path, end.num_samples / rate_hz, *found)
