"""Dimensions of emotion: arousal, valence and others that have numbers.

`config.data.dimensions` names them, 'arousal,valence' or, with their scales,
'arousal:1:5,valence:1:5'. A scale is a unit alone: networks are trained on
values mapped from [low, high] to [-1, 1], and what they say is mapped back.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sernet_jax.common.errors import InputError, require

_NAME = re.compile(r'[^\W\d][\w-]{0,39}')
# Of the values of a scale: their squares are numbers of 32 bits too.
LARGEST = 1e15
_TAKEN = ('path', 'label', 'speaker', 'group', 'text')


@dataclasses.dataclass(frozen=True)
class Dimension:
  """A dimension and its scale.

  Attributes:
    name: e.g. 'arousal'.
    low: the least value of the scale.
    high: the greatest.
  """

  name: str
  low: float
  high: float

  def __post_init__(self) -> None:
    require(
      isinstance(self.name, str) and bool(_NAME.fullmatch(self.name)),
      f'the dimension {str(self.name)[:40]!r} has no usable name; give letters, '
      'digits, _ and -, a letter first',
    )
    require(
      math.isfinite(self.low) and math.isfinite(self.high),
      f'the scale of {self.name} is {self.low} to {self.high}; give numbers',
    )
    require(
      max(abs(self.low), abs(self.high)) <= LARGEST,
      f'the scale of {self.name} is {self.low:g} to {self.high:g}, beyond what '
      f'32 bits tell apart; give numbers of at most {LARGEST:g}',
    )
    require(
      self.low < self.high,
      f'the scale of {self.name} is {self.low:g} to {self.high:g}; give the '
      f'lower number first, such as {self.name}:1:5',
    )
    require(
      bool(np.float32(self.low) < np.float32(self.high)),
      f'the scale of {self.name} is {self.low!r} to {self.high!r}, whose ends '
      '32 bits do not tell apart; give the values in another unit',
    )

  def to_unit(self, values: npt.ArrayLike) -> np.ndarray:
    """Maps values of the scale to [-1, 1], float32; NaN stays NaN."""
    share = (np.asarray(values, np.float64) - self.low) / (self.high - self.low)
    return (2 * share - 1).astype(np.float32)

  def from_unit(self, values: npt.ArrayLike) -> np.ndarray:
    """Maps [-1, 1] to values of the scale, float32."""
    share = (np.asarray(values, np.float64) + 1) / 2
    return (self.low + share * (self.high - self.low)).astype(np.float32)


class Wanted(NamedTuple):
  """A dimension as `config.data.dimensions` names it.

  Attributes:
    name: of the dimension.
    scale: (low, high); None to take the corpus's.
  """

  name: str
  scale: tuple[float, float] | None


def parse(text: str) -> tuple[Wanted, ...]:
  """Reads `config.data.dimensions`; () where it is empty.

  Raises:
    InputError: for a name or a scale that is none, or a name that comes twice.
  """
  found: list[Wanted] = []
  for item in filter(None, (part.strip() for part in text.split(','))):
    name, *edges = (part.strip() for part in item.split(':'))
    scale = None
    if edges:
      try:
        low, high = map(float, edges)
      except ValueError as error:
        raise InputError(
          f'data.dimensions has the item {item!r}; write NAME or '
          'NAME:LEAST:GREATEST, such as arousal:1:5'
        ) from error
      scale = low, high
    Dimension(name, *(scale or (0.0, 1.0)))  # checks itself
    column = name.lower()  # columns are compared in small letters
    require(
      column not in (*_TAKEN, *(one.name.lower() for one in found)),
      f'data.dimensions names {name!r}, which is '
      f'{"a column of another kind" if column in _TAKEN else "there already"}; '
      'name each dimension once, by a name of its own',
    )
    found.append(Wanted(name, scale))
  return tuple(found)


def number(text: str) -> float:
  """Reads a value of a table; NaN where there is none.

  Raises:
    InputError: naming what is wrong, to follow 'has arousal'.
  """
  text = text.strip()
  if not text or text.lower() in ('nan', 'na', 'n/a', 'none', 'null'):
    return math.nan
  try:
    value = math.inf if '_' in text else float(text)  # Python takes 1_0 for 10
  except ValueError:
    value = math.inf
  if not math.isfinite(value):
    point = text.replace(',', '.', 1)
    wrong = ',' in text and _is_number(point)
    comma = ' (write a point for the comma)' if wrong else ''
    raise InputError(f'{text[:40]!r}, which is not a number{comma}')
  if abs(value) > LARGEST:
    raise InputError(
      f'{text[:40]!r}, which no scale has (at most {LARGEST:g}; leave the field '
      'empty where there is no value)'
    )
  return value


def _is_number(text: str) -> bool:
  try:
    return math.isfinite(float(text))
  except ValueError:
    return False


def settle(
  wanted: Sequence[Wanted],
  values: npt.ArrayLike,
  known: dict[str, tuple[float, float]] | None = None,
) -> tuple[tuple[Dimension, ...], tuple[str, ...]]:
  """Gives every dimension a scale.

  That of `wanted`, else the corpus's own, else from the smallest to the
  largest value that the corpus has, whole numbers around them.

  Args:
    wanted: from `parse`.
    values: (utterances, dimensions), NaN where there is none.
    known: scales that the corpus states, by name.

  Returns:
    The dimensions, and a sentence for each scale that was found in the values.

  Raises:
    InputError: if a dimension has no two different values, or one outside its
      scale.
  """
  table = np.asarray(values, np.float64).reshape(-1, len(wanted))
  found, remarks = [], []
  for (name, asked), column in zip(wanted, table.T, strict=True):
    there = column[np.isfinite(column)]
    require(
      len(np.unique(there)) > 1,
      f'{name} has {len(there)} values of {len(column)} utterances, none '
      'different from another; a dimension needs values that differ, so leave '
      'it out of data.dimensions or give another column',
    )
    low, high = float(there.min()), float(there.max())
    scale = asked or (known or {}).get(name)
    if scale is None:
      scale = float(math.floor(low)), float(math.ceil(high))
      remarks.append(
        f'The scale of {name} is taken as {scale[0]:g} to {scale[1]:g}, around '
        f'its values ({low:g} to {high:g}); data.dimensions='
        f'{name}:LEAST:GREATEST states another.'
      )
    require(
      scale[0] <= low and high <= scale[1],
      f'{name} has values from {low:g} to {high:g}, outside the scale of '
      f'{scale[0]:g} to {scale[1]:g}; correct them, or the scale in '
      'data.dimensions',
    )
    found.append(Dimension(name, *scale))
  return tuple(found), tuple(remarks)
