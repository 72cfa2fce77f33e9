"""The operations of the network, some with gradients of their own.

Arrays are (examples, frames, coefficients, channels). An example mask
(examples,) of ones and zeros says which rows of a batch are real; the others
take no part in any statistic.

`plain_conv` and `plain_norm_relu_pool` are the definitions; `conv` and
`norm_relu_pool` give the same values and gradients, several times sooner on
XLA's CPU backend.
"""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np

from sernet_jax.nn import parallel
from sernet_jax.nn.kernels import precision, winograd

Window = tuple[int, int] | None

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

  Of bfloat16, or under the matmul precision 'tensorfloat32', CPUs multiply
  what an accelerator would, see `rounding`.
  """
  fast = winograd.conv if winograd.suits(kernel) else plain_conv
  if fast is plain_conv and not precision.lowered(x):
    return plain_conv(x, kernel)
  return jax.lax.platform_dependent(
    x, kernel, cpu=precision.as_accelerators(fast), default=plain_conv
  )


def _conv_forward(x, kernel):
  return conv(x, kernel), (x, kernel)


def _conv_backward(saved, gradient):
  x, kernel = saved
  # Flipped by hand: the flip that jax.vjp leaves to XLA's convolution falls
  # to an unoptimised loop (4 times slower) inside lax.scan on CPUs.
  flipped = kernel[::-1, ::-1].swapaxes(2, 3)
  by_input = conv(gradient, flipped)
  size = kernel.shape[:2]
  fast = (
    winograd.kernel_gradient
    if winograd.suits(kernel)
    else functools.partial(_shifted_kernel_gradient, size=size)
  )
  by_kernel = jax.lax.platform_dependent(
    x,
    gradient,
    cpu=precision.as_accelerators(fast),
    default=functools.partial(_plain_kernel_gradient, size=size),
  )
  return by_input, by_kernel


conv.defvjp(_conv_forward, _conv_backward)


def _plain_kernel_gradient(x, gradient, size):
  kernel = jnp.zeros((*size, x.shape[-1], gradient.shape[-1]), x.dtype)
  return jax.vjp(lambda kernel: plain_conv(x, kernel), kernel)[1](gradient)[0]


def _shifted_kernel_gradient(x, gradient, size):
  """Gradient by the kernel as one matrix product per example.

  sum over cells of x[cell + tap] * gradient[cell], for every tap. With one
  column of zeros behind each row and rows of zeros behind the last, the cells
  of an example lie in one flat array and a tap is a shift of it, so the
  shifted copies stand side by side and one product does all taps. The side
  with fewer channels is the one copied. XLA's CPU backend runs the usual
  form, a convolution whose window is the whole map, at a quarter of the
  speed of a product.
  """
  height, width = size
  inputs, outputs = x.shape[-1], gradient.shape[-1]
  below, right = height // 2, width // 2
  pad = ((0, 0), (0, below), (0, right), (0, 0))
  stride = x.shape[2] + right
  cells = (x.shape[1] + below) * stride
  margin = below * stride + right
  taps = [i * stride + j for i in range(height) for j in range(width)]
  shift_x = inputs < outputs
  if not shift_x:
    taps = [2 * margin - tap for tap in taps]

  def shifted(flat):
    flat = jnp.pad(flat, ((margin, margin), (0, 0)))
    return jnp.concatenate([flat[tap : tap + cells] for tap in taps], axis=1)

  def add_example(total, example):
    left, right = example
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
      jnp.pad(gradient, pad).reshape(-1, cells, outputs),
    ),
  )
  if shift_x:
    return total.reshape(height, width, inputs, outputs)
  total = total.reshape(inputs, height, width, outputs)
  return total.transpose(1, 2, 0, 3)


def average_pool(x: jax.Array, window: Window) -> jax.Array:
  """Mean over windows side by side; a window at the edge counts real cells.

  The same as Keras' SAME average pooling.

  Args:
    x: (examples, frames, coefficients, channels).
    window: (frames, coefficients) of a window, or None for one window over
      everything, which also drops the two axes.

  Returns:
    (examples, ceil(frames / w0), ceil(coefficients / w1), channels), or
    (examples, channels).
  """
  if window is None:
    return jnp.mean(x, axis=(1, 2))
  tall, wide = window
  pads = [-size % step for size, step in zip(x.shape[1:3], window, strict=True)]
  # Sums of strided slices stay in one loop on CPUs; reduce_window does not.
  padded = jnp.pad(x, ((0, 0), (0, pads[0]), (0, pads[1]), (0, 0)))
  parts = [
    padded[:, i::tall, j::wide] for i in range(tall) for j in range(wide)
  ]
  total = functools.reduce(jnp.add, parts)
  return total * _pool_weights(x.shape[1:3], window)


def average_unpool(gradient, shape, window):
  """The transpose of `average_pool` for maps of `shape`."""
  height, width = shape
  examples, channels = gradient.shape[0], gradient.shape[-1]
  if window is None:
    full = (examples, height, width, channels)
    return jnp.broadcast_to(gradient[:, None, None] / (height * width), full)
  tall, wide = window
  gradient = gradient * _pool_weights(shape, window)
  rows, columns = gradient.shape[1:3]
  spread = jnp.broadcast_to(
    gradient[:, :, None, :, None],
    (examples, rows, tall, columns, wide, channels),
  )
  spread = spread.reshape(examples, rows * tall, columns * wide, channels)
  return spread[:, :height, :width]


@functools.cache
def _pool_weights(shape: tuple[int, int], window: tuple[int, int]):
  """1 / (real cells) of every window, (windows, windows, 1), float32."""
  counts = []
  for length, width in zip(shape, window, strict=True):
    starts = np.arange(0, length, width)
    counts.append(np.minimum(starts + width, length) - starts)
  return (1.0 / np.multiply.outer(*counts)).astype(np.float32)[..., None]


def moments(
  x: jax.Array, mask: jax.Array, axis: str | None = None
) -> tuple[jax.Array, jax.Array]:
  """Mean and (biased) variance per channel over the real examples.

  The variance is computed from the differences to the mean, as Keras does.
  With no real example both are 0.

  Args:
    x: (examples, frames, coefficients, channels).
    mask: (examples,) of 0 and 1.
    axis: of the mesh that examples are shared over, see `shares`; the sums
      are over all devices.

  Returns:
    Two arrays (channels,).
  """
  weight = mask[:, None, None, None]
  cells = _num_cells(x, mask, axis)

  def mean_of(values):
    parts = jnp.sum(values * weight, axis=(0, 1, 2))
    return parallel.total(parts, axis) / cells

  mean = mean_of(x)
  return mean, mean_of(jnp.square(x - mean))


def _num_cells(x, mask, axis):
  examples = parallel.total(jnp.sum(mask), axis)
  return jnp.maximum(examples, 1.0) * (x.shape[1] * x.shape[2])


def normalize(x, scale, offset, mean, variance, epsilon):
  """(x - mean) / sqrt(variance + epsilon) * scale + offset, as Keras rounds."""
  slope, shift = normalizing_line(scale, offset, mean, variance, epsilon)
  return x * slope + shift


def normalizing_line(scale, offset, mean, variance, epsilon):
  """Slope and shift per channel, of which `normalize` is x * slope + shift."""
  slope = jax.lax.rsqrt(variance + epsilon) * scale
  return slope, offset - mean * slope


def plain_norm_relu_pool(
  x: jax.Array,
  scale: jax.Array,
  offset: jax.Array,
  mask: jax.Array,
  window: Window,
  epsilon: float,
  axis: str | None = None,
) -> tuple[jax.Array, jax.Array, jax.Array]:
  """BatchNorm with the batch's own statistics, ReLU, average pooling.

  Args:
    x: (examples, frames, coefficients, channels).
    scale: (channels,), gamma.
    offset: (channels,), beta.
    mask: (examples,) of 0 and 1.
    window: see `average_pool`.
    epsilon: added to the variance before its root.
    axis: see `moments`.

  Returns:
    The pooled activations and the batch's mean and variance (channels,),
    through which no gradient flows.
  """
  mean, variance = moments(x, mask, axis)
  y = normalize(x, scale, offset, mean, variance, epsilon)
  y = average_pool(jax.nn.relu(y), window)
  return y, jax.lax.stop_gradient(mean), jax.lax.stop_gradient(variance)


@functools.partial(jax.custom_vjp, nondiff_argnums=(4, 5, 6))
def norm_relu_pool(x, scale, offset, mask, window, epsilon, axis=None):
  """`plain_norm_relu_pool` with a gradient of two passes over x.

  It keeps x alone for the backward pass and computes the rest again, which
  costs less than reading it from memory. With an `axis` the gradients by scale
  and offset are this device's parts of sums over all.
  """
  return plain_norm_relu_pool(x, scale, offset, mask, window, epsilon, axis)


def _norm_relu_pool_forward(x, scale, offset, mask, window, epsilon, axis):
  results = plain_norm_relu_pool(x, scale, offset, mask, window, epsilon, axis)
  _, mean, variance = results
  return results, (x, scale, offset, mask, mean, variance)


def _norm_relu_pool_backward(window, epsilon, axis, saved, gradients):
  x, scale, offset, mask, mean, variance = saved
  inverse = jax.lax.rsqrt(variance + epsilon)
  normal = (x - mean) * inverse
  active = normalize(x, scale, offset, mean, variance, epsilon) > 0
  gradient = average_unpool(gradients[0], x.shape[1:3], window)
  gradient = jnp.where(active, gradient, 0.0)
  by_offset = jnp.sum(gradient, axis=(0, 1, 2))
  by_scale = jnp.sum(gradient * normal, axis=(0, 1, 2))
  # Mean and variance depend on the real examples only, of all devices.
  all_offset, all_scale = parallel.total((by_offset, by_scale), axis)
  shared = (all_offset + normal * all_scale) / _num_cells(x, mask, axis)
  by_x = scale * inverse * (gradient - mask[:, None, None, None] * shared)
  return by_x, by_scale, by_offset, jnp.zeros_like(mask)


norm_relu_pool.defvjp(_norm_relu_pool_forward, _norm_relu_pool_backward)
