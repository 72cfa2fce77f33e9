"""Checkpoints of a run of several processes, written by one process alone.

Process 0 has the states of all trials and starts a helper that is no part of
the run for JAX, so orbax in it waits for nobody. Told to write for one process
of several, orbax (0.12) still runs collectives over all of them, and these
give up when the others come half a minute late. The files are those of a run
of one process: either can go on from the other's.
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


class Checkpoints:
  """`checkpoint.Checkpoints` in a process of its own."""

  def __init__(self, folder: pathlib.Path):
    context = multiprocessing.get_context('spawn')
    self._pipe, theirs = context.Pipe()
    self._process = context.Process(
      target=_serve, args=(theirs, folder), daemon=True
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
    theirs.close()

  def __enter__(self) -> Checkpoints:
    return self

  def __exit__(self, *error: object) -> None:
    self._pipe.close()  # ends it
    self._process.join(timeout=30)

  @property
  def steps(self) -> list[int]:
    """See `checkpoint.Checkpoints.steps`."""
    return self._ask('steps')

  def save(self, step: int, tree: Tree) -> None:
    """See `checkpoint.Checkpoints.save`."""
    self._ask('save', step, tree)

  def load(self, target: Tree) -> tuple[Tree | None, list[str]]:
    """See `checkpoint.Checkpoints.load`."""
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
  """The helper: answers until the other end of the pipe is closed.

  Which may be while it works, when the process that asked has died.
  """
  for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, signal.SIG_IGN)  # whoever started it decides
  with checkpoint.Checkpoints(folder) as checkpoints:
    while True:
      try:
        name, arguments = pipe.recv()
      except (EOFError, ConnectionError):
        return
      try:
        found = getattr(checkpoints, name)
        answer = found(*arguments) if callable(found) else found
        result: tuple[Any, str | None] = answer, None
      except InputError as error:
        result = None, str(error)
      try:
        pipe.send(result)
      except ConnectionError:
        return
