"""The threshold that calibrated weights keep, below which a label says little.

It is the first word of a text for people, behind which stands what it gains.
"""

from __future__ import annotations

from collections.abc import Mapping

from sernet_jax.common.text import percent

_FIELD = 'abstain'
# Below 1 as a number of 32 bits too, as which devices have it.
_HIGHEST = '0.9999999'
_ROUNDED = 0.9995  # to 1.000, and all above it
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
    _FIELD: f'{_digits(threshold)}: {percent(accuracy, 0)}% of the labels from there '
    f'on were right, for {percent(coverage, 0)}% of the tests'
  }


def _digits(threshold: float) -> str:
  """Writes a threshold with three digits, or as many as keep it below 1."""
  texts = (f'{threshold:.{digits}f}' for digits in range(3, 8))
  return next((text for text in texts if float(text) < 1), _HIGHEST)


def kept(about: Mapping[str, str]) -> float | None:
  """Returns the threshold in `about`; None if there is none."""
  try:
    found = float(about.get(_FIELD, '').partition(':')[0])
  except ValueError:
    return None
  if found == 1:  # with three digits, as older versions wrote
    return _ROUNDED
  return found if 0 < found < 1 else None
