"""The chain carried out at once in jax.numpy.

Checks the chain itself without any converter, is traced for StableHLO, and
finds the ranges of the activations that an 8-bit file needs.
"""

# The operations are described once, in `protocol.Emitter`.
# ruff: noqa: D102

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from sernet_jax.nn.kernels import convolution, norm_pool
from sernet_jax.nn.spec import Layer
from sernet_jax.predict.plain.arrays import Arrays


class Eager(Arrays):
  """A `protocol.Emitter` over arrays of JAX; maps are (b, t, f, c).

  Attributes:
    ranges: least and greatest value seen, of the output of a layer NAME and,
      as NAME_input, of its input.
  """

  xp = jnp

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

  def some(self, x: jax.Array) -> jax.Array:
    # By their bits: XLA takes the smallest numbers (subnormal) for zero.
    bits = jax.lax.bitcast_convert_type(x, jnp.uint32)
    return (bits << 1) != 0  # the sign does not matter

  def top(self, x: jax.Array, count: int) -> jax.Array:
    return jax.lax.top_k(x, count)[0]

  def matmul(self, x: jax.Array, table: np.ndarray) -> jax.Array:
    highest = jax.lax.Precision.HIGHEST
    return jnp.matmul(x, jnp.asarray(table, x.dtype), precision=highest)

  def conv_relu(
    self, layer: Layer, x: jax.Array, kernel: np.ndarray, bias: np.ndarray
  ) -> jax.Array:
    self._seen(f'{layer.name}_input', x)
    return self._seen(
      layer.name, jax.nn.relu(convolution.plain_conv(x, kernel) + bias)
    )

  def pool(self, name: str, x: jax.Array, size: tuple[int, int]) -> jax.Array:
    return norm_pool.average_pool(x, size)

  def mean_map(self, name: str, x: jax.Array) -> jax.Array:
    return norm_pool.average_pool(x, None)

  def dense(
    self, name: str, x: jax.Array, kernel: np.ndarray, bias: np.ndarray
  ) -> jax.Array:
    self._seen(f'{name}_input', x)
    return self._seen(name, x @ kernel + bias)

  def softmax(self, x: jax.Array) -> jax.Array:
    return jax.nn.softmax(x)
