"""Several processes as one run, by JAX's own runtime.

Process 0 is the coordinator: it keeps the addresses, and a small table of
texts through which the processes agree before and between the computations.
Nothing here touches a device, so that it works before there is one and never
waits inside a computation for a process that has already given up.
"""

from __future__ import annotations

import itertools
import json
import socket
import time
from collections.abc import Callable
from typing import Any, TypeVar

import jax
from jax._src import distributed

from sernet_jax.spec import InputError, require

T = TypeVar('T')

CONNECT_S = 60
_HEARTBEAT_S = 30  # after which a silent process counts as dead
_POLL_MS = 2000
# Every process counts its agreements alike, so equal numbers meet.
_COUNTER = itertools.count()


def connect(
  coordinator: str,
  processes: int | None = None,
  process_id: int | None = None,
  timeout_s: int = CONNECT_S,
) -> None:
  """Joins the processes of a run; to be called before anything computes.

  Args:
    coordinator: HOST:PORT of process 0, or 'auto' under SLURM, Open MPI or on
      TPUs, where JAX finds all three itself.
    processes: how many there are; None with 'auto'.
    process_id: which one this is, from 0; None with 'auto'.
    timeout_s: how long to wait for the others.

  Raises:
    InputError: if the arguments make no sense or somebody does not answer.
  """
  if coordinator == 'auto':
    require(
      processes is None and process_id is None,
      '--coordinator=auto finds the processes itself; leave out --processes '
      'and --process_id, or give --coordinator=HOST:PORT',
    )
    _initialize(timeout_s, 'the machines that the job was given')
    return
  host, _, port = coordinator.rpartition(':')
  require(
    bool(host) and port.isdigit() and 0 < int(port) < 1 << 16,
    f'--coordinator is {coordinator!r}; give HOST:PORT of process 0, for '
    "instance 10.0.0.1:8476, or 'auto' under SLURM",
  )
  require(
    processes is not None and processes >= 1,
    f'--processes is {processes}; say how many processes there are',
  )
  assert processes is not None
  require(
    process_id is not None and 0 <= process_id < processes,
    f'--process_id is {process_id}; number the {processes} processes from 0 '
    f'to {processes - 1}',
  )
  if process_id == 0:
    _require_free(int(port))
  else:
    _wait_for_port(host, int(port), timeout_s)
  _initialize(
    timeout_s,
    f'{coordinator}',
    coordinator_address=coordinator,
    num_processes=processes,
    process_id=process_id,
    cluster_detection_method='deactivate',
  )


def _initialize(timeout_s: int, who: str, **known: Any) -> None:
  try:
    jax.distributed.initialize(
      initialization_timeout=timeout_s,
      heartbeat_timeout_seconds=_HEARTBEAT_S,
      **known,
    )
  except (RuntimeError, ValueError) as error:
    reason = str(error).strip().splitlines()[0][:200]
    raise InputError(
      f'not all processes met at {who} within {timeout_s} s ({reason}); start '
      'all of them, each with its own --process_id and the same --processes'
    ) from error


def _require_free(port: int) -> None:
  with socket.socket() as probe:
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
      probe.bind(('', port))
    except OSError as error:
      raise InputError(
        f'port {port} of --coordinator cannot be used here '
        f'({error.strerror}); choose another for all processes'
      ) from error


def _wait_for_port(host: str, port: int, timeout_s: int) -> None:
  """Returns once somebody listens there."""
  end = time.monotonic() + timeout_s
  while True:
    try:
      socket.create_connection((host, port), timeout=5).close()
      return
    except OSError as error:
      reason = error.strerror or str(error)
    if time.monotonic() > end:
      raise InputError(
        f'no coordinator answered at {host}:{port} for {timeout_s} s '
        f'({reason}); start process 0 there, or correct --coordinator'
      )
    time.sleep(0.5)


class Group:
  """The processes of a run; one alone agrees with itself at no cost."""

  def __init__(self) -> None:
    state = distributed.global_state
    self._client = state.client
    self.size = state.num_processes if state.client is not None else 1
    self.rank = state.process_id if state.client is not None else 0

  @property
  def first(self) -> bool:
    """True for the process that writes files and reports."""
    return self.rank == 0

  def from_first(self, make: Callable[[], T]) -> T:
    """What `make` gives on process 0, which alone calls it.

    Args:
      make: gives what JSON can hold.

    Raises:
      InputError: on all processes, if `make` raised it.
    """
    if self.size == 1:
      return make()
    name = self._next()
    if self.first:
      value, error = _attempt(make)
      self._put(name, [value, str(error) if error else None])
    else:
      value, said = self._get(name, 0)
      error = InputError(f'process 0: {said}') if said else None
    if error:
      raise error
    return value

  def all(self, make: Callable[[], T]) -> T:
    """What `make` gives here, once it succeeded on every process.

    Raises:
      InputError: on all processes, if `make` raised it on one.
    """
    if self.size == 1:
      return make()
    name = self._next()
    value, error = _attempt(make)
    self._put(name, str(error) if error else None)
    if error:
      raise error
    for rank in range(self.size):
      said = self._get(name, rank)
      require(not said, f'process {rank}: {said}')
    return value

  def any(self, flag: bool) -> bool:
    """True if it is on any process."""
    if self.size == 1:
      return flag
    name = self._next()
    self._put(name, flag)
    return any(self._get(name, rank) for rank in range(self.size))

  def _next(self) -> str:
    return f'sernet/{next(_COUNTER)}'

  def _put(self, name: str, value: Any) -> None:
    self._client.key_value_set(f'{name}/{self.rank}', json.dumps(value))

  def _get(self, name: str, rank: int) -> Any:
    """Waits as long as the process lives: its work may take hours."""
    while True:
      try:
        text = self._client.blocking_key_value_get(f'{name}/{rank}', _POLL_MS)
        return json.loads(text)
      except jax.errors.JaxRuntimeError as error:
        if 'DEADLINE_EXCEEDED' not in str(error):
          raise lost(error) from error


def lost(error: BaseException) -> InputError:
  """The sentence for a process that went away."""
  reason = str(error).strip().splitlines()[0][:200]
  return InputError(
    f'another process of the run is gone ({reason}); start all of them again '
    'with the same commands, and the run goes on from its last checkpoint'
  )


def _attempt(make: Callable[[], T]) -> tuple[T | Any, InputError | None]:
  try:
    return make(), None
  except InputError as error:
    return None, error
