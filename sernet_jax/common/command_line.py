"""The shape that all commands have: one sentence for a mistake, exit codes."""

from __future__ import annotations

import argparse
import contextlib
import errno
import io
import os
import pathlib
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from sernet_jax.common import text
from sernet_jax.common.errors import InputError, first_line
from sernet_jax.common.interrupt import Stopped

MISTAKE = 2  # exit code, as argparse has it
CTRL_C = 130
EMPTY = 'is empty; give a value, or leave the option out'
_NO_MEMORY = 'RESOURCE_EXHAUSTED'
# What is wrong with a path that somebody gave.
_OF_A_PATH = (
  errno.ENAMETOOLONG,
  errno.EACCES,
  errno.EPERM,
  errno.EROFS,
  errno.ENOTDIR,
  errno.ELOOP,
)
# What is wrong where output goes, without a path.
_OF_OUTPUT = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
# Device files of GPUs and TPUs on Linux.
_ACCELERATORS = ('nvidiactl', 'kfd', 'accel0', 'vfio')
_NO_BACKEND = ('Unable to initialize backend', 'Unknown backend')


def _without_banners() -> None:
  """Keeps XLA from printing that it takes long to compile.

  It logs a banner ("Very slow compile?") as an error, which is neither wrong
  nor ours; there is no narrower switch than the level. With an accelerator
  errors are of worth and stay. XLA's library reads the level when it is
  loaded, so this runs when a command is imported.
  """
  devices = pathlib.Path('/dev')
  if not any((devices / name).exists() for name in _ACCELERATORS):
    os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')


_without_banners()


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
  _open_streams()
  _print_anything()
  done = False
  try:
    code = command() or 0
    done = True
    sys.stdout.flush()
    return code
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
    if not (is_filter or done):
      raise
    _leave_output()
    return 1
  except OSError as error:
    if error.filename is None and error.errno in _OF_OUTPUT:
      _leave_output()
      return fail(
        f'nothing more can be written ({error.strerror}); free some space, or '
        'send the output elsewhere'
      )
    if error.filename is None or error.errno not in _OF_A_PATH:
      raise
    return fail(
      f'{error.filename} cannot be used ({error.strerror}); give another path'
    )
  except MemoryError as error:
    return fail(_too_much(error))
  except RuntimeError as error:
    if str(error).startswith(_NO_MEMORY):
      return fail(_too_much(error))
    if not str(error).startswith(_NO_BACKEND):
      raise
    return fail(
      f'JAX cannot run on JAX_PLATFORMS={os.environ.get("JAX_PLATFORMS", "")} '
      f'here ({first_line(error)}); set JAX_PLATFORMS=cpu, or install jax for '
      'that device'
    )


def _too_much(error: BaseException) -> str:
  return (
    f'there is not enough memory ({first_line(error)}); ask for less at once, '
    'such as a smaller batch or shorter recordings'
  )


def _open_streams() -> None:
  """Gives a process something for streams that were closed before it began.

  Its first files would take their numbers, and what is printed would land in
  those. Nothing is read from such a stream, and what goes there is lost.
  """
  for name, mode in (('stdin', 'r'), ('stdout', 'w'), ('stderr', 'w')):
    if getattr(sys, name) is None:
      setattr(sys, name, pathlib.Path(os.devnull).open(mode))  # noqa: SIM115


def _leave_output() -> None:
  """Keeps Python from writing to stdout once more at its end."""
  with contextlib.suppress(OSError, ValueError):  # of a test
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _print_anything() -> None:
  """Lets a terminal that is not UTF-8 show question marks, not a traceback."""
  for stream in (sys.stdout, sys.stderr):
    if isinstance(stream, io.TextIOWrapper) and stream.errors == 'strict':
      with contextlib.suppress(OSError, ValueError):
        stream.reconfigure(errors='replace')


def fail(reason: object) -> int:
  """Prints what is wrong with the user's input; returns the exit code.

  Each line of an `InputError` is made harmless by itself: a newline within one is
  that of a name, and written out.
  """
  lines = (isinstance(reason, InputError) and reason.lines) or [str(reason)]
  print('error: ' + '\n'.join(map(text.printable, lines)), file=sys.stderr)
  return MISTAKE


class _Filled(argparse.Action):
  """Stores a value that is not empty.

  '' is what an option is by default where none is needed; who gives it, as a
  script does by a variable that nobody has set, means something else.
  """

  def __call__(
    self,
    parser: argparse.ArgumentParser,
    namespace: argparse.Namespace,
    values: str | Sequence[Any] | None,
    option_string: str | None = None,
  ) -> None:
    """Stores `values`."""
    if values == '' and option_string:
      raise argparse.ArgumentError(self, EMPTY)
    setattr(namespace, self.dest, values)


class Parser(argparse.ArgumentParser):
  """An `ArgumentParser` that repeats no control characters of its arguments.

  It refuses options whose value is empty.
  """

  def __init__(self, *args: Any, **options: Any) -> None:
    super().__init__(*args, **options)
    for name in (None, 'store'):
      self.register('action', name, _Filled)

  def error(self, message: str) -> NoReturn:
    """Prints the usage and what is wrong, and ends with code 2."""
    super().error(text.printable(message))
