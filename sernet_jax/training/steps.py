"""One step, one epoch, one block of epochs, each written for one trial.

A trial is one fold trained with one seed. The axis of trials is outside:
`mapping` loops over trials or maps them. A block of epochs with their
evaluations is one compiled call; shuffling, dropout and the choice of the
best epoch happen on the device.
"""

from __future__ import annotations

import functools
from typing import TypeVar

import jax
import jax.numpy as jnp
import optax

from sernet_jax.nn import network, parallel
from sernet_jax.training import (
  concordance,
  epoch_batches,
  evaluation,
  keys,
  losses,
  optim,
  recipes,
)
from sernet_jax.training.batching import FoldArrays, Truth
from sernet_jax.training.recipes import Metrics, Recipe, Weights
from sernet_jax.training.sound.corpus import Source
from sernet_jax.training.trial_state import Best, TrialState

T = TypeVar('T')


def train_step(
  recipe: Recipe,
  state: TrialState,
  x: jax.Array,
  labels: jax.Array,
  mask: jax.Array,
  weights: jax.Array,
  seed: jax.Array,
  fold_index: jax.Array,
  epoch: jax.Array,
  frames: jax.Array | None = None,
  targets: jax.Array | None = None,
  values: jax.Array | None = None,
  answers: jax.Array | None = None,
) -> tuple[TrialState, Metrics]:
  """Updates the weights once; a batch without a real example changes nothing.

  Args:
    recipe: what is fixed; with an `axis`, `x`, `labels` and `mask` are this
      device's share of the batch, and all else is that of the whole.
    state: of one trial.
    x: (batch, frames, coefficients, 1).
    labels: int32 (batch,).
    mask: float32 (batch,), 0 for padding.
    weights: (classes,), see `losses.class_weights`.
    seed: of the trial; with `fold_index` it seeds dropout.
    fold_index: index of the fold in its protocol.
    epoch: counted from 0; sets the learning rate.
    frames: int32 (batch,), see `model.apply`.
    targets: (batch, classes), probabilities instead of the labels.
    values: (batch, dimensions) in [-1, 1], NaN where there is none.
    answers: (batch, classes), what teachers say, see `losses.distilled`.

  Returns:
    (state, sums): `loss` summed over the real examples and `confusion`.
  """
  key = keys.derive(seed, 'dropout', fold_index, state.step)

  def objective(
    params: Weights,
  ) -> tuple[jax.Array, tuple[jax.Array, Weights, jax.Array]]:
    outputs, stats = network.apply(
      recipe.model,
      params,
      state.stats,
      x,
      train=True,
      mask=mask,
      key=key,
      dtype=recipes.compute_dtype(recipe),
      axis=recipe.axis,
      frames=frames,
      frozen=recipe.frozen,
    )
    # (batch, classes) and (batch, dimensions), the second often empty.
    logits, numbers = jnp.split(outputs, [recipe.model.num_classes], axis=-1)
    if targets is None:
      each = losses.per_example(logits, labels, recipe.loss)  # (batch,)
      scale = weights[labels]
    else:
      each = losses.soft(logits, targets, recipe.loss)
      scale = targets @ weights  # mixed examples, mixed weights
    if answers is not None:
      share, heat = recipe.loss.distillation, recipe.loss.temperature
      taught = losses.distilled(logits, answers, heat)
      each = (1 - share) * each + share * taught
    # Class weights shape the gradient and are not in the reported loss.
    mean = losses.masked_mean(each * scale, mask, recipe.axis)
    if values is not None:
      share = recipe.loss.dimensions
      differs = concordance.loss(numbers, values, mask, recipe.axis)
      mean = (1 - share) * mean + share * differs
    return mean, (logits, stats, each)

  gradients, (logits, stats, each) = jax.grad(objective, has_aux=True)(
    state.params
  )
  # A device has the gradient of its share of the mean; the sum is that of all.
  gradients = parallel.total(gradients, recipe.axis)
  updates, optimizer = optim.of_recipe(recipe).update(
    gradients, state.optimizer, state.params, epoch=epoch
  )
  updated = state._replace(
    params=optax.apply_updates(state.params, updates),
    stats=stats,
    optimizer=optimizer,
    step=state.step + 1,
  )
  sums = {
    'loss': jnp.sum(each * mask),
    'confusion': evaluation.confusion(labels, logits, mask),
    'examples': jnp.sum(mask),
  }
  sums = parallel.total(sums, recipe.axis)
  # A batch of padding alone, which fills up a shorter fold, changes nothing:
  # neither momentum nor statistics move.
  return _choose(sums.pop('examples') > 0, updated, state), sums


def train_epoch(
  recipe: Recipe,
  features: Source,
  labels: jax.Array | Truth,
  fold: FoldArrays,
  state: TrialState,
  epoch: jax.Array,
) -> tuple[TrialState, Metrics]:
  """Trains one pass over the training set of a fold.

  Args:
    recipe: what is fixed.
    features: (segments, frames, coefficients) of the whole corpus, or this
      device's share of them if `recipe` has an axis; or the corpus as `Sound`.
    labels: int32 (segments,), or `Truth` of a network with dimensions.
    fold: which segments, and the seed.
    state: of the trial.
    epoch: counted from 0.

  Returns:
    (state, metrics): mean `loss`, `l2` after the epoch, `confusion` of the
    training passes (dropout on).
  """
  values = None
  if isinstance(labels, Truth):
    labels, values = labels
  weights = losses.class_weights(
    labels[fold.train], fold.train_mask, recipe.model.num_classes, recipe.loss
  )

  def step(
    state: TrialState, batch: tuple[jax.Array, jax.Array]
  ) -> tuple[TrialState, Metrics]:
    segments, mask = batch  # (batch,) each
    x, frames, targets = epoch_batches.examples_of(
      recipe, features, labels, fold, state.step, segments, mask
    )
    return train_step(
      recipe,
      state,
      x[..., None],
      parallel.own(labels[segments], recipe.axis),
      parallel.own(mask, recipe.axis),
      weights,
      fold.seed,
      fold.index,
      epoch,
      frames,
      targets,
      None if values is None else parallel.own(values[segments], recipe.axis),
      epoch_batches.answers(recipe, fold, x[..., None], frames),
    )

  state, sums = jax.lax.scan(
    step, state, epoch_batches.shuffled(recipe, fold, epoch)
  )
  metrics = {
    'loss': jnp.sum(sums['loss']) / jnp.sum(fold.train_mask),
    'l2': optim.l2_penalty(state.params, recipe.optim, recipe.model),
    'confusion': jnp.sum(sums['confusion'], axis=0),
  }
  return state, metrics


def run_epoch(
  recipe: Recipe,
  features: Source,
  labels: jax.Array | Truth,
  fold: FoldArrays,
  state: TrialState,
  epoch: jax.Array,
) -> tuple[TrialState, dict[str, Metrics]]:
  """Trains one epoch, evaluates, and keeps the weights of the best epochs.

  The best epoch on a part has the highest score there (`Recipe.choose_by`), the
  first of equals, as the authors' code keeps it.

  Returns:
    (state, {'train': ..., 'test': ..., 'validation': ...}); parts that the
    recipe does not track, or that the fold lacks, are not evaluated.
  """
  state, train = train_epoch(recipe, features, labels, fold, state, epoch)
  metrics = {'train': train}
  parts = {'test': fold.test, 'validation': fold.validation}
  best = dict(state.best)
  for name, part in parts.items():
    if name not in recipe.tracked or part is None:
      continue
    metrics[name] = evaluation.evaluate(
      recipe, features, part, state.params, state.stats
    )
    counts = metrics[name]['confusion']  # (classes, classes)
    candidate = Best(
      epoch=jnp.asarray(epoch + 1, jnp.int32),
      params=state.params,
      score=_score(counts, recipe.choose_by),
      stats=state.stats,
    )
    better = candidate.score > best[name].score
    best[name] = _choose(better, candidate, best[name])
  return state._replace(best=best), metrics


def _score(counts: jax.Array, by: str) -> jax.Array:
  """Computes what an epoch is chosen by.

  Args:
    counts: (classes, classes), a row for each label.
    by: 'wa' for the share of right answers, 'uar' for its mean over the classes
      that are there.
  """
  right, all_ = jnp.diagonal(counts), counts.sum(axis=1)
  if by == 'wa':
    return right.sum() / all_.sum()
  recalls = right / jnp.maximum(all_, 1)
  return recalls.sum() / jnp.maximum((all_ > 0).sum(), 1)


def _choose(condition: jax.Array, one: T, other: T) -> T:
  """Returns `one` where the condition holds, without a branch: vmap has none."""
  return jax.tree.map(lambda a, b: jnp.where(condition, a, b), one, other)


def run_block(
  recipe: Recipe,
  size: int,
  features: Source,
  labels: jax.Array | Truth,
  fold: FoldArrays,
  state: TrialState,
  first: jax.Array,
  count: jax.Array,
) -> tuple[TrialState, dict[str, Metrics]]:
  """Trains `count` epochs from `first` on, at most `size`.

  Both may differ between calls and between trials: a block cut short by the
  last epoch, or a trial that has to catch up, is not compiled again.

  Returns:
    (state, metrics), the metrics of `run_epoch` stacked along a first axis of
    `size`, zeros from `count` on.
  """
  # Traced once for its shapes and the loop; inlined, so that XLA sees no call.
  traced = jax.jit(run_epoch, static_argnums=0, inline=True)
  epoch = functools.partial(traced, recipe, features, labels, fold)

  def body(
    index: jax.Array, carry: tuple[TrialState, dict[str, Metrics]]
  ) -> tuple[TrialState, dict[str, Metrics]]:
    state, metrics = carry
    state, row = epoch(state, first + index)
    metrics = jax.tree.map(
      lambda rows, value: rows.at[index].set(value), metrics, row
    )
    return state, metrics

  with recipes.matmul_precision(recipe):
    _, shapes = jax.eval_shape(epoch, state, first)
    # (size, ...) for each figure of an epoch
    empty = jax.tree.map(lambda s: jnp.zeros((size, *s.shape), s.dtype), shapes)
    return jax.lax.fori_loop(0, count, body, (state, empty))
