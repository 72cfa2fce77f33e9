"""Convolutions of 3 x 3 with three times fewer multiplications.

Winograd's minimal filtering F(4 x 2, 3 x 3), as Lavin and Gray use it ("Fast
Algorithms for Convolutional Neural Networks", arXiv 1509.09308): with 6 x 4
tiles d of the input, a step of 4 x 2 apart, kernels g and 4 x 2 tiles y of the
output,

  y = A' [(G g H') * (B' d C)] D

where * multiplies cell by cell and the sum over input channels makes 24 matrix
products of it; A, B, G act on frames, D, C, H on coefficients. The same
identity read backwards gives the gradient by the kernel from x and the gradient
of y.

The matrices evaluate polynomials at points: 0, 1, -1 and infinity for two
outputs, 0, 3/4, -3/4, 3/2, -3/2 and infinity for four, which round least of
those tried; 1.1e-6 of the largest value, where the plain convolution has 2e-7
and the usual points 1, -1, 2, -2 would have 3e-6.

Examples go through in small groups, so that a group's tiles stay in the cache
of a core.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

_SIZE = 3  # of a kernel


class _Filter(NamedTuple):
  """Minimal filtering along one axis; rows act on a tile.

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
    return self.step + _SIZE - 1


def _toom_cook(points: Sequence[float]) -> _Filter:
  """Filtering that evaluates at `points` and at infinity."""
  step = len(points) + 2 - _SIZE
  kernel = np.eye(_SIZE)[[-1] * (len(points) + 1)]  # the last is infinity's
  outputs = np.eye(step)[[-1] * (len(points) + 1)]
  inputs = np.zeros((len(points) + 1, len(points) + 1))
  inputs[-1] = np.poly(points)[::-1]  # lowest power first
  for number, point in enumerate(points):
    others = np.delete(np.asarray(points), number)
    kernel[number] = point ** np.arange(_SIZE) / np.prod(point - others)
    inputs[number, :-1] = np.poly(others)[::-1]
    outputs[number] = point ** np.arange(step)
  return _Filter(step, kernel, inputs, outputs.T)


_TALL = _toom_cook((0.0, 0.75, -0.75, 1.5, -1.5))  # along the frames
_WIDE = _toom_cook((0.0, 1.0, -1.0))  # along the coefficients
# Tiles of a group: enough for a fast matrix product, few enough for the cache.
_GROUP_TILES = 256


def conv(x: jax.Array, kernel: jax.Array) -> jax.Array:
  """Convolution of stride 1 with zero padding that keeps the size.

  Args:
    x: (examples, frames, coefficients, inputs).
    kernel: (3, 3, inputs, outputs).

  Returns:
    (examples, frames, coefficients, outputs).
  """
  return conv_by_tiles(x, kernel_tiles(kernel))


def suits(kernel: jax.Array) -> bool:
  """Whether `conv` is the sooner way.

  With few channels the way to the tiles costs more than it saves.
  """
  return kernel.shape[:2] == (_SIZE, _SIZE) and min(kernel.shape[2:]) >= 32


def kernel_tiles(kernel: jax.Array) -> list[jax.Array]:
  """G g H' of a kernel, which inference needs to compute only once.

  Args:
    kernel: (3, 3, inputs, outputs).

  Returns:
    24 arrays (inputs, outputs); one array of all would be cut, and so copied,
    at every use.
  """
  tiles = jnp.einsum(
    'ai,bj,ijco->abco', _TALL.kernel, _WIDE.kernel, kernel, precision='highest'
  ).astype(kernel.dtype)
  return [tiles[i, j] for i in range(_TALL.tile) for j in range(_WIDE.tile)]


def conv_by_tiles(x: jax.Array, tiles: list[jax.Array]) -> jax.Array:
  """`conv` with a kernel given as `kernel_tiles`."""
  return _by_tiles(x, tiles, lambda cells: cells, (1, 1))


def pools(shape: tuple[int, ...], window: tuple[int, int]) -> bool:
  """Whether `conv_relu_pool_by_tiles` takes maps of a shape and a window.

  Windows have to fit in a tile, and tiles in the map: to cut the map at its
  edges afterwards costs more than is saved.
  """
  return not any(
    length % axis.step or axis.step % size
    for axis, size, length in zip(
      (_TALL, _WIDE), window, shape[1:3], strict=True
    )
  )


def conv_relu_pool_by_tiles(
  x: jax.Array,
  tiles: list[jax.Array],
  bias: jax.Array,
  window: tuple[int, int],
) -> jax.Array:
  """Convolution, bias, ReLU, average pooling, before tiles become a map.

  Args:
    x: (examples, frames, coefficients, inputs).
    tiles: from `kernel_tiles`.
    bias: (outputs,).
    window: one that `pools` says yes to.
  """
  tall, wide = window

  def pooled(cells):
    active = [[jax.nn.relu(cell + bias) for cell in row] for row in cells]
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


def _by_tiles(x, tiles, finish, window):
  """A map of what `finish` makes of the cells of every tile."""
  shape = x.shape[1:]
  height, width = (n // size for n, size in zip(shape, window, strict=False))

  def one_group(x):
    x = x.reshape(-1, *shape)
    parts = _input_tiles(x)
    products = [p @ tile for p, tile in zip(parts, tiles, strict=True)]
    y = _put_together(finish(_output_cells(products, x.shape[:3])))
    y = y[:, :height, :width]
    return y.reshape(-1, *y.shape[2:])

  groups = _group(x)
  y = jax.lax.map(one_group, groups)
  return y.reshape(x.shape[0], height, width, tiles[0].shape[-1])


def kernel_gradient(x: jax.Array, gradient: jax.Array) -> jax.Array:
  """Gradient of `conv` by its kernel.

  Args:
    x: (examples, frames, coefficients, inputs).
    gradient: (examples, frames, coefficients, outputs), by the result.

  Returns:
    (3, 3, inputs, outputs).
  """
  size = (x.shape[-1], gradient.shape[-1])
  arrays = x, gradient

  def add_group(total, group):
    x, gradient = (
      a.reshape(-1, *whole.shape[1:])
      for a, whole in zip(group, arrays, strict=True)
    )
    pairs = zip(_input_tiles(x), _gradient_tiles(gradient), strict=True)
    products = [left.T @ right for left, right in pairs]
    return [a + b for a, b in zip(total, products, strict=True)], None

  total, _ = jax.lax.scan(
    add_group,
    [jnp.zeros(size, x.dtype)] * (_TALL.tile * _WIDE.tile),
    tuple(map(_group, arrays)),
  )
  return jnp.einsum(
    'ai,bj,abco->ijco',
    _TALL.kernel,
    _WIDE.kernel,
    jnp.stack(total).reshape(_TALL.tile, _WIDE.tile, *size),
    precision='highest',
  ).astype(x.dtype)


def _group(x: jax.Array) -> jax.Array:
  """(examples, height, ...) to (groups, examples of a group * height, ...).

  With an axis for the examples of a group, which are often one alone, XLA
  copies the whole.
  """
  examples, height, width = x.shape[:3]
  if not isinstance(examples, int):  # any batch, in a program for export
    return x
  rows, columns = _counts(height, width)
  most = max(1, _GROUP_TILES // (rows * columns))
  size = max(n for n in range(1, most + 1) if examples % n == 0)
  return x.reshape(examples // size, size * height, *x.shape[2:])


def _counts(height: int, width: int) -> tuple[int, int]:
  """Tiles along both axes."""
  return -(-height // _TALL.step), -(-width // _WIDE.step)


def _input_tiles(x: jax.Array) -> list[jax.Array]:
  """B' d C of every tile: 24 arrays (tiles, channels)."""
  height, width = x.shape[1:3]
  rows, columns = _counts(height, width)
  x = _pad(x, 1, 2 + _TALL.step * rows, 2 + _WIDE.step * columns)
  lines = _combine(
    _TALL.inputs, [_every(x, 1, i, _TALL, rows) for i in range(_TALL.tile)]
  )
  return [
    tile.reshape(-1, x.shape[-1])
    for line in lines
    for tile in _combine(
      _WIDE.inputs,
      [_every(line, 2, j, _WIDE, columns) for j in range(_WIDE.tile)],
    )
  ]


def _output_cells(
  products: list[jax.Array], shape: tuple[int, int, int]
) -> list[list[jax.Array]]:
  """A' m D of every tile: step x step arrays (examples, rows, columns, ...).

  `shape` is that of the map without channels.
  """
  examples, height, width = shape
  rows, columns = _counts(height, width)
  m = [p.reshape(examples, rows, columns, -1) for p in products]
  lines = [
    _combine(_TALL.outputs, m[j :: _WIDE.tile]) for j in range(_WIDE.tile)
  ]
  return [
    _combine(_WIDE.outputs, [line[i] for line in lines])
    for i in range(_TALL.step)
  ]


def _put_together(cells: list[list[jax.Array]]) -> jax.Array:
  """The map that the tiles cover."""
  y = jnp.stack([jnp.stack(row, axis=3) for row in cells], axis=2)
  examples, rows, tall, columns, wide, channels = y.shape
  return y.reshape(examples, rows * tall, columns * wide, channels)


def _gradient_tiles(gradient: jax.Array) -> list[jax.Array]:
  """A g D' of every tile: 24 arrays (tiles, channels)."""
  height, width, channels = gradient.shape[1:]
  rows, columns = _counts(height, width)
  gradient = _pad(gradient, 0, _TALL.step * rows, _WIDE.step * columns)
  lines = _combine(
    _TALL.outputs.T, [gradient[:, i :: _TALL.step] for i in range(_TALL.step)]
  )
  return [
    tile.reshape(-1, channels)
    for line in lines
    for tile in _combine(
      _WIDE.outputs.T, [line[:, :, j :: _WIDE.step] for j in range(_WIDE.step)]
    )
  ]


def _pad(x: jax.Array, before: int, height: int, width: int) -> jax.Array:
  """To height and width, with `before` rows and columns of zeros first."""
  below, right = height - x.shape[1] - before, width - x.shape[2] - before
  return jnp.pad(x, ((0, 0), (before, below), (before, right), (0, 0)))


def _every(
  x: jax.Array, axis: int, first: int, along: _Filter, count: int
) -> jax.Array:
  """Cell `first` of each of `count` tiles along an axis."""
  return jax.lax.slice_in_dim(
    x, first, first + along.step * (count - 1) + 1, along.step, axis
  )


def _combine(matrix: np.ndarray, parts: list[jax.Array]) -> list[jax.Array]:
  """The matrix times a vector of arrays; no time is spent on its zeros."""
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
