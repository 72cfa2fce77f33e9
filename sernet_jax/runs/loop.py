"""The training loop: from checkpoint to checkpoint, a block at a time.

Trials (folds x seeds) advance together, so that a run stopped anywhere has
results for every fold.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from typing import Any, TypeVar

import jax
import numpy as np

from sernet_jax.common import interrupt, machine, progress_bar
from sernet_jax.results import run_folder
from sernet_jax.results.run_folder import RunFolder
from sernet_jax.runs import checkpoint, metric_rows
from sernet_jax.runs.config import Experiment
from sernet_jax.runs.data import Data
from sernet_jax.runs.distributed import checkpoint_writer
from sernet_jax.runs.distributed.group import Group
from sernet_jax.runs.logs import writers
from sernet_jax.training.devices import mapping
from sernet_jax.training.devices.together import Advance
from sernet_jax.training.recipes import Recipe
from sernet_jax.training.trial_state import TrialState

T = TypeVar('T')
# Nothing on all processes but the first, which writes for them.
Checkpoints = checkpoint.Checkpoints | checkpoint_writer.Checkpoints | None
Trials = mapping.OneByOne | mapping.Together

# Between checkpoints at most, if no block takes longer: what a kill loses.
SAVE_SECONDS = 60.0


class Loop:
  """Training of all trials to the last epoch.

  Args:
    experiment: the settings.
    recipe: what is compiled.
    folder: of the run.
    data: features, folds and arrays of the trials.
    group: the processes that share the run.
    checkpoints: of the run, on process 0.
  """

  def __init__(
    self,
    experiment: Experiment,
    recipe: Recipe,
    folder: RunFolder,
    data: Data,
    group: Group,
    checkpoints: Checkpoints,
  ):
    self._experiment, self._recipe = experiment, recipe
    self._folder, self._data = folder, data
    self._group, self._checkpoints = group, checkpoints
    self._names = experiment.trials([fold.name for fold in data.folds])
    self._latest: dict[str, float] = {}  # trial -> UAR

  def train(self, states: TrialState, done: np.ndarray) -> TrialState:
    """Trains what is left to train; returns the states after it.

    Args:
      states: stacked over the trials.
      done: (trials,), epochs, kept up to date.

    Raises:
      interrupt.Stopped: after SIGINT or SIGTERM, with the states saved.
    """
    train = self._experiment.train
    if done.min() == train.epochs:
      return states
    size = block_size(self._experiment)
    trials = self._on_devices(size, done)
    trials.put(states)
    del states
    saver = _Saver(lambda: self._save(trials, done), done)
    first = self._group.first
    logs = writers.opened(
      self._folder.path,
      self._experiment.loggers if first else (),
      self._folder.read_config() if first else {},
    )
    bar = progress_bar.make(
      total=len(done) * train.epochs,
      initial=int(done.sum()),
      unit='epoch',
      desc='training',
      shown=first,
      smoothing=0.05,
      first_compiles=True,
    )
    compiled = False
    with interrupt.signals() as stop, logs as log, bar:
      while (before := int(done.min())) < train.epochs:
        # Trials that are ahead of the others wait at the end of the block.
        until = min((before // size + 1) * size, train.epochs)
        count = np.clip(until - done, 0, size).astype(np.int32)
        for call in trials.advance(done.copy(), count):
          if not compiled:
            machine.give_back_memory()  # half of what the process holds
            compiled = True
          rows = self._rows(call, done, count)
          if first:
            self._folder.append_metrics(rows)
            for row in rows:
              log(row)
          bar.set_postfix(
            loss=f'{rows[-1]["train"]["loss"]:.3f}',
            UAR=f'{np.mean(list(self._latest.values())):.3f}',
          )
          bar.update(len(rows))
          if self._group.any(bool(stop)):
            saver.save()
            raise interrupt.Stopped(
              stop[0] if stop else signal.SIGTERM,
              f'stopped after {done.sum()} of {len(done) * train.epochs} '
              'fold-epochs; run the same command again to go on',
            )
          # What a kill loses: this long, or a block if that takes longer.
          if self._group.any(saver.seconds >= SAVE_SECONDS):
            saver.save()
        every = train.checkpoint_epochs
        if until == train.epochs or until // every > before // every:
          saver.save()
    return self._whole(trials)

  def _rows(
    self, local: Advance, done: np.ndarray, count: np.ndarray
  ) -> list[dict[str, Any]]:
    """Returns the lines of a call on all processes; counts its epochs."""
    call = self._of_all(local)
    spec = self._experiment.optim
    rows = metric_rows.of_call(call, self._names, done, count, spec)
    steps = self._checkpoints.steps if self._checkpoints else []
    for row in rows:
      metric_rows.require_finite(row, steps)
      scores = row.get('test', row['train'])
      self._latest[run_folder.trial_of(row)] = scores['uar']
    done[call.trials] += count[call.trials]
    return rows

  def _on_devices(self, size: int, done: np.ndarray) -> Trials:
    """Puts data and trials on the devices."""
    train, data = self._experiment.train, self._data
    segments = len(data.fold_arrays[0].train)  # the same for all
    return mapping.make(
      mapping.choose(train.fold_mapping, jax.devices(), self._group.size),
      self._recipe,
      size,
      data.source,
      data.labels,
      data.fold_arrays,
      jax.devices(),
      self._memory_bytes(),
      segments * int((train.epochs - done).sum()),
    )

  def _save(self, trials: Trials, done: np.ndarray) -> None:
    states = self._whole(trials)
    if self._checkpoints is not None:
      tree = checkpoint.to_tree(states, np.array(done))
      self._checkpoints.save(int(done.sum()), tree)

  def _of_all(self, call: Advance) -> Advance:
    """Gathers what one call did on all processes."""
    parts = self._group.gather((np.array(call.trials, np.int32), call.metrics))
    trials = [trial for part, _ in parts for trial in part.tolist()]
    return Advance(trials, _concatenated([m for _, m in parts]), call.seconds)

  def _whole(self, trials: Trials) -> TrialState:
    """Returns the states of all trials; on process 0 alone if several."""
    _, states = trials.get()
    parts = self._group.gather(states, everywhere=False)
    return _concatenated(parts) if parts else states

  def _memory_bytes(self) -> int:
    """Memory of the smallest device of the run, 0 on CPUs."""
    stats = jax.local_devices()[0].memory_stats() or {}
    here = np.array(stats.get('bytes_limit', 0), np.int64)
    return int(min(self._group.gather(here)))


class _Saver:
  """Saves when something was done since the last time.

  Args:
    save: writes a checkpoint.
    done: (trials,), epochs, kept up to date by others.
  """

  def __init__(self, save: Callable[[], None], done: np.ndarray):
    self._save, self._done = save, done
    self._begin()

  def _begin(self) -> None:
    self._time, self._epochs = time.monotonic(), int(self._done.sum())

  @property
  def seconds(self) -> float:
    """Time since the last save."""
    return time.monotonic() - self._time

  def save(self) -> None:
    """Writes a checkpoint, unless the newest is of these epochs."""
    if self._epochs != self._done.sum():
      self._begin()
      self._save()


def _concatenated(parts: list[T]) -> T:
  """Joins trees of stacked trials, one behind the other."""
  if len(parts) == 1:
    return parts[0]
  return jax.tree.map(lambda *leaves: np.concatenate(leaves), *parts)


def block_size(experiment: Experiment) -> int:
  """Returns the epochs of a compiled call.

  A CPU takes seconds for an epoch and reports each; elsewhere the device
  would wait for the host, so a block reaches to the next checkpoint.
  """
  train = experiment.train
  on_cpu = jax.devices()[0].platform == 'cpu'
  automatic = 1 if on_cpu else train.checkpoint_epochs
  return min(train.report_epochs or automatic, train.epochs)
