"""Files written whole or not at all, and read with words for what is wrong.

A file is written beside itself, forced to the disk and renamed, so that a
kill or a full disk leaves the old one or the new one, never half of one.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import json
import os
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from sernet_jax.common.errors import InputError, require

_CHUNK = 1000  # files that one thread looks at in a row
_THREADS = 16
CACHE_OPTION = '--config.data.cache_dir'
RUN_AGAIN = 'run the training command with this --workdir again'


def make_folder(path: pathlib.Path, option: str = '--workdir') -> None:
  """Makes a folder and its parents.

  Args:
    path: the folder.
    option: of the command line that chose its place.

  Raises:
    InputError: if it cannot be made.
  """
  try:
    path.mkdir(parents=True, exist_ok=True)
  except OSError as error:
    raise InputError(
      f'{path} cannot be made a folder ({error.strerror}); choose another '
      f'{option}'
    ) from error


def write_bytes(path: pathlib.Path, content: bytes) -> None:
  """Replaces a file in one step: before or after a kill, never between."""
  make_folder(path.parent)
  temporary = path.with_name(f'{path.name}.{os.getpid()}.tmp')
  try:
    with writing(path):
      with temporary.open('wb') as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
      temporary.replace(path)
      # The new name itself is only safe once the folder is on the disk.
      folder = os.open(path.parent, os.O_RDONLY)
      try:
        os.fsync(folder)
      finally:
        os.close(folder)
  finally:
    temporary.unlink(missing_ok=True)


def write_json(path: pathlib.Path, content: Mapping[str, Any]) -> None:
  """`write_bytes` of indented JSON; numbers that are not finite are a bug."""
  text = json.dumps(content, indent=2, allow_nan=False, default=_plain)
  write_bytes(path, (text + '\n').encode())


def read_json(path: pathlib.Path, keys: Sequence[str] = ()) -> dict[str, Any]:
  """A JSON object that has `keys`.

  Raises:
    InputError: if the file is missing, no JSON object, or lacks a key.
  """
  try:
    content = json.loads(read_bytes(path).decode('utf-8', 'replace'))
  except json.JSONDecodeError as error:
    raise InputError(
      f'{path} is damaged (no JSON at line {error.lineno}); delete it and '
      f'{RUN_AGAIN}'
    ) from error
  require(
    isinstance(content, dict),
    f'{path} holds no JSON object; delete it and {RUN_AGAIN}',
  )
  for key in keys:
    require(
      key in content,
      f'{path} has no entry {key!r}; delete it and {RUN_AGAIN}',
    )
  return content


def kept_rows(path: pathlib.Path) -> list[dict[str, Any]]:
  """The 'rows' of results that a command is to add to, --keep given."""
  require(
    path.exists(), f'{path} is not there; leave --keep out to make it anew'
  )
  return read_json(path, ('rows',))['rows']


def read_bytes(path: pathlib.Path) -> bytes:
  """The content of a file; `InputError` if it is missing or unreadable."""
  try:
    return path.read_bytes()
  except FileNotFoundError as error:
    raise InputError(
      f'{path} is missing; check --workdir, or {RUN_AGAIN} to write it'
    ) from error
  except OSError as error:
    raise InputError(
      f'{path} cannot be read ({error.strerror}); check --workdir'
    ) from error


def states(paths: Sequence[str]) -> list[os.stat_result | None]:
  """`os.stat` of many files, None where there is none.

  By a few threads, which pays on network drives: there a file takes a
  millisecond, not a microsecond.
  """

  def stat(chunk: Sequence[str]) -> list[os.stat_result | None]:
    found: list[os.stat_result | None] = []
    for path in chunk:
      try:
        found.append(os.stat(path))  # noqa: PTH116 (half the time of Path)
      except (OSError, ValueError):  # ValueError: a NUL in the name
        found.append(None)
    return found

  if len(paths) <= _CHUNK:
    return stat(paths)
  chunks = [paths[i : i + _CHUNK] for i in range(0, len(paths), _CHUNK)]
  with concurrent.futures.ThreadPoolExecutor(_THREADS) as pool:
    return [state for states_ in pool.map(stat, chunks) for state in states_]


@contextlib.contextmanager
def writing(path: pathlib.Path, option: str = '--workdir') -> Iterator[None]:
  """Turns an `OSError` of the body into an `InputError` about `path`."""
  try:
    yield
  except OSError as error:
    raise InputError(
      f'{path} cannot be written ({error.strerror}); free some space or '
      f'choose another {option}'
    ) from error


def as_text(path: str) -> str:
  """A path whose bytes are no text has question marks."""
  return path.encode('utf-8', 'replace').decode()


def state_key(state: os.stat_result | None) -> tuple[int, int, int] | None:
  """What changes with a file's content, and when it becomes readable."""
  return state and (state.st_size, state.st_mtime_ns, state.st_mode)


def json_line(row: Mapping[str, Any]) -> str:
  """One line of JSON with its newline."""
  return json.dumps(row, allow_nan=False, default=_plain) + '\n'


def _plain(value: Any) -> Any:
  """Numpy scalars and arrays, tuples of configs, paths as JSON has them."""
  if isinstance(value, np.generic | np.ndarray):
    return value.tolist()
  if isinstance(value, os.PathLike):
    return os.fspath(value)
  raise TypeError(f'{type(value)} has no form in JSON')


def cache_dir() -> pathlib.Path:
  """The user's folder for what can be made again; $SERNET_CACHE moves it."""
  return absolute(os.environ.get('SERNET_CACHE') or '~/.cache/sernet_jax')


def absolute(path: str | os.PathLike) -> pathlib.Path:
  """The absolute path, with `~` as the user's home folder."""
  return pathlib.Path(path).expanduser().absolute()
