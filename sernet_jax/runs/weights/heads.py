"""The dense layer of a network for other classes than it was trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sernet_jax.common.errors import require
from sernet_jax.corpora import vocabulary


def matches(old: Sequence[str], new: Sequence[str]) -> dict[int, int]:
  """Finds the old class that each new one means.

  A name is looked for as it is written, then by its name in the vocabulary:
  `joy` is happiness.

  Args:
    old: classes of the trained network.
    new: classes of the corpus.

  Returns:
    Index of a new class -> index of the old one; new ones without are absent.
  """
  by_name = {name: k for k, name in reversed(list(enumerate(old)))}
  by_meaning = {
    meaning: k
    for k, name in reversed(list(enumerate(old)))
    if (meaning := vocabulary.shared(name))
  }
  found = {}
  for index, name in enumerate(new):
    meaning = vocabulary.shared(name)
    if name in by_name:
      found[index] = by_name[name]
    elif meaning in by_meaning:
      found[index] = by_meaning[meaning]
  return found


def require_overlap(old: Sequence[str], new: Sequence[str]) -> None:
  """Refuses classes of which the weights know none.

  Raises:
    InputError: with both lists.
  """
  require(
    bool(matches(old, new)),
    f'the weights of train.start_from know the classes {", ".join(old)} and '
    f'the corpus has {", ".join(new)}, none of which means the same; rename '
    'labels with data.classes, or set train.new_head=True for rows drawn anew',
  )


def twins(kept: Mapping[int, int]) -> tuple[int, ...]:
  """Finds new classes of one old one, which would have equal rows of the head.

  Args:
    kept: from `matches`.

  Returns:
    Indices of the first such new classes; () for none.
  """
  news: dict[int, list[int]] = {}
  for new, old in kept.items():
    news.setdefault(old, []).append(new)
  return next((tuple(one) for one in news.values() if len(one) > 1), ())


def join(
  drawn: Mapping[str, Any], learnt: Mapping[str, Any], kept: Mapping[int, int]
) -> dict[str, np.ndarray]:
  """Puts the rows that are kept into a head drawn at random.

  Args:
    drawn: 'kernel' (inputs, new classes) and, if it has one, 'bias' (new
      classes,).
    learnt: the same of the old classes.
    kept: from `matches`.

  Returns:
    As `drawn`.
  """
  arrays = {name: np.array(values) for name, values in drawn.items()}
  for name, values in arrays.items():
    for new, old in kept.items():
      values[..., new] = np.asarray(learnt[name])[..., old]
  return arrays
