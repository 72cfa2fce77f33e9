"""Folds as arrays of one shape, with masks instead of dropped remainders.

Features live on the device once; a fold holds indices of segments in them.
All folds of a protocol have the same shapes, so that one compiled program
serves them all and they can be stacked along a leading axis, with their seeds.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

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
    groups: int32 (examples,), the speaker of each row where every batch holds
      one speaker alone, else None. The rows of a batch lie together, and
      places that no recording fills have a mask of 0 anywhere.
    teachers: (params, stats) of trained networks, stacked along a first axis,
      from which the trial also learns; None for none.
  """

  seed: jax.typing.ArrayLike
  index: jax.typing.ArrayLike
  train: jax.typing.ArrayLike
  train_mask: jax.typing.ArrayLike
  test: EvalSet
  validation: EvalSet | None
  groups: jax.typing.ArrayLike | None = None
  teachers: tuple[Any, Any] | None = None


def fold_arrays(
  folds: Sequence[Fold],
  labels: np.ndarray,
  segment_utterances: np.ndarray,
  batch_size: int,
  seeds: Sequence[int] = (0,),
  speakers: np.ndarray | None = None,
) -> list[FoldArrays]:
  """Lays out every fold and seed as arrays of equal shape.

  Args:
    folds: from `protocols.make`.
    labels: int32 (utterances,).
    segment_utterances: int32 (segments,), the utterance of each segment.
    batch_size: training sets and evaluation sets are padded to multiples.
    seeds: every fold is trained with each.
    speakers: int32 (utterances,), where a batch holds one speaker alone.

  Returns:
    One `FoldArrays` of numpy arrays per trial: all folds of the first seed,
    then of the next.
  """

  def segments_of(utterances: np.ndarray) -> np.ndarray:
    return np.flatnonzero(np.isin(segment_utterances, utterances))

  padded = functools.partial(_padded, batch_size=batch_size)
  trains = [segments_of(fold.train) for fold in folds]
  owners = None if speakers is None else speakers[segment_utterances]
  laid_out = [_train_rows(rows, owners, batch_size) for rows in trains]
  num_train = max(len(rows) for rows, _, _ in laid_out)
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
      _pad(rows, num_train),
      _pad(mask, num_train),
      test,
      validation,
      None if groups is None else _pad(groups, num_train),
    )
    for seed in seeds
    for fold, (rows, mask, groups), test, validation in zip(
      folds, laid_out, tests, validations, strict=True
    )
  ]


def _padded(size: int, batch_size: int) -> int:
  """Returns the next multiple of `batch_size`."""
  return -(-size // batch_size) * batch_size


def _train_rows(
  rows: np.ndarray, owners: np.ndarray | None, batch_size: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
  """Lays a training set out in whole batches.

  Args:
    rows: the segments, ascending.
    owners: the speaker of every segment of the corpus, or None.
    batch_size: of a step.

  Returns:
    Rows, mask and speakers, see `FoldArrays`. A speaker's recordings are
    spread evenly over as few batches as hold them.
  """
  if owners is None:
    size = _padded(len(rows), batch_size)
    return _pad(rows, size), _pad(np.ones(len(rows), np.float32), size), None
  found = []
  for speaker in np.unique(owners[rows]):
    own = rows[owners[rows] == speaker]
    for part in np.array_split(own, -(-len(own) // batch_size)):
      mask = np.ones(len(part), np.float32)
      group = np.full(batch_size, speaker, np.int32)
      found.append((_pad(part, batch_size), _pad(mask, batch_size), group))
  every, masks, groups = (
    np.concatenate(parts) for parts in zip(*found, strict=True)
  )
  return every, masks, groups


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
