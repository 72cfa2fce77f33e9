"""Convolutions of any stride, padding and dilation as products of matrices.

Maps are (examples, frames, coefficients, channels). `plain_conv` is the
definition, which accelerators run; on CPUs a convolution is one product of
shifted copies of the map, a copy for each cell of the kernel (a tap), with the
kernel as a matrix. XLA's CPU backend runs the usual form of the kernel's
gradient, and inside of `lax.scan` of the convolution itself, in a naive loop:
ten times slower, and 80 times for a 1 x 1 convolution.

`max_pool` is here because it reads the same shifted copies.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from sernet_jax.nn.kernels import precision

Pads = tuple[tuple[int, int], tuple[int, int]]
Pair = tuple[int, int]
Conv = Callable[..., jax.Array]
_LAYOUT = ('NHWC', 'HWIO', 'NHWC')
# Copies side by side take this many times the map; beyond it each has a product
# of its own.
_MOST_COPIED = 512
# Of fewer inputs than these, the taps of a row have one product together.
_FEW_INPUTS = 8


def plain_conv(
  x: jax.Array, kernel: jax.Array, strides: Pair, pads: Pads, dilation: Pair
) -> jax.Array:
  """Convolution with zero padding, as XLA has it; for arguments see `conv`."""
  return jax.lax.conv_general_dilated(
    x,
    kernel,
    strides,
    pads,
    rhs_dilation=dilation,
    dimension_numbers=_LAYOUT,
    feature_group_count=x.shape[-1] // kernel.shape[2],
  )


def conv(
  x: jax.Array,
  kernel: jax.Array,
  strides: Pair = (1, 1),
  padding: str | Sequence[Pair] = 'SAME',
  dilation: Pair = (1, 1),
) -> jax.Array:
  """`plain_conv`, on CPUs by a faster way to the same numbers.

  Args:
    x: (examples, frames, coefficients, inputs).
    kernel: (height, width, inputs, outputs), or (height, width, 1, inputs),
      which takes each channel alone.
    strides: along both axes.
    padding: 'SAME', 'VALID' or ((before, after), ...) of both axes.
    dilation: cells between two taps, along both axes.

  Returns:
    (examples, frames', coefficients', outputs).
  """
  size = kernel.shape[:2]
  if isinstance(padding, str):
    # The cells from the first tap to the last, which is what SAME pads for.
    window = [(n - 1) * d + 1 for n, d in zip(size, dilation, strict=True)]
    around = jax.lax.padtype_to_pads(x.shape[1:3], window, strides, padding)
  else:
    around = padding
  (above, below), (left, right) = around
  pads = (int(above), int(below)), (int(left), int(right))
  inputs = x.shape[-1]
  if kernel.shape[2] != inputs and kernel.shape[2:] != (1, inputs):  # groups
    return plain_conv(x, kernel, strides, pads, dilation)
  return _conv(x, kernel, strides, pads, dilation)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2, 3, 4))
def _conv(
  x: jax.Array, kernel: jax.Array, strides: Pair, pads: Pads, dilation: Pair
) -> jax.Array:
  how: dict[str, Any] = {'strides': strides, 'pads': pads, 'dilation': dilation}
  return jax.lax.platform_dependent(
    x,
    kernel,
    cpu=precision.as_accelerators(functools.partial(_products, **how)),
    default=functools.partial(plain_conv, **how),
  )


def _forward(
  x: jax.Array, kernel: jax.Array, strides: Pair, pads: Pads, dilation: Pair
) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
  return _conv(x, kernel, strides, pads, dilation), (x, kernel)


def _backward(
  strides: Pair,
  pads: Pads,
  dilation: Pair,
  saved: tuple[jax.Array, jax.Array],
  dy: jax.Array,
) -> tuple[jax.Array, jax.Array]:
  x, kernel = saved
  how: dict[str, Any] = {'strides': strides, 'pads': pads, 'dilation': dilation}

  # A convolution is linear in the map and in the kernel, so each gradient is
  # its transpose in one of them. The transpose of `_products` is made of
  # products and of sums of shifted maps again, never of XLA's slow loops.
  def to_input(conv: Conv, kernel: jax.Array, dy: jax.Array) -> jax.Array:
    like = jax.ShapeDtypeStruct(x.shape, dy.dtype)
    return jax.linear_transpose(lambda x: conv(x, kernel, **how), like)(dy)[0]

  def to_kernel(conv: Conv, x: jax.Array, dy: jax.Array) -> jax.Array:
    like = jax.ShapeDtypeStruct(kernel.shape, dy.dtype)
    return jax.linear_transpose(lambda k: conv(x, k, **how), like)(dy)[0]

  def gradient(
    compute: Callable[..., jax.Array], other: jax.Array, fast: Any = None
  ) -> jax.Array:
    """One of the two, whose factors are rounded as those of the convolution."""
    fast = fast or functools.partial(compute, _products)
    return jax.lax.platform_dependent(
      other,
      dy,
      cpu=precision.as_accelerators(fast),
      default=functools.partial(compute, plain_conv),
    )

  fast = None
  # Each channel alone has no product of matrices: a sum over all cells per tap.
  if kernel.shape[2] != x.shape[-1]:
    fast = functools.partial(
      _depthwise_kernel_gradient, size=kernel.shape[:2], **how
    )
  return gradient(to_input, kernel), gradient(to_kernel, x, fast)


_conv.defvjp(_forward, _backward)


def copies(
  x: jax.Array, size: Pair, strides: Pair, dilation: Pair
) -> list[jax.Array]:
  """Lists what each tap reads, row by row; x is padded already.

  Args:
    x: (examples, frames, coefficients, channels).
    size: (height, width) of the window.
    strides: along both axes.
    dilation: likewise.

  Returns:
    height * width arrays (examples, frames', coefficients', channels).
  """
  (tall, wide), (down, right) = size, dilation
  # Places at which a window can begin, before the strides leave some out.
  rows, columns = (
    x.shape[1] - (tall - 1) * down,
    x.shape[2] - (wide - 1) * right,
  )
  return [
    x[
      :,
      i * down : i * down + rows : strides[0],
      j * right : j * right + columns : strides[1],
    ]
    for i in range(tall)
    for j in range(wide)
  ]


def _products(
  x: jax.Array, kernel: jax.Array, strides: Pair, pads: Pads, dilation: Pair
) -> jax.Array:
  """`plain_conv` by products of shifted copies."""
  inputs = x.shape[-1]
  # Row by row, as `copies` lists what each of them reads.
  taps = kernel.reshape(-1, *kernel.shape[2:])  # (h * w, inputs, outputs)
  read = copies(
    jnp.pad(x, ((0, 0), *pads, (0, 0))), kernel.shape[:2], strides, dilation
  )
  if kernel.shape[2] != inputs:  # each channel alone
    return functools.reduce(
      jnp.add, [map_ * tap[0] for map_, tap in zip(read, taps, strict=True)]
    )
  # One product (cells, taps * inputs) @ (taps * inputs, outputs) if the copies
  # are narrow enough to be written; else one for each row of the kernel, or
  # for each tap, whose sums pass over the result more often.
  together = len(taps)  # that one product reads
  if len(taps) * inputs > _MOST_COPIED:
    together = kernel.shape[1] if inputs < _FEW_INPUTS else 1
  return functools.reduce(
    jnp.add,
    [
      jnp.concatenate(read[i : i + together], axis=-1)
      @ taps[i : i + together].reshape(-1, taps.shape[-1])
      for i in range(0, len(taps), together)
    ],
  )


def _depthwise_kernel_gradient(
  x: jax.Array,
  dy: jax.Array,
  size: Pair,
  strides: Pair,
  pads: Pads,
  dilation: Pair,
) -> jax.Array:
  """Gradient of a kernel (height, width, 1, channels), frame by frame.

  A frame of all examples stays in the cache for all taps; whole maps, one tap
  after the other, take four times as long.
  """
  padded = jnp.pad(x, ((0, 0), *pads, (0, 0)))
  (tall, wide), (down, right) = size, dilation
  frames, columns, channels = dy.shape[1:]
  reach = (columns - 1) * strides[1] + 1  # from the first cell read to the last

  def add_frame(total: jax.Array, frame: jax.Array) -> tuple[jax.Array, None]:
    out = jax.lax.dynamic_index_in_dim(
      dy, frame, 1, keepdims=False
    )  # (b, f', c)
    found = []
    for i in range(tall):
      row = jax.lax.dynamic_index_in_dim(
        padded, frame * strides[0] + i * down, 1, keepdims=False
      )  # (b, f, c)
      for j in range(wide):
        left = j * right
        cells = row[:, left : left + reach : strides[1]]
        found.append((cells * out).sum(axis=0))  # (f', c)
    return total + jnp.stack(found), None  # (taps, f', c)

  # The sum over coefficients comes last, once, not for every frame.
  start = jnp.zeros((tall * wide, columns, channels), x.dtype)
  total, _ = jax.lax.scan(add_frame, start, jnp.arange(frames))
  return total.sum(axis=1).reshape(tall, wide, 1, channels)


def max_pool(
  x: jax.Array, window: Pair, strides: Pair, pads: Pads
) -> jax.Array:
  """Takes the largest value of each window; the first has its gradient.

  The same as `lax.reduce_window` with -inf around the map, whose gradient XLA
  runs at a tenth of the speed on CPUs. First along the coefficients, then along
  the frames: the largest of the rows' largest is the same cell.

  Args:
    x: (examples, frames, coefficients, channels).
    window: (frames, coefficients).
    strides: likewise.
    pads: (before, after) of both axes.

  Returns:
    (examples, frames', coefficients', channels).
  """
  for axis in (1, 0):
    around = [(0, 0)] * 4
    around[axis + 1] = pads[axis]
    padded = jnp.pad(x, around, constant_values=-jnp.inf)
    size, step = window[axis], strides[axis]
    x, *others = (
      copies(padded, (1, size), (1, step), (1, 1))
      if axis
      else copies(padded, (size, 1), (step, 1), (1, 1))
    )
    for other in others:
      # Not >=: of equal cells the first has the gradient. As the maximum of XLA
      # does, it passes on what is not a number.
      x = jnp.where((other > x) | jnp.isnan(other), other, x)
  return x
