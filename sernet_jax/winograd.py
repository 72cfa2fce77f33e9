"""Convolutions of 3 x 3 with 2.25 times fewer multiplications.

Winograd's minimal filtering F(2 x 2, 3 x 3), as Lavin and Gray use it ("Fast
Algorithms for Convolutional Neural Networks", arXiv 1509.09308): with 4 x 4
tiles d of the input, a step of 2 apart, kernels g and 2 x 2 tiles y of the
output,

  y = A' [(G g G') * (B' d B)] A

where * multiplies cell by cell and the sum over input channels makes sixteen
matrix products of it. The same identity read backwards gives the gradient by
the kernel from x and the gradient of y. Rounding is about three times that of
the plain convolution, 1.4e-6 of the largest value.

Examples go through in small groups, so that a group's tiles stay in the cache
of a core.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

_G = np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]])
_TILES = 16
# Tiles of a group: enough for a fast matrix product, few enough for the cache.
_GROUP_TILES = 512


def conv(x: jax.Array, kernel: jax.Array) -> jax.Array:
  """Convolution of stride 1 with zero padding that keeps the size.

  Args:
    x: (examples, frames, coefficients, inputs).
    kernel: (3, 3, inputs, outputs).

  Returns:
    (examples, frames, coefficients, outputs).
  """
  return conv_by_tiles(x, kernel_tiles(kernel))


def kernel_tiles(kernel: jax.Array) -> list[jax.Array]:
  """G g G' of a kernel, which inference needs to compute only once.

  Args:
    kernel: (3, 3, inputs, outputs).

  Returns:
    16 arrays (inputs, outputs); one array of all would be cut, and so copied,
    at every use.
  """
  tiles = jnp.einsum('ai,bj,ijco->abco', _G, _G, kernel, precision='highest')
  tiles = tiles.reshape(_TILES, *kernel.shape[2:]).astype(kernel.dtype)
  return [tiles[k] for k in range(_TILES)]


def conv_by_tiles(x: jax.Array, tiles: list[jax.Array]) -> jax.Array:
  """`conv` with a kernel given as `kernel_tiles`."""
  shape = x.shape[1:]

  def one_group(x):
    x = x.reshape(-1, *shape)
    parts = _input_tiles(x)
    products = [p @ tile for p, tile in zip(parts, tiles, strict=True)]
    y = _output(products, x.shape[:3])
    return y.reshape(-1, *y.shape[2:])

  groups = _group(x)
  return jax.lax.map(one_group, groups).reshape(*x.shape[:3], -1)


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
    [jnp.zeros(size, x.dtype)] * _TILES,
    tuple(map(_group, arrays)),
  )
  return jnp.einsum(
    'ai,bj,abco->ijco',
    _G,
    _G,
    jnp.stack(total).reshape(4, 4, *size),
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
  most = max(1, _GROUP_TILES // (-(-height // 2) * -(-width // 2)))
  size = max(n for n in range(1, most + 1) if examples % n == 0)
  return x.reshape(examples // size, size * height, *x.shape[2:])


def _input_tiles(x: jax.Array) -> list[jax.Array]:
  """B' d B of every tile: 16 arrays (tiles, channels)."""
  examples, height, width, channels = x.shape
  rows, columns = -(-height // 2), -(-width // 2)
  x = jnp.pad(
    x,
    (
      (0, 0),
      (1, 1 + 2 * rows - height),
      (1, 1 + 2 * columns - width),
      (0, 0),
    ),
  )
  result = []
  for part in _combine_input(
    [x[:, i : i + 2 * rows - 1 : 2] for i in range(4)]
  ):
    result += _combine_input(
      [part[:, :, j : j + 2 * columns - 1 : 2] for j in range(4)]
    )
  return [tile.reshape(examples * rows * columns, channels) for tile in result]


def _combine_input(d: list[jax.Array]) -> list[jax.Array]:
  return [d[0] - d[2], d[1] + d[2], d[2] - d[1], d[1] - d[3]]


def _output(products: list[jax.Array], shape: tuple[int, int, int]):
  """A' m A of every tile, put together; `shape` without channels."""
  examples, height, width = shape
  rows, columns = -(-height // 2), -(-width // 2)
  m = [p.reshape(examples, rows, columns, -1) for p in products]
  lines = [_combine_output(m[j::4]) for j in range(4)]
  parts = [_combine_output([line[i] for line in lines]) for i in range(2)]
  y = jnp.stack([jnp.stack(part, axis=3) for part in parts], axis=2)
  y = y.reshape(examples, 2 * rows, 2 * columns, -1)
  return y[:, :height, :width]


def _combine_output(m: list[jax.Array]) -> list[jax.Array]:
  return [m[0] + m[1] + m[2], m[1] - m[2] - m[3]]


def _gradient_tiles(gradient: jax.Array) -> list[jax.Array]:
  """A g A' of every tile: 16 arrays (tiles, channels)."""
  examples, height, width, channels = gradient.shape
  rows, columns = -(-height // 2), -(-width // 2)
  gradient = jnp.pad(
    gradient,
    ((0, 0), (0, 2 * rows - height), (0, 2 * columns - width), (0, 0)),
  )
  result = []
  for part in _spread([gradient[:, i::2] for i in range(2)]):
    result += _spread([part[:, :, j::2] for j in range(2)])
  return [tile.reshape(examples * rows * columns, channels) for tile in result]


def _spread(g: list[jax.Array]) -> list[jax.Array]:
  return [g[0], g[0] + g[1], g[0] - g[1], -g[1]]
