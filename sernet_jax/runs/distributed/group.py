"""Agreement between the processes of a run, before and between computations.

Everything goes through the table of texts that JAX's coordinator, process 0,
keeps for all. Nothing here runs on a device, as the functions of
`jax.experimental.multihost_utils` do, because of what collectives do on CPUs
(gloo; the first point with jax 0.9.0 to 0.12.0, the second with 0.10.2):

  The first one gives up when a process comes more than 30 s after another
    ("Gloo context initialization failed"), and loading a corpus takes longer;
    of later ones some wait and some give up (jax-ml/jax#40831).
  While one waits, a signal is not handled: Ctrl-C took effect after 60 s,
    when the last process came.
  A process that failed cannot say why to those that wait for it.

This may become `multihost_utils` when a collective waits as long as a process
lives, and ends with the reason when that process does not.
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

from sernet_jax.common.errors import InputError, first_line, require
from sernet_jax.runs.distributed import watch

T = TypeVar('T')

_POLL_MS = 2000
_ARRAYS_MS = 30_000  # for pieces that are in the table already
_PIECE_BYTES = 1 << 20  # of arrays, in the table of texts
_FAILED = 'sernet/failed/'
# Every process counts its agreements alike, so equal indices meet.
_COUNTER = itertools.count()


class Group:
  """The processes of a run; a single one agrees with itself at no cost.

  Attributes:
    size: number of processes.
    rank: index of this one, from 0.
  """

  def __init__(self) -> None:
    several = jax.distributed.is_initialized()
    self.size = jax.process_count() if several else 1
    self.rank = jax.process_index() if several else 0
    self._table: Any = _coordinator_table() if several else None

  @property
  def first(self) -> bool:
    """True for the process that writes files and reports."""
    return self.rank == 0

  def from_first(self, make: Callable[[], T]) -> T:
    """Returns the result of `make` on process 0, which alone calls it.

    Args:
      make: returns what JSON can hold.

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
      value, message = self._get(name, 0)
      error = InputError(f'process 0: {message}') if message else None
    if error:
      raise error
    return value

  def all(self, make: Callable[[], T]) -> T:
    """Returns the result of `make` here, once all processes have succeeded.

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
      message = self._get(name, rank)
      require(not message, f'process {rank}: {message}')
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
          self._table.key_value_set(f'{_FAILED}{self.rank}', json.dumps(text))
      raise

  def any(self, flag: bool) -> bool:
    """Logical OR of `flag` over all processes."""
    if self.size == 1:
      return flag
    name = self._next()
    self._put(name, flag)
    # All are read, so that whoever goes on knows where the others are.
    return any([self._get(name, rank) for rank in range(self.size)])  # noqa: C419

  def gather(self, tree: T, everywhere: bool = True) -> list[T]:
    """Returns the trees of all processes, by rank.

    Args:
      tree: nested containers of numpy arrays, of the same structure on all
        processes; the arrays may have any shapes.
      everywhere: return them on all processes; else on process 0 alone, and
        an empty list on the others.
    """
    if self.size == 1:
      return [tree]
    name = self._next()
    leaves, structure = jax.tree.flatten(tree)
    self._put_arrays(name, leaves)
    if not everywhere and not self.first:
      return []
    parts = [self._get_arrays(name, rank) for rank in range(self.size)]
    if not everywhere:
      # All entries below the name: those of every process.
      self._table.key_value_delete(name)
    return [jax.tree.unflatten(structure, part) for part in parts]

  def broadcast(self, tree: T) -> T:
    """Returns the tree of process 0."""
    if self.size == 1:
      return tree
    name = self._next()
    leaves, structure = jax.tree.flatten(tree)
    if self.first:
      self._put_arrays(name, leaves)
    else:
      leaves = self._get_arrays(name, 0)
    self.any(False)  # all have read it
    if self.first:
      self._table.key_value_delete(name)
    return jax.tree.unflatten(structure, leaves)

  def _put_arrays(self, name: str, leaves: list[np.ndarray]) -> None:
    file = io.BytesIO()
    np.savez(file, *leaves)
    content = file.getvalue()
    starts = range(0, len(content), _PIECE_BYTES)
    for index, start in enumerate(starts):
      self._table.key_value_set_bytes(
        f'{name}/{self.rank}/{index}', content[start : start + _PIECE_BYTES]
      )
    # Their number comes last: who reads it finds all pieces in the table.
    self._put(name, len(starts))

  def _get_arrays(self, name: str, rank: int) -> list[np.ndarray]:
    pieces = [
      self._table.blocking_key_value_get_bytes(
        f'{name}/{rank}/{index}', _ARRAYS_MS
      )
      for index in range(self._get(name, rank))
    ]
    with np.load(io.BytesIO(b''.join(pieces)), allow_pickle=False) as arrays:
      return [arrays[key] for key in arrays.files]

  def _next(self) -> str:
    return f'sernet/{next(_COUNTER)}'

  def _put(self, name: str, value: Any) -> None:
    self._table.key_value_set(f'{name}/{self.rank}', json.dumps(value))

  def _get(self, name: str, rank: int) -> Any:
    """Waits as long as the process lives: its work may take hours."""
    while True:
      try:
        text = self._table.blocking_key_value_get(f'{name}/{rank}', _POLL_MS)
        return json.loads(text)
      except jax.errors.JaxRuntimeError as error:
        if 'DEADLINE_EXCEEDED' not in str(error):
          gone = f'another process of the run is gone ({first_line(error)})'
          raise InputError(watch.lost(gone)) from error
      for key, text in self._table.key_value_dir_get(_FAILED):
        require(
          False,
          f'process {key.removeprefix(_FAILED)} failed ({json.loads(text)}); '
          'see what it printed',
        )


def _coordinator_table() -> Any:
  """Returns the client of JAX's coordinator, a class of C++ without types.

  It has no public name in jax 0.9 to 0.12; `jax.experimental` and orbax reach
  it in the same way.
  """
  from jax._src import distributed

  return distributed.global_state.client


def _attempt(make: Callable[[], T]) -> tuple[T | Any, InputError | None]:
  try:
    return make(), None
  except InputError as error:
    return None, error
