"""The processes of a run notice at once when one of them has died.

JAX's runtime lets the others wait for its heartbeat and then aborts them with
pages of log, in the middle of whatever they print (measured in `__init__.py`,
which says when this may go). So the connections over which the processes met
stay open: a process that ends in an orderly way says so, and a connection
that ends without a word is a process that was killed, or whose machine is
gone. Process 0 has a connection to each of the others and tells them: all end
with one sentence, within ten seconds in the tests.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import selectors
import socket
import threading
from collections.abc import Mapping
from typing import NoReturn

_BYE = b'bye'
_GONE = b'gone '
_MESSAGE_BYTES = 64
_CODE = 2
# Seconds of silence, seconds between questions and their number until a
# machine that does not answer counts as gone.
_KEEPALIVE = (('TCP_KEEPIDLE', 10), ('TCP_KEEPINTVL', 5), ('TCP_KEEPCNT', 4))


def begin(others: Mapping[int, socket.socket]) -> None:
  """Watches until this process ends, which it does if another one dies.

  Args:
    others: open connections, to process 0 or from it to all others, by the
      indices of the processes at their other ends.
  """
  if not others:
    return
  for other in others.values():
    other.settimeout(None)
    other.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEPALIVE:
      if hasattr(socket, name):
        other.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
  stderr = os.dup(2)
  threading.Thread(target=_watch, args=(others, stderr), daemon=True).start()
  atexit.register(_tell, others, _BYE)


def _watch(others: Mapping[int, socket.socket], stderr: int) -> None:
  """Waits for all others to say goodbye; ends this process if one does not."""
  with selectors.DefaultSelector() as silent:
    for rank, other in others.items():
      silent.register(other, selectors.EVENT_READ, rank)
    while silent.get_map():
      for key, _ in silent.select():
        other = others[key.data]
        try:
          message = other.recv(_MESSAGE_BYTES)
        except OSError:
          message = b''
        if message.startswith(_BYE):
          silent.unregister(other)
          continue
        # Empty: the one at the other end died; else process 0 names the dead.
        dead = str(key.data)
        if message:
          dead = message.removeprefix(_GONE).decode()
        _tell(others, _GONE + dead.encode())
        _end(dead, stderr)


def _tell(others: Mapping[int, socket.socket], message: bytes) -> None:
  for other in others.values():
    with contextlib.suppress(OSError):
      other.sendall(message)


def _end(dead: str, stderr: int) -> NoReturn:
  """Prints the final message and exits, before JAX's runtime aborts.

  With `os._exit`, since no exception reaches the main thread while it is in a
  compiled computation. What the runtime prints meanwhile goes nowhere.
  """
  os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
  os.write(stderr, f'{lost(f"process {dead} has died")}\n'.encode())
  os._exit(_CODE)


def lost(what: str) -> str:
  """Returns the sentence for a process that is gone."""
  return (
    f'{what}; start all processes again with the same commands, and the run '
    'goes on from its last checkpoint'
  )
