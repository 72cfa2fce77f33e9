"""The axis of trials: one after another, all at once, or over devices.

A trial is one fold trained with one seed. All mappings run the same
`steps.run_block`, so they give the same numbers but for the order in which
sums are rounded:

  map    one after another, each a call of the same compiled program. Where
         the cores of a CPU are devices (see `config_flags.one_core_devices`),
         one on each of them side by side: the same bits, faster.
  vmap   all at once on one device; a convolution becomes one with a group of
         channels per trial.
  shard  the axis cut into equal shares over all devices of all processes;
         each device works through its share by itself, one after another on
         CPUs and all at once elsewhere. Nothing is sent between devices. With
         more devices than trials, several share every batch of a trial (see
         `device_layout`) and add up their sums.
"""

from __future__ import annotations

import functools
import itertools
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

import jax
import numpy as np

from sernet_jax.common.errors import require
from sernet_jax.training import steps, trial_state
from sernet_jax.training.batching import FoldArrays, Truth
from sernet_jax.training.devices import device_layout
from sernet_jax.training.devices.together import Advance, Together
from sernet_jax.training.recipes import Metrics, Recipe
from sernet_jax.training.sound.corpus import Sound, Source
from sernet_jax.training.trial_state import TrialState

T = TypeVar('T')
# Most bytes that 'map' spends on copies of the features for the cores of a
# CPU, and examples a core must have to train (20 epochs of a fold of EMO-DB)
# before the compilation for it pays.
_COPIES_BYTES = 1 << 30
_EXAMPLES = 10_000


def choose(name: str, devices: Sequence[jax.Device], processes: int) -> str:
  """Returns the mapping that 'auto' stands for, or the one named if it fits.

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
  features: np.ndarray | Sound,
  labels: np.ndarray | Truth,
  folds: Sequence[FoldArrays],
  devices: Sequence[jax.Device],
  memory_bytes: int = 0,
  examples: int = 1 << 60,
) -> OneByOne | Together:
  """Puts the trials of a run on their devices, ready to advance.

  Args:
    name: 'map', 'vmap' or 'shard', see `choose`.
    recipe: what is fixed.
    size: most epochs of a block.
    features: (segments, frames, coefficients) of the whole corpus, or the
      corpus as `Sound`.
    labels: int32 (segments,).
    folds: one per trial, of equal shapes.
    devices: of all processes, for 'shard'; 'map' uses as many as pay if they
      are cores of a CPU, otherwise the first, and 'vmap' the first.
    memory_bytes: of a device, the same on all processes; 0 if not known.
    examples: to be trained by all trials together.

  Raises:
    InputError: if 'shard' does not fit the devices, see `lay_out`.
  """
  data = features, labels
  nbytes = sum(leaf.nbytes for leaf in jax.tree.leaves(features))
  if name == 'map':
    copies = _COPIES_BYTES // max(1, nbytes)
    worth = max(1, min(len(folds), copies, examples // _EXAMPLES))
    cores = [d for d in devices if d.platform == 'cpu'] or devices[:1]
    return OneByOne(recipe, size, data, folds, cores[:worth])
  if name == 'vmap':
    return Together(recipe, size, data, folds, None)
  plan = device_layout.lay_out(
    len(folds), recipe.batch_size, devices, nbytes, memory_bytes
  )
  idle = len(devices) - plan.used
  if idle and jax.process_index() == 0:
    print(
      f'{idle} of {len(devices)} devices stay idle: {len(folds)} folds x seeds '
      f'with batches of {recipe.batch_size} keep {plan.used} busy',
      file=sys.stderr,
    )
  return Together(recipe, size, data, folds, plan.mesh(devices))


class OneByOne:
  """The mapping 'map'."""

  def __init__(
    self,
    recipe: Recipe,
    size: int,
    data: tuple[np.ndarray | Sound, np.ndarray | Truth],
    folds: Sequence[FoldArrays],
    devices: Sequence[jax.Device],
  ):
    self._devices = devices
    self._data = [jax.device_put(data, device) for device in devices]
    self._folds = self._spread(folds)
    self._states: list[TrialState] = []
    self.program = one_program(recipe, size)

  def _spread(self, trees: Iterable[T]) -> list[T]:
    """Puts each trial on its device, in turns."""
    return list(map(jax.device_put, trees, itertools.cycle(self._devices)))

  def put(self, states: TrialState) -> None:
    """Takes the states of all trials, stacked as by `init_states`."""
    self._states = self._spread(
      trial_state.unstack(states, trial) for trial in range(len(self._folds))
    )

  def get(self) -> tuple[list[int], TrialState]:
    """Returns indices of trials and their states, as `put` takes them."""
    return list(range(len(self._states))), trial_state.stack(self._states)

  def advance(self, first: np.ndarray, count: np.ndarray) -> Iterator[Advance]:
    """Trains each trial `count` epochs from `first` on.

    Args:
      first: int32 (trials,), counted from 0.
      count: int32 (trials,), at most the size of a block.

    Yields:
      What the devices of this process did, call by call; a trial on each
      device counts as one call, so that no other is under way.
    """
    rows = len(self._devices)
    wanted = np.flatnonzero(count).tolist()
    queues = [[t for t in wanted if t % rows == row] for row in range(rows)]
    for turn in itertools.zip_longest(*queues):
      start = time.perf_counter()
      trials = [trial for trial in turn if trial is not None]
      # All are begun before `stack` waits for the first.
      metrics = trial_state.stack(
        [self._begin(t, first[t], count[t]) for t in trials]
      )
      yield Advance(trials, metrics, time.perf_counter() - start)

  def _begin(
    self, trial: int, first: np.ndarray, count: np.ndarray
  ) -> dict[str, Metrics]:
    """Begins a block of a trial; returns its metrics without waiting.

    Args:
      trial: its index.
      first: int32 (), its next epoch.
      count: int32 (), epochs to train.
    """
    self._states[trial], metrics = self.program(
      *self._data[trial % len(self._devices)],
      self._folds[trial],
      self._states[trial],
      first,
      count,
    )
    return metrics


@functools.cache
def one_program(recipe: Recipe, size: int) -> Any:
  """Returns `steps.run_block` of one trial, jitted once for a process."""

  # Programs carry this name in profiles.
  def sernet_block(
    features: Source,
    labels: jax.Array,
    fold: FoldArrays,
    state: TrialState,
    first: jax.Array,
    count: jax.Array,
  ) -> tuple[TrialState, dict[str, Metrics]]:
    return steps.run_block(
      recipe, size, features, labels, fold, state, first, count
    )

  return jax.jit(sernet_block, donate_argnames='state')
