"""Tiles for `winograd`: the matrices, and the ways from maps to tiles and back.

The letters are those of `winograd`. Maps are cut with stride slices into one
array for each cell of a tile, so that a matrix acts on a tile as sums of whole
arrays.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

SIZE = 3  # of a kernel

# Cell [i][j] of every tile: arrays (examples, rows, columns, channels).
Cells = list[list[jax.Array]]


class Filter(NamedTuple):
  """Minimal filtering along one axis.

  Attributes:
    step: outputs of a tile.
    kernel: G, (tile, 3).
    inputs: B', (tile, tile).
    outputs: A', (step, tile).
  """

  step: int
  kernel: np.ndarray
  inputs: np.ndarray
  outputs: np.ndarray

  @property
  def tile(self) -> int:
    """Inputs of a tile, and products."""
    return self.step + SIZE - 1


def _toom_cook(points: Sequence[float]) -> Filter:
  """Filtering that evaluates polynomials at `points` and at infinity.

  The transpose of Toom and Cook's product of two polynomials, which is
  interpolated from its values at the points.
  """
  # A kernel of 3 times a tile of `step` outputs is a product of polynomials
  # with step + 2 coefficients: that many values determine it, all but one at
  # points, the last at infinity, which is the product of the highest ones.
  step = len(points) + 2 - SIZE
  kernel = np.eye(SIZE)[[-1] * (len(points) + 1)]  # the last is infinity's
  outputs = np.eye(step)[[-1] * (len(points) + 1)]
  inputs = np.zeros((len(points) + 1, len(points) + 1))
  inputs[-1] = np.poly(points)[::-1]  # lowest power first
  for i, point in enumerate(points):
    others = np.delete(np.asarray(points), i)
    # Lagrange's basis polynomial: its divisor is in the kernel's row.
    kernel[i] = point ** np.arange(SIZE) / np.prod(point - others)
    inputs[i, :-1] = np.poly(others)[::-1]
    # The value of 1, p, p^2, ...: of an output in the transposed product.
    outputs[i] = point ** np.arange(step)
  return Filter(step, kernel, inputs, outputs.T)


TALL = _toom_cook((0.0, 0.75, -0.75, 1.5, -1.5))  # along the frames
WIDE = _toom_cook((0.0, 1.0, -1.0))  # along the coefficients
# Tiles of a group: enough for a fast matrix product, few enough for the cache.
_GROUP_TILES = 256


def group(x: jax.Array) -> jax.Array:
  """(examples, height, ...) to (groups, examples of a group * height, ...).

  With an axis for the examples of a group, often a single one, XLA would copy
  the whole.
  """
  examples, height, width = x.shape[:3]
  if not isinstance(examples, int):  # any batch, in a program for export
    return x
  rows, columns = _counts(height, width)
  most = max(1, _GROUP_TILES // (rows * columns))
  # A divisor of the batch: all groups have one shape, and none has padding.
  size = max(n for n in range(1, most + 1) if examples % n == 0)
  return x.reshape(examples // size, size * height, *x.shape[2:])


def _counts(height: int, width: int) -> tuple[int, int]:
  """Tiles along both axes."""
  return -(-height // TALL.step), -(-width // WIDE.step)


def input_tiles(x: jax.Array) -> list[jax.Array]:
  """B' d C of every tile: 24 arrays (tiles, channels)."""
  height, width = x.shape[1:3]
  rows, columns = _counts(height, width)
  # One zero before, for a kernel of 3; behind, up to the end of the last tile.
  x = _pad(x, 1, 2 + TALL.step * rows, 2 + WIDE.step * columns)
  # B' on frames: 6 arrays (b, rows, f, c). C on coefficients: 4 of each.
  lines = _combine(
    TALL.inputs, [_every(x, 1, i, TALL, rows) for i in range(TALL.tile)]
  )
  return [
    tile.reshape(-1, x.shape[-1])
    for line in lines
    for tile in _combine(
      WIDE.inputs,
      [_every(line, 2, j, WIDE, columns) for j in range(WIDE.tile)],
    )
  ]


def output_cells(products: list[jax.Array], shape: tuple[int, ...]) -> Cells:
  """A' m D of every tile: step x step arrays (examples, rows, columns, ...).

  `shape` is that of the map without channels.
  """
  examples, height, width = shape
  rows, columns = _counts(height, width)
  m = [p.reshape(examples, rows, columns, -1) for p in products]
  # (2): A' on frames, then D on coefficients. The list is row by row, so that
  # the cells in column j of a tile are every WIDE.tile-th of it.
  lines = [_combine(TALL.outputs, m[j :: WIDE.tile]) for j in range(WIDE.tile)]
  return [
    _combine(WIDE.outputs, [line[i] for line in lines])
    for i in range(TALL.step)
  ]


def put_together(cells: Cells) -> jax.Array:
  """The map that the tiles cover, (examples, frames, coefficients, ...)."""
  # (b, rows, tall, columns, wide, c)
  y = jnp.stack([jnp.stack(row, axis=3) for row in cells], axis=2)
  examples, rows, tall, columns, wide, channels = y.shape
  return y.reshape(examples, rows * tall, columns * wide, channels)


def gradient_tiles(dy: jax.Array) -> list[jax.Array]:
  """A dy D' of every tile: 24 arrays (tiles, channels)."""
  height, width, channels = dy.shape[1:]
  rows, columns = _counts(height, width)
  # Zeros behind the map add nothing to the sum over tiles.
  dy = _pad(dy, 0, TALL.step * rows, WIDE.step * columns)
  # A on frames: 6 arrays (b, rows, f, c) of 4. D' on coefficients: 4 of 2.
  lines = _combine(
    TALL.outputs.T, [dy[:, i :: TALL.step] for i in range(TALL.step)]
  )
  return [
    tile.reshape(-1, channels)
    for line in lines
    for tile in _combine(
      WIDE.outputs.T, [line[:, :, j :: WIDE.step] for j in range(WIDE.step)]
    )
  ]


def _pad(x: jax.Array, before: int, height: int, width: int) -> jax.Array:
  """Pads to height and width, with `before` rows and columns of zeros first."""
  below, right = height - x.shape[1] - before, width - x.shape[2] - before
  return jnp.pad(x, ((0, 0), (before, below), (before, right), (0, 0)))


def _every(
  x: jax.Array, axis: int, first: int, along: Filter, count: int
) -> jax.Array:
  """Cell `first` of each of `count` tiles along an axis."""
  return jax.lax.slice_in_dim(
    x, first, first + along.step * (count - 1) + 1, along.step, axis
  )


def _combine(matrix: np.ndarray, parts: list[jax.Array]) -> list[jax.Array]:
  """The matrix times a vector of arrays, without the terms of its zeros."""
  return [
    functools.reduce(
      jnp.add,
      [
        part if factor == 1 else factor * part
        for factor, part in zip(row.tolist(), parts, strict=True)
        if factor
      ],
    )
    for row in matrix
  ]
