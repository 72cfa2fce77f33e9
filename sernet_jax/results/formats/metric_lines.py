"""metrics.jsonl: a line of JSON per fold and epoch, which only grows."""

from __future__ import annotations

import os
import pathlib
from typing import Any

from sernet_jax.common import files
from sernet_jax.common.errors import require

_MOST = 2**31  # of an epoch, a seed or a loss


def decode(content: bytes, path: pathlib.Path) -> list[dict[str, Any]]:
  """Returns the lines of a file; a broken last one is left out.

  Raises:
    InputError: if another line is broken.
  """
  lines = content.decode('utf-8', 'replace').split('\n')
  while lines and not lines[-1].strip():
    lines.pop()
  rows = []
  for number, line in enumerate(lines, start=1):
    try:
      row = files.parse_json(line)
      whole = _is_row(row)
    except ValueError:
      whole = False
    if whole:
      rows.append(row)
    else:
      require(
        number == len(lines),
        f'{path} is damaged at line {number}; delete that line, or the run '
        'folder to start over',
      )
  return rows


def is_whole(path: pathlib.Path) -> bool:
  """Tells whether the last line of a file has its end."""
  with path.open('rb') as file:
    if file.seek(0, os.SEEK_END) == 0:
      return True
    file.seek(-1, os.SEEK_END)
    return file.read(1) == b'\n'


def _is_row(row: Any) -> bool:
  """Tells whether a line of metrics.jsonl has the types that readers expect."""

  def number(value: Any, most: float = _MOST, kind: Any = (int, float)) -> bool:
    fits = isinstance(value, kind) and not isinstance(value, bool)
    return fits and 0 <= value <= most

  if not isinstance(row, dict) or not isinstance(row.get('fold'), str):
    return False
  parts = [row[part] for part in ('train', 'validation', 'test') if part in row]
  return (
    number(row.get('epoch'), kind=int)
    and number(row.get('seed', 0), kind=int)
    and number(row.get('learning_rate', 0))
    and all(
      isinstance(part, dict)
      and number(part.get('loss', 0))
      and all(number(part.get(score, 0), 1) for score in ('wa', 'uar'))
      and _is_matrix(part.get('confusion', []))
      for part in parts
    )
  )


def _is_matrix(value: Any) -> bool:
  """Tells whether a value is a square of numbers."""
  return isinstance(value, list) and all(
    isinstance(row, list)
    and len(row) == len(value)
    and all(type(count) in (int, float) for count in row)
    for row in value
  )
