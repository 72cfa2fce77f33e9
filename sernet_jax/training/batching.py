"""Folds as arrays of one shape, with masks instead of dropped remainders.

Features live on the device once; a fold holds indices of segments in them.
All folds of a protocol have the same shapes, so that one compiled program
serves them all and they can be stacked along a leading axis, with their seeds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import numpy as np

from sernet_jax.corpora.protocols import Fold


class Truth(NamedTuple):
  """Labels and numbers of each segment, for a network with dimensions.

  Attributes:
    labels: int32 (segments,).
    values: float32 (segments, dimensions), see `Corpus.values`.
  """

  labels: jax.typing.ArrayLike
  values: jax.typing.ArrayLike


class EvalSet(NamedTuple):
  """Segments to evaluate and the utterances they vote for.

  Attributes:
    segments: int32 (segments,), rows of the features; padded with 0.
    slots: int32 (segments,), the utterance of each; padding has the last
      slot, which no utterance uses.
    labels: int32 (slots,), padded with 0.
    mask: float32 (slots,), 1 for utterances.
  """

  segments: jax.typing.ArrayLike
  slots: jax.typing.ArrayLike
  labels: jax.typing.ArrayLike
  mask: jax.typing.ArrayLike


class FoldArrays(NamedTuple):
  """One trial, a fold and a seed, for the device.

  Attributes:
    seed: int32 (), of the trial's randomness, with `index`.
    index: int32 (), index of the fold in its protocol.
    train: int32 (examples,), rows of the features; padded with 0.
    train_mask: float32 (examples,).
    test: see `EvalSet`.
    validation: the same, or None.
  """

  seed: jax.typing.ArrayLike
  index: jax.typing.ArrayLike
  train: jax.typing.ArrayLike
  train_mask: jax.typing.ArrayLike
  test: EvalSet
  validation: EvalSet | None


def fold_arrays(
  folds: Sequence[Fold],
  labels: np.ndarray,
  segment_utterances: np.ndarray,
  batch_size: int,
  seeds: Sequence[int] = (0,),
) -> list[FoldArrays]:
  """Lays out every fold and seed as arrays of equal shape.

  Args:
    folds: from `protocols.make`.
    labels: int32 (utterances,).
    segment_utterances: int32 (segments,), the utterance of each segment.
    batch_size: training sets and evaluation sets are padded to multiples.
    seeds: every fold is trained with each.

  Returns:
    One `FoldArrays` of numpy arrays per trial: all folds of the first seed,
    then of the next.
  """

  def segments_of(utterances: np.ndarray) -> np.ndarray:
    return np.flatnonzero(np.isin(segment_utterances, utterances))

  def padded(size: int) -> int:
    return -(-size // batch_size) * batch_size

  trains = [segments_of(fold.train) for fold in folds]
  num_train = padded(max(len(train) for train in trains))
  tests = _eval_sets(
    [fold.test for fold in folds], labels, segment_utterances, padded
  )
  held_out = [fold.validation for fold in folds]
  validations: Sequence[EvalSet | None] = [None] * len(folds)
  if all(len(part) for part in held_out):
    validations = _eval_sets(held_out, labels, segment_utterances, padded)
  return [
    FoldArrays(
      np.int32(seed),
      np.int32(fold.index),
      _pad(train, num_train),
      _pad(np.ones(len(train), np.float32), num_train),
      test,
      validation,
    )
    for seed in seeds
    for fold, train, test, validation in zip(
      folds, trains, tests, validations, strict=True
    )
  ]


def _eval_sets(
  parts: Sequence[np.ndarray],
  labels: np.ndarray,
  segment_utterances: np.ndarray,
  padded: Callable[[int], int],
) -> list[EvalSet]:
  """Lays out one part of every fold, its utterances ascending."""
  segments = [np.flatnonzero(np.isin(segment_utterances, p)) for p in parts]
  num_segments = padded(max(len(rows) for rows in segments))
  # One slot more than utterances, for the votes of padding.
  num_slots = max(len(part) for part in parts) + 1
  sets = []
  for part, rows in zip(parts, segments, strict=True):
    slots = np.full(num_segments, num_slots - 1, np.int32)
    slots[: len(rows)] = np.searchsorted(part, segment_utterances[rows])
    sets.append(
      EvalSet(
        _pad(rows, num_segments),
        slots,
        _pad(labels[part], num_slots),
        _pad(np.ones(len(part), np.float32), num_slots),
      )
    )
  return sets


def _pad(values: np.ndarray, size: int) -> np.ndarray:
  """Appends zeros; whole numbers become int32."""
  dtype = np.float32 if values.dtype == np.float32 else np.int32
  result = np.zeros(size, dtype)
  result[: len(values)] = values
  return result
