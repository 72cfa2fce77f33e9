"""Starts, follows and stops the jobs of a sweep on an engine."""

from __future__ import annotations

import collections
import pathlib
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import tqdm

from sernet_jax.common import interrupt, progress_bar
from sernet_jax.common.errors import InputError, require
from sernet_jax.results import run_folder
from sernet_jax.sweep.cluster import Cluster
from sernet_jax.sweep.local_processes import Processes
from sernet_jax.sweep.planning import Planned

_POLL_S = 0.3


class Engine(Protocol):
  """A place where jobs run.

  Attributes:
    slots: number of jobs that may run at once.
    detached: True if jobs outlive a sweep that is stopped.
  """

  slots: int
  detached: bool

  def start(self, jobs: Sequence[Planned]) -> list[Any]:
    """Starts jobs, at most as many as there are free slots."""

  def poll(self, handle: Any) -> int | None:
    """Returns the exit code of a job that has ended, else None."""

  def stop(self, handle: Any) -> None:
    """Asks a job to save its state and end."""

  def exit_note(self) -> str:
    """Returns what to know of jobs that outlive the sweep, or an empty text."""


def make_engine(
  name: str, processes: int, parameters: Sequence[str], workdir: pathlib.Path
) -> Engine:
  """Makes the engine 'processes', 'slurm' or, for tests, 'local'.

  Args:
    name: name of the engine.
    processes: number of jobs at once.
    parameters: parameters of the cluster, as name=value.
    workdir: folder of the sweep.
  """
  if name == 'processes':
    require(
      not parameters,
      f'--cluster={parameters[0] if parameters else ""} is for --engine=slurm '
      'or local; leave it out, or name that engine',
    )
    return Processes(processes)
  return Cluster(name, processes, parameters, workdir / 'logs' / 'cluster')


def execute(planned: Sequence[Planned], engine: Engine) -> dict[str, str]:
  """Runs the jobs that are not done yet.

  Returns:
    Name -> reason of the jobs that failed.

  Raises:
    interrupt.Stopped: after SIGINT or SIGTERM, when every running job has
      saved its state and ended.
  """
  waiting = collections.deque(job for job in planned if not job.finished())
  done = len(planned) - len(waiting)
  active: dict[str, tuple[Planned, Any]] = {}
  failed: dict[str, str] = {}
  counts = {job.name: _Epochs(job) for job in planned}
  bar = progress_bar.make(
    total=sum(job.fold_epochs for job in planned),
    initial=sum(count.read() for count in counts.values()),
    unit='epoch',
    desc='epochs of folds',
    smoothing=0.05,
  )
  with interrupt.signals() as stop, bar:
    try:
      while (waiting or active) and not stop:
        free = _take(waiting, engine.slots - len(active))
        for job, handle in zip(free, engine.start(free), strict=True):
          active[job.name] = (job, handle)
        bar.set_description(f'{done} of {len(planned)} jobs')
        bar.set_postfix_str(_running(active, failed))
        time.sleep(_POLL_S)
        for name, (job, handle) in list(active.items()):
          bar.update(counts[name].news())
          code = engine.poll(handle)
          if code is None:
            continue
          del active[name]
          # Once more: epochs that ended between the two looks.
          bar.update(counts[name].news())
          if code == 0 and job.finished():
            done += 1
            _say(bar, f'done    {name}')
          else:
            failed[name] = _reason(job, code)
            _say(bar, f'failed  {name}: {failed[name]}')
    finally:
      if not engine.detached:
        _stop(active, engine)
  if stop:
    done = sum(job.finished() for job in planned)
    note = f'stopped with {done} of {len(planned)} jobs done'
    note = '; '.join(filter(None, [note, engine.exit_note()]))
    raise interrupt.Stopped(
      stop[0], f'{note}; run the same command again to go on'
    )
  return failed


def _take(waiting: collections.deque[Planned], count: int) -> list[Planned]:
  """Takes the next jobs whose folder no other process holds."""
  free: list[Planned] = []
  for _ in range(len(waiting)):
    if len(free) == count:
      break
    job = waiting.popleft()
    if _held(job.folder):
      waiting.append(job)  # a run that outlived its sweep is still saving
    else:
      free.append(job)
  return free


def _held(folder: run_folder.RunFolder) -> bool:
  if not folder.lock_file.exists():
    return False
  try:
    # Only trying tells: the file stays behind when a lock is released.
    with folder.lock():
      return False
  except InputError:
    return True


def _stop(active: Mapping[str, tuple[Planned, Any]], engine: Engine) -> None:
  """Ends the running jobs; a second signal ends the waiting for them."""
  try:
    _stop_and_wait(active, engine)
  except interrupt.Stopped:
    for _, handle in active.values():
      engine.stop(handle)  # the second request: without saving
    raise


def _stop_and_wait(
  active: Mapping[str, tuple[Planned, Any]], engine: Engine
) -> None:
  for _, handle in active.values():
    engine.stop(handle)
  for job, handle in active.values():
    while engine.poll(handle) is None or _held(job.folder):
      time.sleep(_POLL_S)


class _Epochs:
  """Counts the lines of a growing metrics.jsonl."""

  def __init__(self, job: Planned):
    self._path = job.folder.metrics
    self._most = job.fold_epochs
    self._size = self._lines = 0

  def read(self) -> int:
    """Returns the epochs of folds that are done, at most the whole work."""
    try:
      size = self._path.stat().st_size
      if size < self._size:  # cut back to a checkpoint
        self._size = self._lines = 0
      if size > self._size:
        with self._path.open('rb') as file:
          file.seek(self._size)
          content = file.read(size - self._size)
        self._lines += content.count(b'\n')
        self._size += len(content)
    except OSError:
      self._size = self._lines = 0  # not begun, or being replaced
    return min(self._lines, self._most)

  def news(self) -> int:
    """Returns the change since the last reading; negative after a cut."""
    before = min(self._lines, self._most)
    return self.read() - before


def _running(active: Iterable[str], failed: Mapping[str, str]) -> str:
  names = ' '.join(active) or 'waiting for a job that is still stopping'
  return f'{len(failed)} failed, {names}' if failed else names


def _say(bar: tqdm.tqdm, line: str) -> None:
  bar.write(line, file=sys.stdout)
  sys.stdout.flush()


def _reason(job: Planned, code: int) -> str:
  """Returns the last line of a job's log, and where the log is."""
  try:
    lines = job.log.read_text('utf-8', 'replace').splitlines()
  except OSError:
    lines = []
  lines = [line.strip() for line in lines if line.strip()]
  how = f'killed by signal {-code}' if code < 0 else f'exit code {code}'
  text = lines[-1].removeprefix('error: ') if lines and code >= 0 else how
  return f'{text} (log: {job.log})'
