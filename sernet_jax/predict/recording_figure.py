"""The figure of a recording, gathered in bounded memory."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Iterable

import numpy as np

from sernet_jax.audio import segments, timeline
from sernet_jax.common.errors import require
from sernet_jax.features import kinds
from sernet_jax.features.spec import MfccSpec
from sernet_jax.predict.inference import unsure
from sernet_jax.predict.models import Model
from sernet_jax.predict.recordings import Recording
from sernet_jax.results.figures import recording_plot

COLUMNS = 1500  # more than a picture has pixels to show


def write(
  path: pathlib.Path,
  recording: Recording,
  model: Model,
  channel: str = '',
  middle: bool = False,
) -> None:
  """Reads the recording once more and draws it.

  Up to `COLUMNS` frames, evenly spread, are shown, scaled together as
  `audio.prepare` scales one segment. The network sees a longer recording
  window by window, each scaled by itself. Slopes over time are left out.

  Args:
    path: of the picture to write, .png, .pdf or .svg.
    recording: with its timeline.
    model: the one that made `recording`.
    channel: as for `recognize`.
    middle: whether the label is of its middle alone.

  Raises:
    InputError: if there is no timeline or the file cannot be written.
  """
  require(
    bool(recording.windows),
    'a figure shows the timeline; leave out --hop_s=0',
  )
  rate_hz, spec = model.audio.sample_rate_hz, model.mfcc
  total = round(recording.duration_s * rate_hz)
  starts = _starts(total, spec)
  envelope, frames = _gather(
    timeline.pieces(recording.path, rate_hz, channel or model.audio.channel),
    total,
    starts - 1,  # the sample before each, for pre-emphasis
    spec.frame_samples + 1,
  )
  scale = segments.scale(frames[:, 1:].ravel())
  kind = kinds.KINDS[model.feature_kind].static()
  values = _values(segments.scaled(frames, scale), kind, spec)
  low, high = (np.clip(side / scale, -1, 1) for side in envelope)
  time_s = (np.arange(len(low)) + 0.5) * total / len(low) / rate_hz
  half_s = spec.frame_samples / 2 / rate_hz
  step_s = (starts[1] if len(starts) > 1 else spec.hop_samples) / rate_hz
  spans, shares = _without_gaps(recording, len(model.classes))
  recording_plot.figure(
    path,
    f'{pathlib.Path(recording.path).name}: {recording.label or unsure.NAME}',
    f'{recording.duration_s:.1f} s, {model.name}; windows of '
    f'{model.audio.duration_s:g} s' + ', the label of the middle one' * middle,
    (time_s, low, high),
    values,
    kind.title,
    (half_s - step_s / 2, half_s + (len(starts) - 0.5) * step_s),
    spans,
    shares,
    model.classes,
  )


def _values(
  frames: np.ndarray, kind: kinds.FeatureKind, spec: MfccSpec
) -> np.ndarray:
  """Computes features (frames, rows) of frames that lie apart.

  They are laid side by side and not padded, so that `top_db` has one floor for
  all of them.

  Args:
    frames: (frames, 1 + spec.frame_samples), with the sample before each.
    kind: of the features, static.
    spec: the front end.
  """
  apart = dataclasses.replace(spec, padding='none', hop_samples=frames.shape[1])
  return np.asarray(kind.compute(frames.ravel()[1:], apart))


def _without_gaps(
  recording: Recording, num_classes: int
) -> tuple[list[tuple[float, float]], np.ndarray]:
  """Windows of a recording, and silence between those that are apart.

  Returns:
    ([(start, end)] in seconds, float32 (windows, classes), nan in silence).
  """
  silence = np.full(num_classes, np.nan, np.float32)
  spans: list[tuple[float, float]] = []
  shares: list[np.ndarray] = []
  end_s = 0.0
  for window in recording.windows:
    if window.start_s > end_s:
      spans.append((end_s, window.start_s))
      shares.append(silence)
    spans.append((window.start_s, window.end_s))
    shares.append(
      silence if window.probabilities is None else window.probabilities
    )
    end_s = window.end_s
  if end_s < recording.duration_s:
    spans.append((end_s, recording.duration_s))
    shares.append(silence)
  return spans, np.stack(shares)


def _starts(total: int, spec: MfccSpec) -> np.ndarray:
  """Starts of the frames that are shown: every n-th, at least one."""
  count = max(1, 1 + (total - spec.frame_samples) // spec.hop_samples)
  every = -(-count // COLUMNS)
  return np.arange(0, count, every) * spec.hop_samples


def _gather(
  pieces: Iterable[np.ndarray], total: int, starts: np.ndarray, length: int
) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
  """Gathers what is shown from a stream of samples.

  Args:
    pieces: the recording, float32 (samples,) each.
    total: number of samples in all.
    starts: (frames,), the first sample of each frame.
    length: of a frame.

  Returns:
    ((lowest, highest) sample of each column, frames (frames, length)).
  """
  columns = min(COLUMNS, total)
  low, high = np.full(columns, np.inf), np.full(columns, -np.inf)
  frames = np.zeros((len(starts), length), np.float32)
  received = 0
  for piece in pieces:
    end = received + len(piece)
    column = np.arange(received, end) * columns // total
    inside = column < columns  # a file that grew since it was read
    np.minimum.at(low, column[inside], piece[inside])
    np.maximum.at(high, column[inside], piece[inside])
    # A frame may lie across pieces: each piece fills in its share.
    first, last = np.searchsorted(starts, [received - length, end])
    for index in range(first, last):
      begin = max(starts[index], received)
      stop = min(starts[index] + length, end)
      offset = begin - starts[index]
      frames[index, offset : offset + stop - begin] = piece[
        begin - received : stop - received
      ]
    received = end
  return (low, high), frames
