"""Names of the settings that a sweep compares."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sernet_jax.common.errors import nearest, require

# Fields that repeat a setting and do not change it.
REPEATS = ('seed', 'train.seeds')


def format_value(value: Any, rounded: bool = False) -> str:
  """Returns a value of a field as it is written in an axis.

  Unlike values have unlike texts, as settings and folders are told apart by
  them.

  Args:
    value: of a field; None where a network does not have it.
    rounded: to six digits, as older versions named folders.
  """
  if value is None:
    return '-'
  if isinstance(value, tuple | list):
    return '+'.join(map(str, value)) or '()'
  if isinstance(value, bool):
    return str(value).lower()
  if not isinstance(value, float):
    return str(value)
  short = f'{value:g}'
  return short if rounded or float(short) == value else repr(float(value))


def setting_name(changes: Mapping[str, Any]) -> str:
  """Returns field=value,... of all changes but the seed.

  Fields that another network has are left out.
  """
  named = [
    f'{field}={format_value(value) or "(none)"}'
    for field, value in changes.items()
    if field not in REPEATS and value is not None
  ]
  return ','.join(named) or 'one setting'


def find_setting(given: str, names: Collection[str]) -> str:
  """Returns the setting that a --baseline names.

  Args:
    given: a setting, or as many of its field=value as no other has; '' for
      none.
    names: of the settings.

  Raises:
    InputError: if it names none, or several.
  """
  if not given or given in names:
    return given
  parts = set(given.split(','))
  found = [name for name in names if parts <= set(name.split(','))]
  require(
    len(found) > 0,
    f'--baseline={given} is not one of the settings: {nearest(given, names)}',
  )
  require(
    len(found) == 1,
    f'--baseline={given} is part of {len(found)} settings; add a field to tell '
    f'them apart, as in {found[0]}',
  )
  return found[0]
