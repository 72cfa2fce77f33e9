"""The chain carried out at once, in numpy.

A convolution is a sum of matrix products, which numpy gives to its BLAS: one
for each cell of the kernel, of the map's rows shifted by it. In a map that is
padded and flattened a shift is a view, so nothing is copied.
"""

# The operations are described once, in `protocol.Emitter`.
# ruff: noqa: D102

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from sernet_jax.nn.spec import Layer

_BINARY = {
  'add': 'add',
  'sub': 'subtract',
  'mul': 'multiply',
  'div': 'divide',
  'min': 'minimum',
  'max': 'maximum',
  'pow': 'power',
}


class Arrays:
  """A `protocol.Emitter` over arrays; maps are (b, t, f, c).

  Attributes:
    xp: numpy, or what has its functions.
  """

  xp: Any = np

  def constant(self, table: np.ndarray) -> Any:
    return self.xp.asarray(table, np.float32)

  def binary(self, name: str, a: Any, b: Any) -> Any:
    return getattr(self.xp, _BINARY[name])(a, b)

  def unary(self, name: str, x: Any) -> Any:
    return getattr(self.xp, name)(x)

  def some(self, x: Any) -> Any:
    """Tells which samples are not 0."""
    return x != 0

  def extent(self, x: Any) -> Any:
    some = self.some(x)
    first = self.xp.argmax(some, axis=1, keepdims=True)
    behind = self.xp.argmax(some[:, ::-1], axis=1, keepdims=True)
    return (x.shape[1] - first - behind).astype(np.float32)

  def from_first(self, x: Any) -> Any:
    first = self.xp.argmax(self.some(x), axis=1, keepdims=True)
    # Turned around: the zeros in front come behind.
    places = (self.xp.arange(x.shape[1]) + first) % x.shape[1]  # (b, samples)
    return self.xp.take_along_axis(x, places, axis=1)

  def by_frame(self, x: Any, weights: Any) -> Any:
    return x * weights[:, :, None, None]

  def rows(self, x: Any) -> Any:
    examples, frames, coefficients, channels = x.shape
    return x.reshape(examples, frames * coefficients, channels)

  def top(self, x: Any, count: int) -> Any:
    return np.sort(x, axis=-1)[..., ::-1][..., :count]

  def reduce(self, name: str, x: Any, axes: tuple[int, ...]) -> Any:
    return getattr(self.xp, name)(x, axis=axes, keepdims=True)

  def reshape(self, x: Any, shape: tuple[int, ...]) -> Any:
    return x.reshape(x.shape[0], *shape)

  def transpose(self, x: Any, order: tuple[int, ...]) -> Any:
    return x.transpose(order)

  def concat(self, parts: list[Any], axis: int) -> Any:
    return self.xp.concatenate(parts, axis)

  def slice(
    self, x: Any, axis: int, start: int, stop: int, step: int = 1
  ) -> Any:
    return x[(slice(None),) * axis + (slice(start, stop, step),)]

  def pad(
    self, x: Any, axis: int, before: int, after: int, mirror: bool = False
  ) -> Any:
    sides = [(0, 0)] * x.ndim
    sides[axis] = (before, after)
    return self.xp.pad(x, sides, mode='reflect' if mirror else 'constant')

  def take(self, x: Any, index: np.ndarray, axis: int) -> Any:
    return self.xp.take(x, index, axis)

  def matmul(self, x: Any, table: np.ndarray) -> Any:
    return np.matmul(x, np.asarray(table, x.dtype))

  def image(self, x: Any) -> Any:
    return x[..., None]

  def conv_relu(
    self, layer: Layer, x: Any, kernel: np.ndarray, bias: np.ndarray
  ) -> Any:
    if kernel.shape[2] == 1:
      y = _by_patches(x, kernel)
    else:
      y = _by_shifts(x, kernel)
    y += bias
    return np.maximum(y, 0, out=y)

  def pool(self, name: str, x: Any, size: tuple[int, int]) -> Any:
    examples, frames, coefficients, channels = x.shape
    tall, wide = size
    rows, columns = -(-frames // tall), -(-coefficients // wide)
    total = np.zeros((examples, rows, columns, channels), x.dtype)
    count = np.zeros((rows, columns, 1), x.dtype)
    for i, j in itertools.product(range(tall), range(wide)):
      part = x[:, i::tall, j::wide]  # fewer windows reach a cell at the edge
      total[:, : part.shape[1], : part.shape[2]] += part
      count[: part.shape[1], : part.shape[2]] += 1
    return total / count

  def join(self, name: str, maps: list[Any]) -> Any:
    return self.xp.concatenate(maps, -1)

  def mean_map(self, name: str, x: Any) -> Any:
    return x.mean(axis=(1, 2))

  def dense(
    self, name: str, x: Any, kernel: np.ndarray, bias: np.ndarray
  ) -> Any:
    return x @ kernel + bias

  def softmax(self, x: Any) -> Any:
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def _padded(x: np.ndarray, kernel: np.ndarray) -> np.ndarray:
  """Adds the zeros that a convolution which keeps the size looks at."""
  height, width = kernel.shape[:2]
  tall, wide = height // 2, width // 2
  return np.pad(x, ((0, 0), (tall, tall), (wide, wide), (0, 0)))


def _by_patches(x: np.ndarray, kernel: np.ndarray) -> np.ndarray:
  """Convolves a map of one channel: a product of all patches, (b, t, f, o)."""
  height, width, _, outputs = kernel.shape
  examples, frames, coefficients, _ = x.shape
  padded = _padded(x, kernel)[..., 0]
  cells = itertools.product(range(height), range(width))
  # (h * w, b * t * f)
  patches = np.stack(
    [padded[:, i : i + frames, j : j + coefficients].ravel() for i, j in cells]
  )
  y = patches.T @ kernel.reshape(-1, outputs)
  return y.reshape(examples, frames, coefficients, outputs)


def _by_shifts(x: np.ndarray, kernel: np.ndarray) -> np.ndarray:
  """Convolves a map of many channels, (b, t, f, o).

  With rows of `wide` cells, output cell n is the sum over the kernel's cells
  (i, j) of padded cell n + i * wide + j times the kernel's matrix (i, j). The
  cells at the end of a row, which reach into the next one, are left out.
  """
  height, width, inputs, outputs = kernel.shape
  examples, frames, coefficients, _ = x.shape
  wide = coefficients + width - 1
  flat = _padded(x, kernel).reshape(examples, -1, inputs)  # (b, cells, c)
  y = np.zeros((examples, frames * wide, outputs), x.dtype)
  reached = frames * wide - (width - 1)
  product = np.empty((reached, outputs), x.dtype)
  for example, total in zip(flat, y[:, :reached], strict=True):
    for i, j in itertools.product(range(height), range(width)):
      first = i * wide + j
      np.matmul(example[first : first + reached], kernel[i, j], out=product)
      total += product
  return y.reshape(examples, frames, wide, outputs)[:, :, :coefficients]
