"""Blocks of a folded network whose weights stay as they are.

What can be computed of the weights alone is computed once, before the first
recording; what follows a convolution is done while its numbers are in a CPU's
cache.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from sernet_jax.nn.kernels import ops, precision, taps, winograd


def prepare(kernel: jax.typing.ArrayLike) -> dict[str, Any]:
  """A kernel that stays as it is, with what can be computed of it at once.

  Args:
    kernel: (height, width, inputs, outputs), height and width odd.

  Returns:
    What `conv_relu_pool` takes, but for the bias.
  """
  kernel = jnp.asarray(kernel)
  found = {'kernel': kernel}
  if winograd.suits(kernel):
    found['tiles'] = winograd.kernel_tiles(kernel)
  return found


def conv_relu_pool(
  x: jax.Array, block: Mapping[str, Any], window: ops.Window
) -> jax.Array:
  """A block of a folded network: convolution, bias, ReLU, average pooling.

  Args:
    x: (examples, frames, coefficients, inputs).
    block: 'bias' (outputs,), 'kernel', and what `prepare` may have added.
    window: see `ops.average_pool`.
  """
  kernel, bias = (jnp.asarray(block[name]) for name in ('kernel', 'bias'))
  tiles = block.get('tiles')

  def finished(y):
    return ops.average_pool(jax.nn.relu(y + bias), window)

  def on_cpu(x):
    if precision.lowered(x):
      return finished(ops.conv(x, kernel))
    if kernel.shape[2] == 1:
      return finished(taps.conv(x, kernel))
    if tiles is None:
      return finished(ops.conv(x, kernel))
    if window and winograd.pools(x.shape, window):
      return winograd.conv_relu_pool_by_tiles(x, tiles, bias, window)
    return finished(winograd.conv_by_tiles(x, tiles))

  return jax.lax.platform_dependent(
    x, cpu=on_cpu, default=lambda x: finished(ops.plain_conv(x, kernel))
  )
