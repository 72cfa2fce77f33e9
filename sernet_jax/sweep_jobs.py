"""The jobs of a sweep: planned before any runs, run, resumed, reported.

A sweep's folder holds `sweep.json` (what it is), one ordinary run folder per
job, `logs/` and at the end the comparison. Nothing else is stored: whether a
job is done is read from its folder, and an unfinished one goes on by the
resume of `sernet_jax.main`.
"""

from __future__ import annotations

import collections
import dataclasses
import json
import pathlib
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import tqdm

from sernet_jax import (
  comparable,
  comparison,
  config as config_lib,
  files,
  interrupt,
  progress_bar,
  protocols,
  records,
  run as run_lib,
  sweep_seeds,
)
from sernet_jax.spec import InputError, require
from sernet_jax.sweep_grid import Job

_POLL_S = 0.3
# Settings of the data that leave the list of utterances as it is.
_SAME_UTTERANCES = ('duration_s', 'segments', 'on_bad_file', 'cache_dir')


@dataclasses.dataclass(frozen=True)
class Planned:
  """A job with its folder, its command and how much work it is."""

  job: Job
  folder: records.RunFolder
  arguments: list[str]
  log: pathlib.Path
  num_folds: int
  tested: tuple[comparable.Tested, ...]  # one for each seed

  @property
  def name(self) -> str:
    """Of the job and of its folder."""
    return self.job.name

  @property
  def setting(self) -> str:
    """What it changes, without the seed."""
    return comparison.setting_name(self.job.changes)

  @property
  def fold_epochs(self) -> int:
    """The whole work, one epoch of one fold and seed being 1."""
    train = self.job.experiment.train
    return self.num_folds * train.seeds * train.epochs

  def finished(self) -> bool:
    """Whether its results are there, of these settings."""
    if not (self.folder.results.exists() and self.folder.config.exists()):
      return False
    settings = config_lib.to_dict(self.job.config)
    return self.folder.read_results()['epochs'] == settings['train'][
      'epochs'
    ] and not config_lib.differences(settings, self.folder.read_config())


class Engine(Protocol):
  """Where jobs run.

  Attributes:
    slots: how many may be started before one has ended.
    detached: whether jobs go on when the sweep is stopped.
  """

  slots: int
  detached: bool

  def start(self, jobs: Sequence[Planned]) -> list[Any]:
    """Starts jobs, at most as many as there are free slots."""

  def poll(self, handle: Any) -> int | None:
    """The exit code of a job that has ended."""

  def stop(self, handle: Any) -> None:
    """Asks a job to save its state and end."""

  def farewell(self) -> str:
    """What to know of jobs that outlive the sweep."""


def plan(
  jobs: Sequence[Job],
  workdir: pathlib.Path,
  config_file: str,
  overrides: Mapping[str, Any],
) -> list[Planned]:
  """Checks every job against its corpus, before any of them runs.

  Args:
    jobs: of the grid.
    workdir: of the sweep.
    config_file: value of --config.
    overrides: field -> value, set on the command line for all jobs.

  Raises:
    InputError: if a corpus is missing, a protocol does not fit it, or the
      figures of the jobs could not be compared.
  """
  corpora: dict[str, Any] = {}
  tests: dict[str, tuple[int, Any]] = {}
  planned = []
  for job in jobs:
    experiment = job.experiment
    kept = {
      k: v for k, v in experiment.data.items() if k not in _SAME_UTTERANCES
    }
    data = json.dumps(kept, sort_keys=True)
    if data not in corpora:
      corpora[data] = run_lib.load_corpus(experiment)
    corpus = corpora[data]
    key = f'{data} {experiment.protocol} {experiment.seeds}'
    if key not in tests:
      folds = protocols.make(corpus, experiment.protocol, experiment.seed)
      if 'train.seeds' in job.changes:
        sweep_seeds.require_same_folds(experiment, corpus)
      places = (int(place) for fold in folds for place in fold.test)
      tests[key] = (
        len(folds),
        collections.Counter(
          (u.name, u.speaker, u.label)
          for u in (corpus.utterances[place] for place in places)
        ),
      )
    num_folds, utterances = tests[key]
    folder = workdir / job.name
    changes = {**overrides, **job.changes}
    planned.append(
      Planned(
        job=job,
        folder=records.RunFolder(folder),
        arguments=[
          f'--config={config_file}',
          *(f'--config.{field}={value}' for field, value in changes.items()),
          f'--workdir={folder}',
        ],
        log=workdir / 'logs' / f'{job.name}.txt',
        num_folds=num_folds,
        tested=tuple(
          comparable.Tested(
            run=job.name,
            setting=comparison.setting_name(job.changes),
            seed=seed,
            corpus=corpus.name,
            protocol=experiment.protocol.name,
            classes=tuple(corpus.classes),
            utterances=utterances,
          )
          for seed in experiment.seeds
        ),
      )
    )
  comparable.require_comparable(
    [tested for each in planned for tested in each.tested]
  )
  return planned


def check_folder(
  workdir: pathlib.Path, config: Mapping[str, Any], jobs: Sequence[Job]
) -> dict[str, Any]:
  """Content for sweep.json, if the folder is new or holds this sweep.

  A grid may grow: every former job has to be in it still.

  Raises:
    InputError: if the folder holds something else or another sweep.
  """
  path = workdir / 'sweep.json'
  fields = list(jobs[0].changes)
  now = {job.name: json.loads(json.dumps(job.changes)) for job in jobs}
  if path.exists():
    _require_same_sweep(path, config, fields, now)
  elif workdir.exists():
    require(workdir.is_dir(), f'{workdir} is a file; choose a --workdir')
    stray = sorted(p.name for p in workdir.iterdir() if p.name != 'run.lock')
    require(
      not stray,
      f'{workdir} holds {", ".join(stray[:3])} but no sweep; choose an empty '
      'or new --workdir',
    )
  return {'config': config, 'fields': fields, 'jobs': now}


def _require_same_sweep(path, config, fields, now) -> None:
  before = files.read_json(path, ('config', 'fields', 'jobs'))
  sweep_seeds.require_same_way(path.parent, before['fields'], fields)
  require(
    before['fields'] == fields,
    f'{path.parent} is a sweep over {", ".join(before["fields"])}, not over '
    f'{", ".join(fields)}; repeat its axes or choose another --workdir',
  )
  lost = [name for name in before['jobs'] if name not in now]
  require(
    not lost,
    f'{path.parent} is a sweep with the job {lost[0] if lost else ""}, which '
    'this grid leaves out (a grid may only grow); repeat its axes, or choose '
    'another --workdir',
  )
  changed = [
    row
    for row in config_lib.differences(config, before['config'])
    if row[0] not in fields
  ]
  if changed:
    field, value, former = changed[0]
    raise InputError(
      f'{path.parent} is a sweep with {field}={former!r}, not {value!r}; '
      'repeat its settings or choose another --workdir'
    )


def execute(planned: Sequence[Planned], engine: Engine) -> dict[str, str]:
  """Runs what is not done yet.

  Returns:
    Job -> why it failed, of those that did.

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
    words = f'stopped with {done} of {len(planned)} jobs done'
    words = '; '.join(filter(None, [words, engine.farewell()]))
    raise interrupt.Stopped(
      stop[0], f'{words}; run the same command again to go on'
    )
  return failed


def _take(waiting: collections.deque[Planned], count: int) -> list[Planned]:
  """The next jobs whose folder no other process holds."""
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


def _held(folder: records.RunFolder) -> bool:
  if not folder.lock_file.exists():
    return False
  try:
    with folder.lock():
      return False
  except InputError:
    return True


def _stop(active: Mapping[str, tuple[Planned, Any]], engine: Engine) -> None:
  """Ends what runs; asked twice by a second signal, it does not wait."""
  try:
    _stop_and_wait(active, engine)
  except interrupt.Stopped:
    for _, handle in active.values():
      engine.stop(handle)  # the second request: without saving
    raise


def _stop_and_wait(active, engine) -> None:
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
    """Epochs of folds that are done, at most the whole work."""
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
    """How many more than at the last reading; negative after a cut."""
    before = min(self._lines, self._most)
    return self.read() - before


def _running(active, failed) -> str:
  names = ' '.join(active) or 'waiting for a job that is still stopping'
  return f'{len(failed)} failed, {names}' if failed else names


def _say(bar: tqdm.tqdm, line: str) -> None:
  bar.write(line, file=sys.stdout)
  sys.stdout.flush()


def _reason(job: Planned, code: int) -> str:
  """What its log says last, with the place of the log."""
  try:
    lines = job.log.read_text('utf-8', 'replace').splitlines()
  except OSError:
    lines = []
  said = [line.strip() for line in lines if line.strip()]
  how = f'killed by signal {-code}' if code < 0 else f'exit code {code}'
  text = said[-1] if said and code >= 0 else how
  return f'{text} (log: {job.log})'
