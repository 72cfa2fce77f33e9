"""BatchNorm, ReLU and average pooling, with a gradient of their own.

Maps are (examples, frames, coefficients, channels). A mask (examples,) of ones
and zeros says which rows of a batch are real; the others take no part in any
statistic. A mask (examples, frames) says so frame by frame: what lies behind
the end of an utterance takes part neither in a statistic nor in a mean of
pooling, and is 0 in the result, so that a padded utterance has the numbers
that it has alone.

`plain_norm_relu_pool` is the definition; `norm_relu_pool` gives the same
values and gradients, several times faster on XLA's CPU backend. With

  (1)  n = (x - mean) / sqrt(variance + epsilon)
  (2)  y = n * scale + offset
  (3)  z = average_pool(relu(y))

and g = dy the gradient with respect to y, which ReLU has cut and pooling has
spread, the chain rule through the batch's mean and variance over N cells
(Ioffe and Szegedy, arXiv 1502.03167, section 3) gives

  (4)  doffset = sum g
  (5)  dscale = sum g n
  (6)  dx = scale / sqrt(variance + epsilon)
            * (g - mask (doffset + n dscale) / N)
"""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np

from sernet_jax.nn import parallel

Window = tuple[int, int] | None


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
  parts = [  # tall * wide maps (b, t / tall, f / wide, c)
    padded[:, i::tall, j::wide] for i in range(tall) for j in range(wide)
  ]
  total = functools.reduce(jnp.add, parts)
  return total * _pool_weights(x.shape[1:3], window)


def average_unpool(
  gradient: jax.Array, shape: tuple[int, ...], window: Window
) -> jax.Array:
  """Transpose of `average_pool`: the gradient of what it pooled.

  Args:
    gradient: of the pooled map.
    shape: (frames, coefficients) of the map before pooling.
    window: see `average_pool`.

  Returns:
    (examples, frames, coefficients, channels).
  """
  height, width = shape
  examples, channels = gradient.shape[0], gradient.shape[-1]
  if window is None:  # gradient is (b, c)
    full = (examples, height, width, channels)
    return jnp.broadcast_to(gradient[:, None, None] / (height * width), full)
  tall, wide = window
  gradient = gradient * _pool_weights(shape, window)
  rows, columns = gradient.shape[1:3]
  # Repeats each cell over its window: (b, rows, tall, columns, wide, c).
  spread = jnp.broadcast_to(
    gradient[:, :, None, :, None],
    (examples, rows, tall, columns, wide, channels),
  )
  spread = spread.reshape(examples, rows * tall, columns * wide, channels)
  return spread[:, :height, :width]


def masked_unpool(
  gradient: jax.Array,
  mask: jax.Array,
  shape: tuple[int, int],
  window: Window,
) -> jax.Array:
  """Transpose of `masked_pool`; for the arguments see `average_unpool`."""
  if mask.ndim == 1:
    return average_unpool(gradient, shape, window)
  spread = average_unpool(gradient * _shares(mask, window), shape, window)
  return spread * cell_weights(mask)


@functools.cache
def _pool_weights(
  shape: tuple[int, int], window: tuple[int, int]
) -> np.ndarray:
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
    mask: (examples,) or (examples, frames) of 0 and 1.
    axis: of the mesh that examples are shared over, see `parallel`; the sums
      are over all devices.

  Returns:
    Two arrays (channels,).
  """
  weight = cell_weights(mask)
  cells = num_cells(x.shape, mask, axis)

  def mean_of(values: jax.Array) -> jax.Array:
    parts = jnp.sum(values * weight, axis=(0, 1, 2))  # (c,)
    return parallel.total(parts, axis) / cells

  mean = mean_of(x)
  return mean, mean_of(jnp.square(x - mean))


def cell_weights(mask: jax.Array) -> jax.Array:
  """The mask against maps: (b, 1, 1, 1), or (b, t, 1, 1) frame by frame."""
  return mask.reshape(*mask.shape, *[1] * (4 - mask.ndim))


def num_cells(
  shape: tuple[int, ...], mask: jax.Array, axis: str | None
) -> jax.Array:
  """N, the cells of all that is real; at least those of one example or frame.

  Args:
    shape: of a map, (examples, frames, coefficients, ...).
    mask: (examples,) or (examples, frames).
    axis: see `moments`.
  """
  real = parallel.total(jnp.sum(mask), axis)
  each = shape[2] if mask.ndim == 2 else shape[1] * shape[2]
  return jnp.maximum(real, 1.0) * each


def frame_mask(
  x: jax.Array, mask: jax.Array, frames: jax.Array
) -> tuple[jax.Array, jax.Array]:
  """Marks the frames of utterances, and clears the others.

  Args:
    x: (examples, frames, coefficients, channels).
    mask: (examples,) of 0 and 1.
    frames: int32 (examples,), the frames of each utterance, which come first.

  Returns:
    x with zeros behind each utterance, as behind a map, and the mask
    (examples, frames).
  """
  own = jnp.arange(x.shape[1]) < frames[:, None]  # (b, t)
  mask = mask[:, None] * own.astype(x.dtype)
  return x * cell_weights(mask), mask


def pooled_mask(mask: jax.Array, window: Window) -> jax.Array:
  """The mask of a pooled map: real where a window holds a real frame."""
  if mask.ndim == 1 or window is None:
    return mask
  return (_frames_in_windows(mask, window[0]) > 0).astype(mask.dtype)


def masked_pool(x: jax.Array, mask: jax.Array, window: Window) -> jax.Array:
  """`average_pool` whose windows count the frames of the mask alone.

  Args:
    x: (examples, frames, coefficients, channels).
    mask: (examples,), which changes nothing, or (examples, frames).
    window: see `average_pool`.

  Returns:
    The pooled map, 0 where a window holds no real frame.
  """
  if mask.ndim == 1:
    return average_pool(x, window)
  pooled = average_pool(x * cell_weights(mask), window)
  return pooled * _shares(mask, window)


def _shares(mask: jax.Array, window: Window) -> jax.Array:
  """Frames of each window over its real ones; 0 where it has none.

  (b, t', 1, 1), or (b, 1) of one window over everything.
  """
  tall = mask.shape[1] if window is None else window[0]
  real = _frames_in_windows(mask, tall)  # (b, t')
  there = _frames_in_windows(jnp.ones_like(mask[:1]), tall)  # (1, t')
  shares = jnp.where(real > 0, there / jnp.maximum(real, 1.0), 0.0)
  return shares if window is None else shares[:, :, None, None]


def _frames_in_windows(mask: jax.Array, tall: int) -> jax.Array:
  """Sums of a mask (b, t) over windows of `tall` frames, (b, ceil(t / tall))."""
  padded = jnp.pad(mask, ((0, 0), (0, -mask.shape[1] % tall)))
  return padded.reshape(mask.shape[0], -1, tall).sum(axis=2)


def normalize(
  x: jax.Array,
  scale: jax.Array,
  offset: jax.Array,
  mean: jax.Array,
  variance: jax.Array,
  epsilon: float,
) -> jax.Array:
  """(x - mean) / sqrt(variance + epsilon) * scale + offset, as Keras rounds.

  x is (..., channels), everything else (channels,).
  """
  slope, shift = normalizing_line(scale, offset, mean, variance, epsilon)
  return x * slope + shift


def normalizing_line(
  scale: jax.Array,
  offset: jax.Array,
  mean: jax.Array,
  variance: jax.Array,
  epsilon: float,
) -> tuple[jax.Array, jax.Array]:
  """Slope and shift (channels,) such that `normalize` is x * slope + shift."""
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
    mask: (examples,) or (examples, frames) of 0 and 1.
    window: see `average_pool`.
    epsilon: added to the variance before its root.
    axis: see `moments`.

  Returns:
    The pooled activations and the batch's mean and variance (channels,),
    through which no gradient flows.
  """
  mean, variance = moments(x, mask, axis)
  y = normalize(x, scale, offset, mean, variance, epsilon)
  y = masked_pool(jax.nn.relu(y), mask, window)
  return y, jax.lax.stop_gradient(mean), jax.lax.stop_gradient(variance)


@functools.partial(jax.custom_vjp, nondiff_argnums=(4, 5, 6))
def norm_relu_pool(
  x: jax.Array,
  scale: jax.Array,
  offset: jax.Array,
  mask: jax.Array,
  window: Window,
  epsilon: float,
  axis: str | None = None,
) -> tuple[jax.Array, jax.Array, jax.Array]:
  """`plain_norm_relu_pool` with a gradient that passes over x twice.

  It keeps x alone for the backward pass and computes the rest again, which
  costs less than reading it from memory. With an `axis`, dscale and doffset
  are this device's parts of the sums over all.
  """
  return plain_norm_relu_pool(x, scale, offset, mask, window, epsilon, axis)


def _norm_relu_pool_forward(
  x: jax.Array,
  scale: jax.Array,
  offset: jax.Array,
  mask: jax.Array,
  window: Window,
  epsilon: float,
  axis: str | None,
) -> tuple[tuple[jax.Array, ...], tuple[jax.Array, ...]]:
  results = plain_norm_relu_pool(x, scale, offset, mask, window, epsilon, axis)
  _, mean, variance = results
  return results, (x, scale, offset, mask, mean, variance)


def _norm_relu_pool_backward(
  window: Window,
  epsilon: float,
  axis: str | None,
  saved: tuple[jax.Array, ...],
  gradients: tuple[jax.Array, ...],
) -> tuple[jax.Array, ...]:
  x, scale, offset, mask, mean, variance = saved
  inverse = jax.lax.rsqrt(variance + epsilon)  # (c,)
  normal = (x - mean) * inverse  # (1), (b, t, f, c)
  active = normalize(x, scale, offset, mean, variance, epsilon) > 0
  dy = masked_unpool(gradients[0], mask, x.shape[1:3], window)  # (b, t, f, c)
  dy = jnp.where(active, dy, 0.0)
  doffset = jnp.sum(dy, axis=(0, 1, 2))  # (4), (c,)
  dscale = jnp.sum(dy * normal, axis=(0, 1, 2))  # (5), (c,)
  # Mean and variance depend on the real examples only, of all devices.
  all_doffset, all_dscale = parallel.total((doffset, dscale), axis)
  cells = num_cells(x.shape, mask, axis)  # N
  shared = (all_doffset + normal * all_dscale) / cells
  dx = scale * inverse * (dy - cell_weights(mask) * shared)  # (6)
  return dx, dscale, doffset, jnp.zeros_like(mask)


norm_relu_pool.defvjp(_norm_relu_pool_forward, _norm_relu_pool_backward)
