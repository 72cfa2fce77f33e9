"""Rows of the tables of an audformat database: a place and its value.

A place is a file or a part of one. Everything here takes an
`audformat.Database`, a type known only with the library.
"""

from __future__ import annotations

import collections
import dataclasses
import math
import pathlib
from typing import Any

from sernet_jax.audio import reading
from sernet_jax.audio.part import seconds
from sernet_jax.common.errors import InputError, nearest, require
from sernet_jax.common.text import listing

_CLOSE_S = 0.005  # a segment that ends so near to the end of its file is whole


@dataclasses.dataclass(frozen=True)
class Place:
  """A file as the tables name it, or a part of it."""

  file: str
  start_s: float = 0.0
  end_s: float | None = None

  @property
  def name(self) -> str:
    """Returns e.g. 'audio/a.wav' or 'audio/a.wav@1.5-3', unlike places unlike."""
    if self == Place(self.file):
      return self.file
    end = '' if self.end_s is None else seconds(self.end_s)
    return f'{self.file}@{seconds(self.start_s)}-{end}'

  def overlaps(self, other: Place) -> bool:
    """Tells whether two places of one file share a time."""
    ends = [math.inf if p.end_s is None else p.end_s for p in (self, other)]
    return self.start_s < ends[1] and other.start_s < ends[0]


class Files:
  """The files of a database by their names in its tables.

  `audb.load(..., format='flac')` converts the recordings, while the tables in
  its cache keep the names of before.

  Attributes:
    folder: the place that the names start from.
  """

  def __init__(self, folder: pathlib.Path):
    self.folder = folder
    self._stems: dict[pathlib.Path, dict[str, list[str]]] = {}
    self._durations: dict[str, float] = {}

  def find(self, name: str) -> str | None:
    """Returns the path of a file, of another format too; None if absent."""
    path = self.folder / name
    if path.is_file():
      return str(path)
    stems = self._stems.get(path.parent)
    if stems is None:
      stems = self._stems[path.parent] = {}
      if path.parent.is_dir():
        for other in sorted(path.parent.iterdir()):
          stems.setdefault(other.stem, []).append(str(other))
    same = stems.get(path.stem, [])
    return same[0] if len(same) == 1 else None

  def duration_s(self, name: str) -> float:
    """Returns the length of a file; infinite if it cannot be read."""
    if name not in self._durations:
      path = self.find(name)
      try:
        self._durations[name] = reading.duration_s(path) if path else math.inf
      except reading.BadFile:  # to be told when it is used
        self._durations[name] = math.inf
    return self._durations[name]


def choose(
  database: Any, folder: pathlib.Path, column: str, asked: str
) -> tuple[list[str], list[str]]:
  """Returns the tables to take `column` from, and others that have it.

  Args:
    database: the database.
    folder: for messages.
    column: name of a scheme or a column.
    asked: names of tables with + between them; '' to choose, see
      `audformat_tables.corpus`.

  Raises:
    InputError: if a table is unknown or has no such column, or none has.
  """
  have = [name for name in database.tables if _has(database, name, column)]
  if asked:
    names = [name.strip() for name in asked.split('+')]
    for name in names:
      require(
        name in database.tables,
        f'{folder} has no table {name!r}: {nearest(name, database.tables)} '
        '(--config.data.table=)',
      )
      require(
        name in have,
        f'{folder} has no {column!r} in its table {name!r}; it is in '
        f'{listing(have) or "none"} (--config.data.emotion=)',
      )
    return names, [name for name in have if name not in names]
  require(
    bool(have),
    f'{folder} has no {column!r} for its recordings: '
    f'{nearest_column(database, column)} (--config.data.emotion=)',
  )
  names = [name for name in have if name == column]
  names = names or [n for n in have if n.startswith(f'{column}.')] or have
  return names, [name for name in have if name not in names]


def nearest_column(database: Any, column: str) -> str:
  """Returns a phrase with the scheme or column most like `column`."""
  there = set(database.schemes)
  for table in database.tables.values():
    there |= set(table.columns)
  return nearest(column, there)


def scales(database: Any, names: list[str]) -> dict[str, tuple[float, float]]:
  """Returns the least and the greatest value of schemes that state both."""
  found = {}
  for name in names:
    scheme = database.schemes.get(name)
    edges = getattr(scheme, 'minimum', None), getattr(scheme, 'maximum', None)
    if edges[0] is not None and edges[1] is not None:
      found[name] = float(edges[0]), float(edges[1])
  return found


def rows(
  database: Any, files: Files, column: str, tables: list[str]
) -> dict[Place, str]:
  """Returns the value of each place in some tables, '' where it has none.

  Raises:
    InputError: if a place has two values, or if some tables label whole files
      and others parts of them.
  """
  found: dict[Place, str] = {}
  owner: dict[Place, str] = {}
  for table in tables:
    for place, value in _values(database, files, column, table):
      before = found.get(place, '')
      require(
        not before or not value or before == value,
        f'{files.folder} gives {place.name} two values of {column}: {before!r} in '
        f'{owner.get(place)} and {value!r} in {table}; name one table with '
        f'--config.data.table={table}',
      )
      if value or place not in found:
        found[place], owner[place] = value, table
  whole = {place.file for place in found if place == Place(place.file)}
  parts = [p for p in found if p != Place(p.file) and p.file in whole]
  if parts:
    names = sorted({owner[p] for p in parts} | {owner[Place(parts[0].file)]})
    raise InputError(
      f'{files.folder} labels {len(parts)} parts of recordings that it also labels as '
      f'a whole ({listing([p.name for p in parts], 2)}; tables '
      f'{", ".join(names)}); name the tables to take with '
      f'--config.data.table={names[0]}'
    )
  return found


class Lookup:
  """Values of a scheme or column by place, from all tables that have it.

  Attributes:
    found: whether any table has a value.
  """

  def __init__(self, database: Any, files: Files, column: str):
    self._folder, self._column = files.folder, column
    by_file = collections.defaultdict(list)
    for table in database.tables:
      for place, value in _values(database, files, column, table):
        if value:
          by_file[place.file].append((place, value))
    self._by_file = dict(by_file)
    self.found = bool(by_file)

  def of(self, place: Place) -> str:
    """Returns the value of a place, '' if there is none.

    It is that of the place itself, else of its whole file, else the one that
    all turns which overlap with it have.

    Raises:
      InputError: if the place itself has two.
    """
    there = self._by_file.get(place.file, [])
    for same in (place, Place(place.file)):
      values = sorted({value for other, value in there if other == same})
      if values:
        require(
          len(values) == 1,
          f'{self._folder} gives {same.name} several values of '
          f'{self._column}: {", ".join(values)}; correct its tables',
        )
        return values[0]
    around = {value for other, value in there if other.overlaps(place)}
    return around.pop() if len(around) == 1 else ''


def _has(database: Any, table: str, column: str) -> bool:
  """Tells whether a table has a value of `column`."""
  frame = database.get(column, tables=[table])
  return column in frame and bool(frame[column].notna().any())


def _values(
  database: Any, files: Files, column: str, table: str
) -> list[tuple[Place, str]]:
  """Lists the places of a table with their values, '' for missing ones."""
  try:
    frame = database.get(column, tables=[table])
  except ValueError as error:  # two columns of one scheme
    raise InputError(
      f'{files.folder} has several values of {column} in its table {table} '
      f'({" ".join(str(error).split())[:200]}); name a column of it'
    ) from error
  if column not in frame or not len(frame):
    return []
  values = [
    '' if missing else str(value)
    for value, missing in zip(frame[column], frame[column].isna(), strict=True)
  ]
  index = frame.index
  names = [str(file) for file in index.get_level_values('file')]
  if 'start' not in index.names:
    return [(Place(f), v) for f, v in zip(names, values, strict=True)]
  starts = index.get_level_values('start').total_seconds()
  ends = index.get_level_values('end').total_seconds()
  return [
    (_place(files, file, float(start), float(end)), value)
    for file, start, end, value in zip(names, starts, ends, values, strict=True)
  ]


def _place(files: Files, file: str, start_s: float, end_s: float) -> Place:
  """Returns the place of a segment; NaN stands for the end of the file."""
  if math.isnan(end_s):
    return Place(file, start_s)
  if start_s == 0.0 and end_s >= files.duration_s(file) - _CLOSE_S:
    return Place(file)
  return Place(file, start_s, end_s)
