"""Convolutions of stride 1 that keep the size, with gradients of their own.

Maps are (examples, frames, coefficients, channels). `plain_conv` is the
definition; `conv` gives the same values and gradients, several times faster on
XLA's CPU backend. With y = x * K, zero outside the map,

  (1)  dx = dy * K', where K' is K turned by 180 degrees, with inputs and
       outputs exchanged
  (2)  dK[tap] = sum over examples and cells of x[cell + tap]' dy[cell]
"""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp

from sernet_jax.nn.kernels import precision, winograd

_LAYOUT = ('NHWC', 'HWIO', 'NHWC')


def plain_conv(x: jax.Array, kernel: jax.Array) -> jax.Array:
  """Convolution of stride 1 with zero padding that keeps the size.

  Args:
    x: (examples, frames, coefficients, inputs).
    kernel: (height, width, inputs, outputs), height and width odd.

  Returns:
    (examples, frames, coefficients, outputs).
  """
  return jax.lax.conv_general_dilated(
    x, kernel, (1, 1), 'SAME', dimension_numbers=_LAYOUT
  )


@jax.custom_vjp
def conv(x: jax.Array, kernel: jax.Array) -> jax.Array:
  """`plain_conv`, on CPUs by faster ways to the same numbers.

  With bfloat16 arrays, or under the matmul precision 'tensorfloat32', a CPU
  multiplies the factors that an accelerator would, see `precision`.
  """
  fast = winograd.conv if winograd.suits(kernel) else plain_conv
  if fast is plain_conv and not precision.lowered(x):
    return plain_conv(x, kernel)
  return jax.lax.platform_dependent(
    x, kernel, cpu=precision.as_accelerators(fast), default=plain_conv
  )


def _conv_forward(
  x: jax.Array, kernel: jax.Array
) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
  return conv(x, kernel), (x, kernel)


def _conv_backward(
  saved: tuple[jax.Array, jax.Array], dy: jax.Array
) -> tuple[jax.Array, jax.Array]:
  x, kernel = saved
  # (1). Flipped by hand: the flip that jax.vjp leaves to XLA's convolution
  # falls to an unoptimized loop (4 times slower) inside lax.scan on CPUs.
  flipped = kernel[::-1, ::-1].swapaxes(2, 3)  # (h, w, outputs, inputs)
  dx = conv(dy, flipped)
  # (2)
  size = kernel.shape[:2]
  fast = (
    winograd.kernel_gradient
    if winograd.suits(kernel)
    else functools.partial(_shifted_kernel_gradient, size=size)
  )
  dkernel = jax.lax.platform_dependent(
    x,
    dy,
    cpu=precision.as_accelerators(fast),
    default=functools.partial(_plain_kernel_gradient, size=size),
  )
  return dx, dkernel


conv.defvjp(_conv_forward, _conv_backward)


def _plain_kernel_gradient(
  x: jax.Array, dy: jax.Array, size: tuple[int, int]
) -> jax.Array:
  """Equation (2) as XLA has it, (height, width, inputs, outputs)."""
  kernel = jnp.zeros((*size, x.shape[-1], dy.shape[-1]), x.dtype)
  return jax.vjp(lambda kernel: plain_conv(x, kernel), kernel)[1](dy)[0]


def _shifted_kernel_gradient(
  x: jax.Array, dy: jax.Array, size: tuple[int, int]
) -> jax.Array:
  """Equation (2) as one matrix product per example.

  With one column of zeros behind each row and rows of zeros behind the last,
  the cells of an example lie in one flat array and a tap is a shift of it, so
  the shifted copies stand side by side and one product does all taps. The
  side with fewer channels is the one copied. XLA's CPU backend runs the usual
  form, a convolution whose window is the whole map, at a quarter of the speed
  of a product.

  Args:
    x: (examples, frames, coefficients, inputs).
    dy: (examples, frames, coefficients, outputs).
    size: (height, width) of the kernel.

  Returns:
    (height, width, inputs, outputs).
  """
  height, width = size
  inputs, outputs = x.shape[-1], dy.shape[-1]
  below, right = height // 2, width // 2
  pad = ((0, 0), (0, below), (0, right), (0, 0))
  stride = x.shape[2] + right  # from one row to the next in the flat array
  cells = (x.shape[1] + below) * stride
  margin = below * stride + right  # of the tap farthest from the middle
  # Counted from the beginning of the margin: the first tap reads `margin` cells
  # before its own, the last one as many behind.
  taps = [i * stride + j for i in range(height) for j in range(width)]
  shift_x = inputs < outputs
  if not shift_x:  # shifting dy by -tap is shifting x by tap
    taps = [2 * margin - tap for tap in taps]

  def shifted(flat: jax.Array) -> jax.Array:
    """(cells, channels) to (cells, taps * channels)."""
    flat = jnp.pad(flat, ((margin, margin), (0, 0)))
    return jnp.concatenate([flat[tap : tap + cells] for tap in taps], axis=1)

  def add_example(
    total: jax.Array, example: tuple[jax.Array, jax.Array]
  ) -> tuple[jax.Array, None]:
    left, right = example  # (cells, inputs), (cells, outputs)
    if shift_x:
      left = shifted(left)
    else:
      right = shifted(right)
    return total + left.T @ right, None

  shape = (
    (len(taps) * inputs, outputs) if shift_x else (inputs, len(taps) * outputs)
  )
  total, _ = jax.lax.scan(
    add_example,
    jnp.zeros(shape, x.dtype),
    (
      jnp.pad(x, pad).reshape(-1, cells, inputs),
      jnp.pad(dy, pad).reshape(-1, cells, outputs),
    ),
  )
  if shift_x:
    return total.reshape(height, width, inputs, outputs)
  total = total.reshape(inputs, height, width, outputs)
  return total.transpose(1, 2, 0, 3)
