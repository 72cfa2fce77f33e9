"""Results of `recordings.recognize`."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

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
    numbers: float32 (dimensions,), on their scales; None in silence or of a
      model without dimensions.
  """

  start_s: float
  end_s: float
  label: str | None
  probabilities: np.ndarray | None
  embedding: np.ndarray | None = None
  numbers: np.ndarray | None = None


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
    numbers: float32 (dimensions,), likewise, on their scales; None of a model
      without dimensions.
  """

  path: str
  duration_s: float
  label: str | None
  probabilities: np.ndarray
  windows: tuple[Window, ...]
  notes: tuple[str, ...] = ()
  embedding: np.ndarray | None = None
  numbers: np.ndarray | None = None


@dataclasses.dataclass(frozen=True)
class Failure:
  """A recording that cannot be used, and the sentence that says why."""

  path: str
  message: str


def answer(
  row: np.ndarray | None, classes: Sequence[str], num_dimensions: int = 0
) -> tuple[str | None, np.ndarray | None, np.ndarray | None, np.ndarray | None]:
  """Splits what a model makes of a segment.

  Args:
    row: (classes + dimensions + channels,), the latter as far as they were
      asked for; None in silence.
    classes: names.
    num_dimensions: of the model.

  Returns:
    (label, probabilities, embedding, numbers), each None if it is missing.
  """
  if row is None:
    return None, None, None, None
  first = len(classes)
  shares, numbers, embedding = np.split(row, [first, first + num_dimensions])
  label = classes[int(np.argmax(shares))]
  return (
    label,
    shares,
    embedding if embedding.size else None,
    numbers if numbers.size else None,
  )


def mean(votes: Sequence[tuple[int, np.ndarray]]) -> np.ndarray:
  """Averages rows (values,), of which each comes with its weight."""
  weights, rows = zip(*votes, strict=True)
  if len(set(weights)) == 1:  # to the bit what training's evaluation gives
    return np.mean(rows, axis=0)
  return np.average(rows, axis=0, weights=weights).astype(rows[0].dtype)
