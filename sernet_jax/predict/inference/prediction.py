"""Predictions for people's own programs: by name, and as tables of pandas."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sernet_jax.common import extras, files
from sernet_jax.predict import output
from sernet_jax.predict.inference.result import Failure, Recording, Window

if TYPE_CHECKING:
  import pandas


class Moment(NamedTuple):
  """A window of a recording.

  Attributes:
    start_s: where it begins.
    end_s: where it ends.
    label: the most probable class; None in silence or where it is unsure.
    probabilities: {class: probability}; None in silence.
    embedding: float32 (channels,), or None.
    dimensions: {dimension: number}, on its scale; None in silence, empty of a
      model without dimensions.
  """

  start_s: float
  end_s: float
  label: str | None
  probabilities: dict[str, float] | None
  embedding: np.ndarray | None = None
  dimensions: dict[str, float] | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class Prediction:
  """The emotions recognized in one recording.

  Attributes:
    name: the file, or what the sound was called.
    label: the most probable class; None if the recording cannot be used, or
      where the model is less sure than `abstain` asks for.
    probabilities: {class: probability}; empty if it cannot be used.
    timeline: its windows.
    duration_s: at the model's rate.
    notes: what makes the label doubtful, each to follow the name.
    error: why it cannot be used, '' if it could.
    embedding: float32 (channels,), or None if none was asked for.
    dimensions: {dimension: number}, on its scale; empty of a model without
      dimensions.
  """

  name: str
  label: str | None
  probabilities: dict[str, float]
  timeline: tuple[Moment, ...] = ()
  duration_s: float = 0.0
  notes: tuple[str, ...] = ()
  error: str = ''
  embedding: np.ndarray | None = dataclasses.field(default=None, repr=False)
  dimensions: dict[str, float] = dataclasses.field(default_factory=dict)

  def to_frame(self) -> pandas.DataFrame:
    """Returns the table of `to_frame`, of this recording alone."""
    return to_frame([self])


def from_result(
  result: Recording | Failure,
  classes: Sequence[str],
  dimensions: Sequence[str] = (),
) -> Prediction:
  """Returns what `recordings.recognize` found, by the names of the outputs."""
  if isinstance(result, Failure):
    return Prediction(result.path, None, {}, error=result.message)
  shares = output.shares_by_name(result.probabilities, classes)
  assert shares is not None
  moments = [
    Moment(
      window.start_s,
      window.end_s,
      window.label,
      output.shares_by_name(window.probabilities, classes),
      window.embedding,
      _numbers(window, dimensions),
    )
    for window in result.windows
  ]
  return Prediction(
    result.path,
    result.label,
    shares,
    tuple(moments),
    result.duration_s,
    result.notes,
    embedding=result.embedding,
    dimensions=_numbers(result, dimensions) or {},
  )


def _numbers(
  found: Recording | Window, names: Sequence[str]
) -> dict[str, float] | None:
  """Returns numbers by name, {} of a model without dimensions."""
  return output.shares_by_name(found.numbers, names) if names else {}


def to_frame(predictions: Iterable[Prediction]) -> pandas.DataFrame:
  """Returns predictions as a table of pandas, with the columns of the CSV.

  Each recording has a row for the whole of it and one for each window. Names
  and labels are text; probabilities are missing (NaN) in silence and where a
  recording cannot be used, which the column `error` explains.

  Args:
    predictions: of one model.

  Raises:
    InputError: if pandas is not installed.
  """
  try:
    import pandas
  except ImportError as error:
    raise extras.missing('a table needs', 'pandas') from error
  predictions = list(predictions)
  classes = next(
    (list(one.probabilities) for one in predictions if one.probabilities), []
  )
  dimensions = next(
    (list(one.dimensions) for one in predictions if one.dimensions), []
  )
  rows: list[list[Any]] = []
  for one in predictions:
    whole = Moment(
      0.0,
      one.duration_s,
      one.label,
      one.probabilities,
      dimensions=one.dimensions,
    )
    for part, moment in (
      ('whole', whole),
      *(('window', moment) for moment in one.timeline),
    ):
      shares = moment.probabilities or {}
      numbers = moment.dimensions or {}
      is_whole = moment is whole
      rows.append(
        [
          files.as_text(one.name),
          part,
          moment.start_s,
          moment.end_s,
          moment.label,
          *(shares.get(name, np.nan) for name in classes),
          *(numbers.get(name, np.nan) for name in dimensions),
          '; '.join(one.notes) if is_whole else '',
          one.error if is_whole else '',
        ]
      )
  names = output.columns(classes, dimensions)
  return pandas.DataFrame(rows, columns=[*names, 'error'])
