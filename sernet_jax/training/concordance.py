"""The concordance loss of dimensions: 1 - CCC over a batch.

Lin's concordance correlation coefficient is 1 where outputs and values agree,
and lower where they differ in order, mean or spread:

  CCC = 2 cov(x, y) / (var(x) + var(y) + (mean(x) - mean(y))^2)

It is a figure of many examples, so that its mean over devices is not that of a
batch: each device has the whole batch's outputs, and the gradient of its own.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from sernet_jax.nn import parallel

# Below a denominator, which is 0 where outputs and values are all the same.
_LEAST = 1e-6


def loss(
  outputs: jax.Array,
  values: jax.Array,
  mask: jax.Array,
  axis: str | None = None,
) -> jax.Array:
  """Computes the mean over the dimensions of 1 - CCC.

  Args:
    outputs: (examples, dimensions), this device's share with an `axis`.
    values: the same shape, in [-1, 1]; NaN where there is none.
    mask: (examples,) of 0 and 1.
    axis: of the mesh that examples are shared over.

  Returns:
    (), from 0 to 2; a dimension of which a batch has fewer than two values
    counts as 0. With an axis each device has the whole, and the sum of their
    gradients is that of the whole.
  """
  known = jnp.isfinite(values) & (mask[:, None] > 0)
  # Put in place before the arithmetic: a NaN times 0 has a gradient of NaN.
  values = jnp.where(known, values, 0.0)
  if axis is not None:
    size, place = len(outputs), jax.lax.axis_index(axis)
    # Own outputs are put among those of others, which are constants here: each
    # device has the gradient of its own.
    others = parallel.gathered(jax.lax.stop_gradient(outputs), axis)
    outputs = jax.lax.dynamic_update_slice_in_dim(
      others, outputs, place * size, axis=0
    )
    values, known = (parallel.gathered(part, axis) for part in (values, known))
  return jnp.mean(
    jax.vmap(_of_one, in_axes=1)(outputs, values, known.astype(outputs.dtype))
  )


def _of_one(x: jax.Array, y: jax.Array, known: jax.Array) -> jax.Array:
  """Computes 1 - CCC of a dimension; arguments are (examples,)."""
  count = jnp.sum(known)
  share = known / jnp.maximum(count, 1.0)
  mean_x, mean_y = jnp.sum(share * x), jnp.sum(share * y)
  off_x, off_y = (x - mean_x) * known, (y - mean_y) * known
  covariance = jnp.sum(share * off_x * off_y)
  spread = jnp.sum(share * (off_x**2 + off_y**2)) + (mean_x - mean_y) ** 2
  return jnp.where(count > 1, 1 - 2 * covariance / (spread + _LEAST), 0.0)
