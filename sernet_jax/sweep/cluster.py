"""Jobs of a sweep through submitit: on Slurm, or on this machine.

submitit, not Ray: the jobs are independent and take hours, so a queue that
clusters already have is all they need. Ray would bring servers of its own
that have to be up for as long as the sweep, inside an allocation that is as
large as the sweep; submitit is a small package that writes sbatch scripts,
and a job that is preempted or out of time saves its state and is queued
again.
"""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import time
from collections.abc import Sequence
from typing import Any

from sernet_jax.common import extras, files
from sernet_jax.common.errors import InputError, require
from sernet_jax.sweep import local_processes
from sernet_jax.sweep.grid import SWEEP
from sernet_jax.sweep.planning import Planned

_DEFAULTS: dict[str, Any] = {'timeout_min': 24 * 60, 'cpus_per_task': 1}
_SAVING_S = 120  # one epoch of a fold, and the checkpoint
_ALL = 1_000_000  # slots: Slurm limits what runs at once
_LIVE = ('PENDING', 'RUNNING', 'REQUEUED', 'COMPLETING', 'CONFIGURING')


class Task:
  """A job as submitit pickles and runs it: one process.

  submitit calls `checkpoint` before a job is preempted or out of time, and
  queues what it returns. A pickle names this class by its module, so a job
  that was queued by a version in which it lay elsewhere ends with an error;
  the same sweep command submits it again.
  """

  def __init__(
    self, arguments: Sequence[str], log: pathlib.Path, **options: Any
  ):
    self._arguments, self._log = list(arguments), log
    self._options = options
    self._process: subprocess.Popen | None = None

  def __getstate__(self) -> dict[str, Any]:
    # Queued again, a task is pickled while it runs; its process stays here.
    return {**self.__dict__, '_process': None}

  def __call__(self) -> int:
    """Runs the job; returns its exit code."""
    self._process = process = local_processes.spawn(
      self._arguments, self._log, **self._options
    )
    if os.environ.get('SUBMITIT_EXECUTOR') == 'local':
      # Slurm signals every process of a job itself; once is enough.
      signal.signal(signal.SIGTERM, lambda *_: self._ask())
    while process.poll() is None:
      time.sleep(0.5)
    return process.returncode

  def checkpoint(self) -> Any:
    """Lets the run save its state; returns the job that resumes it."""
    import submitit

    self._ask()
    # Slurm kills what still runs _SAVING_S after its signal; 20 s are left to
    # queue the job again.
    end = time.monotonic() + _SAVING_S - 20
    while self._runs() and time.monotonic() < end:
      time.sleep(0.2)
    return submitit.helpers.DelayedSubmission(self)

  def _ask(self) -> None:
    if self._process is not None and self._process.poll() is None:
      self._process.send_signal(signal.SIGTERM)

  def _runs(self) -> bool:
    return self._process is not None and self._process.poll() is None


class Cluster:
  """An `Engine`: submitit's Slurm executor, or its local one for tests.

  Jobs on Slurm stay in the queue when the sweep is stopped; the same command
  watches them again.
  """

  def __init__(
    self,
    name: str,
    processes: int,
    parameters: Sequence[str],
    folder: pathlib.Path,
  ):
    try:
      import submitit
    except ImportError:
      raise extras.missing(f'--engine={name} needs', 'slurm') from None
    require(processes >= 1, f'--processes is {processes}; give 1 or more')
    self._submitit = submitit
    self.detached = name == 'slurm'
    self.slots = _ALL if self.detached else processes
    self._ids = folder / 'queue.json'
    self._folder = folder
    values = {**_DEFAULTS, **dict(_parameter(text) for text in parameters)}
    if self.detached:
      values = {
        'slurm_signal_delay_s': _SAVING_S,
        'slurm_array_parallelism': processes if processes > 1 else 256,
        **values,
      }
    self._options = {
      'one_thread': self.detached and values['cpus_per_task'] == 1
    }
    try:
      self._executor = submitit.AutoExecutor(folder=folder, cluster=name)
      self._executor.update_parameters(name='sernet', **values)
    except (NameError, ValueError, TypeError, RuntimeError) as error:
      text = ' '.join(str(error).split())
      raise InputError(
        f'submitit cannot use --engine={name} with these --cluster parameters '
        f'({text}); correct them, or use --engine=processes'
      ) from error
    files.make_folder(folder, SWEEP)

  def start(self, jobs: Sequence[Planned]) -> list[tuple[Any, Planned]]:
    """Submits jobs; a job that is already in the queue is watched again."""
    known = self._queue() if self.detached else {}
    live = {job.name: known[job.name] for job in jobs if job.name in known}
    new = [job for job in jobs if job.name not in live]
    tasks = [Task(job.arguments, job.log, **self._options) for job in new]
    submitted = self._submit(tasks)
    for job, handle in zip(new, submitted, strict=True):
      live[job.name] = handle
    if self.detached and new:
      ids = {name: handle.job_id for name, handle in {**known, **live}.items()}
      files.write_json(self._ids, ids, SWEEP)
    return [(live[job.name], job) for job in jobs]

  def poll(self, handle: tuple[Any, Planned]) -> int | None:
    """Returns how a job ended, None while it runs; see `Engine`."""
    submitted, job = handle
    if not submitted.done():
      return None
    try:
      return int(submitted.result())
    except self._submitit.core.utils.UncompletedJobError as error:
      with files.writing(job.log, SWEEP):
        files.make_folder(job.log.parent, SWEEP)
        with job.log.open('a', encoding='utf-8') as log:
          log.write(' '.join(str(error).split())[:500] + '\n')
      return 1

  def stop(self, handle: tuple[Any, Planned]) -> None:
    """Stops a job on this machine; see `Engine`."""
    process = getattr(handle[0], '_process', None)
    if process is not None and process.poll() is None:
      process.send_signal(signal.SIGTERM)

  def exit_note(self) -> str:
    """Names the jobs that stay in the queue."""
    ids = ' '.join(sorted(handle.job_id for handle in self._queue().values()))
    return f'{len(ids.split())} jobs stay in the queue (scancel {ids})'

  def _submit(self, tasks: Sequence[Task]) -> list[Any]:
    if not tasks:
      return []
    if not self.detached:
      return [self._executor.submit(task) for task in tasks]
    with self._executor.batch():  # one array
      submitted = [self._executor.submit(task) for task in tasks]
    return submitted

  def _queue(self) -> dict[str, Any]:
    """Jobs by name that an earlier sweep submitted and Slurm still has."""
    if not self._ids.exists():
      return {}
    submitted: dict[str, Any] = {
      name: self._submitit.SlurmJob(self._folder, number)
      for name, number in files.read_json(self._ids, cure=SWEEP).items()
    }
    return {
      name: handle
      for name, handle in submitted.items()
      if handle.watcher.get_state(handle.job_id, mode='force') in _LIVE
    }


def _parameter(text: str) -> tuple[str, int | str]:
  name, equals, value = text.partition('=')
  require(
    bool(name and equals and value),
    f'--cluster={text} is not a parameter; write one such as timeout_min=600',
  )
  return name, int(value) if value.isdigit() else value
