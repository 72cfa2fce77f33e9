"""The chain carried out at once in jax.numpy.

Checks the chain itself without any converter, and finds the ranges of the
activations that an 8-bit file needs.
"""

# The operations are described once, in `protocol.Emitter`.
# ruff: noqa: D102

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from sernet_jax.nn.kernels import convolution, norm_pool
from sernet_jax.nn.spec import Layer

_BINARY: dict[str, Callable[..., jax.Array]] = {
  'add': jnp.add,
  'sub': jnp.subtract,
  'mul': jnp.multiply,
  'div': jnp.divide,
  'min': jnp.minimum,
  'max': jnp.maximum,
  'pow': jnp.power,
}
_UNARY = {
  'abs': jnp.abs,
  'sqrt': jnp.sqrt,
  'log': jnp.log,
  'exp': jnp.exp,
}
_REDUCE: dict[str, Callable[..., jax.Array]] = {
  'sum': jnp.sum,
  'mean': jnp.mean,
  'max': jnp.max,
}
_HIGHEST = jax.lax.Precision.HIGHEST


class Eager:
  """A `protocol.Emitter` over arrays; maps are (b, t, f, c).

  Attributes:
    ranges: least and greatest value seen, of the output of a layer NAME and,
      as NAME_input, of its input.
  """

  def __init__(self) -> None:
    self.ranges: dict[str, tuple[float, float]] = {}

  def _seen(self, name: str, x: jax.Array) -> jax.Array:
    """Widens the range of `name`, which always holds 0."""
    least, greatest = self.ranges.get(name, (0.0, 0.0))
    self.ranges[name] = (
      min(least, float(x.min())),
      max(greatest, float(x.max())),
    )
    return x

  def constant(self, table: np.ndarray) -> jax.Array:
    return jnp.asarray(table, jnp.float32)

  def binary(self, name: str, a: jax.Array, b: jax.Array) -> jax.Array:
    return _BINARY[name](a, b)

  def unary(self, name: str, x: jax.Array) -> jax.Array:
    return _UNARY[name](x)

  def extent(self, x: jax.Array) -> jax.Array:
    some = _some(x)
    first = jnp.argmax(some, axis=1, keepdims=True)
    behind = jnp.argmax(some[:, ::-1], axis=1, keepdims=True)
    return (x.shape[1] - first - behind).astype(jnp.float32)

  def from_first(self, x: jax.Array) -> jax.Array:
    first = jnp.argmax(_some(x), axis=1, keepdims=True)
    places = (jnp.arange(x.shape[1]) + first) % x.shape[1]  # (b, samples)
    return jnp.take_along_axis(x, places, axis=1)

  def by_frame(self, x: jax.Array, weights: jax.Array) -> jax.Array:
    return x * weights[:, :, None, None]

  def rows(self, x: jax.Array) -> jax.Array:
    examples, frames, coefficients, channels = x.shape
    return x.reshape(examples, frames * coefficients, channels)

  def top(self, x: jax.Array, count: int) -> jax.Array:
    return jax.lax.top_k(x, count)[0]

  def reduce(self, name: str, x: jax.Array, axes: tuple[int, ...]) -> jax.Array:
    return _REDUCE[name](x, axis=axes, keepdims=True)

  def reshape(self, x: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    return x.reshape(x.shape[0], *shape)

  def transpose(self, x: jax.Array, order: tuple[int, ...]) -> jax.Array:
    return x.transpose(order)

  def concat(self, parts: list[jax.Array], axis: int) -> jax.Array:
    return jnp.concatenate(parts, axis)

  def slice(
    self, x: jax.Array, axis: int, start: int, stop: int, step: int = 1
  ) -> jax.Array:
    return jax.lax.slice_in_dim(x, start, stop, step, axis)

  def pad(
    self, x: jax.Array, axis: int, before: int, after: int, mirror: bool = False
  ) -> jax.Array:
    sides = [(0, 0)] * x.ndim
    sides[axis] = (before, after)
    return jnp.pad(x, sides, mode='reflect' if mirror else 'constant')

  def take(self, x: jax.Array, index: np.ndarray, axis: int) -> jax.Array:
    return jnp.take(x, index, axis)

  def matmul(self, x: jax.Array, table: np.ndarray) -> jax.Array:
    return jnp.matmul(x, jnp.asarray(table, x.dtype), precision=_HIGHEST)

  def image(self, x: jax.Array) -> jax.Array:
    return x[..., None]

  def conv_relu(
    self, layer: Layer, x: jax.Array, kernel: np.ndarray, bias: np.ndarray
  ) -> jax.Array:
    self._seen(f'{layer.name}_input', x)
    return self._seen(
      layer.name, jax.nn.relu(convolution.plain_conv(x, kernel) + bias)
    )

  def pool(self, name: str, x: jax.Array, size: tuple[int, int]) -> jax.Array:
    return norm_pool.average_pool(x, size)

  def join(self, name: str, maps: list[jax.Array]) -> jax.Array:
    return jnp.concatenate(maps, axis=-1)

  def mean_map(self, name: str, x: jax.Array) -> jax.Array:
    return norm_pool.average_pool(x, None)

  def dense(
    self, name: str, x: jax.Array, kernel: np.ndarray, bias: np.ndarray
  ) -> jax.Array:
    self._seen(f'{name}_input', x)
    return self._seen(name, x @ kernel + bias)

  def softmax(self, x: jax.Array) -> jax.Array:
    return jax.nn.softmax(x)


def _some(x: jax.Array) -> jax.Array:
  """Tells which samples are not 0."""
  # By their bits: XLA takes the smallest numbers (subnormal) for zero.
  bits = jax.lax.bitcast_convert_type(x, jnp.uint32)
  return (bits << 1) != 0  # the sign does not matter
