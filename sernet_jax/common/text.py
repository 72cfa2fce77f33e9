"""Tables in text, with their columns lined up, and lists in sentences."""

from __future__ import annotations

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
