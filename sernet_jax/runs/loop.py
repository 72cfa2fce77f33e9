"""Training from checkpoint to checkpoint, a block of epochs at a time.

Trials (folds x seeds) advance together, so that a run stopped anywhere has
results for every fold. All state lives in the checkpoint; the files of the
run folder are written from it, by process 0 if there are several.
"""

from __future__ import annotations

import contextlib
import sys
import time
from typing import Any

import jax
import numpy as np

from sernet_jax.common import interrupt, progress_bar
from sernet_jax.common.errors import InputError, require
from sernet_jax.results import report, run_folder
from sernet_jax.results.run_results import Results
from sernet_jax.runs import checkpoint, summary as results_lib, tensorboard
from sernet_jax.runs.config import Experiment
from sernet_jax.runs.distributed import checkpoint_writer
from sernet_jax.runs.distributed.group import Group
from sernet_jax.training import batch_norm_statistics, mapping

Tree = Any

# Between checkpoints at most, if no block takes longer: what a kill loses.
SAVE_SECONDS = 60.0


class Training:
  """The moving parts of one experiment.

  Args:
    experiment: the settings.
    folder: of the run.
    data: with `features`, `folds` and `fold_arrays` (one per trial).
    group: the processes that share the run.
  """

  def __init__(
    self,
    experiment: Experiment,
    folder: run_folder.RunFolder,
    data: Any,
    group: Group,
  ):
    self.experiment, self.folder, self.data = experiment, folder, data
    self.group = group
    self.recipe = results_lib.recipe(experiment, data.features.corpus)
    self.trials = results_lib.trials(experiment, data.folds)

  def run(self) -> Results:
    """Trains what is left to train; returns the results."""
    with self._checkpoints() as checkpoints:
      states, done = self._restore(checkpoints)
      states = self._train(checkpoints, states, done)
      return self._results(states, done)

  def evaluate_checkpoint(self) -> Results:
    """The results of the newest checkpoint."""
    with self._checkpoints() as checkpoints:
      states, done = self._restore(checkpoints)
    require(
      bool(done.min() > 0),
      f'{self.folder.path} has no checkpoint in which every fold did an epoch; '
      'train it further with --mode=train',
    )
    return self._results(states, done)

  def _checkpoints(self) -> contextlib.AbstractContextManager[Any]:
    if not self.group.first:
      return contextlib.nullcontext()
    if self.group.size > 1:
      return checkpoint_writer.Checkpoints(self.folder.checkpoints)
    return checkpoint.Checkpoints(self.folder.checkpoints)

  def _restore(self, checkpoints) -> tuple[Tree, np.ndarray]:
    """States stacked over the trials, and epochs done by each."""
    states = mapping.fresh(self.recipe, self.data.fold_arrays)
    done = np.zeros(len(self.trials), np.int32)
    tree = {'epochs_done': done, 'folds': states}
    self.group.from_first(lambda: self._load(checkpoints, tree))
    # Process 0 alone reads files, so they need not be visible to others.
    tree = self.group.broadcast(tree)
    return tree['folds'], np.array(tree['epochs_done'])

  def _load(self, checkpoints, tree: Tree) -> None:
    """Fills `tree` from the newest checkpoint, if there is one."""
    found, said = checkpoints.load(tree)
    for sentence in said:
      print(sentence, file=sys.stderr)
    if found is not None:
      tree.update(found)
    done = np.asarray(tree['epochs_done'])
    require_ahead(self.folder, int(done.max()), self.experiment.train.epochs)
    names = map(run_folder.trial_of, self.trials)
    self.folder.truncate_metrics(dict(zip(names, done.tolist(), strict=True)))

  def _train(self, checkpoints, states: Tree, done: np.ndarray) -> Tree:
    """Trains to the last epoch; `done` is kept up to date."""
    train = self.experiment.train
    if done.min() == train.epochs:
      return states
    size = block_size(self.experiment)
    segments = len(self.data.fold_arrays[0].train)  # the same for all
    trials = mapping.make(
      self._mapping(),
      self.recipe,
      size,
      np.asarray(self.data.features.features),
      self.data.labels,
      self.data.fold_arrays,
      jax.devices(),
      self._memory_bytes(),
      segments * int((train.epochs - done).sum()),
    )
    trials.put(states)
    del states
    first = self.group.first
    logs = tensorboard.writer(
      self.folder.path, self.experiment.tensorboard and first
    )
    bar = progress_bar.make(
      total=len(done) * train.epochs,
      initial=int(done.sum()),
      unit='epoch',
      desc='training',
      shown=first,
      smoothing=0.05,
    )
    latest: dict[str, float] = {}
    saved = time.monotonic(), int(done.sum())

    def save():
      nonlocal saved
      if saved[1] == done.sum():
        return
      saved = time.monotonic(), int(done.sum())
      states = self._whole(trials)
      if first:
        tree = {'epochs_done': np.array(done), 'folds': states}
        checkpoints.save(int(done.sum()), tree)

    with interrupt.signals() as stop, logs, bar:
      while (before := int(done.min())) < train.epochs:
        until = min((before // size + 1) * size, train.epochs)
        count = np.clip(until - done, 0, size).astype(np.int32)
        for call in trials.advance(done.copy(), count):
          places, metrics, seconds = self._of_all(call)
          rows = self._rows(places, metrics, done, count, seconds)
          for row in rows:
            self._require_finite(row, checkpoints)
            latest[run_folder.trial_of(row)] = row.get('test', row['train'])[
              'uar'
            ]
          if first:
            self.folder.append_metrics(rows)
            for row in rows:
              logs.write(row)
          done[places] += count[places]
          bar.set_postfix(
            loss=f'{rows[-1]["train"]["loss"]:.3f}',
            UAR=f'{np.mean(list(latest.values())):.3f}',
          )
          bar.update(len(rows))
          if self.group.any(bool(stop)):
            save()
            raise interrupt.Stopped(
              stop[0] if stop else interrupt.signal.SIGTERM,
              f'stopped after {done.sum()} of {len(done) * train.epochs} '
              'fold-epochs; run the same command again to go on',
            )
          # What a kill loses: this long, or a block if that takes longer.
          if self.group.any(time.monotonic() - saved[0] >= SAVE_SECONDS):
            save()
        every = train.checkpoint_epochs
        if until == train.epochs or until // every > before // every:
          save()
    return self._whole(trials)

  def _of_all(self, call: mapping.Advance) -> mapping.Advance:
    """What one call did on all processes together."""
    places, metrics, seconds = call
    parts = self.group.gather((np.array(places, np.int32), metrics))
    together = [place for part, _ in parts for place in part.tolist()]
    return together, _joined([metrics for _, metrics in parts]), seconds

  def _whole(self, trials) -> Tree:
    """The states of all trials; on process 0 alone if there are several."""
    _, states = trials.get()
    parts = self.group.gather(states, everywhere=False)
    return _joined(parts) if parts else states

  def _memory_bytes(self) -> int:
    """Of the smallest device of the run, 0 on CPUs."""
    stats = jax.local_devices()[0].memory_stats() or {}
    here = np.array(stats.get('bytes_limit', 0), np.int64)
    return int(min(self.group.gather(here)))

  def _mapping(self) -> str:
    return mapping.choose(
      self.experiment.train.fold_mapping,
      jax.devices(),
      self.group.size,
    )

  def _rows(
    self, places, metrics, done, count, seconds
  ) -> list[dict[str, Any]]:
    """Lines of metrics.jsonl of one call, epoch by epoch."""
    share = seconds / int(count[places].sum())
    rows = []
    for step in range(int(count[places].max())):
      for number, place in enumerate(places):
        if step < count[place]:
          values = jax.tree.map(
            lambda leaf, n=number, s=step: leaf[n, s], metrics
          )
          row = results_lib.metrics_row(
            self.trials[place],
            int(done[place]) + step,
            self.experiment.optim,
            values,
          )
          rows.append({**row, 'seconds': share})
    return rows

  def _require_finite(self, row, checkpoints) -> None:
    values = [
      row['train']['l2'],
      *(
        row[part]['loss']
        for part in ('train', 'test', 'validation')
        if part in row
      ),
    ]
    if np.isfinite(values).all():
      return
    steps = checkpoints.steps if checkpoints else []
    kept = f'step {steps[-1]} is kept' if steps else 'none was written yet'
    raise InputError(
      f'fold {run_folder.trial_of(row)} became {row["train"]["loss"]} (training '
      f'loss) in epoch {row["epoch"]} at learning rate '
      f'{row["learning_rate"]:.3g}; lower optim.learning_rate and start in a '
      f'new --workdir (last checkpoint: {kept})'
    )

  def _results(self, states: Tree, done: np.ndarray) -> Results:
    """The results, which process 0 makes and shares as JSON."""
    return Results.from_json(
      self.group.from_first(lambda: self._finish(states, done).to_json())
    )

  def _finish(self, states: Tree, done: np.ndarray) -> Results:
    data = self.data
    states['recomputed'] = batch_norm_statistics.of_trials(
      self.recipe, data.features.features, data.fold_arrays, states, done
    )
    self.folder.write_statistics(states['recomputed'], done)
    tests = results_lib.predictions(
      self.experiment,
      self.recipe,
      data.features,
      data.fold_arrays,
      data.folds,
      states,
    )
    # A page of fewer epochs must not stand beside results of more.
    self.folder.report.unlink(missing_ok=True)
    results = results_lib.make(
      self.experiment, self.recipe, data.features, tests, done, self.folder
    )
    report.write(self.folder)
    return results


def _joined(parts: list[Tree]) -> Tree:
  """Trees of stacked trials, one behind the other."""
  if len(parts) == 1:
    return parts[0]
  return jax.tree.map(lambda *leaves: np.concatenate(leaves), *parts)


def block_size(experiment: Experiment) -> int:
  """Epochs per compiled call.

  A CPU takes seconds for an epoch and reports each; elsewhere the host would
  be waited for, so a block reaches to the next checkpoint.
  """
  train = experiment.train
  on_cpu = jax.devices()[0].platform == 'cpu'
  automatic = 1 if on_cpu else train.checkpoint_epochs
  return min(train.report_epochs or automatic, train.epochs)


def require_ahead(folder: run_folder.RunFolder, done: int, epochs: int) -> None:
  """Refuses to train less than was trained."""
  require(
    done <= epochs,
    f'{folder.path} already did {done} epochs, more than train.epochs={epochs}; '
    'ask for at least as many, or choose another --workdir',
  )
