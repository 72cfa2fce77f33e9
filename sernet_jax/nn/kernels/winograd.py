"""Convolutions of 3 x 3 with three times fewer multiplications.

Winograd's minimal filtering F(4 x 2, 3 x 3), as Lavin and Gray use it ("Fast
Algorithms for Convolutional Neural Networks", arXiv 1509.09308): with 6 x 4
tiles d of the input, a step of 4 x 2 apart, kernels g and 4 x 2 tiles y of the
output,

  (1)  m = (G g H') * (B' d C)
  (2)  y = A' m D

where * multiplies cell by cell. The sum over input channels turns (1) into 24
matrix products, one for each cell of a tile. A, B, G act on frames, D, C, H on
coefficients. Transposing the same identity gives the kernel's gradient, summed
over tiles and examples:

  (3)  dg = G' [(B' d C) * (A dy D')] H

The matrices evaluate polynomials at points: 0, 1, -1 and infinity for two
outputs, 0, 3/4, -3/4, 3/2, -3/2 and infinity for four. Of the points tried
these round least: 1.1e-6 of the largest value, where the plain convolution has
2e-7 and the usual points 1, -1, 2, -2 would have 3e-6.

Examples go through in small groups, so that a group's tiles stay in the cache
of a core.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sernet_jax.nn.kernels import tiling


def conv(x: jax.Array, kernel: jax.Array) -> jax.Array:
  """Convolution of stride 1 with zero padding that keeps the size.

  Args:
    x: (examples, frames, coefficients, inputs).
    kernel: (3, 3, inputs, outputs).

  Returns:
    (examples, frames, coefficients, outputs).
  """
  return conv_by_tiles(x, kernel_tiles(kernel))


def suits(kernel: jax.Array | np.ndarray) -> bool:
  """Tells whether `conv` beats the plain convolution for this kernel.

  With few channels the tile transform costs more than it saves.
  """
  return (
    kernel.shape[:2] == (tiling.SIZE, tiling.SIZE)
    and min(kernel.shape[2:]) >= 32
  )


def kernel_tiles(kernel: Any) -> list[Any]:
  """Computes G g H' of a kernel, which inference needs only once.

  Args:
    kernel: (3, 3, inputs, outputs), an array of JAX or of numpy.

  Returns:
    24 arrays (inputs, outputs) of the same library; a single array would be
    cut, and so copied, at every use.
  """
  # The matrices are float64, which would widen the kernel under x64.
  matrices = 'ai,bj,ijco->abco', tiling.TALL.kernel, tiling.WIDE.kernel
  if isinstance(kernel, np.ndarray):
    tiles = np.einsum(*matrices, kernel, optimize=True).astype(kernel.dtype)
  else:
    tiles = jnp.einsum(*matrices, kernel, precision='highest').astype(
      kernel.dtype
    )
  # In the order of `tiling.input_tiles`, with whose cells they are multiplied.
  return [
    tiles[i, j]
    for i in range(tiling.TALL.tile)
    for j in range(tiling.WIDE.tile)
  ]


def conv_by_tiles(x: jax.Array, tiles: list[jax.Array]) -> jax.Array:
  """`conv` with a kernel given as `kernel_tiles`."""
  return _by_tiles(x, tiles, lambda cells: cells, (1, 1))


def pools(shape: tuple[int, ...], window: tuple[int, int]) -> bool:
  """Tells whether `conv_relu_pool_by_tiles` takes such maps and windows.

  Windows have to fit in a tile, and tiles in the map: cutting the map at its
  edges afterwards costs more than it saves.

  Args:
    shape: (examples, frames, coefficients, channels) of the map.
    window: (frames, coefficients) of the pooling.
  """
  return not any(
    length % axis.step or axis.step % size
    for axis, size, length in zip(
      (tiling.TALL, tiling.WIDE), window, shape[1:3], strict=True
    )
  )


def conv_relu_pool_by_tiles(
  x: jax.Array,
  tiles: list[jax.Array],
  bias: jax.Array,
  window: tuple[int, int],
) -> jax.Array:
  """Convolution, bias, ReLU and average pooling before tiles become a map.

  Args:
    x: (examples, frames, coefficients, inputs).
    tiles: from `kernel_tiles`.
    bias: (outputs,).
    window: one that `pools` accepts.

  Returns:
    (examples, frames / w0, coefficients / w1, outputs).
  """
  tall, wide = window

  def pooled(cells: tiling.Cells) -> tiling.Cells:
    active = [[jax.nn.relu(cell + bias) for cell in row] for row in cells]
    # Each window lies within a tile, so whole cells are added up.
    return [
      [
        sum(active[i + u][j + v] for u in range(tall) for v in range(wide))
        * np.float32(1 / (tall * wide))
        for j in range(0, len(row), wide)
      ]
      for i, row in enumerate(cells)
      if i % tall == 0
    ]

  return _by_tiles(x, tiles, pooled, window)


def _by_tiles(
  x: jax.Array,
  tiles: list[jax.Array],
  finish: Callable[[tiling.Cells], tiling.Cells],
  window: tuple[int, int],
) -> jax.Array:
  """The map that results from applying `finish` to the cells of every tile.

  Args:
    x: (examples, frames, coefficients, inputs).
    tiles: from `kernel_tiles`.
    finish: of the cells of a tile; may give fewer.
    window: how many cells along both axes become one.

  Returns:
    (examples, frames / w0, coefficients / w1, outputs).
  """
  shape = x.shape[1:]
  height, width = (n // size for n, size in zip(shape, window, strict=False))

  def one_group(x: jax.Array) -> jax.Array:
    x = x.reshape(-1, *shape)  # (b, t, f, inputs)
    parts = tiling.input_tiles(x)  # 24 of (tiles, inputs)
    # (1), 24 of (tiles, outputs)
    products = [p @ tile for p, tile in zip(parts, tiles, strict=True)]
    y = tiling.put_together(finish(tiling.output_cells(products, x.shape[:3])))
    y = y[:, :height, :width]  # the last tiles may reach over the edge
    return y.reshape(-1, *y.shape[2:])

  groups = tiling.group(x)  # (groups, b * t, f, inputs)
  y = jax.lax.map(one_group, groups)
  return y.reshape(x.shape[0], height, width, tiles[0].shape[-1])


def kernel_gradient(x: jax.Array, dy: jax.Array) -> jax.Array:
  """Gradient of `conv` with respect to its kernel.

  Args:
    x: (examples, frames, coefficients, inputs).
    dy: (examples, frames, coefficients, outputs), gradient of the result.

  Returns:
    (3, 3, inputs, outputs).
  """
  size = (x.shape[-1], dy.shape[-1])
  arrays = x, dy

  def add_group(
    total: list[jax.Array], group: tuple[jax.Array, jax.Array]
  ) -> tuple[list[jax.Array], None]:
    x, dy = (  # (b, t, f, channels) of a group
      a.reshape(-1, *whole.shape[1:])
      for a, whole in zip(group, arrays, strict=True)
    )
    pairs = zip(tiling.input_tiles(x), tiling.gradient_tiles(dy), strict=True)
    # The bracket of (3), summed over tiles: 24 of (inputs, outputs).
    products = [left.T @ right for left, right in pairs]
    return [a + b for a, b in zip(total, products, strict=True)], None

  # One group at a time is cut into tiles. The sums stay 24 arrays for the
  # reason that `kernel_tiles` gives.
  total, _ = jax.lax.scan(
    add_group,
    [jnp.zeros(size, x.dtype)] * (tiling.TALL.tile * tiling.WIDE.tile),
    tuple(map(tiling.group, arrays)),
  )
  # (3); the cast is that of `kernel_tiles`.
  return jnp.einsum(
    'ai,bj,abco->ijco',
    tiling.TALL.kernel,
    tiling.WIDE.kernel,
    jnp.stack(total).reshape(tiling.TALL.tile, tiling.WIDE.tile, *size),
    precision='highest',
  ).astype(x.dtype)
