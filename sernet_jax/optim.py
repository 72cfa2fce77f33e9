"""Adam with the L2 term and the learning rate as a function of the epoch."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import optax

from sernet_jax.spec import OptimSpec

Tree = dict[str, Any]


def learning_rate(spec: OptimSpec) -> optax.Schedule:
  """Epoch (counted from 0) -> learning rate.

  Each epoch of at least `decay_start_epochs` that `decay_every_epochs`
  divides multiplies the rate by `decay_factor`: with the defaults 60, 80,
  100 and so on, as the authors' code does.
  """
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


def decayed(params: Tree) -> Tree:
  """True at the kernels of the five LFLBs, which alone carry the L2 term."""
  return {
    layer: {
      name: layer.startswith('block') and name == 'kernel' for name in arrays
    }
    for layer, arrays in params.items()
  }


def l2_penalty(params: Tree, spec: OptimSpec) -> jax.Array:
  """l2 * sum of squares (no 1/2) over the decayed kernels."""
  squares = jax.tree.map(
    lambda used, array: jnp.sum(jnp.square(array)) if used else 0.0,
    decayed(params),
    params,
  )
  return spec.l2 * sum(jax.tree.leaves(squares), start=jnp.zeros(()))


def optimizer(spec: OptimSpec) -> optax.GradientTransformationExtraArgs:
  """The chain: gradient of the L2 term, Adam, the epoch's learning rate.

  `update(gradients, state, params, epoch=...)` expects the gradient of the
  loss without the penalty; the penalty's, 2 * l2 * w, is added here.
  """
  schedule = learning_rate(spec)

  def scale(updates, state, params=None, *, epoch, **extra):
    del params, extra
    rate = schedule(epoch)
    return jax.tree.map(lambda update: -rate * update, updates), state

  by_epoch = optax.GradientTransformationExtraArgs(
    lambda params: optax.EmptyState(), scale
  )
  return optax.chain(
    optax.add_decayed_weights(2 * spec.l2, mask=decayed),
    optax.scale_by_adam(spec.beta1, spec.beta2, spec.epsilon),
    by_epoch,
  )
