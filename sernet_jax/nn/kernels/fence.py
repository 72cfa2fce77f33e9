"""A fence that XLA's CPU backend does not fuse across.

`jax.lax.optimization_barrier` says the same in one word, but XLA:CPU drops it
before it fuses: with jax 0.10.2 a sum, a barrier and a pad still compile to one
loop. Once it is kept there, it can replace this file.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp


def apart(
  function: Callable[[jax.Array], jax.Array], x: jax.Array
) -> jax.Array:
  """Calls `function(x)` behind a fusion fence on CPUs.

  XLA would put cheap-looking work, such as the sum of `shifted.conv`, into
  the loops that pad or cut its result and do it there cell by cell. It does
  not look into a condition that it cannot decide.

  Args:
    function: of x to one array.
    x: its argument, known only when the program runs.
  """
  result = jax.eval_shape(function, x)

  def on_cpu(x: jax.Array) -> jax.Array:
    return jax.lax.cond(
      _known(jax.lax.stop_gradient(x)),
      function,
      lambda _: jnp.zeros_like(result),
      x,
    )

  return jax.lax.platform_dependent(x, cpu=on_cpu, default=function)


@jax.custom_batching.custom_vmap
def _known(x: jax.Array) -> jax.Array:
  """True, from one value of x; a single answer for a whole batch."""
  # A value equals itself, or is NaN. XLA does not put the two together, so that
  # to it the answer depends on x.
  first = jnp.ravel(x)[:1]
  return (jnp.isnan(first) | (first == first)).all()


# With a condition for each example, vmap would compute both branches and
# choose: nothing would be fenced.
@_known.def_vmap
def _known_of_batch(
  size: int, batched: list[bool], x: jax.Array
) -> tuple[jax.Array, bool]:
  del size, batched
  return _known(jnp.ravel(x)), False
