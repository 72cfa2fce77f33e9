"""Products on a CPU with the factors that an accelerator would multiply.

The matrix units of GPUs and TPUs multiply factors of few bits and add the
products up in float32. On a CPU XLA would add in bfloat16 too, and computes
TF32 in float32. So that `train.precision` means the same everywhere, and its
cost can be measured without an accelerator, factors are rounded here, to the
nearest, and computed with in float32. That is slower than float32: a training
step takes 1.4 times as long on one core with AVX-512.

Where a CPU has such units (AMX), XLA's products of bfloat16 with sums in
float32 reach six times the speed of float32, but the shifted copies that make a
convolution of them cost more than that saves: on one core 50 ms instead of 45
for the first 3 x 3 block, 145 instead of 65 for its dkernel.

`convolution.conv` asks here while it is traced, forward and backward, rather
than once for a recipe: JAX keeps the matmul precision as a context, which the
default path for accelerators reads at the same moment, and a second switch
beside it could say something else. A compiled float32 program holds nothing of
this file.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp

_TF32_BITS = {'exponent_bits': 8, 'mantissa_bits': 10}


def lowered(x: jax.Array) -> bool:
  """Tells whether products of x are to have fewer bits than float32."""
  return x.dtype == jnp.bfloat16 or (x.dtype == jnp.float32 and _wants_tf32())


def as_accelerators(
  compute: Callable[[jax.Array, jax.Array], jax.Array],
) -> Callable[[jax.Array, jax.Array], jax.Array]:
  """A bilinear function with its factors rounded and its sums in float32.

  Args:
    compute: of two arrays of one type.

  Returns:
    The same function of bfloat16 arrays, with its result rounded to bfloat16,
    or of float32 arrays, rounded to the 10 bits of TF32 while JAX's default
    precision of matrix products is 'tensorfloat32', else as they are.
  """

  def rounded(x: jax.Array, other: jax.Array) -> jax.Array:
    if x.dtype == jnp.bfloat16:
      # Widened, the factors keep their 7 bits, but the sums are float32.
      wide = compute(x.astype(jnp.float32), other.astype(jnp.float32))
      return wide.astype(x.dtype)
    if lowered(x):
      x = jax.lax.reduce_precision(x, **_TF32_BITS)
      other = jax.lax.reduce_precision(other, **_TF32_BITS)
    return compute(x, other)

  return rounded


def _wants_tf32() -> bool:
  return jax.config.jax_default_matmul_precision == 'tensorfloat32'
