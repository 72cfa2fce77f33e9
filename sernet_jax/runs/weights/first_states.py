"""States of all trials before the first epoch of a training that starts from weights."""

from __future__ import annotations

import dataclasses

import jax
import numpy as np

from sernet_jax.nn import network, networks
from sernet_jax.nn.spec import ModelSpec
from sernet_jax.runs.data import Data
from sernet_jax.runs.weights import heads
from sernet_jax.runs.weights.start import Learnt, Start
from sernet_jax.training import batch_norm_statistics, recipes, trial_state
from sernet_jax.training.batching import FoldArrays
from sernet_jax.training.recipes import Recipe, Weights
from sernet_jax.training.trial_state import TrialState


def states(
  start: Start, recipe: Recipe, data: Data, new_head: bool
) -> TrialState:
  """Returns the states of all trials before their first epoch.

  Args:
    start: the weights.
    recipe: of the training.
    data: folds, arrays and features of the run.
    new_head: see `TrainSpec`.

  Returns:
    Numpy arrays stacked over the trials; what is not taken from the weights
    is drawn as without them.
  """
  classes = data.features.corpus.classes
  kept = {} if new_head else heads.matches(start.classes, classes)
  known = {} if new_head else start.dimensions_of(data.features.corpus)
  init = jax.jit(trial_state.init_state, static_argnums=0)
  made = []
  for index, arrays in enumerate(data.fold_arrays):
    drawn = init(recipe, arrays.seed, arrays.index)
    # Trials are all folds of the first seed, then of the next.
    learnt = start.of(data.folds[index % len(data.folds)].name)
    params, stats = _weights(learnt, start.model, recipe, data, arrays)
    joined = {
      **params,
      'head': heads.join(drawn.params['head'], params['head'], kept),
    }
    joined.pop('dimensions', None)  # unless some of it is of this corpus
    if known:
      joined['dimensions'] = heads.join(
        drawn.params['dimensions'], params['dimensions'], known
      )
    params = {
      name: joined.get(name, arrays) for name, arrays in drawn.params.items()
    }
    made.append(trial_state.from_weights(recipe, params, stats))
  return trial_state.stack(made)


def _weights(
  learnt: Learnt,
  spec: network.Spec,
  recipe: Recipe,
  data: Data,
  arrays: FoldArrays,
) -> tuple[Weights, Weights]:
  """Returns parameters and statistics, with BatchNorm if it was folded away."""
  if learnt.weights is not None:
    return learnt.weights
  assert learnt.folded is not None
  own = recipe.model
  if isinstance(spec, ModelSpec) and isinstance(own, ModelSpec):
    # The file's own is folded away; put back is the one that trains.
    epsilon = own.batch_norm_epsilon
    spec = dataclasses.replace(spec, batch_norm_epsilon=epsilon)
  its = networks.of(spec)
  if its.moments is None:
    return its.unfold(spec, dict(learnt.folded), None)
  compute = jax.jit(its.moments, static_argnums=0)
  batches = []
  for rows, mask in zip(
    np.reshape(arrays.train, (-1, recipe.batch_size)),
    np.reshape(arrays.train_mask, (-1, recipe.batch_size)),
    strict=True,
  ):
    heard = data.heard(rows)
    values, frames = (
      (heard, None)
      if isinstance(heard, np.ndarray)
      else (np.asarray(heard.features), np.asarray(heard.frames))
    )
    count = mask if frames is None else mask * frames
    if count.any():
      with recipes.matmul_precision(recipe):
        found = compute(spec, learnt.folded, values[..., None], mask, frames)
      batches.append((float(count.sum()), found))
  statistics = batch_norm_statistics.pool(batches)
  return its.unfold(spec, dict(learnt.folded), statistics)
