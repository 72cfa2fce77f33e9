"""The axis of trials: one after another, all at once, or over devices.

A trial is one fold trained with one seed. All mappings run the same
`training.run_block`, so they give the same numbers but for the order in which
sums are rounded:

  map    one after another, each a call of the same compiled program. Where
         the cores of a CPU are devices (see `command_line.one_core_devices`),
         one on each of them side by side: the same bits sooner.
  vmap   all at once on one device; a convolution becomes one with a group of
         channels per trial.
  shard  the axis cut into equal shares over all devices of all processes;
         each device works through its share by itself, one after another on
         CPUs and all at once elsewhere. Nothing is sent between devices. With
         more devices than trials, several share every batch of a trial (see
         `layout`) and add up their sums.
"""

from __future__ import annotations

import dataclasses
import itertools
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from sernet_jax.common.errors import require
from sernet_jax.training import device_layout, train_step
from sernet_jax.training.batching import FoldArrays
from sernet_jax.training.recipes import Recipe

Tree = Any
# What 'map' may spend on copies of the features for the cores of a CPU, and
# what a core must have to train (20 epochs of a fold of EMO-DB) before the
# compilation for it pays.
_COPIES_BYTES = 1 << 30
_EXAMPLES = 10_000
# Places of trials, their metrics (trials, epochs, ...), seconds of the call.
Advance = tuple[list[int], Tree, float]


def choose(name: str, devices: Sequence[jax.Device], processes: int) -> str:
  """The mapping that 'auto' stands for, or the one named if it fits.

  Raises:
    InputError: if the mapping does not fit the devices and processes.
  """
  if name == 'auto':
    if processes == 1 and devices[0].platform == 'cpu':
      name = 'map'
    else:
      name = 'shard' if len(devices) > 1 else 'vmap'
  require(
    name == 'shard' or processes == 1,
    f'train.fold_mapping is {name!r}, which uses devices of one process, '
    f"but {processes} processes were started; choose 'shard' or start one",
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
  memory_bytes: int = 0,
  examples: int = 1 << 60,
) -> OneByOne | Together:
  """The trials of a run on their devices, ready to advance.

  Args:
    name: 'map', 'vmap' or 'shard', see `choose`.
    recipe: what is fixed.
    size: most epochs of a block.
    features: (segments, frames, coefficients) of the whole corpus.
    labels: int32 (segments,).
    folds: one per trial, of equal shapes.
    devices: of all processes, for 'shard'; 'map' uses as many as pay if they
      are cores of a CPU, otherwise the first, and 'vmap' the first.
    memory_bytes: of a device, the same on all processes; 0 if not known.
    examples: to be trained by all trials together.

  Raises:
    InputError: if 'shard' does not fit the devices, see `layout.lay_out`.
  """
  data = features, labels
  if name == 'map':
    copies = _COPIES_BYTES // max(1, features.nbytes)
    worth = max(1, min(len(folds), copies, examples // _EXAMPLES))
    cores = [d for d in devices if d.platform == 'cpu'] or devices[:1]
    return OneByOne(recipe, size, data, folds, cores[:worth])
  if name == 'vmap':
    return Together(recipe, size, data, folds, None)
  plan = device_layout.lay_out(
    len(folds), recipe.batch_size, devices, features.nbytes, memory_bytes
  )
  idle = len(devices) - plan.used
  if idle and jax.process_index() == 0:
    print(
      f'{idle} of {len(devices)} devices stay idle: {len(folds)} folds x seeds '
      f'with batches of {recipe.batch_size} keep {plan.used} busy',
      file=sys.stderr,
    )
  return Together(recipe, size, data, folds, plan.mesh(devices))


def fresh(recipe: Recipe, folds: Sequence[FoldArrays]) -> Tree:
  """States before the first epoch, numpy arrays stacked over the trials."""
  init = jax.jit(train_step.init_state, static_argnums=0)
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

  def __init__(self, recipe, size, data, folds: Sequence[FoldArrays], devices):
    self._devices = devices
    self._data = [jax.device_put(data, device) for device in devices]
    self._folds = self._spread(folds)
    self._states: list[Tree] = []

    def sernet_block(features, labels, fold, state, first, count):
      return train_step.run_block(
        recipe, size, features, labels, fold, state, first, count
      )

    self.program = jax.jit(sernet_block, donate_argnames='state')

  def _spread(self, trees: Iterable[Tree]) -> list[Tree]:
    """Each trial on its device, in turns."""
    return list(map(jax.device_put, trees, itertools.cycle(self._devices)))

  def put(self, states: Tree) -> None:
    """Takes the states of all trials as `fresh` makes them."""
    self._states = self._spread(
      unstack(states, place) for place in range(len(self._folds))
    )

  def get(self) -> tuple[list[int], Tree]:
    """Places of trials and their states, stacked as `put` takes them."""
    return list(range(len(self._states))), stack(self._states)

  def advance(self, first: np.ndarray, count: np.ndarray) -> Iterator[Advance]:
    """Trains each trial `count` epochs from `first` on.

    Args:
      first: int32 (trials,), counted from 0.
      count: int32 (trials,), at most the size of a block.

    Yields:
      What was done on the devices of this process, call by call; a trial on
      each device counts as one call, so that no other is under way.
    """
    rows = len(self._devices)
    wanted = np.flatnonzero(count).tolist()
    queues = [[p for p in wanted if p % rows == row] for row in range(rows)]
    for turn in itertools.zip_longest(*queues):
      start = time.perf_counter()
      places = [place for place in turn if place is not None]
      metrics = stack([self._begun(p, first[p], count[p]) for p in places])
      yield places, metrics, time.perf_counter() - start

  def _begun(self, place: int, first: Any, count: Any) -> Tree:
    """Metrics of a trial that trains from now on, beside others."""
    self._states[place], metrics = self.program(
      *self._data[place % len(self._devices)],
      self._folds[place],
      self._states[place],
      first,
      count,
    )
    return metrics


class Together:
  """The mappings 'vmap' and 'shard'; one call trains all trials."""

  def __init__(
    self, recipe, size, data, folds: Sequence[FoldArrays], mesh: Mesh | None
  ):
    self._num_trials = self._padded = len(folds)
    if mesh is not None and mesh.shape[device_layout.DATA] > 1:
      recipe = dataclasses.replace(recipe, axis=device_layout.DATA)
    at_once = mesh is None or mesh.devices.flat[0].platform != 'cpu'

    def sernet_blocks(features, labels, folds, states, first, count):
      def block(fold, state, first, count):
        return train_step.run_block(
          recipe, size, features, labels, fold, state, first, count
        )

      if at_once:
        return jax.vmap(block)(folds, states, first, count)
      return jax.lax.map(lambda x: block(*x), (folds, states, first, count))

    program = sernet_blocks
    self._share = cut = copied = None
    if mesh is not None:
      # Every row of devices has an equal share; what fills the last ones is
      # told to train no epoch.
      rows = mesh.shape[device_layout.TRIAL]
      self._padded = -(-len(folds) // rows) * rows
      whole, each, parts = (
        PartitionSpec(),
        PartitionSpec(device_layout.TRIAL),
        PartitionSpec(device_layout.DATA),
      )
      self._share, copied, cut = (
        NamedSharding(mesh, spec) for spec in (each, whole, parts)
      )
      program = jax.shard_map(
        sernet_blocks,
        mesh=mesh,
        in_specs=(parts, whole, each, each, each, each),
        out_specs=each,
        check_vma=False,
      )
    # Results lie as arguments do, or the second call would compile again.
    self.program = jax.jit(program, donate_argnums=3, out_shardings=self._share)
    features, labels = data
    columns = 1 if mesh is None else mesh.shape[device_layout.DATA]
    self._data = [_place(features, cut, columns), _place(labels, copied)]
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
    """Places and numpy arrays of the trials on this process' devices.

    A trial on devices of several processes counts for the one that has the
    first of them.
    """
    real = list(range(self._num_trials))
    if self._share is not None and not self._share.is_fully_addressable:
      slices = self._share.addressable_devices_indices_map((self._padded,))
      first = set(self._share.mesh.devices[:, 0])
      kept = [cut for device, (cut,) in slices.items() if device in first]
      real = sorted(p for cut in kept for p in real[cut])

    def rows(leaf):
      if leaf.is_fully_addressable:
        return np.asarray(leaf)[real]
      found = np.zeros((self._padded, *leaf.shape[1:]), leaf.dtype)
      for shard in leaf.addressable_shards:
        found[shard.index[0]] = shard.data
      return found[real]

    return real, jax.tree.map(rows, tree)


def _place(
  array: np.ndarray, sharding: NamedSharding | None, parts: int = 1
) -> jax.Array:
  """An array that every process has whole, on the devices of all.

  Args:
    array: may be mapped from a file; a device's share alone is read.
    sharding: None for one device.
    parts: into which the first axis is cut; zeros at its end make them equal.
  """
  if sharding is None:
    return jax.device_put(array)
  size = -(-len(array) // parts) * parts

  def share(index):
    rows = array[index]
    start, stop, _ = index[0].indices(size)
    if stop - start == len(rows):
      return rows
    zeros = np.zeros((stop - start - len(rows), *array.shape[1:]), array.dtype)
    return np.concatenate([rows, zeros])

  return jax.make_array_from_callback(
    (size, *np.shape(array)[1:]), sharding, share
  )
