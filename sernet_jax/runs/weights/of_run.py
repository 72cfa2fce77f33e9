"""Weights that the folds of a run have learnt, from its newest checkpoint."""

from __future__ import annotations

import dataclasses
import os
from typing import Any

import jax
import numpy as np

from sernet_jax.common.errors import InputError, require, require_choice
from sernet_jax.nn.network import Spec
from sernet_jax.results import run_folder, selections
from sernet_jax.results.selections import SELECTIONS
from sernet_jax.runs import checkpoint, config as config_lib, defaults
from sernet_jax.training import optim, trial_state
from sernet_jax.training.recipes import Recipe, Weights


@dataclasses.dataclass(frozen=True, eq=False)
class FoldWeights:
  """The weights that one fold of a run has learnt.

  Attributes:
    name: of the fold.
    epoch: number of the epoch after which the weights were saved.
    params: for `model.apply`, float32.
    stats: likewise.
  """

  name: str
  epoch: int
  params: dict[str, Any]
  stats: dict[str, Any]


def weights_of_run(
  workdir: str | os.PathLike[str], selection: str = 'last'
) -> tuple[Spec, list[FoldWeights]]:
  """Reads the weights of every fold of a run.

  Only reads: the folder may be read-only, and the run may go on meanwhile.

  Args:
    workdir: folder of a run that has results (see --mode=evaluate).
    selection: which epoch's weights: 'last', or another that the run made.

  Returns:
    The network and the weights, in the order of the folds.

  Raises:
    InputError: if there is no run, no result, no such selection, or a file of
      it is damaged.
  """
  folder = run_folder.RunFolder(workdir, run_folder.MADE)
  require(
    folder.config.exists(),
    f'{workdir} holds no run (there is no config.json); give the folder of a '
    'training run',
  )
  experiment = settings_of(folder)
  reported = experiment.selections
  require_choice('selection', selection, reported)
  names = trial_names(folder, experiment)
  classes = folder.read_results().classes
  recipe = experiment.recipe(len(classes))
  states, epochs = checkpoint.from_tree(
    checkpoint.read(folder.checkpoints, _target(recipe, len(names)))
  )
  params, stats = states.params, states.stats
  entry = SELECTIONS[selection]
  if entry.recomputed:
    stats = _recomputed(folder, stats, epochs, entry)
    if entry.averaged:
      average = optim.averaged(states.optimizer)
      assert average is not None  # the run reports it
      params = average
  elif entry.part:
    best = states.best[entry.part]
    params, stats, epochs = best.params, best.stats, np.asarray(best.epoch)
  return recipe.model, [
    FoldWeights(
      name, int(epochs[index]), *trial_state.unstack((params, stats), index)
    )
    for index, name in enumerate(names)
  ]


def _recomputed(
  folder: run_folder.RunFolder,
  stats: Weights,
  epochs: np.ndarray,
  entry: selections.Selection,
) -> dict[str, Any]:
  """Reads the statistics of a selection; they must be of these weights.

  Args:
    folder: of the run.
    stats: moving statistics of the checkpoint, for names and shapes.
    epochs: (folds,), the epochs of the checkpoint.
    entry: the selection.
  """
  path = folder.average_statistics if entry.averaged else folder.statistics
  cure = f'run --mode=evaluate with --workdir={folder.path} once'
  require(
    path.exists(),
    f'{path} is missing, so there is no {entry.name}; {cure}',
  )
  recomputed, their_epochs = folder.read_statistics(list(stats), entry.averaged)
  fits = jax.tree.map(np.shape, recomputed) == jax.tree.map(np.shape, stats)
  require(
    fits and np.array_equal(their_epochs, epochs),
    f'{path} is not of the newest checkpoint; {cure}',
  )
  return recomputed


def settings_of(folder: run_folder.RunFolder) -> config_lib.Experiment:
  """Reads the settings of a run; fields added later have their defaults.

  Raises:
    InputError: if the file is missing or damaged, or its settings do not fit.
  """
  try:
    return config_lib.experiment(defaults.merged(folder.read_config()))
  except InputError as error:
    raise InputError(f'{folder.config} cannot be used: {error}') from error


def trial_names(
  folder: run_folder.RunFolder, experiment: config_lib.Experiment
) -> list[str]:
  """Names of the folds, with their seed if the run has several."""
  trials = experiment.trials([fold['name'] for fold in folder.read_folds()])
  return [run_folder.trial_of(trial) for trial in trials]


def _target(recipe: Recipe, num_trials: int) -> dict[str, Any]:
  """Shapes and types of a checkpoint of the run."""
  state = jax.eval_shape(lambda: trial_state.init_state(recipe, 0, 0))
  states = jax.tree.map(
    lambda leaf: jax.ShapeDtypeStruct((num_trials, *leaf.shape), leaf.dtype),
    state,
  )
  return checkpoint.to_tree(states, np.zeros(num_trials, np.int32))
