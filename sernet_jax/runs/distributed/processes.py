"""Several processes as one run, by JAX's own runtime.

Process 0 is the coordinator: it keeps the addresses, and a table through which
the processes agree before and between the computations and send their results
to process 0. Nothing here runs on a device: a collective there would give up
when one process is half a minute later than another, and hang or abort when
one has failed.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import json
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import jax
import numpy as np
from jax._src import clusters, distributed

from sernet_jax.common.errors import InputError, first_line, require
from sernet_jax.runs.distributed import meeting, watch

T = TypeVar('T')
Tree = Any

CONNECT_S = 60
_HEARTBEAT_S = 30  # after which a silent process counts as dead
_POLL_MS = 2000
_PIECE_BYTES = 1 << 20  # of arrays, in the table of texts
_FAILED = 'sernet/failed/'
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
  devices = None
  if coordinator == 'auto':
    require(
      processes is None and process_id is None,
      '--coordinator=auto finds the processes itself; leave out --processes '
      'and --process_id, or give --coordinator=HOST:PORT',
    )
    coordinator, processes, process_id, devices = _detected(timeout_s)
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
  assert process_id is not None
  watch.begin(meeting.meet(host, int(port), processes, process_id, timeout_s))
  try:
    jax.distributed.initialize(
      coordinator,
      processes,
      process_id,
      local_device_ids=devices,
      cluster_detection_method='deactivate',
      initialization_timeout=timeout_s,
      heartbeat_timeout_seconds=_HEARTBEAT_S,
      shutdown_timeout_seconds=_HEARTBEAT_S,
    )
    # Every process waits here for the devices of all, so none may get to it
    # later than the others, from inside work that these wait for.
    jax.devices()
  except (RuntimeError, ValueError) as error:
    raise InputError(
      f'not all processes met at {coordinator} within {timeout_s} s '
      f'({first_line(error)}); start all of them, each with its own --process_id '
      'and the same --processes'
    ) from error


def _detected(timeout_s: int) -> tuple[str, int, int, Any]:
  """Coordinator, processes, number of this one, and its devices."""
  try:
    found = clusters.ClusterEnv.auto_detect_unset_distributed_params(
      None, None, None, None, None, timeout_s
    )
  except (RuntimeError, ValueError, LookupError, OSError) as error:
    raise InputError(
      f'--coordinator=auto does not understand the cluster around this process '
      f'({type(error).__name__}: {error}); give --coordinator=HOST:PORT, '
      '--processes and --process_id'
    ) from error
  require(
    None not in found[:3],
    '--coordinator=auto finds neither SLURM nor Open MPI nor a TPU pod around '
    'this process; give --coordinator=HOST:PORT, --processes and --process_id',
  )
  return found  # ty: ignore


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

  @contextlib.contextmanager
  def guard(self) -> Iterator[None]:
    """Tells the others when the body fails, so that nobody waits for it."""
    try:
      yield
    except BaseException as error:
      if self.size > 1:
        with contextlib.suppress(jax.errors.JaxRuntimeError):
          text = f'{type(error).__name__}: {error}'
          self._client.key_value_set(f'{_FAILED}{self.rank}', json.dumps(text))
      raise

  def any(self, flag: bool) -> bool:
    """True if it is on any process."""
    if self.size == 1:
      return flag
    name = self._next()
    self._put(name, flag)
    # All are read, so that whoever goes on knows where the others are.
    return any([self._get(name, rank) for rank in range(self.size)])  # noqa: C419

  def gather(self, tree: Tree, everywhere: bool = True) -> list[Tree]:
    """The trees of all processes, in their order.

    Args:
      tree: of numpy arrays, of the same structure on all processes.
      everywhere: or else for process 0 alone; the others get nothing.
    """
    if self.size == 1:
      return [tree]
    name = self._next()
    leaves, structure = jax.tree.flatten(tree)
    self._put_arrays(name, leaves)
    if not everywhere and not self.first:
      return []
    found = [self._get_arrays(name, rank) for rank in range(self.size)]
    if not everywhere:
      self._client.key_value_delete(name)
    return [jax.tree.unflatten(structure, leaves) for leaves in found]

  def broadcast(self, tree: Tree) -> Tree:
    """The tree of process 0."""
    if self.size == 1:
      return tree
    name = self._next()
    leaves, structure = jax.tree.flatten(tree)
    if self.first:
      self._put_arrays(name, leaves)
    else:
      leaves = self._get_arrays(name, 0)
    self.any(False)
    if self.first:
      self._client.key_value_delete(name)
    return jax.tree.unflatten(structure, leaves)

  def _put_arrays(self, name: str, leaves: list[np.ndarray]) -> None:
    file = io.BytesIO()
    np.savez(file, *leaves)  # ty: ignore
    content = file.getvalue()
    pieces = range(0, len(content), _PIECE_BYTES)
    for number, start in enumerate(pieces):
      self._client.key_value_set_bytes(
        f'{name}/{self.rank}/{number}', content[start : start + _PIECE_BYTES]
      )
    self._put(name, len(pieces))

  def _get_arrays(self, name: str, rank: int) -> list[np.ndarray]:
    pieces = [
      self._client.blocking_key_value_get_bytes(
        f'{name}/{rank}/{number}', 30_000
      )
      for number in range(self._get(name, rank))
    ]
    with np.load(io.BytesIO(b''.join(pieces)), allow_pickle=False) as arrays:
      return [arrays[name] for name in arrays.files]

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
          gone = f'another process of the run is gone ({first_line(error)})'
          raise InputError(watch.lost(gone)) from error
      for key, text in self._client.key_value_dir_get(_FAILED):
        require(
          False,
          f'process {key.removeprefix(_FAILED)} failed ({json.loads(text)}); '
          'see what it printed',
        )


def _attempt(make: Callable[[], T]) -> tuple[T | Any, InputError | None]:
  try:
    return make(), None
  except InputError as error:
    return None, error
