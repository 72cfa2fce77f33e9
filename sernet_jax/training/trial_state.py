"""State of a trial: all that training changes and a checkpoint keeps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
import optax

from sernet_jax.nn import network
from sernet_jax.training import keys, optim
from sernet_jax.training.batching import FoldArrays
from sernet_jax.training.recipes import Recipe, Weights

T = TypeVar('T')


# The fields of both stand in alphabetical order, as JAX sorts the dicts that
# checkpoints hold, so that the compiled program is that of such dicts.
class Best(NamedTuple):
  """Weights of the best epoch so far on one part of the fold.

  Attributes:
    epoch: int32 (), epochs completed; 0 for none yet.
    params: of the network.
    score: float32 (), see `Recipe.choose_by`; -1 for none yet.
    stats: of BatchNorm.
  """

  epoch: jax.Array
  params: Weights
  score: jax.Array
  stats: Weights


class TrialState(NamedTuple):
  """One trial between two epochs, or several stacked along a first axis.

  Attributes:
    best: by part of the fold, see `Recipe.tracked`.
    optimizer: of Adam.
    params: of the network.
    stats: moving statistics of BatchNorm.
    step: int32 (), batches trained.
  """

  best: dict[str, Best]
  optimizer: optax.OptState
  params: Weights
  stats: Weights
  step: jax.Array


def init_state(
  recipe: Recipe, seed: int | jax.Array, fold_index: int | jax.Array
) -> TrialState:
  """Returns the state of one trial before its first epoch.

  Args:
    recipe: what is fixed.
    seed: of the trial.
    fold_index: index of the fold in its protocol.
  """
  key = keys.derive(seed, 'init', fold_index)
  return from_weights(recipe, *network.init(key, recipe.model))


def from_weights(recipe: Recipe, params: Weights, stats: Weights) -> TrialState:
  """Returns the state of a trial that begins with given weights."""
  best = Best(
    epoch=jnp.zeros((), jnp.int32),
    params=params,
    score=jnp.full((), -1.0),
    stats=stats,
  )
  return TrialState(
    best=dict.fromkeys(recipe.tracked, best),
    optimizer=optim.of_recipe(recipe).init(params),
    params=params,
    stats=stats,
    step=jnp.zeros((), jnp.int32),
  )


def init_states(recipe: Recipe, folds: Sequence[FoldArrays]) -> TrialState:
  """Returns `init_state` of all trials, numpy arrays stacked first."""
  init = jax.jit(init_state, static_argnums=0)
  return stack([init(recipe, fold.seed, fold.index) for fold in folds])


def stack(trees: Sequence[T]) -> T:
  """Stacks trees of one structure along a new first axis, in numpy."""
  return jax.tree.map(
    lambda *leaves: np.stack([np.asarray(leaf) for leaf in leaves]), *trees
  )


def unstack(tree: T, trial: int) -> T:
  """Returns one trial of a stacked tree."""
  return jax.tree.map(lambda leaf: leaf[trial], tree)
