"""All files below a folder, behind links too, and none passed over in silence."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Iterator

from sernet_jax.common.errors import InputError


def below(
  folder: str | os.PathLike[str], depth: int | None = None
) -> Iterator[pathlib.Path]:
  """Yields all files below a folder, in the order of their names.

  Links to folders are followed, and each folder is entered once. What begins
  with a dot, or is called `__MACOSX`, is not looked at.

  Args:
    folder: where to begin; nothing is below what is not a folder.
    depth: how many folders deep to look; None for all.

  Raises:
    InputError: if a folder may not be entered.
  """
  seen: set[str] = set()
  for path, folders, names in os.walk(
    folder, onerror=_closed, followlinks=True
  ):
    real = os.path.realpath(path)
    if real in seen:  # a link back
      folders.clear()
      continue
    seen.add(real)
    if depth is not None and (
      len(pathlib.Path(path).relative_to(folder).parts) >= depth
    ):
      folders.clear()
    # In place, so that `walk` follows this order and skips the rest.
    folders[:] = sorted(
      name for name in folders if name[0] != '.' and name != '__MACOSX'
    )
    for name in sorted(names):
      if name[0] != '.':
        yield pathlib.Path(path, name)


def _closed(error: OSError) -> None:
  if isinstance(error, FileNotFoundError | NotADirectoryError):
    return  # gone meanwhile
  raise InputError(
    f'{error.filename} cannot be entered ({error.strerror}); change its '
    'permissions, or give the folders and files beside it'
  ) from error
