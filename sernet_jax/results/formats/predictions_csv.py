"""predictions.csv: a row for each selection, dtype of the weights and test."""

from __future__ import annotations

import csv
import io
import pathlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sernet_jax.common import files, text as text_lib
from sernet_jax.common.errors import InputError, first_line, require
from sernet_jax.results.dimensions import columns as dimension_columns

_COLUMNS = (
  'selection',
  'weights_dtype',
  'fold',
  'utterance',
  'speaker',
  'label',
  'predicted',
)


def encode(
  rows: Iterable[Mapping[str, Any]],
  classes: Sequence[str],
  dimensions: Sequence[str] = (),
) -> bytes:
  """Returns the content of the file.

  Args:
    rows: `selection`, `weights_dtype`, `fold`, `utterance`, `speaker`,
      `label`, `predicted` and `probabilities` (C,); in runs of several
      seeds also `seed`; with dimensions also `values` and `outputs`.
    classes: C names, the order of `probabilities`.
    dimensions: their names, in the order of `values`.
  """
  rows = list(rows)
  columns = list(_COLUMNS)
  if rows and 'seed' in rows[0]:
    columns.append('seed')
  text = io.StringIO()
  writer = csv.writer(text, lineterminator='\n')
  shares_of = [f'p_{name}' for name in classes]
  writer.writerow([*columns, *shares_of, *dimension_columns.header(dimensions)])
  for row in rows:
    assert len(row['probabilities']) == len(classes)
    # Nine digits bring a float32 back exactly.
    shares = [f'{float(share):.9g}' for share in row['probabilities']]
    cells = [text_lib.cell(str(row[name])) for name in columns]
    numbers = dimension_columns.cells(row) if dimensions else []
    writer.writerow([*cells, *shares, *numbers])
  return text.getvalue().encode()


def decode(
  content: bytes, path: pathlib.Path, cure: files.Cure
) -> list[dict[str, Any]]:
  """Returns the rows as `encode` takes them; probabilities are floats.

  Args:
    content: of the file.
    path: of the file, for messages.
    cure: for messages.

  Raises:
    InputError: if the file is damaged.
  """
  try:
    return _decode(content, path, cure)
  except csv.Error as error:
    raise InputError(
      f'{path} is damaged ({first_line(error)}); delete it and {cure.again}'
    ) from error


def _decode(
  content: bytes, path: pathlib.Path, cure: files.Cure
) -> list[dict[str, Any]]:
  """Does the work of `decode`; `csv.Error` for what is not a CSV file."""
  text = content.decode('utf-8', 'replace')
  lines = csv.reader(io.StringIO(text, newline=''))
  header = next(lines, [])
  first = len(_COLUMNS)
  columns = list(_COLUMNS)
  if header[first : first + 1] == ['seed']:
    columns.append('seed')
    first += 1
  require(
    header[:first] == columns,
    f'{path} does not start with the columns {",".join(_COLUMNS)}; delete it '
    f'and {cure.again}',
  )
  # Behind the probabilities; a class may have any name, `p_` before it.
  behind = first + sum(name.startswith('p_') for name in header[first:])
  dimensions = dimension_columns.names_of(header[behind:])
  require(
    dimensions is not None,
    f'{path} has unknown columns ({",".join(header[behind:])[:60]}); delete it '
    f'and {cure.again}',
  )
  rows = []
  for line in lines:
    numbers: dict[str, list[float]] = {}
    try:
      shares = [float(share) for share in line[first:behind]]
      if dimensions:
        numbers = dimension_columns.parsed(line[behind:])
      seed = int(line[first - 1]) if 'seed' in columns else None
    except (ValueError, IndexError):
      shares, seed = [], None
    require(
      len(line) == len(header)
      and len(shares) == behind - first
      and all(0 <= share <= 1 for share in shares),
      f'{path} is damaged at line {lines.line_num}; delete it and {cure.again}',
    )
    cells = map(text_lib.from_cell, line)
    row: dict[str, Any] = dict(zip(columns, cells, strict=False))
    if seed is not None:
      row['seed'] = seed
    rows.append({**row, 'probabilities': shares, **numbers})
  return rows
