"""Batches shared over the devices of a mesh axis.

Functions for code that runs once per device (`jax.shard_map`), each with an
equal share of a batch. `axis` is the name of the mesh axis, or None where one
device has the whole batch: then every function returns its argument.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

Tree = Any  # of arrays


def count(axis: str | None) -> int:
  """Counts the devices of the axis."""
  return 1 if axis is None else jax.lax.axis_size(axis)


def total(tree: Tree, axis: str | None) -> Tree:
  """Sums arrays over the devices of the axis; each device has the sums."""
  return tree if axis is None else jax.lax.psum(tree, axis)


def own(tree: Tree, axis: str | None) -> Tree:
  """Cuts this device's equal share out of rows that all devices have."""
  if axis is None:
    return tree

  def share(array: jax.Array) -> jax.Array:
    size = len(array) // count(axis)
    start = jax.lax.axis_index(axis) * size
    return jax.lax.dynamic_slice_in_dim(array, start, size)

  return jax.tree.map(share, tree)


def dropout(
  x: jax.Array, rate: float, key: jax.Array, axis: str | None
) -> jax.Array:
  """Drops values of this device's rows (examples, ...), scaling up the rest.

  Drawn for the whole batch, so that it is the same on any mesh.
  """
  shape = (x.shape[0] * count(axis), *x.shape[1:])
  kept = own(jax.random.bernoulli(key, 1 - rate, shape), axis)
  return jnp.where(kept, x / (1 - rate), 0.0)


def gathered(array: jax.Array, axis: str | None) -> jax.Array:
  """Concatenates the rows of all devices, in their order, on each of them."""
  if axis is None:
    return array
  return jax.lax.all_gather(array, axis, tiled=True)


def rows(table: jax.Array, index: jax.Array, axis: str | None) -> jax.Array:
  """Takes this device's share of `table[index]` from a sharded table.

  Each device contributes the rows that lie on it and zeros for the others, and
  the sum has them all: no device ever holds the table. `psum_scatter` would
  do less work, but between processes on CPUs it gives wrong sums now and then
  (jax issue 40830).

  Args:
    table: (rows of this device, ...); equally many on each.
    index: int32 (examples,) of the whole batch, into the whole table.
    axis: of the mesh.

  Returns:
    (examples / devices, ...).
  """
  if axis is None:
    return table[index]
  local = index - jax.lax.axis_index(axis) * len(table)
  # Rows of other devices lie outside: zeros.
  here = table.at[local].get(
    mode='fill', fill_value=0, wrap_negative_indices=False
  )
  return own(total(here, axis), axis)
