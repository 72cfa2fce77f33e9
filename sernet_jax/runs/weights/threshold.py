"""The threshold that calibrated weights keep, below which a label says little.

It is the first word of a text for people, behind which stands what it gains.
"""

from __future__ import annotations

from collections.abc import Mapping

_FIELD = 'abstain'
# What calibrated weights say of it.
FIELDS = ('temperature', 'temperature_from', _FIELD)


def text(threshold: float, accuracy: float, coverage: float) -> dict[str, str]:
  """Returns the entry of `about` that keeps a threshold.

  Args:
    threshold: least probability of a label.
    accuracy: share of the labels from there on that are right.
    coverage: share of the tests that keep their label there.
  """
  return {
    _FIELD: f'{threshold:.3f}: {accuracy:.0%} of the labels from there on were '
    f'right, for {coverage:.0%} of the tests'
  }


def kept(about: Mapping[str, str]) -> float | None:
  """Returns the threshold in `about`; None if there is none."""
  try:
    found = float(about.get(_FIELD, '').partition(':')[0])
  except ValueError:
    return None
  return found if 0 < found < 1 else None
