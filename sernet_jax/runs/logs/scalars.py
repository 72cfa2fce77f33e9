"""Figures of an epoch that curves are drawn of, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

_SCORES = ('loss', 'wa', 'uar')

# Takes rows of metrics.jsonl.
Write = Callable[[Mapping[str, Any]], None]


def of_row(row: Mapping[str, Any]) -> dict[str, float]:
  """Returns the figures of a row of metrics.jsonl: 'test/uar' -> its value."""
  found = {
    f'{part}/{name}': float(row[part][name])
    for part in ('train', 'validation', 'test')
    if part in row
    for name in _SCORES
  }
  return {**found, 'learning_rate': float(row['learning_rate'])}
