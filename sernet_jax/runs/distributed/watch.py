"""The processes of a run notice at once when one of them has died.

JAX's runtime lets the others wait half a minute for a dead process and then
ends them with pages of its own, in the middle of whatever they print. So the
connections over which the processes met stay open: whoever ends in an orderly
way says so, and a connection that ends without a word is a process that was
killed, or whose machine is gone. Process 0 has a connection to each of the
others and tells them.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import selectors
import socket
import threading
from typing import NoReturn

_BYE = b'bye'
_GONE = b'gone '
_CODE = 2
# Seconds of silence, seconds between questions and their number until a
# machine that does not answer counts as gone.
_KEEPALIVE = (('TCP_KEEPIDLE', 10), ('TCP_KEEPINTVL', 5), ('TCP_KEEPCNT', 4))


def begin(others: dict[int, socket.socket]) -> None:
  """Watches until this process ends, which it does if another one dies.

  Args:
    others: open connections, to process 0 or from it to all others, by the
      numbers of the processes at their other ends.
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


def _watch(others, stderr) -> None:
  with selectors.DefaultSelector() as silent:
    for rank, other in others.items():
      silent.register(other, selectors.EVENT_READ, rank)
    while silent.get_map():
      for key, _ in silent.select():
        other = others[key.data]
        try:
          said = other.recv(64)
        except OSError:
          said = b''
        if said.startswith(_BYE):
          silent.unregister(other)
          continue
        gone = said.removeprefix(_GONE).decode() if said else f'{key.data}'
        _tell(others, _GONE + gone.encode())
        _end(gone, stderr)


def _tell(others, what: bytes) -> None:
  for other in others.values():
    with contextlib.suppress(OSError):
      other.sendall(what)


def _end(gone: str, stderr: int) -> NoReturn:
  """The last words, while JAX's runtime may begin to print its own."""
  os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
  os.write(stderr, f'{lost(f"process {gone} has died")}\n'.encode())
  os._exit(_CODE)


def lost(what: str) -> str:
  """The sentence for a process that went away."""
  return (
    f'{what}; start all processes again with the same commands, and the run '
    'goes on from its last checkpoint'
  )
