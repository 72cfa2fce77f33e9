"""Jobs of a sweep and their settings, from its axes.

The jobs are all combinations of the axes; the last one changes fastest.
"""

from __future__ import annotations

import copy
import dataclasses
import itertools
import json
import math
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import ml_collections

from sernet_jax.common import files, trees
from sernet_jax.common.errors import InputError, require
from sernet_jax.results.run_folder import RunFolder
from sernet_jax.runs import config as config_lib
from sernet_jax.sweep.axes import Axis
from sernet_jax.sweep.settings import format_value

MANY_JOBS = 1_000

# What to do about a file of a sweep.
SWEEP = files.Cure('--workdir', 'run the sweep with this --workdir again')


@dataclasses.dataclass(frozen=True)
class Job:
  """One run of a sweep.

  Attributes:
    name: readable, and the name of its folder.
    changes: field -> value.
    config: all settings.
    experiment: the settings, checked.
  """

  name: str
  changes: dict[str, Any]
  config: ml_collections.ConfigDict
  experiment: config_lib.Experiment


def count(axes: Sequence[Axis]) -> int:
  """Number of jobs of a grid."""
  return math.prod(len(axis.values) for axis in axes)


def jobs(
  config: ml_collections.ConfigDict, axes: Sequence[Axis], yes: bool = False
) -> list[Job]:
  """Makes every job of a grid, checked before any of them runs.

  Args:
    config: what all jobs share.
    axes: at least one.
    yes: allow more than `MANY_JOBS` jobs.

  Raises:
    InputError: if there is no axis, two change one field, there are very many
      jobs, or the specs refuse the settings of one.
  """
  require(
    len(axes) > 0,
    'a sweep has at least one axis; give one such as --axis seed=0:5',
  )
  fields = [field for axis in axes for field in axis.fields]
  for field in fields:
    require(
      fields.count(field) == 1,
      f'two axes change {field}; put its values into one',
    )
  number = count(axes)
  require(
    yes or number <= MANY_JOBS,
    f'this grid has {number:,} jobs, each of them a whole training; add --yes '
    'if that is meant, or give fewer values',
  )
  return [job(config, changes) for changes in _combinations(axes)]


def _combinations(axes: Sequence[Axis]) -> Iterator[dict[str, Any]]:
  for steps in itertools.product(*(axis.values for axis in axes)):
    changes: dict[str, Any] = {}
    for axis, values in zip(axes, steps, strict=True):
      changes.update(zip(axis.fields, values, strict=True))
    yield changes


def job(config: ml_collections.ConfigDict, changes: dict[str, Any]) -> Job:
  """Makes a job by what it changes in a config.

  Raises:
    InputError: if the specs refuse its settings.
  """
  own = copy.deepcopy(config)
  own.update_from_flattened_dict(changes)
  try:
    experiment = config_lib.experiment(own)
  except InputError as error:
    text = ','.join(f'{k}={format_value(v)}' for k, v in changes.items())
    cure = ''
    if 'model.name' in changes:
      cure = (
        '; or train each network by its own config and compare the runs with '
        'python -m sernet_jax.compare'
      )
    raise InputError(f'the job {text} cannot run: {error}{cure}') from error
  return Job(folder_name(changes), changes, own, experiment)


def folder_name(changes: Mapping[str, Any], rounded: bool = False) -> str:
  """Returns a readable name; ends in a hash where characters had to be dropped.

  Args:
    changes: field -> value.
    rounded: with numbers of six digits, as in older versions.
  """
  return files.file_name(
    ','.join(
      f'{field}={format_value(value, rounded)}'
      for field, value in changes.items()
    )
  )


def as_begun(jobs: Sequence[Job], workdir: pathlib.Path) -> list[Job]:
  """Gives jobs the folders that an older version began for them.

  There, names had numbers of six digits, so that two jobs could meet in one
  folder: it is that of the job whose settings it holds.

  Args:
    jobs: all jobs of a sweep.
    workdir: folder of the sweep.
  """
  path = workdir / 'sweep.json'
  if not path.exists():
    return list(jobs)
  before = files.read_json(path, ('jobs',), SWEEP)['jobs']
  return [
    dataclasses.replace(job, name=_name_begun(job, workdir, before))
    for job in jobs
  ]


def _name_begun(
  job: Job, workdir: pathlib.Path, before: Mapping[str, Any]
) -> str:
  name = folder_name(job.changes, rounded=True)
  if name == job.name:
    return name
  folder = RunFolder(workdir / name)
  found = before.get(name)
  if folder.config.exists():
    settings = trees.flatten(folder.read_config())
    found = {field: settings.get(field) for field in job.changes}
  # As JSON has them, where tuples are lists.
  changes = json.loads(json.dumps(job.changes))
  return name if found == changes else job.name
