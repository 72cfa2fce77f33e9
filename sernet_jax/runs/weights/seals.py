"""Seals: the checksum of a whole file, inside the file.

A seal finds damage; it does not stop someone who makes a file on purpose and
seals it again.
"""

from __future__ import annotations

import hashlib
import pathlib

from sernet_jax.common.errors import InputError

SEAL = 'seal'  # name of the seal among the texts of a file
_MARK = b'sernet_jax sha256 '
_BLANK = b'0' * 64
UNSEALED = (_MARK + _BLANK).decode()


def checksum(content: bytes) -> str:
  """SHA-256 in hexadecimal digits."""
  return hashlib.sha256(content).hexdigest()


def sealed(content: bytes) -> bytes:
  """Fills in the seal of a file that holds `UNSEALED` once."""
  assert content.count(UNSEALED.encode()) == 1
  seal = _MARK + checksum(content).encode()
  return content.replace(UNSEALED.encode(), seal)


def has_seal(content: bytes) -> bool:
  """Tells whether a file was sealed, even if the seal's name is damaged."""
  return _MARK in content


def check_seal(path: pathlib.Path, content: bytes) -> None:
  """Raises `InputError` for a file that is not as `sealed` left it."""
  mark = content.find(_MARK)
  if mark >= 0:
    start = mark + len(_MARK)
    stop = start + len(_BLANK)
    blank = content[:start] + _BLANK + content[stop:]
    if checksum(blank).encode() == content[start:stop]:
      return
  raise InputError(
    f'{path} is damaged or was not written by python -m sernet_jax.export; '
    'copy or export it again'
  )
