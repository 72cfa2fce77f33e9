"""The lines of a manifest: CSV with the columns path, label, speaker and others."""

from __future__ import annotations

import codecs
import csv
import dataclasses
import io
import pathlib
import re
from collections.abc import Iterator, Mapping, Sequence

from sernet_jax.common.errors import InputError, nearest, require

COLUMNS = ('path', 'label', 'speaker')
OPTIONAL_COLUMNS = ('group', 'text')

# The first is taken where none fits better.
_SEPARATORS = {',': 'comma', ';': 'semicolon', '\t': 'tab', '|': 'bar'}
_SHOWN = 40  # characters before what is not UTF-8
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


def parse_columns(text: str, others: Sequence[str] = ()) -> dict[str, str]:
  """Reads `config.data.columns`, e.g. 'path=file_path,speaker=speaker_id'.

  Args:
    text: the setting.
    others: columns that are read beside those of every manifest.

  Returns:
    Our name of a column -> its name in the file.

  Raises:
    InputError: for a name that is not ours, or that comes twice.
  """
  known = (*COLUMNS, *OPTIONAL_COLUMNS, *others)
  names: dict[str, str] = {}
  for item in filter(None, (part.strip() for part in text.split(','))):
    ours, equals, theirs = (part.strip() for part in item.partition('='))
    require(
      bool(equals and theirs),
      f'data.columns has the item {item!r}; write OURS=THEIRS with commas '
      'between, such as path=file_path,label=emotion',
    )
    require(
      ours in known,
      f'data.columns has the item {item!r}, whose left side is not a column '
      f'that is read: {nearest(ours, known)}',
    )
    require(
      ours not in names, f'data.columns names {ours!r} twice; once will do'
    )
    names[ours] = theirs
  return names


def read_rows(
  path: pathlib.Path,
  names: Mapping[str, str] | None = None,
  needed: Sequence[str] = COLUMNS,
) -> tuple[list[Row], tuple[str, ...]]:
  """Reads all rows, and remarks about the columns.

  Args:
    path: the file.
    names: see `parse_columns`.
    needed: columns that must be there.

  Raises:
    InputError: if the file cannot be read, or does not begin with the columns.
  """
  names = names or {}
  wanted = [names.get(column, column) for column in needed]
  text = _text(path)
  separator = _separator(text, wanted)
  columns: list[str] | None = None
  rows = []
  for line, fields in _lines(path, text, separator):
    if columns is None:
      columns = _columns(path, fields, names, needed)
    elif len(fields) == len(columns):
      rows.append(Row(line, dict(zip(columns, fields, strict=True))))
    else:
      rows.append(Row(line, {}, _wrong_number(fields, columns, separator)))
  if columns is None:
    raise InputError(
      f'{path} is empty; its first line must be {",".join(wanted)}'
    )
  return rows, _passed_over(columns)


def _text(path: pathlib.Path) -> str:
  """Reads the whole file, without a byte-order mark."""
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
    return content.decode('utf-8-sig')
  except UnicodeDecodeError as error:
    before = content[: error.start]
    # A line ends in CR LF, LF, or CR alone.
    lines = before.replace(b'\r\n', b'\n').replace(b'\r', b'\n').split(b'\n')
    line = len(lines)
    around = lines[-1][-_SHOWN:] + content[error.start :][:12]
    shown = around.decode('latin-1').splitlines()[0].strip()
    raise InputError(
      f'{path} is not UTF-8 text from line {line} on (byte {error.start}, '
      f'where another encoding may mean {shown!r}); save it as CSV UTF-8'
    ) from error


def _separator(text: str, wanted: Sequence[str]) -> str:
  """Finds out what parts the fields.

  It gives the most of the wanted columns, or the most fields if none does.
  """
  first = next((line for line in text.splitlines() if line.strip()), '')

  def found(separator: str) -> tuple[int, int]:
    try:
      line = _without_spaces(first, separator)
      fields = next(csv.reader([line], delimiter=separator), [])
    except csv.Error:
      return 0, 0
    there = {field.strip().lower() for field in fields}
    return sum(name.lower() in there for name in wanted), len(fields)

  return max(_SEPARATORS, key=found)  # the first of equal ones


def _lines(
  path: pathlib.Path, text: str, separator: str
) -> Iterator[tuple[int, list[str]]]:
  """Yields number and stripped fields of every line that is not blank."""
  text = _without_spaces(text, separator)
  reader = csv.reader(
    io.StringIO(text, newline=''), strict=True, delimiter=separator
  )
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


def _without_spaces(text: str, separator: str) -> str:
  """Removes the spaces around fields in quotes, which `csv` takes for text.

  A quote is one only where a field begins with it and ends in another: in
  ` "yes" or "no"` and `5"` quotes are text.
  """
  ends = re.escape(separator) + '\r\n'
  space = '[ ]*' if separator == '\t' else r'[ \t]*'
  quoted = rf'{space}("(?:[^"]+|"")*+"){space}(?=[{ends}]|\Z)'
  # Each match is a whole field, so that none begins inside of quotes.
  field = re.compile(rf'{quoted}|[^{ends}]+')
  return field.sub(lambda match: match[1] or match[0], text)


def _columns(
  path: pathlib.Path,
  fields: list[str],
  names: Mapping[str, str],
  needed: Sequence[str],
) -> list[str]:
  """Returns our names of the columns, in small letters."""
  columns = [field.lower() for field in fields]
  # Columns are compared in small letters.
  needed = [column.lower() for column in needed]
  names = {ours.lower(): theirs for ours, theirs in names.items()}
  known = (*COLUMNS, *OPTIONAL_COLUMNS, *needed)
  for ours, theirs in names.items():
    require(
      columns.count(theirs.lower()) == 1,
      f'data.columns says {ours}={theirs}, and {path} has that column '
      f'{columns.count(theirs.lower())} times: {nearest(theirs, fields)}',
    )
  renamed = {theirs.lower(): ours for ours, theirs in names.items()}
  # A column of our name that another one stands for is passed over.
  columns = [
    renamed.get(column, '' if column in names else column) for column in columns
  ]
  missing = [column for column in needed if column not in columns]
  others = [column for column in columns if column and column not in known]
  close = [
    f'{column} ({guess})'
    for column in missing
    if (guess := nearest(column, others)).startswith('did')
  ]
  require(
    not missing and all(columns.count(column) <= 1 for column in known),
    f'{path} begins with {", ".join(fields)!r}'
    + (f' and has no column {", ".join(close)}' if close else '')
    + '; its first line must name the columns '
    + ','.join(names.get(column, column) for column in needed)
    + ' (and group '
    'or text, if you like) once each, separated by commas, semicolons or tabs; '
    'other names can be given with --config.data.columns=, such as '
    'path=file_path,label=emotion' + _no_speaker(missing),
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


def _no_speaker(missing: Sequence[str]) -> str:
  if list(missing) != ['speaker']:
    return ''
  return (
    ', and who speaks without a column with --config.data.speaker_from= '
    '(folder, a regular expression, or unknown)'
  )


def _wrong_number(fields: list[str], columns: list[str], separator: str) -> str:
  """Says what is wrong with a line of too many or too few fields."""
  counted = f'{len(fields)}, not {len(columns)}'
  for other, word in _SEPARATORS.items():
    if len(fields) == 1 and fields[0].count(other) >= len(columns) - 1:
      return f'is separated by {word}s, not by {_SEPARATORS[separator]}s'
  hint = ''
  if len(fields) > len(columns):
    hint = f'; a field with a {_SEPARATORS[separator]} in it needs quotes'
  return f'has another number of fields than the first line ({counted}{hint})'
