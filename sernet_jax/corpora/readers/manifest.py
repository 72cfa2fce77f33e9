"""A corpus of one's own, described by a CSV file.

A file that has faults is refused with all of them: the first ten where it is
to be used, up to `MAX_TOLD` line by line where it is inspected.
"""

from __future__ import annotations

import codecs
import csv
import dataclasses
import io
import os
import pathlib
import stat
from collections.abc import Iterator

from sernet_jax.common import files
from sernet_jax.common.errors import InputError, nearest, require
from sernet_jax.corpora.utterances import Corpus, Utterance, listing

COLUMNS = ('path', 'label', 'speaker')
OPTIONAL_COLUMNS = ('group',)
MAX_TOLD = 50

_SEPARATORS = {';': 'semicolons', '\t': 'tabs', '|': 'bars'}
_NOT_A_FILE = ', which is not a file'
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclasses.dataclass(frozen=True)
class _Row:
  """A line and its fields by column; {} where their number is wrong."""

  line: int
  fields: dict[str, str]
  fault: str = ''


class WrongLines(InputError):
  """A manifest whose lines cannot all be used.

  Attributes:
    path: the file.
    faults: (line number, what is wrong with it), by line.
    rows: how many lines there are beside the first.
  """

  def __init__(
    self, path: pathlib.Path, faults: list[tuple[int, str]], rows: int
  ):
    self.path, self.faults, self.rows = path, faults, rows
    named = [f'line {line} {fault}' for line, fault in faults]
    super().__init__(
      f'{path} has {len(faults)} wrong lines: {listing(named, sep="; ")}; '
      'correct or delete them'
    )

  def explained(self, limit: int = MAX_TOLD) -> str:
    """All faults, one in a line, up to a limit."""
    lines = [
      f'{self.path} has {len(self.faults)} wrong lines of {self.rows}; correct '
      'or delete them:'
    ]
    width = len(str(self.faults[-1][0]))
    lines += [
      f'  line {line:>{width}} {fault}' for line, fault in self.faults[:limit]
    ]
    more = len(self.faults) - limit
    if more > 0:
      lines.append(f'  and {more} more')
    return '\n'.join(lines)


def manifest(path: str | os.PathLike, root: str | os.PathLike = '') -> Corpus:
  """Any corpus, by a CSV file with the columns path, label, speaker[, group].

  The first line names the columns in any order; further columns, blank lines,
  a byte-order mark and spaces around a field are passed over. An utterance is
  named by its path as written. The classes are the labels.

  Args:
    path: the CSV file, in UTF-8, fields separated by commas.
    root: what relative paths start from; '' for the folder of the CSV file.

  Raises:
    InputError: if the file cannot be used; `WrongLines` names the lines.
  """
  require(
    bool(path),
    'data.manifest is empty; name the CSV file with --config.data.manifest=',
  )
  path = pathlib.Path(path).expanduser().absolute()
  base = pathlib.Path(root).expanduser().absolute() if root else path.parent
  require(base.is_dir(), f'{base} is no folder; correct --config.data.root=')
  rows, remarks = _read(path)
  prefix = str(base)
  targets = [
    os.path.normpath(os.path.join(prefix, row.fields.get('path', '')))  # noqa: PTH118
    for row in rows
  ]
  states = files.states(targets)
  first: dict[object, _Row] = {}
  utterances = []
  faults: list[tuple[int, str]] = []
  for row, file, state in zip(rows, targets, states, strict=True):
    fault = row.fault or _fault(row, file, state, first)
    if fault:
      if fault.endswith(_NOT_A_FILE) and len(faults) < MAX_TOLD:
        fault += _hint(row, base)
      faults.append((row.line, fault))
    else:
      utterances.append(
        Utterance(
          row.fields['path'],
          file,
          row.fields['label'],
          row.fields['speaker'],
          row.fields.get('group', ''),
        )
      )
  if faults:
    raise WrongLines(path, faults, len(rows))
  classes = tuple(sorted({u.label for u in utterances}))
  require(
    len(classes) >= 2,
    f'{path} has the labels {list(classes)} in {len(utterances)} lines; a '
    'classifier needs at least two labels, so add recordings of others',
  )
  return Corpus(
    path.stem,
    classes,
    tuple(sorted(utterances, key=lambda u: u.name)),
    problems=_look_alikes(classes),
    remarks=remarks,
  )


def _read(path: pathlib.Path) -> tuple[list[_Row], tuple[str, ...]]:
  """All rows, and what is to be said about the columns."""
  columns: list[str] | None = None
  rows = []
  for line, fields in _lines(path):
    if columns is None:
      columns = _columns(path, fields)
    elif len(fields) == len(columns):
      rows.append(_Row(line, dict(zip(columns, fields, strict=True))))
    else:
      rows.append(_Row(line, {}, _wrong_number(fields, columns)))
  if columns is None:
    raise InputError(
      f'{path} is empty; its first line must be {",".join(COLUMNS)}'
    )
  return rows, _passed_over(columns)


def _lines(path: pathlib.Path) -> Iterator[tuple[int, list[str]]]:
  """Line number and stripped fields of every line that is not blank."""
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
  """The names of the columns, in small letters."""
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
  """A sentence for each column that may be a misspelt one."""
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
  """What is wrong with a line of too many or too few fields."""
  counted = f'{len(fields)}, not {len(columns)}'
  for separator, word in _SEPARATORS.items():
    if len(fields) == 1 and fields[0].count(separator) >= len(COLUMNS) - 1:
      return f'is separated by {word}, not by commas'
  hint = ''
  if len(fields) > len(columns):
    hint = '; a field with a comma in it needs quotes'
  return f'has another number of fields than the first line ({counted}{hint})'


def _fault(
  row: _Row,
  file: str,
  state: os.stat_result | None,
  first: dict[object, _Row],
) -> str:
  """What is wrong with a line, or ''; notes its file in `first`."""
  empty = [column for column in COLUMNS if not row.fields[column]]
  if empty:
    return f'has no {" and no ".join(empty)}'
  if state is None or not stat.S_ISREG(state.st_mode):
    return f'names {file!r}{_NOT_A_FILE}'
  # Links and other spellings of a path lead to the same file.
  identity = (state.st_dev, state.st_ino) if state.st_ino else file
  one = first.setdefault(identity, row)
  if one is row:
    return ''
  path, speaker = row.fields['path'], row.fields['speaker']
  if one.fields['speaker'] != speaker:
    return (
      f'names {path} again for the speaker {speaker!r}, as line {one.line} '
      f'does for {one.fields["speaker"]!r}'
    )
  return f'names {path} again, as line {one.line} does'


def _hint(row: _Row, base: pathlib.Path) -> str:
  """Where the file may be instead."""
  path = row.fields['path']
  if '\0' in path:
    return ' (its name holds a NUL character)'
  if '\\' in path:
    return ' (write / where it has \\)'
  if pathlib.PurePath(path).is_absolute():
    # A manifest from another machine: is the end of the path here?
    parts = pathlib.PurePath(path).parts[1:]
    for start in range(len(parts)):
      if _is_file(base.joinpath(*parts[start:])):
        return f' (there is {"/".join(parts[start:])} in {base})'
    return ''
  for folder in (pathlib.Path.cwd(), base.parent):
    if folder != base and _is_file(folder / path):
      return f' (it is in {folder}: give --config.data.root={folder})'
  name = pathlib.PurePath(path).name
  if name != path and _is_file(base / name):
    return f' (there is {name} in {base})'
  return ''


def _is_file(path: pathlib.Path) -> bool:
  try:
    return path.is_file()
  except (OSError, ValueError):
    return False


def _look_alikes(classes: tuple[str, ...]) -> tuple[str, ...]:
  """A sentence for labels that differ in nothing but capitals."""
  by_fold: dict[str, list[str]] = {}
  for label in classes:
    by_fold.setdefault(label.casefold(), []).append(label)
  return tuple(
    f'The labels {", ".join(map(repr, labels))} differ only in capitals and '
    'count as different classes.'
    for labels in by_fold.values()
    if len(labels) > 1
  )
