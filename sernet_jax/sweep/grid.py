"""Jobs of a sweep and their settings, from its axes.

The jobs are all combinations of the axes; the last one changes fastest.
"""

from __future__ import annotations

import copy
import dataclasses
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import ml_collections

from sernet_jax.common import files
from sernet_jax.common.errors import InputError, require
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
    raise InputError(f'the job {text} cannot run: {error}') from error
  return Job(_folder_name(changes), changes, own, experiment)


def _folder_name(changes: Mapping[str, Any]) -> str:
  """Readable name; ends in a hash where characters had to be dropped."""
  return files.file_name(
    ','.join(
      f'{field}={format_value(value)}' for field, value in changes.items()
    )
  )
