"""The chain of `export_chain` carried out at once in jax.numpy.

Checks the chain itself without any converter, and finds the ranges of the
activations that an 8-bit file needs.
"""

# The operations are described once, in `export_chain.Emitter`.
# ruff: noqa: D102

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from sernet_jax.nn.kernels import convolution, norm_pool

_BINARY: dict[str, Callable[..., Any]] = {
  'add': jnp.add,
  'sub': jnp.subtract,
  'mul': jnp.multiply,
  'div': jnp.divide,
  'min': jnp.minimum,
  'max': jnp.maximum,
  'pow': jnp.power,
}
_UNARY = {'abs': jnp.abs, 'sqrt': jnp.sqrt, 'log': jnp.log}
_REDUCE: dict[str, Callable[..., Any]] = {
  'sum': jnp.sum,
  'mean': jnp.mean,
  'max': jnp.max,
}
_HIGHEST = jax.lax.Precision.HIGHEST


class Eager:
  """An `export_chain.Emitter` over arrays.

  Attributes:
    ranges: least and greatest value seen, of what a convolution NAME gives
      and, as NAME_input, of what it is given.
  """

  def __init__(self) -> None:
    self.ranges: dict[str, tuple[float, float]] = {}

  def _seen(self, name: str, x: jax.Array) -> jax.Array:
    least, greatest = self.ranges.get(name, (0.0, 0.0))
    self.ranges[name] = (
      min(least, float(x.min())),
      max(greatest, float(x.max())),
    )
    return x

  def constant(self, table):
    return jnp.asarray(table, jnp.float32)

  def binary(self, name, a, b):
    return _BINARY[name](a, b)

  def unary(self, name, x):
    return _UNARY[name](x)

  def extent(self, x):
    some = x != 0
    first = jnp.argmax(some, axis=1, keepdims=True)
    behind = jnp.argmax(some[:, ::-1], axis=1, keepdims=True)
    return (x.shape[1] - first - behind).astype(jnp.float32)

  def top(self, x, count):
    return jax.lax.top_k(x, count)[0]

  def reduce(self, name, x, axes):
    return _REDUCE[name](x, axis=axes, keepdims=True)

  def reshape(self, x, shape):
    return x.reshape(x.shape[0], *shape)

  def transpose(self, x, order):
    return x.transpose(order)

  def concat(self, parts, axis):
    return jnp.concatenate(parts, axis)

  def slice(self, x, axis, start, stop, step=1):
    return jax.lax.slice_in_dim(x, start, stop, step, axis)

  def pad(self, x, axis, before, after, mirror=False):
    sides = [(0, 0)] * x.ndim
    sides[axis] = (before, after)
    return jnp.pad(x, sides, mode='reflect' if mirror else 'constant')

  def take(self, x, index, axis):
    return jnp.take(x, index, axis)

  def matmul(self, x, table):
    return jnp.matmul(x, jnp.asarray(table, x.dtype), precision=_HIGHEST)

  def image(self, x):
    return x[..., None]

  def conv_relu(self, layer, x, kernel, bias):
    self._seen(f'{layer.name}_input', x)
    return self._seen(
      layer.name, jax.nn.relu(convolution.plain_conv(x, kernel) + bias)
    )

  def pool(self, name, x, size):
    return norm_pool.average_pool(x, size)

  def join(self, name, maps):
    return jnp.concatenate(maps, axis=-1)

  def mean_map(self, name, x):
    return norm_pool.average_pool(x, None)

  def dense(self, name, x, kernel, bias):
    return x @ kernel + bias

  def softmax(self, x):
    return jax.nn.softmax(x)
