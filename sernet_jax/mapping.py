"""The axis of trials: one after another, all at once, or over devices.

A trial is one fold trained with one seed. All mappings run the same
`training.run_block`, so they give the same numbers but for the order in which
sums are rounded:

  map    one after another, each a call of the same compiled program.
  vmap   all at once on one device; a convolution becomes one with a group of
         channels per trial.
  shard  the axis cut into equal shares over all devices of all processes;
         each device works through its share by itself, one after another on
         CPUs and all at once elsewhere. Nothing is sent between devices.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from sernet_jax import training
from sernet_jax.batching import FoldArrays
from sernet_jax.spec import require
from sernet_jax.training import Recipe

Tree = Any
# Places of trials, their metrics (trials, epochs, ...), seconds of the call.
Advance = tuple[list[int], Tree, float]

_AXIS = 'trial'


def choose(
  name: str, num_trials: int, devices: Sequence[jax.Device], processes: int
) -> str:
  """The mapping that 'auto' stands for, or the one named if it fits.

  Raises:
    InputError: if the mapping does not fit the devices and processes.
  """
  if name == 'auto':
    if len(devices) > 1:
      name = 'shard'
    else:
      name = 'map' if devices[0].platform == 'cpu' else 'vmap'
  require(
    name == 'shard' or processes == 1,
    f'train.fold_mapping is {name!r}, which uses one device of one process, '
    f"but {processes} processes were started; choose 'shard' or start one",
  )
  require(
    processes <= num_trials,
    f'{num_trials} folds x seeds cannot be shared by {processes} processes; '
    'start fewer, or train more folds (protocol.folds) or seeds (train.seeds)',
  )
  return name


def make(
  name: str,
  recipe: Recipe,
  size: int,
  features: np.ndarray,
  labels: np.ndarray,
  folds: Sequence[FoldArrays],
  devices: Sequence[jax.Device],
) -> OneByOne | Together:
  """The trials of a run on their devices, ready to advance.

  Args:
    name: 'map', 'vmap' or 'shard', see `choose`.
    recipe: what is fixed.
    size: most epochs of a block.
    features: (segments, frames, coefficients) of the whole corpus.
    labels: int32 (segments,).
    folds: one per trial, of equal shapes.
    devices: of all processes, for 'shard'; the others use the first.
  """
  data = features, labels
  if name == 'map':
    return OneByOne(recipe, size, data, folds)
  mesh = Mesh(np.array(devices), (_AXIS,)) if name == 'shard' else None
  return Together(recipe, size, data, folds, mesh)


def fresh(recipe: Recipe, folds: Sequence[FoldArrays]) -> Tree:
  """States before the first epoch, numpy arrays stacked over the trials."""
  init = jax.jit(training.init_state, static_argnums=0)
  return stack([init(recipe, fold.seed, fold.index) for fold in folds])


def stack(trees: Sequence[Tree]) -> Tree:
  """Trees of one structure as one tree of numpy arrays, stacked first."""
  return jax.tree.map(
    lambda *leaves: np.stack([np.asarray(leaf) for leaf in leaves]), *trees
  )


def unstack(tree: Tree, place: int) -> Tree:
  """One trial of a stacked tree."""
  return jax.tree.map(lambda leaf: leaf[place], tree)


class OneByOne:
  """The mapping 'map'."""

  def __init__(self, recipe, size, data, folds: Sequence[FoldArrays]):
    self._data = jax.device_put(data)
    self._folds = jax.device_put(list(folds))
    self._states: list[Tree] = []

    def sernet_block(features, labels, fold, state, first, count):
      return training.run_block(
        recipe, size, features, labels, fold, state, first, count
      )

    self.program = jax.jit(sernet_block, donate_argnames='state')

  def put(self, states: Tree) -> None:
    """Takes the states of all trials as `fresh` makes them."""
    self._states = [
      jax.device_put(unstack(states, place))
      for place in range(len(self._folds))
    ]

  def get(self) -> tuple[list[int], Tree]:
    """Places of trials and their states, stacked as `put` takes them."""
    return list(range(len(self._states))), stack(self._states)

  def advance(self, first: np.ndarray, count: np.ndarray) -> Iterator[Advance]:
    """Trains each trial `count` epochs from `first` on.

    Args:
      first: int32 (trials,), counted from 0.
      count: int32 (trials,), at most the size of a block.

    Yields:
      What was done on the devices of this process, call by call.
    """
    for place in np.flatnonzero(count):
      start = time.perf_counter()
      self._states[place], metrics = self.program(
        *self._data,
        self._folds[place],
        self._states[place],
        first[place],
        count[place],
      )
      metrics = jax.tree.map(lambda leaf: np.asarray(leaf)[None], metrics)
      yield [int(place)], metrics, time.perf_counter() - start


class Together:
  """The mappings 'vmap' and 'shard'; one call trains all trials."""

  def __init__(
    self, recipe, size, data, folds: Sequence[FoldArrays], mesh: Mesh | None
  ):
    self._num_trials = self._padded = len(folds)
    at_once = mesh is None or mesh.devices.flat[0].platform != 'cpu'

    def sernet_blocks(features, labels, folds, states, first, count):
      def block(fold, state, first, count):
        return training.run_block(
          recipe, size, features, labels, fold, state, first, count
        )

      if at_once:
        return jax.vmap(block)(folds, states, first, count)
      return jax.lax.map(lambda x: block(*x), (folds, states, first, count))

    program = sernet_blocks
    self._share = copied = None
    if mesh is not None:
      # Every device has an equal share; what fills the last ones is told to
      # train no epoch.
      self._padded = -(-len(folds) // mesh.size) * mesh.size
      whole, each = PartitionSpec(), PartitionSpec(_AXIS)
      self._share, copied = (NamedSharding(mesh, s) for s in (each, whole))
      program = jax.shard_map(
        sernet_blocks,
        mesh=mesh,
        in_specs=(whole, whole, each, each, each, each),
        out_specs=each,
        check_vma=False,
      )
    self.program = jax.jit(program, donate_argnums=3)
    self._data = [_place(array, copied) for array in data]
    self._folds = self._scatter(stack(folds))
    self._states: Tree = None

  def put(self, states: Tree) -> None:
    """See `OneByOne.put`."""
    self._states = self._scatter(states)

  def get(self) -> tuple[list[int], Tree]:
    """See `OneByOne.get`; the trials on the devices of this process."""
    return self._here(self._states)

  def advance(self, first: np.ndarray, count: np.ndarray) -> Iterator[Advance]:
    """See `OneByOne.advance`."""
    start = time.perf_counter()
    steps = self._scatter((first, count), fill=0)
    try:
      self._states, metrics = self.program(
        *self._data, self._folds, self._states, *steps
      )
      places, metrics = self._here(metrics)
    except jax.errors.JaxRuntimeError as error:
      require(
        'RESOURCE_EXHAUSTED' not in str(error),
        f'{self._num_trials} folds x seeds at once do not fit the memory of '
        "the device; choose train.fold_mapping='map', or train fewer folds "
        '(protocol.folds) at a time',
      )
      raise
    done = [number for number, place in enumerate(places) if count[place]]
    metrics = jax.tree.map(lambda leaf: leaf[done], metrics)
    yield [places[n] for n in done], metrics, time.perf_counter() - start

  def _scatter(self, tree: Tree, fill: int | None = None) -> Tree:
    """Shares of a stacked tree to the devices, `fill` or trial 0 at the end."""

    def padded(leaf):
      row = (
        np.asarray(leaf[:1]) if fill is None else np.full_like(leaf[:1], fill)
      )
      return np.concatenate([leaf, *[row] * (self._padded - len(leaf))])

    return jax.tree.map(lambda leaf: _place(padded(leaf), self._share), tree)

  def _here(self, tree: Tree) -> tuple[list[int], Tree]:
    """Places and numpy arrays of the trials on this process' devices."""
    places = list(range(self._padded))
    if self._share is not None:
      slices = self._share.addressable_devices_indices_map((self._padded,))
      places = sorted(p for (index,) in slices.values() for p in places[index])
    real = [place for place in places if place < self._num_trials]

    def rows(leaf):
      if leaf.is_fully_addressable:
        return np.asarray(leaf)[real]
      shards = sorted(leaf.addressable_shards, key=lambda s: s.index[0].start)
      return np.concatenate([s.data for s in shards])[: len(real)]

    return real, jax.tree.map(rows, tree)


def _place(array: np.ndarray, sharding: NamedSharding | None) -> jax.Array:
  """An array that every process has whole, on the devices of all."""
  if sharding is None:
    return jax.device_put(array)
  return jax.make_array_from_callback(
    np.shape(array), sharding, lambda index: array[index]
  )
