"""An entry of the cache: STEM.f32 with numbers, STEM.json that says what they are.

The description is written last, so an entry without one is not complete, and
runs that start at once make it once.
"""

from __future__ import annotations

import pathlib
from collections.abc import Callable
from typing import Any

from sernet_jax.common import files, locks
from sernet_jax.corpora.specs import CACHE


def about(
  stem: pathlib.Path,
  fields: tuple[str, ...],
  compute: Callable[[], None],
  on_bad_file: str,
  younger: str = '',
) -> dict[str, Any]:
  """Reads the description of an entry, which is made first if it is missing.

  Args:
    stem: path of the entry without a suffix.
    fields: that the description must have, beside 'skipped'.
    compute: writes STEM.f32 and, at last, STEM.json; the only one to do so
      among all processes.
    on_bad_file: 'error' or 'skip'. With 'error' an entry that skipped
      recordings is made again: the message names what is wrong now.
    younger: one of `fields`, without which an entry is of an older version and
      made again.

  Raises:
    InputError: as `compute`, or if the cache cannot be read or written.
  """
  path = stem.with_suffix('.json')
  while True:
    if not path.exists():
      _alone(stem, path, compute)
    needed = [field for field in fields if field != younger]
    found = files.read_json(path, (*needed, 'skipped'), CACHE)
    if younger and younger not in found:
      path.unlink(missing_ok=True)
      continue
    if not found['skipped'] or on_bad_file != 'error':
      return found
    path.unlink(missing_ok=True)


def _alone(
  stem: pathlib.Path, path: pathlib.Path, compute: Callable[[], None]
) -> None:
  files.make_folder(stem.parent, CACHE)
  with (
    files.writing(stem.with_suffix('.f32'), CACHE),
    locks.hold(stem.with_suffix('.lock'), wait=True),
  ):
    if not path.exists():  # else another process was faster
      compute()
