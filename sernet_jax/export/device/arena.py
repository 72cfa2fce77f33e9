"""Smallest arena that TensorFlow Lite Micro runs a model in, measured.

python -m sernet_jax.export.device.arena MODEL.tflite

Runs in a process of its own, as the interpreter writes to the console and
trusts what it reads. On a machine with 64-bit pointers the arena is slightly
larger than on a microcontroller.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import pathlib
import subprocess
import sys
from collections.abc import Callable

from sernet_jax.common.errors import InputError, first_line

_ALIGNMENT = 16
_MOST = 1 << 26
_TIMEOUT_S = 300


def version() -> str | None:
  """Version of the package tflite-micro; None if it is not installed."""
  if importlib.util.find_spec('tflite_micro') is None:
    return None
  return importlib.metadata.version('tflite-micro')


def measured(path: pathlib.Path) -> int:
  """Bytes of the smallest arena for a file.

  Raises:
    InputError: if the interpreter does not run the file.
  """
  result = subprocess.run(
    [sys.executable, '-m', __name__, str(path)],
    capture_output=True,
    text=True,
    timeout=_TIMEOUT_S,
  )
  if result.returncode:
    last = (result.stderr.strip().splitlines() or ['no message'])[-1]
    raise InputError(
      f'{path} does not run in TensorFlow Lite Micro ({first_line(last)}); '
      'export it again and report this if it stays'
    )
  return int(result.stdout.split()[-1])


def smallest(runs: Callable[[int], bool], most: int) -> int:
  """Smallest multiple of 16 bytes at which `runs`; it runs at `most`."""
  low, high = 0, -(-most // _ALIGNMENT)  # it does not run at low
  while high - low > 1:
    middle = (low + high) // 2
    low, high = (low, middle) if runs(middle * _ALIGNMENT) else (middle, high)
  return high * _ALIGNMENT


def main(argv: list[str]) -> None:
  """Prints the bytes."""
  import numpy as np
  from tflite_micro import runtime

  content = pathlib.Path(argv[0]).read_bytes()

  def runs(arena_bytes: int) -> bool:
    try:
      runtime.Interpreter.from_bytes(content, arena_size=arena_bytes)
    except RuntimeError:
      return False
    return True

  if not runs(_MOST):
    raise SystemExit(f'no arena of up to {_MOST} bytes is enough')
  found = smallest(runs, _MOST)
  # Once in the smallest one, so that it is known to be enough for a whole run.
  interpreter = runtime.Interpreter.from_bytes(content, arena_size=found)
  details = interpreter.get_input_details(0)
  interpreter.set_input(np.zeros(details['shape'], details['dtype']), 0)
  interpreter.invoke()
  print(found)


if __name__ == '__main__':
  main(sys.argv[1:])
