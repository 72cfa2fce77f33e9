"""The mappings 'vmap' and 'shard': one call trains all trials."""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from sernet_jax.common.errors import require
from sernet_jax.training import steps, trial_state
from sernet_jax.training.batching import FoldArrays, Truth
from sernet_jax.training.devices.device_layout import DATA, TRIAL
from sernet_jax.training.recipes import Metrics, Recipe
from sernet_jax.training.sound.corpus import Sound, Source
from sernet_jax.training.trial_state import TrialState

T = TypeVar('T')
# All of an array on each device, trials over the rows, data over the columns.
_WHOLE = PartitionSpec()
_EACH = PartitionSpec(TRIAL)
_PARTS = PartitionSpec(DATA)


class Advance(NamedTuple):
  """Trials that one call trained, and their metrics.

  Attributes:
    trials: indices of the trials.
    metrics: those of `steps.run_block` in numpy, stacked in that order.
    seconds: of the call.
  """

  trials: list[int]
  metrics: dict[str, Metrics]
  seconds: float


class Together:
  """Trials on the devices of a mesh, or all on one.

  Args:
    recipe: what is fixed.
    size: most epochs of a block.
    data: (segments, frames, coefficients) features, or the corpus as `Sound`,
      and (segments,) labels, or `Truth`.
    folds: one per trial.
    mesh: devices as `device_layout` lays them out; None for one device.
  """

  def __init__(
    self,
    recipe: Recipe,
    size: int,
    data: tuple[np.ndarray | Sound, np.ndarray | Truth],
    folds: Sequence[FoldArrays],
    mesh: Mesh | None,
  ):
    self._num_trials = self._padded = len(folds)
    if mesh is not None and mesh.shape[DATA] > 1:
      recipe = dataclasses.replace(recipe, axis=DATA)
    self.program = program(recipe, size, mesh)
    self._share = cut = copied = None
    columns = 1
    if mesh is not None:
      # Every row of devices has an equal share; the trials that fill the last
      # ones train no epoch.
      rows, columns = mesh.shape[TRIAL], mesh.shape[DATA]
      self._padded = -(-len(folds) // rows) * rows
      self._share, copied, cut = (
        NamedSharding(mesh, spec) for spec in (_EACH, _WHOLE, _PARTS)
      )
    features, labels = data
    if isinstance(features, Sound):  # every device may need any utterance
      placed = jax.tree.map(lambda leaf: _place(leaf, copied), features)
    else:
      placed = _place(features, cut, columns)
    whole = jax.tree.map(lambda leaf: _place(leaf, copied), labels)
    self._data = [placed, whole]
    self._folds = self._scatter(trial_state.stack(folds))
    self._states: TrialState

  def put(self, states: TrialState) -> None:
    """Puts a trial on its device; see `OneByOne.put`."""
    self._states = self._scatter(states)

  def get(self) -> tuple[list[int], TrialState]:
    """Gets, as `OneByOne.get`, the trials on the devices of this process."""
    return self._here(self._states)

  def advance(self, first: np.ndarray, count: np.ndarray) -> Iterator[Advance]:
    """Trains on; see `OneByOne.advance`."""
    start = time.perf_counter()
    epochs = self._scatter((first, count), fill=0)
    try:
      self._states, metrics = self.program(
        *self._data, self._folds, self._states, *epochs
      )
      trials, metrics = self._here(metrics)
    except jax.errors.JaxRuntimeError as error:
      require(
        'RESOURCE_EXHAUSTED' not in str(error),
        f'{self._num_trials} folds x seeds at once do not fit the memory of '
        "the device; choose train.fold_mapping='map', or train fewer folds "
        '(protocol.folds) at a time',
      )
      raise
    # Trials that were not asked for had 0 epochs to train.
    rows = [row for row, trial in enumerate(trials) if count[trial]]
    metrics = jax.tree.map(lambda leaf: leaf[rows], metrics)
    seconds = time.perf_counter() - start
    yield Advance([trials[row] for row in rows], metrics, seconds)

  def _scatter(self, tree: T, fill: int | None = None) -> T:
    """Sends shares of a stacked tree to the devices.

    Args:
      tree: of arrays (trials, ...).
      fill: value of the trials that make the shares equal; None for trial 0.
    """

    def padded(leaf: np.ndarray) -> np.ndarray:
      row = leaf[:1] if fill is None else np.full_like(leaf[:1], fill)
      # (padded, ...)
      return np.concatenate([leaf, *[row] * (self._padded - len(leaf))])

    return jax.tree.map(lambda leaf: _place(padded(leaf), self._share), tree)

  def _here(self, tree: T) -> tuple[list[int], T]:
    """Fetches the trials on this process's devices.

    A trial on devices of several processes belongs to the one that has the
    first of them.

    Args:
      tree: of arrays (padded, ...) on the devices of all processes.

    Returns:
      Indices of the trials, and their rows in numpy.
    """
    real = list(range(self._num_trials))
    if self._share is not None and not self._share.is_fully_addressable:
      # Device -> its rows of an array (padded,), one slice.
      slices = self._share.addressable_devices_indices_map((self._padded,))
      # All devices of a row of the mesh hold the same trials; its first one
      # decides whose they are.
      first = set(self._share.mesh.devices[:, 0])
      kept = [cut for device, (cut,) in slices.items() if device in first]
      # real[cut] leaves out the trials that only fill the last share.
      real = sorted(trial for cut in kept for trial in real[cut])

    def rows(leaf: jax.Array) -> np.ndarray:
      if leaf.is_fully_addressable:
        return np.asarray(leaf)[real]
      # numpy cannot read the shards of other processes: those of this one are
      # put where they belong, and only their rows are taken.
      whole = np.zeros((self._padded, *leaf.shape[1:]), leaf.dtype)
      for shard in leaf.addressable_shards:
        whole[shard.index[0]] = shard.data
      return whole[real]

    return real, jax.tree.map(rows, tree)


@functools.cache
def program(recipe: Recipe, size: int, mesh: Mesh | None) -> Any:
  """Returns `steps.run_block` of all trials, jitted once for a process."""
  at_once = mesh is None or mesh.devices.flat[0].platform != 'cpu'

  # Programs carry this name in profiles.
  def sernet_blocks(
    features: Source,
    labels: jax.Array,
    folds: FoldArrays,
    states: TrialState,
    first: jax.Array,
    count: jax.Array,
  ) -> tuple[TrialState, dict[str, Metrics]]:
    def block(
      fold: FoldArrays, state: TrialState, first: jax.Array, count: jax.Array
    ) -> tuple[TrialState, dict[str, Metrics]]:
      return steps.run_block(
        recipe, size, features, labels, fold, state, first, count
      )

    if at_once:
      return jax.vmap(block)(folds, states, first, count)
    return jax.lax.map(lambda x: block(*x), (folds, states, first, count))

  if mesh is None:
    return jax.jit(sernet_blocks, donate_argnums=3)
  sharded = jax.shard_map(
    sernet_blocks,
    mesh=mesh,
    in_specs=(
      _PARTS if recipe.sound is None else _WHOLE,
      _WHOLE,
      _EACH,
      _EACH,
      _EACH,
      _EACH,
    ),
    out_specs=_EACH,
    check_vma=False,
  )
  # Results lie as arguments do, or the second call would compile again.
  return jax.jit(
    sharded, donate_argnums=3, out_shardings=NamedSharding(mesh, _EACH)
  )


def _place(
  array: np.ndarray, sharding: NamedSharding | None, parts: int = 1
) -> jax.Array:
  """Puts an array that every process has whole on the devices of all.

  Args:
    array: may be mapped from a file; a device's share alone is read.
    sharding: None for one device.
    parts: into which the first axis is cut; zeros at its end make them equal.
  """
  if sharding is None:
    return jax.device_put(array)
  size = -(-len(array) // parts) * parts

  def share(index: tuple[slice, ...]) -> np.ndarray:
    rows = array[index]
    start, stop, _ = index[0].indices(size)
    if stop - start == len(rows):
      return rows
    zeros = np.zeros((stop - start - len(rows), *array.shape[1:]), array.dtype)
    return np.concatenate([rows, zeros])

  return jax.make_array_from_callback(
    (size, *np.shape(array)[1:]), sharding, share
  )
