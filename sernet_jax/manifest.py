"""A corpus of one's own, described by a CSV file."""

from __future__ import annotations

import csv
import os
import pathlib
from collections.abc import Iterator

from sernet_jax.spec import InputError, require
from sernet_jax.utterances import Corpus, Utterance, listing

COLUMNS = ('path', 'label', 'speaker')
OPTIONAL_COLUMNS = ('group',)


def manifest(path: str | os.PathLike, root: str | os.PathLike = '') -> Corpus:
  """Any corpus, by a CSV file with the columns path, label, speaker[, group].

  The first line names the columns in any order; further columns, blank lines,
  a byte-order mark and spaces around a field are passed over. An utterance is
  named by its path as written. The classes are the labels.

  Args:
    path: the CSV file, in UTF-8, fields separated by commas.
    root: what relative paths start from; '' for the folder of the CSV file.

  Raises:
    InputError: if the file cannot be used; it names the wrong lines.
  """
  require(
    bool(path),
    'data.manifest is empty; name the CSV file with --config.data.manifest=',
  )
  path = pathlib.Path(path).expanduser().absolute()
  base = pathlib.Path(root).expanduser().absolute() if root else path.parent
  require(base.is_dir(), f'{base} is no folder; correct --config.data.root=')
  line_of: dict[str, int] = {}
  utterances, faults = [], []
  for line, row in _rows(path):
    fault = _fault(row, base, line, line_of)
    if fault:
      faults.append(f'line {line} {fault}')
    else:
      file = os.path.normpath(base / row['path'])
      utterances.append(
        Utterance(
          row['path'], file, row['label'], row['speaker'], row.get('group', '')
        )
      )
  require(
    not faults,
    f'{path} has {len(faults)} wrong lines: {listing(faults, sep="; ")}; '
    'correct or delete them',
  )
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
  )


def _rows(path: pathlib.Path) -> Iterator[tuple[int, dict[str, str]]]:
  """Line number and fields by column; {} where their number is wrong."""
  try:
    # utf-8-sig drops the byte-order mark that spreadsheets write.
    with path.open(encoding='utf-8-sig', newline='') as file:
      reader = csv.reader(file, strict=True)
      columns = None
      for row in reader:
        fields = [field.strip() for field in row]
        if not any(fields):
          continue
        if columns is None:
          columns = _columns(path, fields)
        elif len(fields) != len(columns):
          yield reader.line_num, {}
        else:
          yield reader.line_num, dict(zip(columns, fields, strict=True))
  except UnicodeDecodeError as error:
    raise InputError(
      f'{path} is not UTF-8 text (byte {error.start}); save it as CSV UTF-8'
    ) from error
  except csv.Error as error:
    raise InputError(
      f'{path} is not CSV at line {reader.line_num} ({error}); correct its '
      'quotes'
    ) from error
  except OSError as error:
    raise InputError(
      f'{path} cannot be read ({error.strerror}); correct '
      '--config.data.manifest='
    ) from error
  require(
    columns is not None,
    f'{path} is empty; its first line must be {",".join(COLUMNS)}',
  )


def _columns(path: pathlib.Path, fields: list[str]) -> list[str]:
  columns = [field.lower() for field in fields]
  known = (*COLUMNS, *OPTIONAL_COLUMNS)
  require(
    set(COLUMNS) <= set(columns)
    and all(columns.count(column) <= 1 for column in known),
    f'{path} begins with {",".join(fields)!r}; its first line must name the '
    f'columns {",".join(COLUMNS)} (and group, if you like) once each, '
    'separated by commas',
  )
  return columns


def _fault(
  row: dict[str, str],
  base: pathlib.Path,
  line: int,
  line_of: dict[str, int],
) -> str:
  """What is wrong with a line, or ''; notes its file in `line_of`."""
  if not row:
    return 'has another number of fields than the first line'
  empty = [column for column in COLUMNS if not row[column]]
  if empty:
    return f'has no {" and no ".join(empty)}'
  file = base / row['path']
  if not os.path.isfile(file):  # noqa: PTH113 (any text at all may stand here)
    return f'names {str(file)!r}, which is not a file'
  first = line_of.setdefault(os.path.realpath(file), line)
  if first != line:
    return f'names {row["path"]} again, as line {first} does'
  return ''


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
