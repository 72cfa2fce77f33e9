"""Seeds of a sweep that train together, in one program.

Jobs that differ in the seed alone become one run of `train.seeds` seeds. On an
accelerator the seeds then share each step (see `training.devices`), on a CPU
they save the start and the compilation of all but the first. The comparison
takes such a run apart again, so it is that of separate jobs.

It is not automatic, because it shapes the folders: a sweep stays the way it
began, on whatever machine it is resumed.
"""

from __future__ import annotations

import json
import pathlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from sernet_jax.common import files
from sernet_jax.common.errors import require
from sernet_jax.corpora import protocols
from sernet_jax.corpora.utterances import Corpus
from sernet_jax.runs.config import Experiment
from sernet_jax.sweep import grid
from sernet_jax.sweep.grid import Job
from sernet_jax.sweep.settings import REPEATS, setting_name


def together(
  jobs: Sequence[Job], before: Iterable[Mapping[str, Any]] = ()
) -> list[Job]:
  """Makes one job for each setting, with all of its seeds.

  Args:
    jobs: jobs of a grid with an axis of the seed.
    before: changes of the jobs that the sweep already has, see `former`. They
      keep their seeds, and a job is added for the others: a grid may grow.

  Raises:
    InputError: if there is no axis of the seed, a setting's seeds are not
      consecutive numbers, or jobs already have several seeds.
  """
  require(
    'seed' in jobs[0].changes,
    '--seeds_together needs several seeds; give an axis such as --axis '
    'seed=0:5',
  )
  shared = jobs[0].experiment.train.seeds
  require(
    shared == 1,
    f'train.seeds is {shared} and --seeds_together sets it itself; leave one '
    'of them out',
  )
  groups: dict[str, list[Job]] = {}
  for job in jobs:
    groups.setdefault(_key(job.changes), []).append(job)
  made = []
  for key, group in groups.items():
    by_seed = {job.experiment.seed: job for job in group}
    seeds = sorted(by_seed)
    require(
      seeds[-1] - seeds[0] + 1 == len(seeds),
      f'{setting_name(group[0].changes)} has the seeds '
      f'{", ".join(map(str, seeds))}, and seeds train together only if they '
      'are consecutive numbers; give such as --axis seed=0:5, or leave out '
      '--seeds_together',
    )
    kept = [
      range(changes['seed'], changes['seed'] + changes['train.seeds'])
      for changes in before
      if 'train.seeds' in changes and _key(changes) == key
    ]
    # Runs that exist keep the seeds that their folders are named after; only
    # what is left is grouped anew.
    parts = [part for part in kept if set(part) <= set(seeds)]
    rest = [seed for seed in seeds if not any(seed in part for part in parts)]
    for part in sorted([*parts, *_ranges(rest)], key=lambda part: part[0]):
      job = by_seed[part[0]]
      changes = {**job.changes, 'train.seeds': len(part)}
      made.append(grid.job(job.config, changes))
  return made


def former(workdir: pathlib.Path) -> list[dict[str, Any]]:
  """Returns the changes of each job of an earlier sweep, [] without one."""
  path = workdir / 'sweep.json'
  if not path.exists():
    return []
  return list(files.read_json(path, ('jobs',), grid.SWEEP)['jobs'].values())


def require_same_way(
  workdir: pathlib.Path, before: Sequence[str], now: Sequence[str]
) -> None:
  """Refuses to resume separate seeds as joint ones, or the other way.

  Args:
    workdir: folder of the sweep.
    before: fields that the jobs in the folder change.
    now: fields that the jobs change.
  """
  was, is_now = ('train.seeds' in fields for fields in (before, now))
  require(
    was == is_now,
    f'{workdir} is a sweep whose seeds train '
    + (
      'together; add --seeds_together'
      if was
      else 'in separate jobs; leave out --seeds_together'
    )
    + ', or choose another --workdir',
  )


def require_same_folds(experiment: Experiment, corpus: Corpus) -> None:
  """Refuses seeds together where each of them has folds of its own.

  A run has the folds of its first seed, so under a protocol that draws them
  its other seeds would not be those of separate jobs.
  """
  first, *others = (
    protocols.make(corpus, experiment.protocol, seed)
    for seed in experiment.seeds
  )
  same = all(
    len(first) == len(folds)
    and all(
      np.array_equal(getattr(one, part), getattr(other, part))
      for one, other in zip(first, folds, strict=True)
      for part in ('train', 'validation', 'test')
    )
    for folds in others
  )
  require(
    same,
    f'protocol.name={experiment.protocol.name} with protocol.validation='
    f'{experiment.protocol.validation} draws other folds with each seed, and '
    'seeds that train together share them; leave out --seeds_together',
  )


def _key(changes: Mapping[str, Any]) -> str:
  kept = {k: v for k, v in changes.items() if k not in REPEATS}
  return json.dumps(kept)


def _ranges(numbers: Iterable[int]) -> list[range]:
  """Groups rising numbers into ranges of consecutive ones."""
  ranges: list[range] = []
  for number in numbers:
    if ranges and ranges[-1].stop == number:
      ranges[-1] = range(ranges[-1].start, number + 1)
    else:
      ranges.append(range(number, number + 1))
  return ranges
