"""Names of the settings that a sweep compares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Fields that repeat a setting and do not change it.
REPEATS = ('seed', 'train.seeds')


def format_value(value: Any) -> str:
  """Returns a value of a field as it is written in an axis."""
  if isinstance(value, tuple | list):
    return '+'.join(map(str, value)) or '()'
  if isinstance(value, bool):
    return str(value).lower()
  return f'{value:g}' if isinstance(value, float) else str(value)


def setting_name(changes: Mapping[str, Any]) -> str:
  """Returns field=value,... of all changes but the seed."""
  named = [
    f'{field}={format_value(value) or "(none)"}'
    for field, value in changes.items()
    if field not in REPEATS
  ]
  return ','.join(named) or 'one setting'
