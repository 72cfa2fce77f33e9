"""A checksum inside a file, looked at before any library reads the file.

Libraries that run models trust what they read: a flipped byte can end the
process. The checksum finds damage; it does not stop someone who makes a file
on purpose and seals it again.
"""

from __future__ import annotations

import hashlib
import pathlib

from sernet_jax.common.errors import InputError

KEY = 'seal'  # among the texts of a file
_MARK = b'sernet_jax sha256 '
_BLANK = b'0' * 64
EMPTY = (_MARK + _BLANK).decode()


def sealed(content: bytes) -> bytes:
  """A file that holds `EMPTY` once, with its checksum in that place."""
  assert content.count(EMPTY.encode()) == 1
  digest = hashlib.sha256(content).hexdigest().encode()
  return content.replace(EMPTY.encode(), _MARK + digest)


def check(path: pathlib.Path, content: bytes) -> None:
  """Raises `InputError` for a file that is not as `sealed` left it."""
  place = content.find(_MARK)
  if place >= 0:
    start = place + len(_MARK)
    stop = start + len(_BLANK)
    blank = content[:start] + _BLANK + content[stop:]
    if hashlib.sha256(blank).hexdigest().encode() == content[start:stop]:
      return
  raise InputError(
    f'{path} is damaged or was not written by python -m sernet_jax.export; '
    'copy or export it again'
  )
