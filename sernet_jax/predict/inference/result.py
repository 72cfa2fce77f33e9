"""Results of `recordings.recognize`."""

from __future__ import annotations

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class Window:
  """A window of the timeline.

  Attributes:
    start_s: where it begins.
    end_s: where it ends.
    label: the most probable class; None in silence, and where the model is
      less sure than asked for.
    probabilities: float32 (classes,); None in silence.
    embedding: float32 (channels,); None in silence or if none was asked for.
  """

  start_s: float
  end_s: float
  label: str | None
  probabilities: np.ndarray | None
  embedding: np.ndarray | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class Recording:
  """The emotions recognized in one recording.

  Attributes:
    path: as it was given.
    duration_s: at the model's rate.
    label: the most probable class; None where the model is less sure than
      asked for.
    probabilities: float32 (classes,).
    windows: the timeline, empty if none was asked for.
    notes: what makes the label doubtful, each to follow the recording's name:
      'has no sound above 4.0 kHz, ...'.
    embedding: float32 (channels,), the mean over what the label is of; None if
      none was asked for.
  """

  path: str
  duration_s: float
  label: str | None
  probabilities: np.ndarray
  windows: tuple[Window, ...]
  notes: tuple[str, ...] = ()
  embedding: np.ndarray | None = None


@dataclasses.dataclass(frozen=True)
class Failure:
  """A recording that cannot be used, and the sentence that says why."""

  path: str
  message: str
