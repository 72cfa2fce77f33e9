"""A user's own corpus, described by a CSV file.

A file that has faults is refused with all of them: the first ten in a sentence,
up to `MAX_SHOWN` line by line where a command prints them.
"""

from __future__ import annotations

import math
import os
import pathlib
import stat
from collections.abc import Sequence

from sernet_jax.common import files, folders
from sernet_jax.common.errors import InputError, require
from sernet_jax.common.text import listing
from sernet_jax.corpora import dimensions as dimensions_lib
from sernet_jax.corpora.readers.entry import CorpusEntry, PathLike
from sernet_jax.corpora.readers.tables import manifest_paths, speakers
from sernet_jax.corpora.readers.tables.manifest_lines import (
  COLUMNS,
  Row,
  parse_columns,
  read_rows,
)
from sernet_jax.corpora.utterances import Corpus, Utterance

MAX_SHOWN = 20

_NOT_A_FILE = ', which is not a file'
_UNFIT = 'has no speaker: its path does not fit data.speaker_from='


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
      f'{path} has {self._counted()}: {listing(named, sep="; ")}; '
      f'{self._cure()}',
      self._one_by_one(),
    )

  def _counted(self) -> str:
    return f'{len(self.faults)} wrong line{"s" * (len(self.faults) > 1)}'

  def _cure(self) -> str:
    those = 'them' if len(self.faults) > 1 else 'it'
    if any(fault.startswith(_UNFIT) for _, fault in self.faults):
      return f'correct data.speaker_from, or correct or delete {those}'
    return f'correct or delete {those}'

  def _one_by_one(self) -> list[str]:
    """Returns a headline and the faults, one in a line, up to `MAX_SHOWN`."""
    width = len(str(self.faults[-1][0]))
    lines = [
      f'{self.path} has {self._counted()} of {self.rows}; {self._cure()}:'
    ]
    lines += [
      f'  line {line:>{width}} {fault}'
      for line, fault in self.faults[:MAX_SHOWN]
    ]
    more = len(self.faults) - MAX_SHOWN
    if more > 0:
      lines.append(f'  and {more} more')
    return lines


def manifest(
  path: PathLike,
  root: PathLike = '',
  columns: str = '',
  speaker_from: str = '',
  dimensions: str = '',
) -> Corpus:
  """Reads any corpus by a CSV file of path, label, speaker[, group, text].

  The first line names the columns in any order; further columns, blank lines,
  a byte-order mark and spaces around a field are passed over. An utterance is
  named by its path as written, with / for the backslashes of Windows. The
  classes are the labels.

  Args:
    path: the CSV file, in UTF-8, fields separated by commas, semicolons, tabs
      or bars.
    root: what relative paths start from; '' for the folder of the CSV file.
    columns: other names of the columns, see `manifest_lines.parse_columns`.
    speaker_from: who speaks, see `speakers.finder`; '' for a column.
    dimensions: columns with numbers, see `dimensions.parse`; an empty field
      has none.

  Raises:
    InputError: if the file cannot be used; `WrongLines` names the lines.
  """
  require(
    bool(path),
    'data.manifest is empty; name the CSV file with --config.data.manifest=',
  )
  path = files.absolute(path)
  base = files.absolute(root) if root else path.parent
  require(base.is_dir(), f'{base} is not a folder; correct --config.data.root=')
  find = speakers.finder(speaker_from) if speaker_from else None
  needed = tuple(c for c in COLUMNS if find is None or c != 'speaker')
  wanted = dimensions_lib.parse(dimensions)
  numbers = [one.name for one in wanted]
  rows, remarks = read_rows(
    path, parse_columns(columns, numbers), (*needed, *numbers)
  )
  if speaker_from == 'unknown':
    remarks = (*remarks, speakers.REMARK)
  # Strings, and all at once: a Path for each line, asked for alone, is slow
  # where there are many.
  prefix = str(base)
  targets = [
    os.path.normpath(os.path.join(prefix, row.fields.get('path', '')))  # noqa: PTH118
    for row in rows
  ]
  states = folders.states(targets)
  remarks = (*remarks, *_respelt(base, rows, targets, states))
  first: dict[
    object, Row
  ] = {}  # identity of a file -> the line that had it first
  utterances = []
  faults: list[tuple[int, str]] = []
  for row, file, state in zip(rows, targets, states, strict=True):
    if find is not None and row.fields:
      written = manifest_paths.slashed(row.fields['path'])
      row.fields['speaker'] = find(written, file)
    # The first fault of a line; all lines are read, so that one message names
    # all that are wrong.
    fault = row.fault or _fault(row, file, state, first, speaker_from)
    values: tuple[float, ...] = ()
    if not fault:
      values, fault = _values(row, wanted)
    if fault:
      if fault.endswith(_NOT_A_FILE) and len(faults) < MAX_SHOWN:
        fault += manifest_paths.hint(base, row.fields['path'])
      faults.append((row.line, fault))
    else:
      utterances.append(
        Utterance(
          manifest_paths.slashed(row.fields['path']),
          file,
          row.fields['label'],
          row.fields['speaker'],
          row.fields.get('group', ''),
          text=row.fields.get('text', ''),
          values=values,
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
  scales: tuple[dimensions_lib.Dimension, ...] = ()
  if wanted:
    scales, more = dimensions_lib.settle(wanted, [u.values for u in utterances])
    remarks = (*remarks, *more)
  return Corpus(
    path.stem,
    classes,
    tuple(sorted(utterances, key=lambda u: u.name)),
    remarks=remarks,
    dimensions=scales,
  )


def _values(
  row: Row, wanted: Sequence[dimensions_lib.Wanted]
) -> tuple[tuple[float, ...], str]:
  """Reads the values of a line, or says what is wrong with one."""
  values = []
  for name, scale in wanted:
    try:
      value = dimensions_lib.number(row.fields[name.lower()])
    except InputError as error:
      return (), f'has the {name} {error}'
    if scale and not math.isnan(value) and not scale[0] <= value <= scale[1]:
      return (), (
        f'has the {name} {value:g}, outside its scale of {scale[0]:g} to '
        f'{scale[1]:g}'
      )
    values.append(value)
  return tuple(values), ''


def _respelt(
  base: pathlib.Path,
  rows: list[Row],
  targets: list[str],
  states: list[os.stat_result | None],
) -> list[str]:
  """Puts the right files where only the spelling of a path is another.

  Args:
    base: what relative paths start from.
    rows: of the manifest.
    targets: path of each row; corrected.
    states: of the targets; corrected.

  Returns:
    A remark on what was read in another spelling.
  """
  there: dict[str, list[str]] = {'written for Windows': [], 'Unicode': []}
  for index, (row, state) in enumerate(zip(rows, states, strict=True)):
    path = row.fields.get('path', '')
    if state is not None or not path:
      continue
    file = manifest_paths.found(base, path)
    if file is not None:
      targets[index], states[index] = file, pathlib.Path(file).stat()
      there['written for Windows' if '\\' in path else 'Unicode'].append(path)
  return [
    f'{len(paths)} paths are {how} and were found: {listing(paths, 3)}.'
    for paths, how in (
      (there['written for Windows'], 'written for Windows'),
      (there['Unicode'], 'in another form of Unicode than on the disk'),
    )
    if paths
  ]


def _fault(
  row: Row,
  file: str,
  state: os.stat_result | None,
  first: dict[object, Row],
  speaker_from: str,
) -> str:
  """Says what is wrong with a line, or ''; notes its file in `first`."""
  written = [c for c in COLUMNS if not speaker_from or c != 'speaker']
  empty = [column for column in written if not row.fields[column]]
  if empty:
    return f'has no {" and no ".join(empty)}'
  if not row.fields['speaker']:
    return f'{_UNFIT}{speaker_from!r}'
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


ENTRY = CorpusEntry(
  'manifest',
  lambda source: manifest(
    source.manifest,
    source.root,
    source.columns,
    source.speaker_from,
    source.dimensions,
  ),
)
