"""Databases in audformat, such as those that `audb` downloads.

An audformat database is a folder with db.yaml, tables and recordings
(https://audeering.github.io/audformat/); `audb.load(...)` leaves one in its
cache. Needs the extra `audformat`.
"""

from __future__ import annotations

import pathlib
from collections.abc import Sequence
from typing import Any

from sernet_jax.common.errors import InputError, nearest, require
from sernet_jax.common.text import listing
from sernet_jax.corpora.readers.entry import CorpusEntry, PathLike
from sernet_jax.corpora.utterances import Corpus, Utterance

_INSTALL = "pip install 'sernet_jax[audformat]'"


def load(
  root: PathLike,
  emotion: str = 'emotion',
  speaker: str = 'speaker',
  table: str = '',
) -> Corpus:
  """Reads a database in a folder, see `corpus`.

  A config names the folder alone; Python code can name other columns and a
  table too.

  Args:
    root: the folder that holds db.yaml.
    emotion: see `corpus`.
    speaker: see `corpus`.
    table: see `corpus`.

  Raises:
    InputError: if audformat is not installed, or as `corpus`.
  """
  require(
    bool(root),
    'data.root is empty; name the folder of the audformat database (the one '
    'with db.yaml) with --config.data.root=',
  )
  folder = pathlib.Path(root).expanduser().absolute()
  require(
    (folder / 'db.yaml').is_file(),
    f'{folder} holds no db.yaml, so it is not an audformat database; correct '
    '--config.data.root=',
  )
  try:
    import audformat
  except ImportError as error:
    raise InputError(
      f'{folder} is an audformat database, but audformat is not installed; run '
      f'{_INSTALL}'
    ) from error
  return corpus(
    audformat.Database.load(str(folder)), folder, emotion, speaker, table
  )


def corpus(
  database: Any,
  folder: pathlib.Path,
  emotion: str = 'emotion',
  speaker: str = 'speaker',
  table: str = '',
) -> Corpus:
  """Collects the recordings that have an emotion and a speaker.

  Both are looked up by the name of a scheme or a column, in all tables, as
  `audformat.Database.get` does; labels that a scheme maps are followed.

  Args:
    database: an `audformat.Database`, a type known only with the library.
    folder: what its paths start from.
    emotion: scheme or column of the classes.
    speaker: scheme or column of the speakers.
    table: where to look for `emotion`; '' for all tables.

  Raises:
    InputError: if there is no such scheme, a recording has two values, or the
      table is about segments of recordings.
  """
  frame = _frame(database, folder, emotion, speaker, table)
  whole = frame.dropna(subset=[emotion, speaker])
  problems = []
  if len(frame) > len(whole):
    problems.append(
      f'{len(frame) - len(whole)} of {len(frame)} recordings have no {emotion} '
      f'or no {speaker} and are left out.'
    )
  utterances = {}
  missing = []
  for file, label, who in zip(
    whole['file'], whole[emotion], whole[speaker], strict=True
  ):
    path = folder / str(file)
    if path.is_file():
      name = str(file)
      utterances[name] = Utterance(name, str(path), str(label), str(who))
    else:
      missing.append(str(file))
  if missing:
    problems.append(
      f'{len(missing)} recordings are missing: {listing(missing, 3)}.'
    )
  return Corpus(
    str(database.name),
    tuple(sorted({u.label for u in utterances.values()})),
    tuple(utterances[name] for name in sorted(utterances)),
    problems=tuple(problems),
  )


def _frame(
  database: Any, folder: pathlib.Path, emotion: str, speaker: str, table: str
) -> Any:
  """Returns a DataFrame of whole files with their emotion and speaker."""
  if table:
    require(
      table in database.tables,
      f'{folder} has no table {table!r}: {nearest(table, database.tables)}',
    )
  try:
    frame = database.get(
      emotion, [speaker], tables=[table] if table else None
    ).reset_index()
  except ValueError as error:  # two values of one recording
    raise InputError(
      f'{folder} gives a recording several values of {emotion} or {speaker} '
      f'({" ".join(str(error).split())[:200]}); name one table'
    ) from error
  _require_columns(database, folder, frame, (emotion, speaker))
  if 'start' in frame:
    parts = int(
      ((frame['start'].dt.total_seconds() > 0) | frame['end'].notna()).sum()
    )
    require(
      parts == 0,
      f'{folder} labels {parts} parts of recordings; write each part to a file '
      'of its own (audformat.utils, audinterface), since an utterance here is '
      'a whole file',
    )
  return frame


def _require_columns(
  database: Any, folder: pathlib.Path, frame: Any, columns: Sequence[str]
) -> None:
  """Refuses a missing column and names those that exist."""
  there = set(database.schemes)
  for table in database.tables.values():
    there |= set(table.columns)
  for column in columns:
    require(
      column in frame and bool(frame[column].notna().any()),
      f'{folder} has no {column!r} for its recordings: {nearest(column, there)}',
    )


ENTRY = CorpusEntry('audformat', lambda source: load(source.root))
