"""One experiment from its newest checkpoint to its results.

All state lives in the checkpoint; the files of the run folder are written
from it, by process 0 if there are several.
"""

from __future__ import annotations

import contextlib
import dataclasses
import sys
from typing import Any

import numpy as np

from sernet_jax.common import text
from sernet_jax.common.errors import require
from sernet_jax.results import report, run_folder
from sernet_jax.results.caveats import times
from sernet_jax.results.formats import results_json
from sernet_jax.results.run_folder import RunFolder
from sernet_jax.results.run_results import Results
from sernet_jax.runs import checkpoint, predictions, summary
from sernet_jax.runs.config import Experiment
from sernet_jax.runs.data import Data
from sernet_jax.runs.distributed import checkpoint_writer
from sernet_jax.runs.distributed.group import Group
from sernet_jax.runs.loop import Checkpoints, Loop
from sernet_jax.runs.weights import first_states, start as start_lib
from sernet_jax.runs.weights.start import Start
from sernet_jax.training import batch_norm_statistics, optim, trial_state
from sernet_jax.training.recipes import Weights
from sernet_jax.training.trial_state import TrialState

_NAMED = 8  # folds


class Trainer:
  """Resumes, trains and tests the trials of one experiment.

  Args:
    experiment: the settings.
    folder: of the run.
    data: features, folds and arrays of the trials.
    group: the processes that share the run.
    start: the weights that `train.start_from` names, if they were read before.
  """

  def __init__(
    self,
    experiment: Experiment,
    folder: RunFolder,
    data: Data,
    group: Group,
    start: Start | None = None,
  ):
    self.start = start
    self.experiment, self.folder, self.data = experiment, folder, data
    self.group = group
    self.recipe = dataclasses.replace(
      experiment.recipe(len(data.features.corpus.classes)),
      teacher=data.teacher,
    )
    self.trials = experiment.trials([fold.name for fold in data.folds])

  def run(self) -> Results:
    """Trains what is left to train; returns the results."""
    if self.group.first:
      for line in self._first_lines():
        print(text.printable(line), file=sys.stderr)
    with self._checkpoints() as checkpoints:
      states, done = self._restore(checkpoints)
      loop = Loop(
        self.experiment,
        self.recipe,
        self.folder,
        self.data,
        self.group,
        checkpoints,
      )
      states = loop.train(states, done)
      return self._results(states, done)

  def evaluate_checkpoint(self) -> Results:
    """Returns the results of the newest checkpoint."""
    with self._checkpoints() as checkpoints:
      states, done = self._restore(checkpoints)
    require(
      bool(done.min() > 0),
      f'{self.folder.path} has no checkpoint in which every fold did an epoch; '
      'train it further with --mode=train',
    )
    return self._results(states, done)

  def _first_lines(self) -> list[str]:
    """Returns where the run is kept, what it hears, its folds, and what comes."""
    corpus, folds = self.data.features.corpus, self.data.folds
    seeds = len(self.experiment.seeds)
    return [
      f'run: {self.folder.path}',
      f'corpus: {corpus.name}, {times(len(corpus.utterances), "utterance")}, '
      f'{times(len(corpus.speakers), "speaker")}, classes '
      f'{", ".join(corpus.classes)}',
      f'folds: {self.experiment.protocol.name}, {times(len(folds), "fold")}'
      f'{f" with {seeds} seeds" if seeds > 1 else ""} of '
      f'{times(self.experiment.train.epochs, "epoch")} '
      f'({text.listing((fold.name for fold in folds), _NAMED)})',
      'compiling the training; the first epochs follow, faster where the '
      'compiled program is kept from before',
    ]

  def _checkpoints(self) -> contextlib.AbstractContextManager[Checkpoints]:
    if not self.group.first:
      return contextlib.nullcontext()
    if self.group.size > 1:
      return checkpoint_writer.Checkpoints(self.folder.checkpoints)
    return checkpoint.Checkpoints(self.folder.checkpoints)

  def _restore(self, checkpoints: Checkpoints) -> tuple[TrialState, np.ndarray]:
    """Returns the states of all trials, and epochs done by each."""
    states = trial_state.init_states(self.recipe, self.data.fold_arrays)
    done = np.zeros(len(self.trials), np.int32)
    tree = checkpoint.to_tree(states, done)
    self.group.from_first(lambda: self._load(checkpoints, tree))
    # Process 0 alone reads files, so they need not be visible to others.
    return checkpoint.from_tree(self.group.broadcast(tree))

  def _load(self, checkpoints: Checkpoints, tree: dict[str, Any]) -> None:
    """Fills `tree` from the newest checkpoint, if there is one."""
    assert checkpoints is not None  # of process 0
    newest, problems = checkpoints.load(tree)
    for sentence in problems:
      print(sentence, file=sys.stderr)
    if newest is not None:
      tree.update(newest)
    elif self.experiment.train.start_from:
      tree.update(checkpoint.to_tree(self._started(), tree['epochs_done']))
    done = np.asarray(tree['epochs_done'])
    require_ahead(self.folder, int(done.max()), self.experiment.train.epochs)
    names = map(run_folder.trial_of, self.trials)
    self.folder.truncate_metrics(dict(zip(names, done.tolist(), strict=True)))

  def _started(self) -> TrialState:
    """Returns the states of trials that begin with trained weights."""
    train = self.experiment.train
    start = self.start or start_lib.load(train.start_from)
    start_lib.require_same(self.folder, start)
    return first_states.states(start, self.recipe, self.data, train.new_head)

  def _results(self, states: TrialState, done: np.ndarray) -> Results:
    """Returns the results, which process 0 makes and shares as JSON."""
    return results_json.decode(
      self.group.from_first(lambda: self._finish(states, done).to_json())
    )

  def _finish(self, states: TrialState, done: np.ndarray) -> Results:
    """Tests the states and writes results and report."""
    data = self.data
    recomputed = self._recomputed(states.params, states, done)
    self.folder.write_statistics(recomputed, done)
    average = optim.averaged(states.optimizer)
    averaged = None
    if average is not None:
      averaged = average, self._recomputed(average, states, done)
      self.folder.write_statistics(averaged[1], done, averaged=True)
    tests = predictions.of_tests(
      self.experiment, self.recipe, data, states, recomputed, averaged
    )
    # A page of fewer epochs must not stand beside results of more.
    self.folder.report.unlink(missing_ok=True)
    results = summary.make(
      self.experiment, self.recipe, data.features, tests, done, self.folder
    )
    report.write(self.folder)
    return results

  def _recomputed(
    self, params: Weights, states: TrialState, done: np.ndarray
  ) -> Weights:
    """Returns the statistics of weights, each over its own training set."""
    return batch_norm_statistics.recompute(
      self.recipe,
      self.data.source,
      self.data.fold_arrays,
      params,
      states.stats,
      done,
    )


def require_ahead(folder: RunFolder, done: int, epochs: int) -> None:
  """Refuses to train less than was trained."""
  require(
    done <= epochs,
    f'{folder.path} already did {done} epochs, more than train.epochs={epochs}; '
    'ask for at least as many, or choose another --workdir',
  )
