"""Tables in Markdown pages that a command writes anew.

A page marks the place: `<!-- name -->` and `<!-- /name -->` on lines of
their own; what stands between them belongs to the command.
"""

from __future__ import annotations

import pathlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sernet_jax.common import files
from sernet_jax.common.errors import require


def table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
  """A Markdown table; None is a dash."""

  def line(cells):
    return f'| {" | ".join(_cell(cell) for cell in cells)} |'

  rows = [list(row) for row in rows]
  assert all(len(row) == len(header) for row in rows)
  return '\n'.join(
    [line(header), line(['---'] * len(header)), *map(line, rows)]
  )


def _cell(value: Any) -> str:
  return '-' if value is None else str(value).replace('|', r'\|')


def percent(
  scores: Mapping[str, float],
  ci95: Mapping[str, Sequence[float]] | None,
  score: str,
  sign: str = '',
) -> str:
  """'77.7 [73.5, 81.1]': a score, or a difference, in per cent.

  Args:
    scores: score -> value, as a share of 1.
    ci95: score -> edges of its interval; None where there is none.
    score: which.
    sign: '+' shows it always.
  """
  text = f'{100 * scores[score]:{sign}.1f}'
  if ci95:
    text += f' {interval(ci95[score], sign)}'
  return text


def interval(edges: Sequence[float], sign: str = '') -> str:
  """'[73.5, 81.1]': the edges of an interval, shares of 1, in per cent."""
  low, high = (100 * edge for edge in edges)
  return f'[{low:{sign}.1f}, {high:{sign}.1f}]'


def uar(row: Mapping[str, Any]) -> str:
  """'77.7 [73.5, 81.1]' of a row with `uar` and its `ci95`, which may be None."""
  ci95 = {'uar': row['ci95']} if row['ci95'] else None
  return percent(row, ci95, 'uar')


def fill(page: pathlib.Path, name: str, text: str) -> None:
  """Puts `text` between the marks `name` of a page.

  Raises:
    InputError: if the page is missing or does not have both marks once, in order.
  """
  content = files.read_bytes(page).decode()
  first, last = f'<!-- {name} -->\n', f'<!-- /{name} -->'
  require(
    content.count(first) == content.count(last) == 1
    and content.index(first) < content.index(last),
    f'{page} has no place for {name!r}; put the lines {first.strip()} and '
    f'{last} where the table belongs',
  )
  before, rest = content.split(first)
  _, after = rest.split(last)
  whole = f'{before}{first}\n{text.strip()}\n\n{last}{after}'
  files.write_bytes(page, whole.encode())
