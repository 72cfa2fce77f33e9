"""Batches of an epoch: their order, what is heard, and what teachers say of it.

All of it happens on the device, and is drawn by seed, fold, and epoch or step.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp

from sernet_jax.nn import network, parallel
from sernet_jax.training import keys, recipes, trial_state
from sernet_jax.training.batching import FoldArrays, Truth
from sernet_jax.training.recipes import Recipe
from sernet_jax.training.sound import examples
from sernet_jax.training.sound.corpus import Sound, Source


def shuffled(
  recipe: Recipe, fold: FoldArrays, epoch: jax.Array
) -> tuple[jax.Array, jax.Array]:
  """Returns the training set in this epoch's order, padding last, in batches.

  Every segment draws its own random number, so the order of a fold does not
  depend on how far the fold was padded.

  Returns:
    Segments int32 and mask float32, both (steps, batch).
  """
  key = keys.derive(fold.seed, 'shuffle', fold.index, epoch)
  draw = jax.vmap(
    lambda segment: jax.random.bits(jax.random.fold_in(key, segment))
  )
  shape = (-1, recipe.batch_size)
  if fold.groups is not None:
    return _shuffled_by_speaker(recipe, fold, draw, key)
  # The mask is the first key: padding goes to the end.
  order = jnp.lexsort((draw(fold.train), 1 - fold.train_mask))
  return fold.train[order].reshape(shape), fold.train_mask[order].reshape(shape)


def _shuffled_by_speaker(
  recipe: Recipe,
  fold: FoldArrays,
  draw: Callable[[jax.Array], jax.Array],
  key: jax.Array,
) -> tuple[jax.Array, jax.Array]:
  """Deals each speaker's recordings anew to that speaker's batches."""
  shape = (-1, recipe.batch_size)
  groups, padding = jnp.asarray(fold.groups), 1 - fold.train_mask
  places = jnp.arange(len(groups))
  # Recordings by speaker and at random, and the places that they had, by
  # speaker: as many of both, so that the n-th takes the n-th place.
  taken = jnp.lexsort((draw(fold.train), groups, padding))
  freed = jnp.lexsort((places, groups, padding))
  rows = jnp.zeros_like(fold.train).at[freed].set(fold.train[taken])
  rows, mask = rows.reshape(shape), fold.train_mask.reshape(shape)
  # The batches too come in random order, those of padding alone last.
  batches = jnp.arange(len(rows))
  # A key that no segment has.
  draws = jax.vmap(
    lambda batch: jax.random.bits(
      jax.random.fold_in(jax.random.fold_in(key, 2**31 - 1), batch)
    )
  )(batches)
  order = jnp.lexsort((draws, mask.sum(1) == 0))
  return rows[order], mask[order]


def examples_of(
  recipe: Recipe,
  features: Source,
  labels: jax.Array | Truth,
  fold: FoldArrays,
  step: jax.Array,
  segments: jax.Array,
  mask: jax.Array,
) -> tuple[jax.Array, jax.Array | None, jax.Array | None]:
  """Returns this device's x, frames and targets of a training batch."""
  targets = None
  if recipe.sound is not None or recipe.loss.label_smoothing:
    targets = jax.nn.one_hot(labels[segments], recipe.model.num_classes)
  if recipe.sound is None or not isinstance(features, Sound):
    x = parallel.rows(features, segments, recipe.axis)
    if targets is not None:
      targets = parallel.own(targets, recipe.axis)
    return x, None, targets
  key = keys.derive(fold.seed, 'augment', fold.index, step)
  assert targets is not None
  # Drawn and made for the whole batch, so that it is the same on any mesh.
  batch = examples.make(key, features, segments, targets, mask, recipe.sound)
  return parallel.own(tuple(batch), recipe.axis)


def answers(
  recipe: Recipe, fold: FoldArrays, x: jax.Array, frames: jax.Array | None
) -> jax.Array | None:
  """Returns the mean of what the teachers of a fold say of a batch.

  They hear what the student hears, cut and changed alike: a teacher that had
  seen the recordings as they are would be sure of every one of them.

  Args:
    recipe: what is fixed.
    fold: with its teachers.
    x: (batch, frames, coefficients, 1), this device's share.
    frames: int32 (batch,), see `model.apply`.

  Returns:
    (batch, classes), or None without teachers.
  """
  if recipe.teacher is None:
    return None
  assert fold.teachers is not None
  classes, heat = recipe.teacher.num_classes, recipe.loss.temperature
  answers = []
  # Unrolled: they are few.
  for index in range(len(jax.tree.leaves(fold.teachers)[0])):
    params, stats = trial_state.unstack(fold.teachers, index)
    outputs, _ = network.apply(
      recipe.teacher,
      params,
      stats,
      x,
      train=False,
      dtype=recipes.compute_dtype(recipe),
      frames=frames,
    )
    answers.append(jax.nn.softmax(outputs[:, :classes] / heat))
  return jnp.stack(answers).mean(axis=0)
