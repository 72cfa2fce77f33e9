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

import jax
import numpy as np

from sernet_jax.common import progress_bar
from sernet_jax.nn import network
from sernet_jax.training import epoch_batches, recipes, trial_state
from sernet_jax.training.batching import FoldArrays
from sernet_jax.training.recipes import Recipe, Weights
from sernet_jax.training.sound.corpus import Heard, Sound


def recompute(
  recipe: Recipe,
  features: np.ndarray | Sound,
  arrays: Sequence[FoldArrays],
  params: Weights,
  stats: Weights,
  epochs_done: Sequence[int] | np.ndarray,
) -> Weights:
  """Computes the statistics of all trials, each over its own training set.

  Args:
    recipe: of the training.
    features: (segments, frames, coefficients) of the whole corpus, or the
      corpus as `Sound`, whose utterances count as they are tested; only the
      batch under way goes to the device.
    arrays: one per trial.
    params: numpy arrays stacked over the trials.
    stats: the same; only their shapes matter.
    epochs_done: (trials,); the batches are those that the next epoch would
      have, so that speakers and classes are mixed in each.

  Returns:
    `mean` and `variance` of every block, stacked as `stats`.
  """
  order = jax.jit(epoch_batches.shuffled, static_argnums=0)
  recomputed = []
  for trial, fold in enumerate(
    progress_bar.make(arrays, desc='statistics', leave=False)
  ):
    own_params, own_stats = jax.device_put(
      trial_state.unstack((params, stats), trial)
    )
    # (steps, batch) each
    segments, mask = map(np.asarray, order(recipe, fold, epochs_done[trial]))
    recomputed.append(
      of_batches(recipe, features, segments, mask, own_params, own_stats)
    )
  return trial_state.stack(recomputed)


def of_batches(
  recipe: Recipe,
  features: np.ndarray | Sound | Heard,
  segments: np.ndarray,
  mask: np.ndarray,
  params: Weights,
  stats: Weights,
) -> Weights:
  """Computes the statistics of batches together, for one trial.

  A batch counts as its examples, or as their frames where these do.

  Args:
    recipe: of the training.
    features: (segments, frames, coefficients), or utterances with frames.
    segments: int32 (batches, batch), rows of the features.
    mask: float32 (batches, batch), 0 for padding; a batch of it alone counts
      for nothing.
    params: of the network.
    stats: only its shapes matter, and the values of frozen layers, which stay.

  Returns:
    A tree like `stats`, in numpy.
  """
  frames = None
  if isinstance(features, Sound | Heard):
    frames = np.asarray(features.frames)
    features = np.asarray(features.features)
  compute = compile_moments(recipe)
  batches = []
  for rows, real in zip(segments, mask, strict=True):
    if not real.any():
      continue
    own = None if frames is None else frames[rows]
    count = real if own is None or not recipe.model.masked else real * own
    moments = compute(params, stats, features[rows], real, own)
    batches.append((float(count.sum()), moments))
  kept = {name: stats[name] for name in stats if name in recipe.frozen}
  return {**pool(batches), **jax.tree.map(np.asarray, kept)}


@functools.cache
def compile_moments(recipe: Recipe) -> Callable[..., Weights]:
  """Compiles the statistics of one batch alone.

  Returns:
    (params, stats, x (batch, frames, coefficients), mask, frames) to a tree
    like `stats`; the input values are ignored, but for frozen layers.
  """
  # A network that forgets at once keeps the statistics of its last batch.
  forgetful = dataclasses.replace(recipe.model, batch_norm_momentum=0.0)
  apply = functools.partial(
    network.apply,
    forgetful,
    train=True,
    dtype=recipes.compute_dtype(recipe),
    frozen=recipe.frozen,
  )

  def sernet_moments(
    params: Weights,
    stats: Weights,
    x: jax.Array,
    mask: jax.Array,
    frames: jax.Array | None = None,
  ) -> Weights:
    with recipes.matmul_precision(recipe):
      x = x[..., None]
      return apply(params, stats, x, mask=mask, frames=frames)[1]

  return jax.jit(sernet_moments)


def pool(batches: Iterable[tuple[float, Weights]]) -> Weights:
  """Pools mean and variance of batches into those of all examples.

  The variance is that inside the batches plus that between their means.

  Args:
    batches: (weight, such as examples, tree of blocks with `mean` and `variance`), at least
      one.

  Returns:
    A tree like each, float32; sums are taken in float64.
  """
  total = 0.0
  sums: dict[str, list[np.ndarray]] = {}  # block -> sums of x and of x^2
  for count, tree in batches:
    total += float(count)
    for name, block in tree.items():
      # float64: E[x^2] - E[x]^2 cancels where the mean is large.
      mean = np.asarray(block['mean'], np.float64)
      square = np.asarray(block['variance'], np.float64) + mean**2
      before = sums.get(name, [np.zeros_like(mean)] * 2)
      sums[name] = [
        before[0] + count * mean,
        before[1] + count * square,
      ]
  pooled = {}
  for name, (first, second) in sums.items():
    mean = first / total
    # Rounding may leave a tiny negative number where nothing varies.
    variance = np.maximum(second / total - mean**2, 0.0)
    pooled[name] = {
      'mean': mean.astype(np.float32),
      'variance': variance.astype(np.float32),
    }
  return pooled
