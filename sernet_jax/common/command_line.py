"""The shape that all commands have: one sentence for a mistake, exit codes."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from sernet_jax.common.errors import InputError
from sernet_jax.common.interrupt import Stopped

MISTAKE = 2  # exit code, as argparse has it
CTRL_C = 130


def run(
  command: Callable[[], int | None],
  stopped: str = 'stopped',
  is_filter: bool = False,
) -> int:
  """Runs a command and prints in one sentence what keeps it from its work.

  Args:
    command: does the work and returns the exit code, None for 0.
    stopped: printed after Ctrl-C; '' to print nothing.
    is_filter: whether others read its output, such as head, and may stop.

  Returns:
    The exit code: that of `command`; 2 after an `InputError`; the code of
    `Stopped`; 130 after Ctrl-C; 1 for a filter whose reader is gone.
  """
  try:
    return command() or 0
  except InputError as error:
    return fail(error)
  except Stopped as stop:
    print(stop, file=sys.stderr)
    return stop.exit_code
  except KeyboardInterrupt:
    if stopped:
      print(stopped, file=sys.stderr)
    return CTRL_C
  except BrokenPipeError:
    if not is_filter:
      raise
    # Python flushes stdout once more at its end.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1


def fail(reason: object) -> int:
  """Prints what is wrong with the user's input; returns the exit code."""
  print(f'error: {reason}', file=sys.stderr)
  return MISTAKE
