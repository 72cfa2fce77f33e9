"""SIGINT and SIGTERM as requests to stop once the state is saved."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Iterator


class Stopped(Exception):
  """Raised after the checkpoint when a signal asked the run to stop."""

  def __init__(self, number: int, message: str):
    self.exit_code = 128 + number
    super().__init__(message)


@contextlib.contextmanager
def signals() -> Iterator[list[int]]:
  """A list that receives the number of SIGINT or SIGTERM when it comes."""
  received: list[int] = []

  def note(number: int, frame: object) -> None:
    del frame
    if received:  # asked twice: stop at once, the checkpoint stays as it is
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
  except ValueError:  # not the main thread: whoever runs us handles signals
    before = []
  try:
    yield received
  finally:
    for number, handler in before:
      signal.signal(number, handler)
