"""SIGINT and SIGTERM as requests to stop once the state is saved."""

from __future__ import annotations

import contextlib
import signal
import sys
import types
from collections.abc import Iterator


class Stopped(Exception):
  """A run ends because a signal asked for it, with its state saved.

  Attributes:
    exit_code: 128 plus the number of the signal.
  """

  def __init__(self, number: int, message: str) -> None:
    self.exit_code = 128 + number
    super().__init__(message)


@contextlib.contextmanager
def signals() -> Iterator[list[int]]:
  """Yields a list that receives SIGINT or SIGTERM when one comes.

  The second signal raises `Stopped` at once.
  """
  received: list[int] = []

  def note(number: int, frame: types.FrameType | None) -> None:
    del frame
    if received:  # the second signal: stop at once, the checkpoint is kept
      raise Stopped(number, 'stopped at once; the last checkpoint is kept')
    received.append(number)
    print(
      'stopping after the epochs under way, to save the state; once more to '
      'stop at once',
      file=sys.stderr,
    )

  numbers = (signal.SIGINT, signal.SIGTERM)
  try:
    before = [(number, signal.signal(number, note)) for number in numbers]
  except ValueError:  # not the main thread: the caller handles signals
    before = []
  try:
    yield received
  finally:
    for number, handler in before:
      signal.signal(number, handler)
