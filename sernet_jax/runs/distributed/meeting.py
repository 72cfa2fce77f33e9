"""The processes of a run find each other before JAX's runtime starts.

That runtime ends a process with pages of its own when another one is missing
or two have the same number. So they meet first, at the same address: each
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
_LINE_BYTES = 4096
_READ_S = 5  # for a line that somebody who connected should send
_PAUSE_S = 0.5


def meet(
  host: str, port: int, processes: int, process_id: int, timeout_s: float
) -> dict[int, socket.socket]:
  """Returns when all processes are there.

  Args:
    host: of process 0.
    port: likewise; free again when this returns.
    processes: how many there are.
    process_id: which one this is, from 0.
    timeout_s: how long to wait.

  Returns:
    Open connections by the number of the process at the other end: of process
    0 to all others, and of each of these to process 0.

  Raises:
    InputError: if somebody is missing or two say the same number; on every
      process that is there.
  """
  end = time.monotonic() + timeout_s
  if process_id:
    return {0: _join(host, port, processes, process_id, end, timeout_s)}
  return _receive(host, port, processes, end, timeout_s)


def _receive(host, port, processes, end, timeout_s):
  """What process 0 does."""
  try:
    server = socket.create_server(('', port), backlog=max(16, processes))
  except OSError as error:
    raise InputError(
      f'port {port} of --coordinator cannot be used here '
      f'({error.strerror}); choose another for all processes'
    ) from error
  waiting: dict[int, socket.socket] = {}
  with contextlib.ExitStack() as stack:
    problem = ''
    with server:
      while not problem and len(waiting) < processes - 1:
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
        said = _read(other)
        if said is None:  # somebody else's program
          other.close()
          continue
        count, number = said
        if count != processes:
          problem = (
            f'process {number} was started with --processes={count} and '
            f'process 0 with {processes}; give all the same'
          )
        elif number in waiting:
          problem = (
            f'two processes were started with --process_id={number}; number '
            f'the {processes} processes from 0 to {processes - 1}'
          )
        waiting.setdefault(number if not problem else -1, other)
    # The port is free again before anybody goes on.
    for other in waiting.values():
      with contextlib.suppress(OSError):
        other.sendall(f'{problem or "go"}\n'.encode())
    require(not problem, problem)
    stack.pop_all()
  return waiting


def _read(other: socket.socket) -> tuple[int, int] | None:
  """(processes, process_id) of one that came, or None."""
  other.settimeout(_READ_S)
  try:
    hello, count, number = json.loads(_line(other))
  except (OSError, ValueError, TypeError):
    return None
  return (int(count), int(number)) if hello == _HELLO else None


def _line(other: socket.socket) -> str:
  content = b''
  while not content.endswith(b'\n') and len(content) < _LINE_BYTES:
    part = other.recv(_LINE_BYTES)
    if not part:
      break
    content += part
  return content.decode(errors='replace').strip()


def _join(host, port, processes, process_id, end, timeout_s):
  """What the others do."""
  hello = json.dumps([_HELLO, processes, process_id]) + '\n'
  reason = 'nobody answered'
  while (left := end - time.monotonic()) > 0:
    try:
      server = socket.create_connection((host, port), timeout=_READ_S)
      with contextlib.ExitStack() as stack:
        stack.enter_context(server)
        server.sendall(hello.encode())
        # Process 0 may have begun to wait later, and tells who is missing.
        server.settimeout(left + _READ_S)
        answer = _line(server)
        if answer == 'go':
          stack.pop_all()
          return server
    except OSError as error:
      reason = error.strerror or str(error)
      answer = ''
    require(not answer, f'process 0: {answer}')
    time.sleep(_PAUSE_S)
  raise InputError(
    f'no coordinator answered at {host}:{port} for {timeout_s:g} s '
    f'({reason}); start process 0 there, or correct --coordinator'
  )
