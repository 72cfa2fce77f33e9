"""Pooling of the last map: one vector for each example.

`mean` and `masked` average it inside the last block; `statistics` and
`attention` take the whole map from there and pool it here.
Shapes in comments: b examples, t frames, f coefficients, c channels.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from sernet_jax.nn.kernels import norm_pool
from sernet_jax.nn.spec import (
  LEAST_VARIANCE,
  OF_MAPS,
  ModelSpec,
  window as window,
)

# A score that no exponential survives, for cells that are not the utterance's.
_NEVER = -1e9


def over_map(
  x: jax.Array,
  mask: jax.Array,
  spec: ModelSpec,
  scores: jax.Array | None = None,
) -> jax.Array:
  """Pools the last map as `spec.pooling` says.

  Args:
    x: (examples, frames, coefficients, channels), or (examples, channels)
      where the last block has pooled.
    mask: (examples,), all frames count; or (examples, frames).
    spec: the network.
    scores: (examples, frames, coefficients, 1) of 'attention'.

  Returns:
    (examples, channels), twice the channels with 'statistics'.
  """
  if spec.pooling not in OF_MAPS:
    return x
  real = _real(x, mask)  # (b, t, f, 1)
  if spec.pooling == 'attention':
    assert scores is not None
    scores = jnp.where(real > 0, scores, _NEVER)
    weights = jax.nn.softmax(scores.reshape(x.shape[0], -1), axis=-1)
    return jnp.einsum(
      'bn,bnc->bc', weights, x.reshape(x.shape[0], -1, x.shape[-1])
    )
  cells = jnp.maximum(real.sum(axis=(1, 2)), 1.0)  # (b, 1)
  mean = (x * real).sum(axis=(1, 2)) / cells  # (b, c)
  off = (x - mean[:, None, None]) * real
  # From the differences, not E[x^2] - E[x]^2, which cancels.
  variance = jnp.square(off).sum(axis=(1, 2)) / cells  # (b, c)
  return jnp.concatenate([mean, jnp.sqrt(variance + LEAST_VARIANCE)], axis=-1)


def _real(x: jax.Array, mask: jax.Array) -> jax.Array:
  """Marks the cells of a map that count, (b, t, f, 1) of 0 and 1."""
  shape = (*x.shape[:3], 1)
  if mask.ndim == 1:
    return jnp.ones(shape, x.dtype)
  return jnp.broadcast_to(norm_pool.cell_weights(mask), shape)
