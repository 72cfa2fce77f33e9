"""The lines of a manifest: CSV with the columns path, label, speaker[, group]."""

from __future__ import annotations

import codecs
import csv
import dataclasses
import io
import pathlib
from collections.abc import Iterator

from sernet_jax.common.errors import InputError, nearest, require

COLUMNS = ('path', 'label', 'speaker')
OPTIONAL_COLUMNS = ('group', 'text')

_SEPARATORS = {';': 'semicolons', '\t': 'tabs', '|': 'bars'}
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclasses.dataclass(frozen=True)
class Row:
  """A line of the file.

  Attributes:
    line: its number, from 1.
    fields: by column; {} where there are too many or too few.
    fault: what is wrong with it; '' if nothing.
  """

  line: int
  fields: dict[str, str]
  fault: str = ''


def read_rows(path: pathlib.Path) -> tuple[list[Row], tuple[str, ...]]:
  """Reads all rows, and remarks about the columns.

  Raises:
    InputError: if the file cannot be read, or does not begin with the columns.
  """
  columns: list[str] | None = None
  rows = []
  for line, fields in _lines(path):
    if columns is None:
      columns = _columns(path, fields)
    elif len(fields) == len(columns):
      rows.append(Row(line, dict(zip(columns, fields, strict=True))))
    else:
      rows.append(Row(line, {}, _wrong_number(fields, columns)))
  if columns is None:
    raise InputError(
      f'{path} is empty; its first line must be {",".join(COLUMNS)}'
    )
  return rows, _passed_over(columns)


def _lines(path: pathlib.Path) -> Iterator[tuple[int, list[str]]]:
  """Yields number and stripped fields of every line that is not blank."""
  try:
    content = path.read_bytes()
  except OSError as error:
    raise InputError(
      f'{path} cannot be read ({error.strerror}); correct '
      '--config.data.manifest='
    ) from error
  require(
    not content.startswith(_UTF_16),
    f'{path} is UTF-16 text, as some programs save "Unicode"; save it as CSV '
    'UTF-8',
  )
  try:
    # utf-8-sig drops the byte-order mark that spreadsheets write.
    text = content.decode('utf-8-sig')
  except UnicodeDecodeError as error:
    before = content[: error.start]
    line = before.count(b'\n') + 1
    around = before[before.rfind(b'\n') + 1 :] + content[error.start :][:12]
    shown = around.decode('latin-1').split('\n')[0].strip()
    raise InputError(
      f'{path} is not UTF-8 text from line {line} on (byte {error.start}, '
      f'where another encoding may mean {shown!r}); save it as CSV UTF-8'
    ) from error
  reader = csv.reader(io.StringIO(text, newline=''), strict=True)
  try:
    for row in reader:
      fields = [field.strip() for field in row]
      if any(fields):
        yield reader.line_num, fields
  except csv.Error as error:
    raise InputError(
      f'{path} is not CSV at line {reader.line_num} ({error}); correct its '
      'quotes'
    ) from error


def _columns(path: pathlib.Path, fields: list[str]) -> list[str]:
  """Returns the names of the columns, in small letters."""
  columns = [field.lower() for field in fields]
  known = (*COLUMNS, *OPTIONAL_COLUMNS)
  for separator, word in _SEPARATORS.items():
    require(
      len(columns) > 1 or separator not in columns[0],
      f'{path} is separated by {word}; its columns must be separated by '
      f'commas, so save it as CSV with commas ({",".join(COLUMNS)})',
    )
  missing = [column for column in COLUMNS if column not in columns]
  others = [column for column in columns if column and column not in known]
  close = [
    f'{column} ({guess})'
    for column in missing
    if (guess := nearest(column, others)).startswith('did')
  ]
  require(
    not missing and all(columns.count(column) <= 1 for column in known),
    f'{path} begins with {",".join(fields)!r}'
    + (f' and has no column {", ".join(close)}' if close else '')
    + f'; its first line must name the columns {",".join(COLUMNS)} (and group, '
    'if you like) once each, separated by commas',
  )
  return columns


def _passed_over(columns: list[str]) -> tuple[str, ...]:
  """Returns a sentence for each column that may be a misspelt one."""
  return tuple(
    f'The column {column!r} is passed over: {guess}'
    for column in columns
    if column
    and column not in (*COLUMNS, *OPTIONAL_COLUMNS)
    and (
      guess := nearest(column, set(OPTIONAL_COLUMNS) - set(columns))
    ).startswith('did')
  )


def _wrong_number(fields: list[str], columns: list[str]) -> str:
  """Says what is wrong with a line of too many or too few fields."""
  counted = f'{len(fields)}, not {len(columns)}'
  for separator, word in _SEPARATORS.items():
    if len(fields) == 1 and fields[0].count(separator) >= len(COLUMNS) - 1:
      return f'is separated by {word}, not by commas'
  hint = ''
  if len(fields) > len(columns):
    hint = '; a field with a comma in it needs quotes'
  return f'has another number of fields than the first line ({counted}{hint})'
