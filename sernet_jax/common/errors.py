"""Mistakes in a user's input, each in one sentence with the cure."""

from __future__ import annotations

import difflib
import math
import numbers
import os
from collections.abc import Iterable


class InputError(ValueError):
  """A mistake in a user's input; its text is one sentence with a cure.

  Commands print the text and exit with code 2.

  Attributes:
    lines: what commands print instead, where a sentence would be a long list.
  """

  def __init__(self, message: str = '', lines: Iterable[str] = ()):
    super().__init__(message)
    self.lines = tuple(lines)


def nearest(name: str, options: Iterable[str]) -> str:
  """Returns a phrase with the most similar option, or with all of them."""
  options = sorted(options)
  close = difflib.get_close_matches(name, options, n=1, cutoff=0.6)
  if close:
    return f'did you mean {close[0]!r}?'
  return 'choose one of ' + ', '.join(repr(option) for option in options)


def first_line(reason: object) -> str:
  """Returns what a library's error says, short enough for one sentence."""
  lines = str(reason).strip().splitlines() or [type(reason).__name__]
  return lines[0][:200]


def require(condition: bool, message: str) -> None:
  """Raises `InputError(message)` unless `condition` holds."""
  if not condition:
    raise InputError(message)


def require_choice(field: str, value: str, options: Iterable[str]) -> None:
  """Raises `InputError` with the nearest option unless `value` is one."""
  options = tuple(options)
  require(
    value in options,
    f'{field} is {value!r}, which is not known: {nearest(str(value), options)}',
  )


def require_positive(field: str, value: float) -> None:
  """Raises `InputError` unless `value` is a finite number above 0."""
  require(
    is_number(value) and math.isfinite(value) and value > 0,
    f'{field} is {value!r}; give a finite number above 0',
  )


def require_not_negative(field: str, value: float) -> None:
  """Raises `InputError` unless `value` is a finite number of at least 0."""
  require(
    is_number(value) and math.isfinite(value) and value >= 0,
    f'{field} is {value!r}; give a finite number of at least 0',
  )


def require_whole(field: str, value: int) -> None:
  """Raises `InputError` unless `value` is a whole number of 1 or more."""
  require(
    isinstance(value, numbers.Integral)
    and not isinstance(value, bool)
    and value >= 1,
    f'{field} is {value!r}; give a whole number of 1 or more',
  )


def require_path(field: str, value: object) -> None:
  """Raises `InputError` unless `value` is the path of a file or folder."""
  require(
    isinstance(value, str | os.PathLike),
    f'{field} is {value!r}; give a path, as a string or pathlib.Path',
  )


def require_paths(field: str, values: object) -> None:
  """Raises `InputError` unless `values` are several, not one path alone."""
  if isinstance(values, str | os.PathLike):
    raise InputError(
      f'{field} is {os.fspath(values)!r}, one path; give a list of them'
    )
  require(
    isinstance(values, Iterable),
    f'{field} is {values!r}; give a list of paths',
  )


def is_number(value: object) -> bool:
  """Accepts Python and numpy numbers, no arrays: a spec must be static."""
  return isinstance(value, numbers.Real) and not isinstance(value, bool)


def require_bool(field: str, value: bool) -> None:
  """Raises `InputError` unless `value` is True or False."""
  require(isinstance(value, bool), f'{field} is {value!r}; give True or False')
