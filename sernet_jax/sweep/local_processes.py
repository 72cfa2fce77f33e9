"""Jobs of a sweep as processes on this machine, one or some at a time."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence

from sernet_jax.common import files
from sernet_jax.common.errors import require
from sernet_jax.sweep.grid import SWEEP
from sernet_jax.sweep.planning import Planned

_ONE_THREAD = '--xla_cpu_multi_thread_eigen=false'
_BINDS = hasattr(os, 'sched_getaffinity')


class Processes:
  """An `Engine`: each job a process of its own.

  With several at once each is bound to its own cores, because on CPUs one
  process per core beats threads inside an operation. One alone is an ordinary
  run on all cores.
  """

  detached = False

  def __init__(self, count: int = 1):
    require(count >= 1, f'--processes is {count}; give 1 or more')
    cores = sorted(os.sched_getaffinity(0)) if _BINDS else []
    require(
      not _BINDS or count <= len(cores),
      f'--processes is {count}, but this process may use '
      f'{len(cores)} cores; give at most that',
    )
    self.slots = count
    each = max(1, len(cores) // count)
    self._free = [
      cores[index * each : (index + 1) * each] if count > 1 else []
      for index in range(count)
    ]

  def start(
    self, jobs: Sequence[Planned]
  ) -> list[tuple[subprocess.Popen, list[int]]]:
    """Starts jobs, each on free cores; see `Engine`."""
    handles = []
    for job in jobs:
      cores = self._free.pop(0)
      handles.append((spawn(job.arguments, job.log, cores, self.slots), cores))
    return handles

  def poll(self, handle: tuple[subprocess.Popen, list[int]]) -> int | None:
    """Frees the cores of a job that ended; see `Engine`."""
    process, cores = handle
    code = process.poll()
    if code is not None:
      self._free.append(cores)
    return code

  def stop(self, handle: tuple[subprocess.Popen, list[int]]) -> None:
    """Asks a job to end; see `Engine`."""
    if handle[0].poll() is None:
      handle[0].send_signal(signal.SIGTERM)

  def exit_note(self) -> str:
    """Returns nothing to say: no job outlives the sweep; see `Engine`."""
    return ''


def spawn(
  arguments: Sequence[str],
  log: pathlib.Path,
  cores: Sequence[int] = (),
  beside: int = 1,
  one_thread: bool = False,
) -> subprocess.Popen:
  """Starts `sernet_jax.main` in a session of its own, with its output in a log.

  Ctrl-C then reaches the sweep alone, which asks once for a clean stop.

  Args:
    arguments: command line of `main`.
    log: file to append to.
    cores: cores to bind the process to; none for all.
    beside: how many such processes share the machine.
    one_thread: compute with one thread, as is best on one core.
  """
  files.make_folder(log.parent, SWEEP)
  command = [sys.executable, '-m', 'sernet_jax.main', *arguments]
  bound = ','.join(map(str, cores)) or '-'
  start = [sys.executable, '-m', 'sernet_jax.sweep.worker', str(os.getpid())]
  with files.writing(log, SWEEP), log.open('ab') as output:
    return subprocess.Popen(
      [*start, bound, *command],
      stdin=subprocess.DEVNULL,
      stdout=output,
      stderr=subprocess.STDOUT,
      start_new_session=True,
      env=_environment(os.environ, one_thread or len(cores) == 1, beside),
    )


def _environment(
  outer: Mapping[str, str], one_thread: bool, beside: int
) -> dict[str, str]:
  inner = dict(outer)
  if one_thread and _ONE_THREAD not in inner.get('XLA_FLAGS', ''):
    inner['XLA_FLAGS'] = f'{inner.get("XLA_FLAGS", "")} {_ONE_THREAD}'.strip()
  if beside > 1:  # they share an accelerator's memory, where there is one
    inner.setdefault('XLA_PYTHON_CLIENT_MEM_FRACTION', f'{0.9 / beside:.2f}')
  return inner
