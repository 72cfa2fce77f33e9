"""Databases in audformat, such as those that `audb` downloads.

An audformat database is a folder with db.yaml, tables and recordings
(https://audeering.github.io/audformat/); `audb.load(...)` leaves one in its
cache. Needs the extra `audformat`. `audformat_rows` reads its tables.
"""

from __future__ import annotations

import pathlib
from collections.abc import Iterable
from typing import Any

from sernet_jax.common import extras, files
from sernet_jax.common.errors import InputError, require
from sernet_jax.common.text import listing
from sernet_jax.corpora import dimensions as dimensions_lib
from sernet_jax.corpora.readers.entry import CorpusEntry, PathLike, Source
from sernet_jax.corpora.readers.tables import audformat_rows
from sernet_jax.corpora.utterances import Corpus, Utterance, cautioned

_TEXT = 'transcription'  # scheme of sentences, by the custom of databases


def load(
  root: PathLike,
  emotion: str = '',
  speaker: str = '',
  table: str = '',
  dimensions: str = '',
) -> Corpus:
  """Reads a database in a folder, see `corpus`.

  Args:
    root: the folder that holds db.yaml.
    emotion: see `corpus`.
    speaker: see `corpus`.
    table: see `corpus`.
    dimensions: see `corpus`.

  Raises:
    InputError: if audformat is not installed, or as `corpus`.
  """
  require(
    bool(root),
    'data.root is empty; name the folder of the audformat database (the one '
    'with db.yaml) with --config.data.root=',
  )
  folder = files.absolute(root)
  require(
    (folder / 'db.yaml').is_file(),
    f'{folder} holds no db.yaml, so it is not an audformat database; correct '
    '--config.data.root=',
  )
  try:
    import audformat
  except ImportError as error:
    raise extras.missing(
      f'{folder} is an audformat database, which needs', 'audformat'
    ) from error
  return corpus(
    audformat.Database.load(str(folder)),
    folder,
    emotion,
    speaker,
    table,
    dimensions,
  )


def corpus(
  database: Any,
  folder: pathlib.Path,
  emotion: str = '',
  speaker: str = '',
  table: str = '',
  dimensions: str = '',
) -> Corpus:
  """Collects the recordings, or parts of them, with an emotion and a speaker.

  Both are looked up by the name of a scheme or a column; labels that a scheme
  maps are followed. Emotions are those of `table`; by default of the table
  named like them, else of those whose names begin like that (emotion.train),
  else of all tables: EmoDB's `laryngo.emotion` stays out. Speakers are looked
  for in all tables, of turns too. A segment of the whole file is the file. A
  file that lies there in another format, as audb leaves them, is found.

  Args:
    database: an `audformat.Database`, a type known only with the library.
    folder: what its paths start from.
    emotion: scheme or column of the classes; '' for 'emotion'.
    speaker: scheme or column of the speakers; '' for 'speaker'.
    table: where to look for `emotion`, several with + between them.
    dimensions: schemes or columns with numbers, see `dimensions.parse`; their
      scales are those of the schemes, unless stated.

  Raises:
    InputError: if there is no such scheme or table, a recording has two
      values, or none of the recordings is there.
  """
  emotion, speaker = emotion or 'emotion', speaker or 'speaker'
  files = audformat_rows.Files(folder)
  tables, others = audformat_rows.choose(database, folder, emotion, table)
  labels = audformat_rows.rows(database, files, emotion, tables)
  speakers = audformat_rows.Lookup(database, files, speaker)
  require(
    speakers.found,
    f'{folder} has no {speaker!r} for its recordings: '
    f'{audformat_rows.nearest_column(database, speaker)} '
    '(--config.data.speaker=)',
  )
  texts = audformat_rows.Lookup(database, files, _TEXT)
  wanted = dimensions_lib.parse(dimensions)
  numbers = [_numbers(database, files, one.name) for one in wanted]
  utterances, missing, without = [], [], 0
  # Place: a file, or a segment of it; values of all tables meet there.
  for place, label in labels.items():
    path = files.find(place.file)
    who = speakers.of(place)
    if not label or not who:
      without += 1
    elif path is None:
      missing.append(place.file)
    else:
      utterances.append(
        Utterance(
          place.name,
          path,
          label,
          who,
          text=texts.of(place),
          start_s=place.start_s,
          end_s=place.end_s,
          values=tuple(_number(of, place) for of in numbers),
        )
      )
  require(
    bool(utterances) or not missing,
    f'{folder} holds none of the {len(missing)} recordings that its tables '
    f'label ({listing(missing, 3)}); load it whole with audb '
    '(only_metadata=False), or correct --config.data.root=',
  )
  problems = []
  if without:
    problems.append(
      f'{without} of {len(labels)} recordings have no {emotion} or no {speaker} '
      'and are left out.'
    )
  if missing:
    problems.append(
      f'{len(missing)} recordings are missing: {listing(missing, 3)}.'
    )
  utterances.sort(key=lambda u: u.name)
  scales: tuple[dimensions_lib.Dimension, ...] = ()
  found: tuple[str, ...] = ()
  if wanted:
    scales, found = dimensions_lib.settle(
      wanted,
      [u.values for u in utterances],
      audformat_rows.scales(database, [one.name for one in wanted]),
    )
  read = Corpus(
    str(database.name),
    tuple(sorted({u.label for u in utterances})),
    tuple(utterances),
    problems=tuple(problems),
    remarks=(*_about_tables(emotion, tables, others), *found),
    dimensions=scales,
  )
  return cautioned(read, _overlaps(utterances))


def _numbers(
  database: Any, files: audformat_rows.Files, name: str
) -> audformat_rows.Lookup:
  """Looks a dimension up in all tables.

  Raises:
    InputError: if no table has it.
  """
  values = audformat_rows.Lookup(database, files, name)
  require(
    values.found,
    f'{files.folder} has no {name!r} for its recordings: '
    f'{audformat_rows.nearest_column(database, name)} '
    '(--config.data.dimensions=)',
  )
  return values


def _number(
  values: audformat_rows.Lookup, place: audformat_rows.Place
) -> float:
  try:
    return dimensions_lib.number(values.of(place))
  except InputError as error:
    raise InputError(
      f'{place.name} has {error}; name a scheme of numbers with '
      '--config.data.dimensions='
    ) from error


def _about_tables(
  emotion: str, tables: list[str], others: list[str]
) -> tuple[str, ...]:
  """Returns a sentence on the tables that were taken, if there was a choice."""
  if len(tables) + len(others) < 2:
    return ()
  sentence = f'The labels are from {", ".join(tables)}'
  if others:
    sentence += (
      f'; {listing(others, 5)} have {emotion!r} too and are left out '
      '(--config.data.table= chooses)'
    )
  return (f'{sentence}.',)


def _overlaps(utterances: Iterable[Utterance]) -> list[str]:
  """Returns a problem if parts of one file overlap."""
  last: dict[str, tuple[float, str]] = {}  # where the speech so far ends
  found = []
  for utterance in sorted(utterances, key=lambda u: (u.path, u.start_s)):
    end_s = float('inf') if utterance.end_s is None else utterance.end_s
    before_s, name = last.get(utterance.path, (0.0, ''))
    if name and utterance.start_s < before_s:
      found.append(f'{name} and {utterance.name}')
    if end_s > before_s:
      last[utterance.path] = end_s, utterance.name
  if not found:
    return []
  return [
    f'{len(found)} parts overlap with another part of their file, so that a '
    f'test may hold what was trained on: {listing(found, 3, "; ")}.'
  ]


def _read(source: Source) -> Corpus:
  return load(
    source.root,
    source.emotion,
    source.speaker,
    source.table,
    source.dimensions,
  )


ENTRY = CorpusEntry('audformat', _read)
