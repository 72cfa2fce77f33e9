"""Examples shared over the devices of a mesh axis.

Functions for code that runs once per device (`jax.shard_map`), each with an
equal share of a batch. `axis` is the name of the mesh axis, or None where one
device has the whole batch: then all of them give back what they were given.
"""

from __future__ import annotations

from typing import Any

import jax

Tree = Any


def count(axis: str | None) -> int:
  """Devices of the axis."""
  return 1 if axis is None else jax.lax.axis_size(axis)


def total(tree: Tree, axis: str | None) -> Tree:
  """Sums over the devices of the axis, on each of them."""
  return tree if axis is None else jax.lax.psum(tree, axis)


def own(array: jax.Array, axis: str | None) -> jax.Array:
  """This device's equal share of the rows of an array that all have."""
  if axis is None:
    return array
  size = len(array) // count(axis)
  start = jax.lax.axis_index(axis) * size
  return jax.lax.dynamic_slice_in_dim(array, start, size)


def joined(array: jax.Array, axis: str | None) -> jax.Array:
  """The rows of all devices, in their order, on each of them."""
  if axis is None:
    return array
  return jax.lax.all_gather(array, axis, tiled=True)


def rows(table: jax.Array, places: jax.Array, axis: str | None) -> jax.Array:
  """This device's share of `table[places]`, for a table cut over the devices.

  Each device gives the rows that lie on it and zeros for the others, and they
  are added up: no device ever holds the table. Not by `psum_scatter`, which
  between processes on CPUs gives wrong sums now and then (jax issue 40830).

  Args:
    table: (rows of this device, ...); equally many on each.
    places: int32 (examples,) of the whole batch, counted in the whole table.
    axis: of the mesh.

  Returns:
    (examples / devices, ...).
  """
  if axis is None:
    return table[places]
  local = places - jax.lax.axis_index(axis) * len(table)
  found = table.at[local].get(
    mode='fill', fill_value=0, wrap_negative_indices=False
  )
  return own(total(found, axis), axis)
