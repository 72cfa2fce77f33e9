"""Trained networks that a training also learns from, `train.teachers`.

Distillation (Hinton, Vinyals and Dean 2015): several networks know more
together than one of them, and one of the same size can learn from their
answers. Each fold has teachers of its own, those that the runs trained for the
fold of that name, which have never heard its tests either.
"""

from __future__ import annotations

import pathlib
from collections.abc import Sequence
from typing import Any

from sernet_jax.common.errors import InputError, require
from sernet_jax.results.run_folder import RunFolder
from sernet_jax.runs.config import Experiment
from sernet_jax.runs.data import Data
from sernet_jax.runs.weights import (
  hearing,
  history,
  sentences,
  start as start_lib,
)
from sernet_jax.runs.weights.hearing import Heard
from sernet_jax.runs.weights.history import Prior
from sernet_jax.runs.weights.start import Learnt, Start
from sernet_jax.training import trial_state

_SETTING = 'train.teachers'


def load(experiment: Experiment, data: Data) -> list[Start]:
  """Reads the runs that `train.teachers` names.

  Args:
    experiment: the settings of the run that learns.
    data: of the same.

  Returns:
    One for each run; none if none is named.

  Raises:
    InputError: if a run is not there, or its networks cannot teach this one.
  """
  found = []
  for text in experiment.train.teacher_runs:
    require(
      start_lib.run_of(pathlib.Path(text)) is not None,
      f'{_SETTING}={text} is not the folder of a run, and teachers are the '
      'networks of a run, fold by fold; name one',
    )
    try:
      found.append(start_lib.load(text))
    except InputError as error:
      raise InputError(f'{_SETTING}={text} cannot be used: {error}') from error
    _require_fit(found[-1], found[0], experiment, data)
  return found


def _require_fit(
  teacher: Start, first: Start, experiment: Experiment, data: Data
) -> None:
  where = f'{_SETTING}={teacher.name}'
  require(
    teacher.model == first.model,
    f'{where} is of another network than {first.name}, and all teachers are '
    'asked at once; name runs with the same model settings',
  )
  start_lib.require_front_end(teacher, experiment, _SETTING)
  require(
    teacher.model.masked == experiment.model.masked,
    f'{where} has model.pooling={getattr(teacher.model, "pooling", "mean")!r}, '
    'and one of both networks looks at padding; name a run that hears what '
    'this one hears',
  )
  classes = data.features.corpus.classes
  require(
    teacher.classes == classes,
    f'{where} knows the classes {", ".join(teacher.classes)}, not '
    f'{", ".join(classes)}; name runs with the same classes',
  )
  missing = [fold.name for fold in data.folds if not _of(teacher, fold.name)]
  require(
    not missing,
    f'{where} has no fold {", ".join(missing[:3])}; name a run with the same '
    'protocol',
  )


def _of(teacher: Start, fold: str) -> list[Learnt]:
  """Returns what the seeds of a run have learnt in a fold."""
  return [
    learnt
    for name, learnt in teacher.folds.items()
    if name in ('', fold) or name.rpartition(', seed ')[0] == fold
  ]


def record(
  teachers: Sequence[Start],
  experiment: Experiment,
  data: Data,
  told: dict[str, Any],
) -> dict[str, Any]:
  """Returns what history.json says of a run with teachers.

  Args:
    teachers: from `load`.
    experiment: the settings of the run that learns.
    data: of the same.
    told: what history.json says without them.

  Raises:
    InputError: if a teacher has heard the tests of a protocol that promises
      that nobody has.
  """
  heard: dict[str, Heard] = dict(told['heard'])
  found = list(told['cautions'])
  for teacher in teachers:
    theirs = {
      fold.name: hearing.both(*(one.heard for one in _of(teacher, fold.name)))
      for fold in data.folds
    }
    trained = {
      fold.name: [one.trained for one in _of(teacher, fold.name)]
      for fold in data.folds
    }
    prior = Prior(teacher.name, theirs, trained, _SETTING, 'learnt from')
    found += sentences.told(prior, experiment, data)
    heard = {
      name: hearing.both(mine, theirs[name]) for name, mine in heard.items()
    }
  return {
    **told,
    'heard': heard,
    'cautions': found,
    'teachers': [{'from': t.name, 'sha256': t.digest} for t in teachers],
  }


def require_same(folder: RunFolder, teachers: Sequence[Start]) -> None:
  """Refuses other teachers than those that the run began with.

  Raises:
    InputError: naming the first.
  """
  before = history.read(folder).get('teachers', [])
  require(
    len(before) == len(teachers),
    f'{folder.path / history.FILE} names {len(before)} teachers, not '
    f'{len(teachers)} as {_SETTING} does; bring that file back or choose '
    'another --workdir',
  )
  for teacher, old in zip(teachers, before, strict=True):
    require(
      teacher.digest == old['sha256'],
      f'{folder.path} began with other networks than {_SETTING}='
      f'{teacher.name} has now (SHA-256 {old["sha256"][:8]}, not '
      f'{teacher.digest[:8]}); bring that run back or choose another --workdir',
    )


def give(data: Data, teachers: Sequence[Start]) -> None:
  """Gives the trials of a run their teachers.

  Args:
    data: of the run; its `teacher` and `fold_arrays` change.
    teachers: from `load`.
  """
  if not teachers:
    return
  data.teacher = teachers[0].model
  data.fold_arrays = [
    arrays._replace(
      teachers=trial_state.stack(
        [
          learnt.weights
          for teacher in teachers
          for learnt in _of(teacher, data.folds[index % len(data.folds)].name)
        ]
      )
    )
    for index, arrays in enumerate(data.fold_arrays)
  ]
