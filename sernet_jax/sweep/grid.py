"""From axes in words to the settings of every job of a sweep.

  loss.name=cross_entropy,focal      the values of a field
  seed=0:5                           whole numbers from 0, without 5
  data.duration_s=1:8:2              in steps of 2
  model.paths=spectral+joint,joint   a field that holds several: joined by +
  loss.name/loss.gamma=cross_entropy/2,focal/1,focal/2
                                     fields that change together

The jobs are all combinations of the axes; the last one changes fastest.
"""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import ml_collections

from sernet_jax.common import files
from sernet_jax.common.errors import InputError, nearest, require
from sernet_jax.runs import config as config_lib, defaults, differences
from sernet_jax.sweep.comparison.compared_runs import setting_name, shown

MANY_JOBS = 1_000
_MOST_VALUES = 100_000
_NAME_BYTES = 150  # of a folder's name; most file systems end at 255

__all__ = [
  'Axis',
  'Job',
  'count',
  'job',
  'jobs',
  'parse_axis',
  'setting_name',
]

# Fields in which jobs may not differ: they change no figure.
_SAME_FIGURES = (differences.FREE - {'train.epochs'}) | {'name'}

# What to do about a file of a sweep.
SWEEP = files.Cure('--workdir', 'run the sweep with this --workdir again')


@dataclasses.dataclass(frozen=True)
class Axis:
  """What changes along one axis.

  Attributes:
    fields: one field of the config, or several that change together.
    values: for each step along the axis one value per field.
  """

  fields: tuple[str, ...]
  values: tuple[tuple[Any, ...], ...]


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


def parse_axis(text: str) -> Axis:
  """An axis from its text; see the top of the file.

  Raises:
    InputError: if a field is unknown, a value is of the wrong type or stands
      twice, or there is none.
  """
  left, equals, right = text.partition('=')
  require(
    bool(equals and left and right),
    f'--axis {text} is no axis; write a field and its values, as in '
    'loss.name=cross_entropy,focal or seed=0:5',
  )
  fields = tuple(left.split('/'))
  known = _defaults()
  for field in fields:
    require(
      field in known,
      f'--axis {text}: {field!r} is no field of the config: '
      f'{nearest(field, known)}',
    )
    require(
      field not in _SAME_FIGURES,
      f'--axis {text}: {field} changes no figure, so its jobs would all be '
      f'the same run; set it for all with --config.{field}=',
    )
    require(
      field != 'train.seeds',
      f'--axis {text}: train.seeds repeats a setting and is none itself; give '
      'the seeds as in --axis seed=0:5, with --seeds_together to train them '
      'in one program',
    )
  require(
    len(set(fields)) == len(fields),
    f'--axis {text} names a field twice; name each once',
  )
  if len(fields) == 1:
    values = [(value,) for value in _one_field(text, fields[0], right)]
  else:
    values = [_together(text, fields, part) for part in right.split(',')]
  require(
    len(set(values)) == len(values),
    f'--axis {text} gives a value twice; give each once',
  )
  return Axis(fields, tuple(values))


def count(axes: Sequence[Axis]) -> int:
  """Jobs of a grid."""
  return math.prod(len(axis.values) for axis in axes)


def jobs(
  config: ml_collections.ConfigDict, axes: Sequence[Axis], yes: bool = False
) -> list[Job]:
  """Every job of a grid, checked before any of them runs.

  Args:
    config: what all jobs share.
    axes: at least one.
    yes: go on with more than `MANY_JOBS` jobs.

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
  """A job by what it changes in a config.

  Raises:
    InputError: if the specs refuse its settings.
  """
  own = copy.deepcopy(config)
  own.update_from_flattened_dict(changes)
  try:
    experiment = config_lib.experiment(own)
  except InputError as error:
    text = ','.join(f'{k}={shown(v)}' for k, v in changes.items())
    raise InputError(f'the job {text} cannot run: {error}') from error
  return Job(_folder_name(changes), changes, own, experiment)


def _folder_name(changes: Mapping[str, Any]) -> str:
  """Readable; a hash ends it where characters had to be left out."""
  full = ','.join(f'{field}={shown(value)}' for field, value in changes.items())
  name = re.sub(r'[^\w.,=+()-]', '_', full)
  if name != full or len(name.encode()) > _NAME_BYTES:
    digest = hashlib.sha256(full.encode()).hexdigest()[:8]
    kept = name.encode()[:_NAME_BYTES].decode(errors='ignore')
    name = f'{kept}-{digest}'
  return name


def _one_field(text: str, field: str, values: str) -> list[Any]:
  found: list[Any] = []
  for part in values.split(','):
    numbers = _range(text, field, part)
    found += [_value(text, field, part)] if numbers is None else numbers
    require(
      len(found) <= _MOST_VALUES,
      f'--axis {text} has more than {_MOST_VALUES:,} values; give fewer',
    )
  return found


def _together(text: str, fields: Sequence[str], part: str) -> tuple[Any, ...]:
  words = part.split('/')
  require(
    len(words) == len(fields),
    f'--axis {text}: {part!r} has {len(words)} values for {len(fields)} '
    'fields; write one for each, separated by /',
  )
  return tuple(
    _value(text, field, word) for field, word in zip(fields, words, strict=True)
  )


def _range(text: str, field: str, part: str) -> list[Any] | None:
  """The numbers of lo:hi or lo:hi:step, None if it is neither."""
  kind = type(_defaults()[field])
  if kind not in (int, float) or ':' not in part:
    return None
  match = re.fullmatch(r'(-?\d+):(-?\d+)(?::(-?\d+))?', part)
  if match is None:
    raise InputError(
      f'--axis {text}: {part!r} is no range; write whole numbers as in 0:5 '
      '(5 left out) or 0:10:2, or list the values'
    )
  low, high, step = (int(edge or 1) for edge in match.groups())
  numbers = range(low, high, step) if step else range(0)
  require(
    len(numbers) > 0,
    f'--axis {text}: {part!r} holds no number; the end of a range is left out',
  )
  require(
    len(numbers) <= _MOST_VALUES,
    f'--axis {text} has more than {_MOST_VALUES:,} values; give fewer',
  )
  return [kind(number) for number in numbers]


def _value(text: str, field: str, word: str) -> Any:
  """A word as the type that the field has in the config."""
  example = _defaults()[field]
  kind = type(example)
  try:
    if kind is tuple:
      return () if word == '()' else tuple(word.split('+'))
    if kind is bool:
      return {'true': True, 'false': False}[word.lower()]
    value = kind(word)
    if kind is float and not math.isfinite(value):
      raise ValueError(word)
  except (ValueError, KeyError):
    raise InputError(
      f'--axis {text}: {word!r} does not fit {field}; give a {kind.__name__} '
      f'such as {shown(example)}'
    ) from None
  require(
    bool(word),
    f'--axis {text} has an empty value; give one such as {shown(example)}',
  )
  return value


def _defaults() -> dict[str, Any]:
  return defaults.fields()
