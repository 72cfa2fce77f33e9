"""Adam with the L2 term and the learning rate as a function of the epoch."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from sernet_jax.nn.network import Spec
from sernet_jax.training.recipes import Recipe, Weights
from sernet_jax.training.specs import OptimSpec


def learning_rate(spec: OptimSpec) -> optax.Schedule:
  """Returns the function from the epoch (counted from 0) to its rate.

  With the schedule 'exponential' each epoch of at least `decay_start_epochs`
  that `decay_every_epochs` divides multiplies the rate by `decay_factor`: with
  the defaults 60, 80, 100 and so on, as the authors' code does. The others
  take the rate in the middle of the epoch.
  """
  if spec.schedule != 'exponential':
    cycle = _CYCLES[spec.schedule](spec.cycle_epochs, spec.learning_rate)
    return lambda epoch: cycle(epoch + 0.5)
  every = spec.decay_every_epochs
  # The first such epoch; epoch 0 itself never decays.
  first = max(-(-spec.decay_start_epochs // every), 1) * every
  return optax.exponential_decay(
    spec.learning_rate,
    transition_steps=every,
    decay_rate=spec.decay_factor,
    transition_begin=first - every,
    staircase=True,
  )


# Schedule -> (epochs, highest rate) -> function of the epoch.
_CYCLES: dict[str, Callable[[int, float], optax.Schedule]] = {
  'cosine': lambda epochs, rate: optax.cosine_decay_schedule(rate, epochs),
  'one_cycle': lambda epochs, rate: optax.cosine_onecycle_schedule(
    epochs, rate, pct_start=0.25
  ),
}


def decayed(model: Spec, params: Weights) -> dict[str, dict[str, bool]]:
  """Marks the kernels of the layers that carry the L2 term, see `Layer`."""
  carrying = {layer.name for layer in model.layers() if layer.l2}
  return {
    layer: {name: layer in carrying and name == 'kernel' for name in arrays}
    for layer, arrays in params.items()
  }


def l2_penalty(params: Weights, spec: OptimSpec, model: Spec) -> jax.Array:
  """Computes l2 * sum of squares (no 1/2) over the decayed kernels."""
  squares = jax.tree.map(
    lambda used, array: jnp.sum(jnp.square(array)) if used else 0.0,
    decayed(model, params),
    params,
  )
  return spec.l2 * sum(jax.tree.leaves(squares), start=jnp.zeros(()))


def of_recipe(recipe: Recipe) -> optax.GradientTransformationExtraArgs:
  """Returns the `optimizer` of a training."""
  return optimizer(recipe.optim, recipe.model, recipe.frozen)


def optimizer(
  spec: OptimSpec, model: Spec, frozen: Sequence[str] = ()
) -> optax.GradientTransformationExtraArgs:
  """Chains the gradient of the L2 term, Adam and the epoch's rate.

  `update(gradients, state, params, epoch=...)` expects the gradient of the
  loss without the penalty; the penalty's, 2 * l2 * w, is added here.

  Args:
    spec: the settings.
    model: the network.
    frozen: names of layers that no update changes.
  """
  schedule = learning_rate(spec)

  def scale(
    updates: optax.Updates,
    state: optax.OptState,
    params: optax.Params | None = None,
    *,
    epoch: jax.Array,
    **extra: Any,
  ) -> tuple[optax.Updates, optax.OptState]:
    del params, extra
    rate = schedule(epoch)
    return jax.tree.map(lambda update: -rate * update, updates), state

  by_epoch = optax.GradientTransformationExtraArgs(
    lambda params: optax.EmptyState(), scale
  )
  steps = [
    optax.add_decayed_weights(
      2 * spec.l2, mask=functools.partial(decayed, model)
    ),
    scale_by_keras_adam(spec),
  ]
  if spec.weight_decay:
    steps.append(optax.add_decayed_weights(spec.weight_decay, mask=_kernels))
  steps.append(by_epoch)
  if frozen:
    steps.append(optax.masked(optax.set_to_zero(), _arrays_of(frozen)))
  if spec.average:
    steps.append(averaging(spec.average))
  return optax.chain(*steps)


def _arrays_of(
  layers: Sequence[str],
) -> Callable[[Weights], dict[str, dict[str, bool]]]:
  """Returns what marks all arrays of some layers."""
  return lambda params: {
    layer: dict.fromkeys(arrays, layer in layers)
    for layer, arrays in params.items()
  }


def _kernels(params: Weights) -> dict[str, dict[str, bool]]:
  """Marks all kernels, and neither biases nor BatchNorm."""
  return {
    layer: {name: name == 'kernel' for name in arrays}
    for layer, arrays in params.items()
  }


class AverageState(NamedTuple):
  """Moving average of the weights.

  Attributes:
    average: as the parameters.
  """

  average: Weights


def averaging(keep: float) -> optax.GradientTransformation:
  """Follows the weights with a moving average; changes no update.

  Args:
    keep: share of the old average after a step.
  """

  def update(
    updates: optax.Updates,
    state: AverageState,
    params: optax.Params | None = None,
  ) -> tuple[optax.Updates, AverageState]:
    after = optax.apply_updates(params, updates)
    average = jax.tree.map(
      lambda old, new: keep * old + (1 - keep) * new, state.average, after
    )
    return updates, AverageState(average)

  return optax.GradientTransformation(AverageState, update)


def averaged(state: optax.OptState) -> Weights | None:
  """Returns the moving average in the state of an optimizer, if it has one."""
  for part in state:
    if isinstance(part, AverageState):
      return part.average
  return None


def scale_by_keras_adam(spec: OptimSpec) -> optax.GradientTransformation:
  """Adam with epsilon where Keras has it.

  With the moving means m and v of the gradient and its square after t steps,

    m sqrt(1 - beta2^t) / (1 - beta1^t) / (sqrt(v) + epsilon),

  the form before section 2.1 of Kingma & Ba (ICLR 2015). `optax.scale_by_adam`
  adds epsilon to sqrt(v / (1 - beta2^t)) instead; at the first step that is
  an epsilon 32 times smaller, enough to move the golden losses by 1e-4.
  """

  def init(params: optax.Params) -> optax.ScaleByAdamState:
    zeros = optax.tree_utils.tree_zeros_like(params)
    count = jnp.zeros((), jnp.int32)
    return optax.ScaleByAdamState(count=count, mu=zeros, nu=zeros)

  def update(
    updates: optax.Updates,
    state: optax.ScaleByAdamState,
    params: optax.Params | None = None,
  ) -> tuple[optax.Updates, optax.ScaleByAdamState]:
    del params
    average = optax.tree_utils.tree_update_moment
    # m and v of the formula above, then t and what stands before m.
    mu = average(updates, state.mu, spec.beta1, 1)
    nu = average(updates, state.nu, spec.beta2, 2)
    count = state.count + 1
    size = jnp.sqrt(1 - spec.beta2**count) / (1 - spec.beta1**count)
    updates = jax.tree.map(
      lambda m, v: size * m / (jnp.sqrt(v) + spec.epsilon), mu, nu
    )
    return updates, optax.ScaleByAdamState(count=count, mu=mu, nu=nu)

  return optax.GradientTransformation(init, update)
