"""The jobs of a sweep, planned and checked before any of them runs.

A sweep's folder holds `sweep.json` (what it is), one ordinary run folder per
job, `logs/` and at the end the comparison. Nothing else is stored: whether a
job is done is read from its folder, and `sernet_jax.main` resumes an
unfinished one.
"""

from __future__ import annotations

import dataclasses
import json
import pathlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from sernet_jax.common import files
from sernet_jax.common.errors import InputError, require
from sernet_jax.corpora import protocols
from sernet_jax.corpora.specs import DataSpec
from sernet_jax.corpora.utterances import Corpus
from sernet_jax.results import run_folder
from sernet_jax.runs import config as config_lib, differences
from sernet_jax.runs.data import load_corpus
from sernet_jax.sweep import seeds_together
from sernet_jax.sweep.comparison import comparable
from sernet_jax.sweep.grid import SWEEP, Job
from sernet_jax.sweep.settings import setting_name


@dataclasses.dataclass(frozen=True)
class Planned:
  """A job with its folder, its command and the amount of its work.

  Attributes:
    job: the settings.
    folder: run folder of the job.
    arguments: command line of `sernet_jax.main`.
    log: file for what the job prints.
    num_folds: folds of the protocol.
    tested: what the job is tested on, once for each seed.
  """

  job: Job
  folder: run_folder.RunFolder
  arguments: list[str]
  log: pathlib.Path
  num_folds: int
  tested: tuple[comparable.Tested, ...]

  @property
  def name(self) -> str:
    """Name of the job and of its folder."""
    return self.job.name

  @property
  def setting(self) -> str:
    """Name of its setting: all changes but the seed."""
    return setting_name(self.job.changes)

  @property
  def fold_epochs(self) -> int:
    """The whole work in epochs of one fold and seed."""
    train = self.job.experiment.train
    return self.num_folds * train.seeds * train.epochs

  def finished(self) -> bool:
    """True if its folder holds results of these settings, and their report.

    A job that was killed while it drew the report draws it when run again.
    """
    folder = self.folder
    if not all(
      path.exists() for path in (folder.results, folder.config, folder.report)
    ):
      return False
    settings = config_lib.to_dict(self.job.config)
    return self.folder.read_results().epochs == settings['train'][
      'epochs'
    ] and not differences.between(settings, self.folder.read_config())


def plan(
  jobs: Sequence[Job],
  workdir: pathlib.Path,
  config_file: str,
  overrides: Mapping[str, Any],
) -> list[Planned]:
  """Checks every job against its corpus, before any of them runs.

  Args:
    jobs: all jobs of the grid.
    workdir: folder of the sweep.
    config_file: value of --config.
    overrides: field -> value, set on the command line for all jobs.

  Raises:
    InputError: if a corpus is missing, a protocol does not fit it, or the
      figures of the jobs could not be compared.
  """
  corpora: dict[DataSpec, Corpus] = {}
  tests: dict[str, tuple[int, Counter]] = {}
  planned = []
  for job in jobs:
    experiment = job.experiment
    # Fields that leave the list of utterances as it is are set to one value.
    data = dataclasses.replace(
      experiment.data, on_bad_file='error', cache_dir=''
    )
    if data not in corpora:
      corpora[data] = load_corpus(experiment)
    corpus = corpora[data]
    key = f'{data} {experiment.protocol} {experiment.seeds}'
    if key not in tests:
      tests[key] = _tests(job, corpus)
    num_folds, utterances = tests[key]
    planned.append(
      Planned(
        job=job,
        folder=run_folder.RunFolder(workdir / job.name),
        arguments=arguments(job, workdir, config_file, overrides),
        log=workdir / 'logs' / f'{job.name}.txt',
        num_folds=num_folds,
        tested=_tested(job, corpus, utterances),
      )
    )
  comparable.require_comparable(
    [tested for each in planned for tested in each.tested]
  )
  return planned


def arguments(
  job: Job,
  workdir: pathlib.Path,
  config_file: str,
  overrides: Mapping[str, Any],
) -> list[str]:
  """Returns the command line of a job; arguments as for `plan`."""
  changes = {**overrides, **job.changes}
  return [
    f'--config={config_file}',
    *(f'--config.{field}={value}' for field, value in changes.items()),
    f'--workdir={workdir / job.name}',
  ]


def _tests(job: Job, corpus: Corpus) -> tuple[int, Counter]:
  """Returns the number of folds, and how often each utterance is tested."""
  experiment = job.experiment
  folds = protocols.make(corpus, experiment.protocol, experiment.seed)
  if 'train.seeds' in job.changes:
    seeds_together.require_same_folds(experiment, corpus)
  tested = (corpus.utterances[int(i)] for fold in folds for i in fold.test)
  return len(folds), Counter((u.name, u.speaker, u.label) for u in tested)


def _tested(
  job: Job, corpus: Corpus, utterances: Counter
) -> tuple[comparable.Tested, ...]:
  """Returns what a job is tested on, once for each of its seeds."""
  return tuple(
    comparable.Tested(
      run=job.name,
      setting=setting_name(job.changes),
      seed=seed,
      corpus=corpus.name,
      protocol=job.experiment.protocol.name,
      classes=tuple(corpus.classes),
      utterances=utterances,
    )
    for seed in job.experiment.seeds
  )


def check_folder(
  workdir: pathlib.Path, config: dict[str, Any], jobs: Sequence[Job]
) -> dict[str, Any]:
  """Returns content for sweep.json, if the folder is new or holds this sweep.

  A grid may grow: it has to contain every former job.

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
    expected = {'run.lock', path.name}
    stray = sorted(
      entry.name
      for entry in workdir.iterdir()
      if files.name_when_written(entry) not in expected
    )
    require(
      not stray,
      f'{workdir} holds {", ".join(stray[:3])} but no sweep; choose an empty '
      'or new --workdir',
    )
  return {'config': config, 'fields': fields, 'jobs': now}


def _require_same_sweep(
  path: pathlib.Path,
  config: dict[str, Any],
  fields: Sequence[str],
  now: Mapping[str, Any],
) -> None:
  """Refuses other axes, missing jobs or other settings than those at `path`."""
  before = files.read_json(path, ('config', 'fields', 'jobs'), SWEEP)
  seeds_together.require_same_way(path.parent, before['fields'], fields)
  require(
    before['fields'] == fields,
    f'{path.parent} is a sweep over {", ".join(before["fields"])}, not over '
    f'{", ".join(fields)}; repeat its axes or choose another --workdir',
  )
  # By its changes too: older versions named some folders in another way.
  kept = [*now.values()] if before['jobs'].keys() - now.keys() else []
  lost = [
    name
    for name, changes in before['jobs'].items()
    if name not in now and changes not in kept
  ]
  require(
    not lost,
    f'{path.parent} is a sweep with the job {lost[0] if lost else ""}, which '
    'this grid leaves out (a grid may only grow); repeat its axes, or choose '
    'another --workdir',
  )
  changed = [
    row
    for row in differences.between(config, before['config'])
    if row[0] not in fields
  ]
  if changed:
    field, value, former = changed[0]
    raise InputError(
      f'{path.parent} is a sweep with {field}={former!r}, not {value!r}; '
      'repeat its settings or choose another --workdir'
    )
