"""A block of one input channel whose large map never reaches the memory.

The paths make 32 channels each of one: their maps are the largest of the
network, 90 MB of a batch of 32, and every pass over them costs a CPU more than
to compute them again. So an example at a time is convolved, normalised, cut
off at zero and pooled while its map lies in a core's cache; what BatchNorm
wants of the whole batch comes from sums over the examples:

  mean      linear in x, so from the sums of the shifted x
  variance  a second convolution, of the differences to the mean, as Keras has it
  gradient by the kernel K, with patches P of x, y = P K, its mean m and
            g the gradient by the normalised map, s = scale / sd:
            P' dy = s (P' g - (P' 1 sum(g) + P' (y - m) sum(g (y - m)) / sd^2) / N)
            where the three products with P' are sums over the examples
"""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp

from sernet_jax import ops, rounding, shares


def conv_norm_relu_pool(
  x: jax.Array,
  kernel: jax.Array,
  scale: jax.Array,
  offset: jax.Array,
  mask: jax.Array,
  window: ops.Window,
  epsilon: float,
  axis: str | None = None,
) -> tuple[jax.Array, jax.Array, jax.Array]:
  """Convolution, BatchNorm with the batch's statistics, ReLU, average pooling.

  Args:
    x: (examples, frames, coefficients, inputs).
    kernel: (height, width, inputs, outputs), height and width odd.
    scale: (outputs,), gamma.
    offset: (outputs,), beta.
    mask: (examples,) of 0 and 1.
    window: see `ops.average_pool`.
    epsilon: added to the variance before its root.
    axis: see `ops.moments`.

  Returns:
    What `ops.plain_norm_relu_pool` does.

  On CPUs an x of one channel goes through an example at a time; elsewhere, or
  with more channels, this is `plain_conv_norm_relu_pool`.
  """
  arrays = x, kernel, scale, offset, mask
  plain = functools.partial(
    plain_conv_norm_relu_pool, window=window, epsilon=epsilon, axis=axis
  )
  if x.shape[-1] != 1 or rounding.lowered(x):
    return plain(*arrays)

  def fused(*arrays):
    return _fused(*arrays, window, epsilon, axis)

  return jax.lax.platform_dependent(*arrays, cpu=fused, default=plain)


def plain_conv_norm_relu_pool(
  x, kernel, scale, offset, mask, window, epsilon, axis=None
):
  """The definition of `conv_norm_relu_pool`."""
  y = ops.conv(x, kernel)
  return ops.norm_relu_pool(y, scale, offset, mask, window, epsilon, axis)


@functools.partial(jax.custom_vjp, nondiff_argnums=(5, 6, 7))
def _fused(x, kernel, scale, offset, mask, window, epsilon, axis):
  results, _ = _forward(x, kernel, scale, offset, mask, window, epsilon, axis)
  return results


def _forward(x, kernel, scale, offset, mask, window, epsilon, axis):
  size = kernel.shape[:2]
  # (taps,), P' 1: each tap sees a shifted copy of the examples' sum.
  patch_sums = _taps(jnp.einsum('e,efci->fci', mask, x), size).sum(axis=1)
  cells = shares.total(mask.sum(), axis)
  cells = jnp.maximum(cells, 1.0) * (x.shape[1] * x.shape[2])
  columns = kernel.reshape(-1, kernel.shape[-1])
  mean = shares.total(patch_sums @ columns, axis) / cells

  def spread(total, example):
    one, weight = example
    off = (ops.plain_conv(one[None], kernel) - mean) * weight
    off = off.reshape(-1, len(mean))
    squares, products = total
    squares += jnp.square(off).sum(axis=0)
    return (squares, products + _taps(one, size) @ off), None

  zeros = jnp.zeros_like(mean), jnp.zeros_like(columns)
  (squares, products), _ = jax.lax.scan(spread, zeros, (x, mask))
  variance = shares.total(squares, axis) / cells

  def pooled(one):
    y = ops.plain_conv(one[None], kernel)
    y = ops.normalize(y, scale, offset, mean, variance, epsilon)
    return ops.average_pool(jax.nn.relu(y), window)[0]

  results = jax.lax.map(pooled, x), mean, variance
  saved = x, kernel, scale, offset, mask, mean, variance
  return results, (*saved, patch_sums, products, cells)


def _backward(window, epsilon, axis, saved, gradients):
  x, kernel, scale, offset, mask, mean, variance = saved[:7]
  patch_sums, products, cells = saved[7:]
  size, inverse = kernel.shape[:2], jax.lax.rsqrt(variance + epsilon)

  def of_map(one, gradient):
    """Map of an example and the gradient by it once it is normalised."""
    y = ops.plain_conv(one[None], kernel)
    active = ops.normalize(y, scale, offset, mean, variance, epsilon) > 0
    gradient = ops.average_unpool(gradient[None], one.shape[:2], window)
    return y, jnp.where(active, gradient, 0.0)

  def add(total, example):
    one, gradient = example
    _, gradient = of_map(one, gradient)
    # A row of ones below the taps: the sum of the gradient comes with it.
    taps = jnp.pad(_taps(one, size), ((0, 1), (0, 0)), constant_values=1)
    return total + taps @ gradient.reshape(-1, len(mean)), None

  zeros = jnp.zeros((len(products) + 1, len(mean)), products.dtype)
  sums, _ = jax.lax.scan(add, zeros, (x, gradients[0]))
  by_kernel, by_offset = sums[:-1], sums[-1]
  columns = kernel.reshape(products.shape)
  by_scale = (columns * by_kernel).sum(axis=0) - mean * by_offset
  by_scale *= inverse
  all_offset, all_scale = shares.total((by_offset, by_scale), axis)
  shared = jnp.outer(patch_sums, all_offset) + products * inverse * all_scale
  by_kernel = scale * inverse * (by_kernel - shared / cells)

  def by_input(example):
    one, weight, gradient = example
    y, gradient = of_map(one, gradient)
    shared = (all_offset + (y - mean) * inverse * all_scale) / cells
    by_y = scale * inverse * (gradient - weight * shared)
    flipped = kernel[::-1, ::-1].swapaxes(2, 3)
    return ops.plain_conv(by_y, flipped)[0]

  # Features need no gradient, and what nobody asks for is not computed.
  by_x = jax.lax.map(by_input, (x, mask, gradients[0]))
  by_kernel = by_kernel.reshape(kernel.shape)
  return by_x, by_kernel, by_scale, by_offset, jnp.zeros_like(mask)


def _fused_forward(x, kernel, scale, offset, mask, window, epsilon, axis):
  return _forward(x, kernel, scale, offset, mask, window, epsilon, axis)


_fused.defvjp(_fused_forward, _backward)


def _taps(one: jax.Array, size: tuple[int, int]) -> jax.Array:
  """Shifted copies of (frames, coefficients, 1), (height * width, cells)."""
  frames, coefficients, _ = one.shape
  height, width = size
  pad = (height // 2, height // 2), (width // 2, width // 2)
  one = jnp.pad(one[..., 0], pad)
  taps = [
    one[i : i + frames, j : j + coefficients]
    for i in range(height)
    for j in range(width)
  ]
  return jnp.stack(taps).reshape(height * width, -1)
