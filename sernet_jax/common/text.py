"""Tables in text, lists in sentences, and text of strangers made harmless."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence


def table(
  rows: Iterable[Sequence[str]], left: Collection[int] = (0,)
) -> list[str]:
  """Lines for a terminal, one for each row.

  Args:
    rows: cells, the same number in each row.
    left: indices of the columns that are flush left; others are flush right.
  """
  rows = list(rows)
  widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
  return [line(row, widths, left) for row in rows]


def line(
  cells: Sequence[str], widths: Sequence[int], left: Collection[int] = (0,)
) -> str:
  """One row of a `table` whose `widths` are known before its last row is."""
  padded = [
    cell.ljust(width) if column in left else cell.rjust(width)
    for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
  ]
  return '  '.join(padded).rstrip()


def listing(items: Iterable[str], limit: int = 10, sep: str = ', ') -> str:
  """Joins the first `limit` items and says how many more there are."""
  items = list(items)
  text = sep.join(items[:limit])
  more = len(items) - limit
  return f'{text} and {more} more' if more > 0 else text


# Controls, and marks that turn the direction of writing around.
_CONTROLS = re.compile(
  '[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]'
)
_MOST_DECIMALS = 2  # of a percentage that is nearly all or none
_ROUNDING = 1e-12  # of a share that is all or none
_MARKDOWN = re.compile(r'([\\`*_{}\[\]<>|#!&])')
# What a spreadsheet takes for the beginning of a formula.
_FORMULA = re.compile("'*[=+@-]")


def printable(text: str) -> str:
  """Returns text whose control characters are written out with a backslash.

  Names of files and classes can hold some that move a terminal's cursor or
  hide what stands before them.
  """
  return _CONTROLS.sub(lambda match: ascii(match[0])[1:-1], text)


def cell(text: str) -> str:
  """Returns text that a spreadsheet does not compute; `from_cell` inverts it."""
  return f"'{text}" if _FORMULA.match(text) else text


def from_cell(text: str) -> str:
  """Returns the text that `cell` was given."""
  return text[1:] if text[:1] == "'" and _FORMULA.match(text) else text


def markdown(text: str) -> str:
  """Returns text that Markdown shows as it is, without links, images or tags."""
  return _MARKDOWN.sub(r'\\\1', printable(text))


def percent(share: float, decimals: int = 1) -> str:
  """Returns a share of 1 in per cent; only all is '100.0' and none '0.0'.

  A share that would be rounded to all or none has as many decimals as it needs,
  up to 2; beyond them it is '>99.99' or '<0.01'.
  """
  for places in range(decimals, max(decimals, _MOST_DECIMALS) + 1):
    text = f'{100 * share:.{places}f}'
    some = _ROUNDING < share < 1 - _ROUNDING
    if not some or 0 < float(text) < 100:
      return text
  least = 10**-places
  return f'<{least:g}' if share < 0.5 else f'>{100 - least:.{places}f}'


def number(value: float) -> str:
  """Thousands apart; decimals only where there are some, at most one."""
  return f'{value:,.1f}'.removesuffix('.0')
