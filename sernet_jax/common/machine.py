"""Cores and memory of this process."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import hashlib
import os
import pathlib
import platform
import sys

STATUS = pathlib.Path('/proc/self/status')


@functools.cache
def mark() -> str:
  """Returns 4 hex digits of the place in which a process number is one process.

  That is a machine, or a container, since it was started.
  """
  parts = [platform.node()]
  with contextlib.suppress(OSError):
    parts.append(pathlib.Path('/proc/sys/kernel/random/boot_id').read_text())
  with contextlib.suppress(OSError, NotImplementedError):
    parts.append(str(pathlib.Path('/proc/self/ns/pid').readlink()))
  return hashlib.sha256('\n'.join(parts).encode()).hexdigest()[:4]


def num_cores() -> int:
  """Returns how many cores this process may use."""
  if hasattr(os, 'sched_getaffinity'):
    return len(os.sched_getaffinity(0))
  return os.cpu_count() or 1


def take_cores(count: int) -> None:
  """Binds this process to `count` of its cores, where it can be bound."""
  if hasattr(os, 'sched_setaffinity'):
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-count:])


def one_thread_in_numpy() -> None:
  """Lets numpy multiply on one thread each; call it before numpy is loaded.

  The threads of its BLAS wait in a loop for each other: products of a few
  milliseconds take 15 times as long where other processes use the cores.
  """
  for library in ('OPENBLAS', 'MKL', 'VECLIB'):
    name = 'MAXIMUM_THREADS' if library == 'VECLIB' else 'NUM_THREADS'
    os.environ.setdefault(f'{library}_{name}', '1')


def give_back_memory() -> None:
  """Gives freed memory back to the system, where the C library keeps it.

  XLA's compiler frees hundreds of MiB in pieces, among which glibc would keep
  them for this process to its end.
  """
  try:
    trim = ctypes.CDLL(None).malloc_trim
  except (AttributeError, OSError, TypeError):  # another C library
    return
  trim(0)


def status_kib(field: str) -> int:
  """Returns an entry of /proc/self/status in KiB.

  Args:
    field: 'VmRSS' for the memory held now, 'VmHWM' for its maximum.

  Raises:
    OSError: if there is no such file (only Linux has it).
  """
  lines = STATUS.read_text().splitlines()
  return int(dict(line.split(':', 1) for line in lines)[field].split()[0])


def peak_mib() -> float:
  """Returns the maximum memory that this process has held, in MiB."""
  try:
    # Not getrusage, which on Linux includes the peak of the parent.
    return status_kib('VmHWM') / 1024
  except OSError:
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == 'darwin' else 1 << 10)
