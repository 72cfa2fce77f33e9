"""Pairs of training and test corpora, in folds across corpora.

Loads no numpy, which the table of protocols and so `--help` need not.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

ARROW = '>'

# Name of a fold, its training corpora, its test corpus.
Pair = tuple[str, tuple[str, ...], str]


def one_left_out(names: Sequence[str]) -> list[Pair]:
  """Tests each corpus once; all others train."""
  names = sorted(names)
  return [
    (test, tuple(name for name in names if name != test), test)
    for test in names
  ]


def ordered_pairs(names: Sequence[str]) -> list[Pair]:
  """Trains on one corpus and tests another, in every ordered pair."""
  return [
    (f'{train}{ARROW}{test}', (train,), test)
    for train, test in itertools.permutations(sorted(names), 2)
  ]
