"""Files written whole or not at all, and read with words for what is wrong.

A file is written beside itself, forced to the disk and renamed, so that a
kill or a full disk leaves the old one or the new one, never half of one.
"""

from __future__ import annotations

import contextlib
import glob
import hashlib
import itertools
import json
import math
import os
import pathlib
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sernet_jax.common import machine
from sernet_jax.common.errors import InputError, first_line, require

_MOST_BYTES = 1 << 28  # of a file that is read whole
_HEAD_BYTES = 4096  # by which a file is known
_NAME_BYTES = 150  # of a file's name; most file systems end at 255
# See `write_bytes`; files of former versions have no digits in the middle.
_TEMPORARY = re.compile(r'(.+?)(?:\.[0-9a-f]{8})?\.(\d+)\.tmp')

# Tells apart what one process writes.
_NUMBERS = itertools.count(secrets.randbelow(1 << 16))


class Cure(NamedTuple):
  """Advice for a file that cannot be written or read.

  Attributes:
    option: of the command line that chose where it lies, e.g. '--workdir'; ''
      if it was not chosen by an option.
    again: how to make it again, to follow 'delete it and'.
  """

  option: str = ''
  again: str = 'make it again'

  @property
  def elsewhere(self) -> str:
    """Cure of a file that cannot be written, as 'choose another --workdir'."""
    return f'choose another {self.option or "folder"}'

  @property
  def check(self) -> str:
    """Cure of a file that cannot be read, as 'check --workdir'."""
    return f'check {self.option or "its path"}'


NO_OPTION = Cure()


def make_folder(path: pathlib.Path, cure: Cure = NO_OPTION) -> None:
  """Makes a folder and its parents.

  Args:
    path: the folder.
    cure: for the error.

  Raises:
    InputError: if it cannot be created.
  """
  try:
    path.mkdir(parents=True, exist_ok=True)
  except OSError as error:
    raise InputError(
      f'{path} cannot be created ({error.strerror}); {cure.elsewhere}'
    ) from error


def write_bytes(
  path: pathlib.Path, content: bytes, cure: Cure = NO_OPTION
) -> None:
  """Replaces a file in one step: before or after a kill, never between.

  Raises:
    InputError: if it cannot be written, with the `cure`.
  """
  make_folder(path.parent, cure)
  # Not of the process alone: threads write too, and containers that share a
  # folder number their processes alike.
  own = f'{machine.mark()}{next(_NUMBERS) & 0xFFFF:04x}.{os.getpid()}'
  temporary = path.with_name(f'{path.name}.{own}.tmp')
  try:
    with writing(path, cure):
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
    # What others left here that were killed as they wrote this file.
    _remove(path.parent.glob(f'{glob.escape(path.name)}.{machine.mark()}*.tmp'))


def name_when_written(path: pathlib.Path) -> str:
  """Returns the name of a file, and of one that is half written, its own."""
  match = _TEMPORARY.fullmatch(path.name)
  return match[1] if match else path.name


def remove_leftovers(folder: pathlib.Path) -> None:
  """Removes files that a process was writing when it was killed.

  Args:
    folder: in which no other machine writes now, as while a lock is held.
  """
  _remove(folder.glob('*.tmp'))


def _remove(paths: Iterable[pathlib.Path]) -> None:
  """Removes those of files half written whose process runs no more."""
  for path in paths:
    match = _TEMPORARY.fullmatch(path.name)
    if match and not _is_running(int(match[2])):
      with contextlib.suppress(OSError):
        path.unlink()


def _is_running(process: int) -> bool:
  try:
    os.kill(process, 0)
  except (ProcessLookupError, OverflowError):
    return False
  except OSError:
    return True  # somebody else's
  return True


def write_json(
  path: pathlib.Path, content: Mapping[str, Any], cure: Cure = NO_OPTION
) -> None:
  """Writes indented JSON like `write_bytes`; numbers must be finite."""
  text = json.dumps(content, indent=2, allow_nan=False, default=_plain)
  write_bytes(path, (text + '\n').encode(), cure)


def read_json(
  path: pathlib.Path,
  keys: Sequence[str] | Mapping[str, type] = (),
  cure: Cure = NO_OPTION,
) -> dict[str, Any]:
  """Returns a JSON object that has `keys`.

  Args:
    path: of the file.
    keys: entries of the object, with their types if they are given.
    cure: for the error.

  Raises:
    InputError: if the file is missing, is not a JSON object, lacks a key, or
      holds what no file of ours does: numbers that are not finite, objects in
      objects without end.
  """
  text = read_bytes(path, cure).decode('utf-8', 'replace')
  try:
    content = parse_json(text)
  except json.JSONDecodeError as error:
    raise InputError(
      f'{path} is damaged (no JSON at line {error.lineno}); delete it and '
      f'{cure.again}'
    ) from error
  except ValueError as error:
    raise InputError(
      f'{path} is damaged ({first_line(error)}); delete it and {cure.again}'
    ) from error
  require(
    isinstance(content, dict),
    f'{path} holds no JSON object; delete it and {cure.again}',
  )
  for key in keys:
    require(
      key in content,
      f'{path} has no entry {key!r}; delete it and {cure.again}',
    )
    kind = keys[key] if isinstance(keys, Mapping) else object
    require(
      isinstance(content[key], kind),
      f'{path} is damaged ({key!r} is of another type); delete it and '
      f'{cure.again}',
    )
  return content


def parse_json(text: str) -> Any:
  """Parses JSON text with distrust.

  Raises:
    ValueError: if it is not JSON, nests too deep, or has a number that is not
      finite or of thousands of digits.
  """

  def finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
      raise ValueError(f'{digits[:20]} is not a finite number')
    return number

  try:
    return json.loads(text, parse_constant=finite, parse_float=finite)
  except RecursionError as error:
    raise ValueError('it nests too deep') from error


def read_bytes(path: pathlib.Path, cure: Cure = NO_OPTION) -> bytes:
  """Returns the content of a file; `InputError` if it cannot be read."""
  try:
    with path.open('rb') as file:
      content = file.read(_MOST_BYTES + 1)
    require(
      len(content) <= _MOST_BYTES,
      f'{path} is larger than {_MOST_BYTES >> 20} MiB, more than any such file '
      f'of ours; delete it and {cure.again}',
    )
    return content
  except FileNotFoundError as error:
    raise InputError(
      f'{path} is missing; {cure.check}, or {cure.again}'
    ) from error
  except OSError as error:
    raise InputError(
      f'{path} cannot be read ({error.strerror}); {cure.check}'
    ) from error


def head(path: pathlib.Path, what: str, cure: Cure = NO_OPTION) -> bytes:
  """Returns how a file begins that may be replaced, b'' if there is none.

  Args:
    path: of the file.
    what: would replace it, e.g. 'a picture'.
    cure: for the error.

  Raises:
    InputError: if it cannot be read.
  """
  try:
    with path.open('rb') as file:
      return file.read(_HEAD_BYTES)
  except (FileNotFoundError, NotADirectoryError):
    return b''  # whether it can be made is seen when it is
  except (OSError, ValueError) as error:
    reason = getattr(error, 'strerror', None) or error
    raise InputError(
      f'{path} cannot be replaced by {what} ({reason}); {cure.elsewhere}'
    ) from error


@contextlib.contextmanager
def writing(path: pathlib.Path, cure: Cure = NO_OPTION) -> Iterator[None]:
  """Turns an `OSError` of the body into an `InputError` about `path`."""
  try:
    yield
  except OSError as error:
    raise InputError(
      f'{path} cannot be written ({error.strerror}); free some space or '
      f'{cure.elsewhere}'
    ) from error


def as_text(path: str) -> str:
  """Returns a path as text; bytes that are not text become question marks."""
  return path.encode('utf-8', 'replace').decode()


def file_name(text: str, kept: str = '') -> str:
  """Returns any text as the name of a file in a folder, unlike texts unlike.

  Args:
    text: of any length and with any characters.
    kept: characters that may stay, beside letters, digits and `_.,=+()-`; the
      name ends in a hash where others had to be dropped.
  """
  name = re.sub(rf'[^\w.,=+(){re.escape(kept)}-]', '_', text)
  if (
    name != text or len(name.encode()) > _NAME_BYTES or name in ('', '.', '..')
  ):
    digest = hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()[:8]
    kept = name.encode()[:_NAME_BYTES].decode(errors='ignore')
    name = f'{kept}-{digest}'
  return name


def json_line(row: Mapping[str, Any]) -> str:
  """Returns one line of JSON with its newline; numbers must be finite."""
  return json.dumps(row, allow_nan=False, default=_plain) + '\n'


def _plain(value: Any) -> Any:
  """Converts numpy scalars and arrays, and paths, to JSON's types."""
  if hasattr(value, 'tolist'):  # numpy is not loaded for this alone
    return value.tolist()
  if isinstance(value, os.PathLike):
    return os.fspath(value)
  raise TypeError(f'{type(value)} has no form in JSON')


def cache_dir() -> pathlib.Path:
  """Returns the folder for what can be made again; $SERNET_CACHE moves it."""
  return absolute(os.environ.get('SERNET_CACHE') or '~/.cache/sernet_jax')


def absolute(path: str | os.PathLike) -> pathlib.Path:
  """Returns the absolute path, with `~` as the user's home folder."""
  return pathlib.Path(path).expanduser().absolute()


def folder_name(path: str | os.PathLike) -> str:
  """Returns the name of a folder, of the one it is where it is '.' or '..'."""
  place = absolute(path)
  return place.name if place.name != '..' else place.resolve().name
