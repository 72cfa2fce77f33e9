"""The processes of a run find each other before JAX's runtime starts.

That runtime aborts a process when another one is missing or two have the same
number, and does not notice unlike --processes (measured in `__init__.py`,
which says when this may go). So they meet first, at the same address: each
says which it is, process 0 answers when all are there or what is wrong, and
every one of them has a sentence to print. The connections stay open for
`watch`.
"""

from __future__ import annotations

import contextlib
import json
import socket
import time

from sernet_jax.common.errors import InputError, require

_HELLO = 'sernet_jax 1'
_GO = 'go'
_LINE_BYTES = 4096
_READ_S = 5  # for a line that somebody who connected should send
_PAUSE_S = 0.5


def meet(
  host: str, port: int, processes: int, process_id: int, timeout_s: float
) -> dict[int, socket.socket]:
  """Returns when all processes are there.

  Args:
    host: host name or address of process 0.
    port: port of process 0; free again when this returns.
    processes: how many there are.
    process_id: index of this one, from 0.
    timeout_s: how long to wait.

  Returns:
    Open connections by the index of the process at the other end: from process
    0 to all others, and from each of these to process 0.

  Raises:
    InputError: if somebody is missing or two give the same index; on every
      process that is there.
  """
  end = time.monotonic() + timeout_s
  if process_id:
    return {0: _join(host, port, processes, process_id, end, timeout_s)}
  return _receive(host, port, processes, end, timeout_s)


def _receive(
  host: str, port: int, processes: int, end: float, timeout_s: float
) -> dict[int, socket.socket]:
  """Waits for the others; what process 0 does."""
  try:
    server = socket.create_server(('', port), backlog=max(16, processes))
  except OSError as error:
    raise InputError(
      f'port {port} of --coordinator cannot be used here '
      f'({error.strerror}); choose another for all processes'
    ) from error
  waiting: dict[int, socket.socket] = {}
  # Closes every connection if anything goes wrong on the way.
  with contextlib.ExitStack() as stack:
    problem = ''
    with server:
      while not problem and len(waiting) < processes - 1:
        # What is left of the whole time: strangers do not prolong it.
        server.settimeout(max(0.01, end - time.monotonic()))
        try:
          other = stack.enter_context(server.accept()[0])
        except TimeoutError:
          missing = set(range(1, processes)) - set(waiting)
          names = ', '.join(map(str, sorted(missing)))
          problem = (
            f'of {processes} processes these did not come to {host}:{port} '
            f'within {timeout_s:g} s: {names}; start them with the same '
            '--coordinator and --processes'
          )
          break
        hello = _read_hello(other)
        if hello is None:  # somebody else's program
          other.close()
          continue
        count, rank = hello
        if count != processes:
          problem = (
            f'process {rank} was started with --processes={count} and '
            f'process 0 with {processes}; give all the same'
          )
        elif rank in waiting:
          problem = (
            f'two processes were started with --process_id={rank}; number '
            f'the {processes} processes from 0 to {processes - 1}'
          )
        # The one with the problem hears it too; no process has the index -1.
        waiting.setdefault(rank if not problem else -1, other)
    # The port is free again before any process continues: JAX's runtime of
    # process 0 is about to listen there.
    for other in waiting.values():
      with contextlib.suppress(OSError):
        other.sendall(f'{problem or _GO}\n'.encode())
    require(not problem, problem)
    stack.pop_all()  # keeps the connections open
  return waiting


def _read_hello(other: socket.socket) -> tuple[int, int] | None:
  """Returns (processes, process_id) as a process sends them, or None."""
  other.settimeout(_READ_S)
  try:
    hello, count, rank = json.loads(_read_line(other))
  except (OSError, ValueError, TypeError):
    return None
  return (int(count), int(rank)) if hello == _HELLO else None


def _read_line(other: socket.socket) -> str:
  content = b''
  while not content.endswith(b'\n') and len(content) < _LINE_BYTES:
    part = other.recv(_LINE_BYTES)
    if not part:
      break
    content += part
  return content.decode(errors='replace').strip()


def _join(
  host: str,
  port: int,
  processes: int,
  process_id: int,
  end: float,
  timeout_s: float,
) -> socket.socket:
  """Connects to process 0; what the others do."""
  hello = json.dumps([_HELLO, processes, process_id]) + '\n'
  reason = 'nobody answered'
  while (left := end - time.monotonic()) > 0:
    try:
      server = socket.create_connection((host, port), timeout=_READ_S)
      with contextlib.ExitStack() as stack:
        stack.enter_context(server)
        server.sendall(hello.encode())
        # Process 0 may have begun to wait later, and reports who is missing:
        # its sentence is worth a few seconds beyond our own time.
        server.settimeout(left + _READ_S)
        answer = _read_line(server)
        if answer == _GO:
          stack.pop_all()  # keeps the connection open
          return server
    except OSError as error:
      reason = error.strerror or str(error)
      answer = ''
    # A line that is not "go" is final. None at all, as from a port where
    # somebody else listens or nobody yet, is tried again.
    require(not answer, f'process 0: {answer}')
    time.sleep(_PAUSE_S)
  raise InputError(
    f'no coordinator answered at {host}:{port} for {timeout_s:g} s '
    f'({reason}); start process 0 there, or correct --coordinator'
  )
