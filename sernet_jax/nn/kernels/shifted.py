"""Convolutions of one input channel as sums of shifted copies."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp


def conv(x: jax.Array, kernel: jax.Array) -> jax.Array:
  """`convolution.plain_conv` of one channel as a sum of shifted copies of x.

  XLA puts the sum into one loop with whatever is done to it next, so that on
  CPUs bias, ReLU and pooling cost no pass over the map: a third of the time.

  Args:
    x: (examples, frames, coefficients, 1).
    kernel: (height, width, 1, outputs), height and width odd.

  Returns:
    (examples, frames, coefficients, outputs).
  """
  frames, coefficients = x.shape[1:3]
  height, width = kernel.shape[:2]
  pads = (height // 2,) * 2, (width // 2,) * 2, (0, 0)
  padded = jnp.pad(x, ((0, 0), *pads))  # (b, t + h - 1, f + w - 1, 1)
  copies = [  # one per tap, each (b, t, f, outputs)
    padded[:, i : i + frames, j : j + coefficients] * kernel[i, j, 0]
    for i in range(height)
    for j in range(width)
  ]
  return functools.reduce(jnp.add, copies)
