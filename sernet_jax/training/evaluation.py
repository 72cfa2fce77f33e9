"""Evaluates trained weights on a part of a fold.

Written for one trial, as `steps`; the epoch that training keeps and the
results of a run are judged by the same functions.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TypeVar

import jax
import jax.numpy as jnp

from sernet_jax.nn import network, parallel
from sernet_jax.training import losses, recipes
from sernet_jax.training.batching import EvalSet
from sernet_jax.training.recipes import Metrics, Recipe, Weights
from sernet_jax.training.sound.corpus import Heard, Sound, Source

T = TypeVar('T')


def predict(
  recipe: Recipe,
  features: Source | Heard,
  part: EvalSet,
  params: Weights,
  stats: Weights,
) -> jax.Array:
  """Computes probabilities and numbers per utterance: means over its segments.

  Args:
    recipe: what is fixed.
    features: (segments, frames, coefficients), or this device's share; or a
      corpus as `Sound`, whole on each device.
    part: what to evaluate.
    params: of the network.
    stats: of BatchNorm.

  Returns:
    (slots, classes + dimensions): probabilities, and behind them numbers in
    [-1, 1]; slots without an utterance hold 0.
  """
  batches = part.segments.reshape(-1, recipe.batch_size)

  def one_batch(segments: jax.Array) -> jax.Array:
    frames = None
    if isinstance(features, Sound | Heard):
      own = parallel.own(segments, recipe.axis)
      x, frames = features.features[own], features.frames[own]
    else:
      x = parallel.rows(features, segments, recipe.axis)
    outputs, _ = network.apply(
      recipe.model,
      params,
      stats,
      x[..., None],
      train=False,
      dtype=recipes.compute_dtype(recipe),
      frames=frames,
    )
    logits, numbers = jnp.split(outputs, [recipe.model.num_classes], axis=-1)
    shares = jax.nn.softmax(logits)
    votes = jnp.concatenate([shares, jnp.clip(numbers, -1.0, 1.0)], axis=-1)
    return parallel.gathered(votes, recipe.axis)

  votes = jax.lax.map(one_batch, batches)  # (batches, batch, outputs)
  votes = votes.reshape(-1, votes.shape[-1])  # (segments, outputs)
  slots = part.mask.shape[0]
  total = jax.ops.segment_sum(votes, part.slots, num_segments=slots)
  count = jax.ops.segment_sum(
    jnp.ones(len(votes)), part.slots, num_segments=slots
  )
  mean = total / jnp.maximum(count, 1.0)[:, None]  # (slots, outputs)
  return mean * part.mask[:, None]


def evaluate(
  recipe: Recipe,
  features: Source | Heard,
  part: EvalSet,
  params: Weights,
  stats: Weights,
) -> Metrics:
  """Computes `loss` (mean, without class weights) and `confusion`.

  Both are of utterances, not of segments.
  """
  outputs = predict(recipe, features, part, params, stats)
  probabilities = outputs[:, : recipe.model.num_classes]
  values = losses.of_labels(probabilities, part.labels, recipe.loss)
  return {
    'loss': losses.masked_mean(values, part.mask),
    'confusion': confusion(part.labels, probabilities, part.mask),
  }


def confusion(
  labels: jax.Array, scores: jax.Array, mask: jax.Array
) -> jax.Array:
  """Counts examples by class and predicted class.

  Args:
    labels: int32 (examples,).
    scores: (examples, classes).
    mask: float32 (examples,), 0 for those left out.

  Returns:
    int32 (classes, classes), a row for each true class.
  """
  num_classes = scores.shape[-1]
  predicted = jnp.argmax(scores, axis=-1)
  counts = jnp.zeros((num_classes, num_classes), jnp.int32)
  return counts.at[labels, predicted].add(mask.astype(jnp.int32))


@functools.cache
def compile_predict(recipe: Recipe) -> Callable[..., jax.Array]:
  """Returns `predict` of one recipe, jitted."""

  # Programs carry this name in profiles.
  def sernet_predict(
    features: Source | Heard, part: EvalSet, params: Weights, stats: Weights
  ) -> jax.Array:
    with recipes.matmul_precision(recipe):
      return predict(recipe, features, part, params, stats)

  return jax.jit(sernet_predict)


def round_to_fp16(tree: T) -> T:
  """Rounds every number to its nearest fp16, kept in float32.

  The authors' code rounds weights and BatchNorm statistics alike before the
  reported evaluation.
  """
  return jax.tree.map(
    lambda array: jnp.asarray(array, jnp.float16).astype(jnp.float32), tree
  )
