"""Paths of a manifest that lead to no file as they are written.

Written with the separators of Windows, or in another form of Unicode than the
name on the disk (macOS takes accents apart), they are found; for others there
is a hint at what may be meant.
"""

from __future__ import annotations

import os
import pathlib
import unicodedata
from collections.abc import Callable

from sernet_jax.common import folders


def slashed(path: str) -> str:
  """Writes a path with / where Windows has a backslash."""
  return path.replace('\\', '/')


def found(base: pathlib.Path, path: str) -> str | None:
  """Returns the file that a path means in another spelling, None if none.

  Args:
    base: what relative paths start from.
    path: as written.
  """
  if '\0' in path:
    return None
  for text in dict.fromkeys((path, slashed(path))):
    file = _walk(base, text, lambda name: unicodedata.normalize('NFC', name))
    if file is not None:
      return str(file)
  return None


def hint(base: pathlib.Path, path: str) -> str:
  """Says in brackets where the file may be instead, or ''."""
  if '\0' in path:
    return ' (its name holds a NUL character)'
  file = _walk(base, slashed(path), _loose)
  if file is not None:
    name = os.path.relpath(file, base)
    return f' (there is {name!r}, which differs only in how it is spelt)'
  windows = pathlib.PureWindowsPath(path)
  absolute: pathlib.PurePath = pathlib.PurePath(path)
  if windows.drive and windows.is_absolute():
    absolute = windows
  if absolute.is_absolute():
    # A manifest from another machine: is the end of the path here?
    parts = absolute.parts[1:]
    for start in range(len(parts)):
      if folders.is_file(base.joinpath(*parts[start:])):
        return f' (there is {"/".join(parts[start:])} in {base})'
    return ''
  path = slashed(path)
  for folder in (pathlib.Path.cwd(), base.parent):
    if folder != base and folders.is_file(folder / path):
      return f' (it is in {folder}: give --config.data.root={folder})'
  name = pathlib.PurePath(path).name
  if name != path and folders.is_file(base / name):
    return f' (there is {name} in {base})'
  return ''


def _walk(
  base: pathlib.Path, path: str, key: Callable[[str], str]
) -> pathlib.Path | None:
  """Follows a path where each name may differ from the one on the disk.

  Args:
    base: where a relative path starts.
    path: with /.
    key: the same for names that may stand for each other.

  Returns:
    The file, None if there is none or if two names fit.
  """
  place = base
  pure = pathlib.PurePosixPath(path)
  for part in pure.parts:
    if part in ('..', pure.root):
      place = place / part
      continue
    if _exists(place / part):
      place = place / part
      continue
    try:
      names = [p.name for p in place.iterdir() if key(p.name) == key(part)]
    except OSError:
      return None
    if len(names) != 1:
      return None
    place = place / names[0]
  return place if folders.is_file(place) else None


def _loose(name: str) -> str:
  """Drops capitals, blanks around it, and forms of one character."""
  return unicodedata.normalize('NFKC', name).casefold().strip()


def _exists(path: pathlib.Path) -> bool:
  try:
    return path.exists()
  except (OSError, ValueError):
    return False
