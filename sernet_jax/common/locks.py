"""Locks on files, which end with the process that holds them.

A lock is one of the operating system's (`flock`) on an open file, so a process
that was killed holds nothing. The file names its holder while it is held, and
stays behind empty: a waiting process may have it open already.

Why not the package filelock: up to version 3.32 everyone who asks for a lock
empties its file, and with it the holder's name; versions 3.24 to 3.32 remove
the file on release; and on a file system without locks it turns to a marker
file, which a killed process leaves behind. This module may go once filelock 4
(`preserve_lock_file`, `on_acquired`) can be required.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import socket
from collections.abc import Iterator
from typing import BinaryIO

try:
  import fcntl
except ImportError:  # Windows: nobody is kept out
  fcntl = None  # type: ignore[assignment]


class Held(Exception):
  """Another process holds the lock.

  Attributes:
    holder: 'process 17 on HOST', to continue a sentence.
  """

  def __init__(self, holder: str):
    self.holder = holder
    super().__init__(f'held by {holder}')


class NoLocks(OSError):
  """A file cannot be locked because its file system has no locks."""


@contextlib.contextmanager
def hold(path: pathlib.Path, wait: bool = False) -> Iterator[None]:
  """Holds the lock of `path` in the body of a `with` statement.

  Args:
    path: the file of the lock, made if need be; its folder exists.
    wait: wait for another holder instead of raising `Held`.

  Raises:
    Held: if another process, or another `hold` of this one, has it.
    NoLocks: if the file cannot be locked.
    OSError: if it cannot be opened.
  """
  # To append: opening must not empty the file, which names its holder.
  with path.open('a+b') as file:
    _acquire(file, wait)
    try:
      _write(file, f'process {os.getpid()} on {socket.gethostname()}\n')
      yield
    finally:
      _write(file, '')
      if fcntl:
        fcntl.flock(file, fcntl.LOCK_UN)


def _acquire(file: BinaryIO, wait: bool) -> None:
  if not fcntl:
    return
  try:
    fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
  except BlockingIOError:
    file.seek(0)
    holder = file.read().decode('utf-8', 'replace').strip()
    raise Held(holder or 'another process') from None
  except OSError as error:
    raise NoLocks(error.errno, error.strerror) from error


def _write(file: BinaryIO, text: str) -> None:
  """Replaces the holder's name; a full disk keeps nobody from the lock."""
  with contextlib.suppress(OSError):
    os.ftruncate(file.fileno(), 0)
    os.write(file.fileno(), text.encode())
