"""Axes of a sweep: from words to the values of each field.

loss.name=cross_entropy,focal      the values of a field
seed=0:5                           whole numbers from 0, without 5
data.duration_s=1:8:2              in steps of 2
model.paths=spectral+joint,joint   a field that holds several: joined by +
loss.name/loss.gamma=cross_entropy/2,focal/1,focal/2
                                   fields that change together
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from sernet_jax.common.errors import InputError, nearest, require
from sernet_jax.runs import defaults, differences
from sernet_jax.sweep.settings import format_value

_MOST_VALUES = 100_000

# Fields in which jobs may not differ: they change no figure.
_SAME_FIGURES = (differences.FREE - {'train.epochs'}) | {'name'}


@dataclasses.dataclass(frozen=True)
class Axis:
  """Values along one axis.

  Attributes:
    fields: one field of the config, or several that change together.
    values: for each step along the axis one value per field.
  """

  fields: tuple[str, ...]
  values: tuple[tuple[Any, ...], ...]


def parse_axis(text: str, known: Mapping[str, Any] | None = None) -> Axis:
  """Parses an axis; see the top of the file.

  Args:
    text: of the axis.
    known: fields of the config with their defaults; None for those of the
      default network.

  Raises:
    InputError: if a field is unknown, a value is of the wrong type or stands
      twice, or there is no value.
  """
  left, equals, right = text.partition('=')
  require(
    bool(equals and left and right),
    f'--axis {text} is not an axis; write a field and its values, as in '
    'loss.name=cross_entropy,focal or seed=0:5',
  )
  fields = tuple(left.split('/'))
  known = defaults.fields() if known is None else known
  for field in fields:
    require(
      field in known,
      f'--axis {text}: {field!r} is not a field of the config: '
      f'{defaults.of_another_network(field) or nearest(field, known)}',
    )
    require(
      field not in _SAME_FIGURES,
      f'--axis {text}: {field} changes no figure, so its jobs would all be '
      f'the same run; set it for all with --config.{field}=',
    )
    require(
      field != 'train.seeds',
      f'--axis {text}: train.seeds repeats a setting and is not one itself; give '
      'the seeds as in --axis seed=0:5, with --seeds_together to train them '
      'in one program',
    )
  require(
    len(set(fields)) == len(fields),
    f'--axis {text} names a field twice; name each once',
  )
  if len(fields) == 1:
    values = [(value,) for value in _one_field(text, fields[0], right, known)]
  else:
    values = [_step(text, fields, part, known) for part in right.split(',')]
  require(
    len(set(values)) == len(values),
    f'--axis {text} gives a value twice; give each once',
  )
  return Axis(fields, tuple(values))


def _one_field(
  text: str, field: str, values: str, known: Mapping[str, Any]
) -> list[Any]:
  """Returns the values of an axis of one field."""
  result: list[Any] = []
  for part in values.split(','):
    numbers = _range(text, part, type(known[field]))
    result += [_value(text, field, part, known)] if numbers is None else numbers
    require(
      len(result) <= _MOST_VALUES,
      f'--axis {text} has more than {_MOST_VALUES:,} values; give fewer',
    )
  return result


def _step(
  text: str, fields: Sequence[str], part: str, known: Mapping[str, Any]
) -> tuple[Any, ...]:
  """Returns a value for each of the fields that change together."""
  words = part.split('/')
  require(
    len(words) == len(fields),
    f'--axis {text}: {part!r} has {len(words)} values for {len(fields)} '
    'fields; write one for each, separated by /',
  )
  return tuple(
    _value(text, field, word, known)
    for field, word in zip(fields, words, strict=True)
  )


def _range(text: str, part: str, kind: type) -> list[Any] | None:
  """Returns the numbers of lo:hi or lo:hi:step, None if it is neither."""
  if kind not in (int, float) or ':' not in part:
    return None
  match = re.fullmatch(r'(-?\d+):(-?\d+)(?::(-?\d+))?', part)
  if match is None:
    raise InputError(
      f'--axis {text}: {part!r} is not a range; write whole numbers as in 0:5 '
      '(5 left out) or 0:10:2, or list the values'
    )
  low, high, step = (int(edge or 1) for edge in match.groups())
  numbers = range(low, high, step) if step else range(0)
  require(
    len(numbers) > 0,
    f'--axis {text}: {part!r} is empty; the end of a range is exclusive',
  )
  require(
    len(numbers) <= _MOST_VALUES,
    f'--axis {text} has more than {_MOST_VALUES:,} values; give fewer',
  )
  return [kind(number) for number in numbers]


def _value(text: str, field: str, word: str, known: Mapping[str, Any]) -> Any:
  """Converts a word to the type that the field has in the config."""
  example = known[field]
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
      f'such as {format_value(example)}'
    ) from None
  require(
    bool(word),
    f'--axis {text} has an empty value; give one such as {format_value(example)}',
  )
  return value
