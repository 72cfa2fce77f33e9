"""Facts of the machine, for processes that measure one model."""

from __future__ import annotations

import os
import pathlib
import sys

STATUS = pathlib.Path('/proc/self/status')


def num_cores() -> int:
  """Returns how many cores this process may use."""
  if hasattr(os, 'sched_getaffinity'):
    return len(os.sched_getaffinity(0))
  return os.cpu_count() or 1


def take_cores(count: int) -> None:
  """Binds this process to `count` of its cores, where it can be bound."""
  if hasattr(os, 'sched_setaffinity'):
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-count:])


def status_kib(field: str) -> int:
  """A line of the kernel's account of this process.

  Args:
    field: 'VmRSS' for the memory held now, 'VmHWM' for the most.

  Raises:
    OSError: where there is no such account (Linux has one).
  """
  lines = STATUS.read_text().splitlines()
  return int(dict(line.split(':', 1) for line in lines)[field].split()[0])


def peak_mib() -> float:
  """Most memory this process has held."""
  try:
    # Not from getrusage, which on Linux knows the parent's peak as well.
    return status_kib('VmHWM') / 1024
  except OSError:
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == 'darwin' else 1 << 10)
