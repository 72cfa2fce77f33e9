"""BatchNorm's statistics over a whole training set, for trained weights.

The moving statistics follow the batches at 1 % a step, so what a network is
tested with belongs in part to weights of a hundred steps before. Here the
weights stand still and every training example counts once, as in algorithm 2
of Ioffe & Szegedy (arXiv 1502.03167) and "precise BatchNorm" of Wu & Johnson
(arXiv 2105.07576). No test is looked at.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import jax
import numpy as np

from sernet_jax.common import progress_bar
from sernet_jax.nn import model
from sernet_jax.training import mapping, recipes, train_step
from sernet_jax.training.batching import FoldArrays
from sernet_jax.training.recipes import Recipe

Tree = Any


def of_trials(
  recipe: Recipe,
  features: np.ndarray,
  arrays: Sequence[FoldArrays],
  states: Tree,
  epochs_done: Sequence[int] | np.ndarray,
) -> Tree:
  """The statistics of all trials, each over its own training set.

  Args:
    recipe: of the training.
    features: (segments, frames, coefficients) of the whole corpus; only the
      batch under way goes to the device.
    arrays: one per trial.
    states: numpy arrays stacked over the trials.
    epochs_done: (trials,); the batches are those that the next epoch would
      have, so that speakers and classes are mixed in each.

  Returns:
    `mean` and `variance` of every block, stacked as those of `states`.
  """
  order = jax.jit(train_step.shuffled, static_argnums=0)
  compute = compile_moments(recipe)
  found = []
  for place, fold in enumerate(
    progress_bar.make(arrays, desc='statistics', leave=False)
  ):
    params, stats = (
      jax.device_put(mapping.unstack(states[part], place))
      for part in ('params', 'stats')
    )
    batches = zip(
      *map(np.asarray, order(recipe, fold, epochs_done[place])), strict=True
    )
    found.append(
      together(
        (mask.sum(), compute(params, stats, features[segments], mask))
        for segments, mask in batches
        if mask.any()
      )
    )
  return mapping.stack(found)


@functools.cache
def compile_moments(recipe: Recipe) -> Callable[..., Tree]:
  """Statistics of one batch alone, jitted.

  Returns:
    (params, stats, x (batch, frames, coefficients), mask) to a tree like
    `stats`, whose numbers have no part in it.
  """
  forgetful = dataclasses.replace(recipe.model, batch_norm_momentum=0.0)
  apply = functools.partial(
    model.apply,
    forgetful,
    train=True,
    dtype=recipes.compute_dtype(recipe),
  )

  def sernet_moments(params, stats, x, mask):
    with recipes.matmul_precision(recipe):
      return apply(params, stats, x[..., None], mask=mask)[1]

  return jax.jit(sernet_moments)


def together(batches: Iterable[tuple[float, Tree]]) -> Tree:
  """Mean and variance of all examples from those of batches.

  The variance is that inside the batches plus that between their means.

  Args:
    batches: (examples, tree of blocks with `mean` and `variance`), at least
      one.

  Returns:
    A tree like each, float32; sums are taken in float64.
  """
  total = 0.0
  sums: dict[str, list[np.ndarray]] = {}
  for count, tree in batches:
    total += float(count)
    for name, block in tree.items():
      mean = np.asarray(block['mean'], np.float64)
      square = np.asarray(block['variance'], np.float64) + mean**2
      before = sums.get(name, [np.zeros_like(mean)] * 2)
      sums[name] = [
        before[0] + count * mean,
        before[1] + count * square,
      ]
  found = {}
  for name, (first, second) in sums.items():
    mean = first / total
    variance = np.maximum(second / total - mean**2, 0.0)
    found[name] = {
      'mean': mean.astype(np.float32),
      'variance': variance.astype(np.float32),
    }
  return found
