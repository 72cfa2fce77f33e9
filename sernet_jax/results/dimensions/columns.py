"""Columns of predictions.csv for dimensions, two for each.

`true_arousal` is the annotation, empty where there is none, and `said_arousal`
what the network says; both are on the scale of the annotations.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

_TRUE, _SAID = 'true_', 'said_'


def header(names: Sequence[str]) -> list[str]:
  """Returns the names of the columns."""
  return [f'{kind}{name}' for name in names for kind in (_TRUE, _SAID)]


def names_of(columns: Sequence[str]) -> list[str] | None:
  """Returns the dimensions of columns, None where these are of no dimensions."""
  names = [column.removeprefix(_TRUE) for column in columns[::2]]
  return names if list(columns) == header(names) else None


def cells(row: Mapping[str, Any]) -> list[str]:
  """Returns the fields of a row with `values` and `outputs`."""
  found = []
  for value, output in zip(row['values'], row['outputs'], strict=True):
    # Nine digits bring a float32 back exactly.
    found.append('' if math.isnan(value) else f'{float(value):.9g}')
    found.append(f'{float(output):.9g}')
  return found


def parsed(fields: Sequence[str]) -> dict[str, list[float]]:
  """Returns `values` and `outputs` of a row.

  Raises:
    ValueError: if a field is not a number.
  """
  values = [float(text) if text else math.nan for text in fields[::2]]
  outputs = [float(text) for text in fields[1::2]]
  if not all(map(math.isfinite, outputs)):
    raise ValueError('an output is not finite')
  return {'values': values, 'outputs': outputs}
