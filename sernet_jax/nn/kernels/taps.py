"""Convolutions of one channel, and work that XLA is to leave in one piece."""

from __future__ import annotations

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp


def conv(x: jax.Array, kernel: jax.Array) -> jax.Array:
  """`ops.plain_conv` of one input channel as a sum of shifted copies of x.

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
  padded = jnp.pad(x, ((0, 0), *pads))
  taps = [
    padded[:, i : i + frames, j : j + coefficients] * kernel[i, j, 0]
    for i in range(height)
    for j in range(width)
  ]
  return functools.reduce(jnp.add, taps)


def apart(
  function: Callable[[jax.Array], jax.Array], x: jax.Array
) -> jax.Array:
  """function(x), on CPUs as a piece of its own of the program.

  XLA would put cheap-looking work, such as the sum of `conv`, into the
  loops that pad or cut its result and do it there cell by cell; it heeds no
  optimization_barrier on CPUs. It does not look into a condition that it
  cannot decide.

  Args:
    function: of x to one array.
    x: its argument, known when the program runs and not before.
  """
  result = jax.eval_shape(function, x)

  def on_cpu(x):
    return jax.lax.cond(
      _known(jax.lax.stop_gradient(x)),
      function,
      lambda _: jnp.zeros_like(result),
      x,
    )

  return jax.lax.platform_dependent(x, cpu=on_cpu, default=function)


@jax.custom_batching.custom_vmap
def _known(x):
  """True, by a look at a number of x; one answer for all of a batch."""
  first = jnp.ravel(x)[:1]
  return (jnp.isnan(first) | (first == first)).all()


@_known.def_vmap
def _known_of_batch(size, batched, x):
  del size, batched
  return _known(jnp.ravel(x)), False
