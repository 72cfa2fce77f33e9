"""Checkpoints of a run of several processes, written by one process alone.

Process 0 has the states of all trials and starts a helper that is not part of
the run for JAX, so orbax in it waits for no other process. The files are those
of a run of one process: either can resume the other's.

By itself orbax saves when all processes have come, with collectives that give
up if one is half a minute late. `MultiprocessingOptions(primary_host=0,
active_processes={0})` is made for a single writer, but the Checkpointer of its
v1 API refuses it (0.12.8: "Option `create=True` with `active_processes` set is
not supported"): it cannot be told that the folder exists. With that one
option changed inside orbax, process 0 saved, read and deleted at once while
the other slept, and the files had the same layout. So this may go, together
with the helper, when v1 accepts `create=False`; to be tried at each upgrade.
"""

from __future__ import annotations

import multiprocessing
import os
import pathlib
import signal
from multiprocessing.connection import Connection
from typing import Any

from sernet_jax.common.errors import InputError
from sernet_jax.runs import checkpoint

Tree = Any

_END_S = 30


class Checkpoints:
  """`checkpoint.Checkpoints` in a process of its own."""

  def __init__(self, folder: pathlib.Path):
    context = multiprocessing.get_context('spawn')
    self._pipe, far_end = context.Pipe()
    self._process = context.Process(
      target=_serve, args=(far_end, folder), daemon=True
    )
    # It computes nothing: it must not take an accelerator's memory.
    before = os.environ.get('JAX_PLATFORMS')
    os.environ['JAX_PLATFORMS'] = 'cpu'
    try:
      self._process.start()
    finally:
      del os.environ['JAX_PLATFORMS']
      if before is not None:
        os.environ['JAX_PLATFORMS'] = before
    # The helper alone holds it from here on, so that its death ends `recv`.
    far_end.close()

  def __enter__(self) -> Checkpoints:
    return self

  def __exit__(self, *error: object) -> None:
    self._pipe.close()  # ends it
    self._process.join(timeout=_END_S)

  @property
  def steps(self) -> list[int]:
    """Lists the steps; see `checkpoint.Checkpoints.steps`."""
    return self._ask('steps')

  def save(self, step: int, tree: Tree) -> None:
    """Saves; see `checkpoint.Checkpoints.save`."""
    self._ask('save', step, tree)

  def load(self, target: Tree) -> tuple[Tree | None, list[str]]:
    """Loads; see `checkpoint.Checkpoints.load`."""
    return self._ask('load', target)

  def _ask(self, name: str, *arguments: Any) -> Any:
    try:
      self._pipe.send((name, arguments))
      result, error = self._pipe.recv()
    except (EOFError, OSError) as lost:
      raise InputError(
        'the helper that writes checkpoints is gone; start all processes '
        'again, and the run goes on from its last checkpoint'
      ) from lost
    if error:
      raise InputError(error)
    return result


def _serve(pipe: Connection, folder: pathlib.Path) -> None:
  """Answers in the helper until the other end of the pipe is closed.

  That may happen in the middle of a request, when the process that sent it
  has died.
  """
  for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, signal.SIG_IGN)  # process 0 decides
  with checkpoint.Checkpoints(folder) as checkpoints:
    while True:
      try:
        name, arguments = pipe.recv()
      except (EOFError, ConnectionError):
        return
      answer: tuple[Any, str | None]
      try:
        member = getattr(checkpoints, name)
        answer = member(*arguments) if callable(member) else member, None
      except InputError as error:
        answer = None, str(error)
      try:
        pipe.send(answer)
      except ConnectionError:
        return
