"""The parallel paths, whose large maps never reach the memory.

The paths make 32 channels each of one: their maps are the largest of the
network, 90 MB of a batch of 32, and every pass over them costs a CPU more than
to compute them again. So an example at a time is convolved, normalised, cut
off at zero and pooled while its map lies in a core's cache; what BatchNorm
wants of the whole batch comes from sums over the examples. With the patches P
of x, a kernel K, the map y = P K of N cells, its mean m and standard deviation
s, and g the gradient by scale (y - m) / s + offset, which ReLU has cut:

  mean      (1' P) K / N
  variance  of a second convolution, of the differences to the mean, as Keras
            has it
  by offset 1' g
  by scale  g' (y - m) / s, where g' y comes of K and P' g
  by K      scale / s (P' g - (P' 1 (by offset) + P' (y - m) / s (by scale)) / N)
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp

from sernet_jax.nn import parallel
from sernet_jax.nn.kernels import ops, precision, taps


class Path(NamedTuple):
  """What a path learns.

  Attributes:
    kernel: (height, width, inputs, outputs), height and width odd.
    scale: (outputs,), gamma.
    offset: (outputs,), beta.
  """

  kernel: jax.Array
  scale: jax.Array
  offset: jax.Array


Moments = list[tuple[jax.Array, jax.Array]]


def conv_norm_relu_pool(
  x: jax.Array,
  paths: Sequence[Path],
  mask: jax.Array,
  window: ops.Window,
  epsilon: float,
  axis: str | None = None,
) -> tuple[jax.Array, Moments]:
  """Paths side by side: convolution, BatchNorm, ReLU, average pooling.

  Args:
    x: (examples, frames, coefficients, inputs).
    paths: one or several.
    mask: (examples,) of 0 and 1.
    window: see `ops.average_pool`.
    epsilon: added to the variance before its root.
    axis: see `ops.moments`.

  Returns:
    The pooled activations, path after path along the channels, and each path's
    (mean, variance) of the batch, through which no gradient flows.

  On CPUs an x of one channel goes through an example at a time; elsewhere, or
  with more channels, this is `plain_conv_norm_relu_pool`.
  """
  plain = functools.partial(
    plain_conv_norm_relu_pool, window=window, epsilon=epsilon, axis=axis
  )
  paths = list(paths)
  if x.shape[-1] != 1 or precision.lowered(x):
    return plain(x, paths, mask)

  def fused(x, paths, mask):
    return _fused(x, paths, mask, window, epsilon, axis)

  return jax.lax.platform_dependent(x, paths, mask, cpu=fused, default=plain)


def plain_conv_norm_relu_pool(x, paths, mask, window, epsilon, axis=None):
  """The definition of `conv_norm_relu_pool`."""
  results = [
    ops.norm_relu_pool(
      ops.conv(x, path.kernel),
      path.scale,
      path.offset,
      mask,
      window,
      epsilon,
      axis,
    )
    for path in paths
  ]
  pooled = jnp.concatenate([result[0] for result in results], axis=-1)
  return pooled, [result[1:] for result in results]


@functools.partial(jax.custom_vjp, nondiff_argnums=(3, 4, 5))
def _fused(x, paths, mask, window, epsilon, axis):
  return _forward(x, paths, mask, window, epsilon, axis)[0]


class _Sums(NamedTuple):
  """Of a path: the batch's moments, and sums over this device's examples."""

  mean: jax.Array
  variance: jax.Array
  patches: jax.Array  # P' 1, (taps,)
  products: jax.Array  # P' (y - mean), (taps, outputs)


def _forward(x, paths, mask, window, epsilon, axis):
  cells = parallel.total(mask.sum(), axis)
  cells = jnp.maximum(cells, 1.0) * (x.shape[1] * x.shape[2])
  # Each tap sees a shifted copy of the examples' sum.
  together = jnp.einsum('e,efci->fci', mask, x)
  patches = [_taps(together, path).sum(axis=1) for path in paths]
  totals = [p @ _columns(path) for p, path in zip(patches, paths, strict=True)]
  means = [total / cells for total in parallel.total(totals, axis)]

  def spread(sums, example):
    one, weight = example
    found = []
    for path, mean, (squares, products) in zip(paths, means, sums, strict=True):
      off = taps.apart(functools.partial(_off, path.kernel, mean), one)
      off = off.reshape(-1, len(mean)) * weight
      squares += jnp.square(off).sum(axis=0)
      found.append((squares, products + _taps(one, path) @ off))
    return found, None

  zeros = [
    (jnp.zeros_like(path.scale), jnp.zeros_like(_columns(path)))
    for path in paths
  ]
  sums, _ = jax.lax.scan(spread, zeros, (x, mask))
  squares = parallel.total([squares for squares, _ in sums], axis)
  saved = [
    _Sums(mean, total / cells, patch, products)
    for mean, total, patch, (_, products) in zip(
      means, squares, patches, sums, strict=True
    )
  ]

  lines = _lines(paths, saved, epsilon)

  def pooled(one):
    parts = []
    for path, (slope, shift) in zip(paths, lines, strict=True):
      y = taps.conv(one[None], path.kernel) * slope + shift
      parts.append(ops.average_pool(jax.nn.relu(y), window)[0])
    return jnp.concatenate(parts, axis=-1)

  results = (
    jax.lax.map(lambda one: taps.apart(pooled, one), x),
    [(own.mean, own.variance) for own in saved],
  )
  return results, (x, paths, mask, saved, cells)


def _off(kernel, mean, one):
  """The map of one example, less its mean."""
  return taps.conv(one[None], kernel) - mean


def _lines(paths, sums, epsilon):
  """Slope and shift of each path; computed once, not cell by cell."""
  return [
    ops.normalizing_line(
      path.scale, path.offset, own.mean, own.variance, epsilon
    )
    for path, own in zip(paths, sums, strict=True)
  ]


def _backward(window, epsilon, axis, saved, gradients):
  x, paths, mask, sums, cells = saved
  lines = _lines(paths, sums, epsilon)
  ends = [0]
  for path in paths:
    ends.append(ends[-1] + len(path.scale))

  def of_maps(one, gradient):
    """Maps of an example and the gradients by them once normalised."""
    for number, (path, (slope, shift)) in enumerate(
      zip(paths, lines, strict=True)
    ):
      y = taps.conv(one[None], path.kernel)
      part = gradient[None, ..., ends[number] : ends[number + 1]]
      part = ops.average_unpool(part, one.shape[:2], window)
      yield y, jnp.where(y * slope + shift > 0, part, 0.0)

  def add(totals, example):
    found = []
    for path, total, (_, by_y) in zip(
      paths, totals, of_maps(*example), strict=True
    ):
      # A row of ones below the taps: the sum of the gradient comes with them.
      taps = jnp.pad(
        _taps(example[0], path), ((0, 1), (0, 0)), constant_values=1
      )
      found.append(total + taps @ by_y.reshape(-1, len(path.scale)))
    return found, None

  zeros = [
    jnp.pad(jnp.zeros_like(own.products), ((0, 1), (0, 0))) for own in sums
  ]
  totals, _ = jax.lax.scan(add, zeros, (x, gradients[0]))
  inverses = [jax.lax.rsqrt(own.variance + epsilon) for own in sums]
  by_norm = []
  for path, own, total, inverse in zip(
    paths, sums, totals, inverses, strict=True
  ):
    by_scale = (_columns(path) * total[:-1]).sum(axis=0) - own.mean * total[-1]
    by_norm.append((by_scale * inverse, total[-1]))
  shared = parallel.total(by_norm, axis)
  by_paths = []
  for path, own, total, inverse, each, (all_scale, all_offset) in zip(
    paths, sums, totals, inverses, by_norm, shared, strict=True
  ):
    whole = jnp.outer(own.patches, all_offset)
    whole += own.products * inverse * all_scale
    by_kernel = path.scale * inverse * (total[:-1] - whole / cells)
    by_paths.append(Path(by_kernel.reshape(path.kernel.shape), *each))

  def by_input(example):
    one, weight, gradient = example
    by_x = 0.0
    for path, own, inverse, (all_scale, all_offset), (y, by_y) in zip(
      paths, sums, inverses, shared, of_maps(one, gradient), strict=True
    ):
      rest = (all_offset + (y - own.mean) * inverse * all_scale) / cells
      by_y = path.scale * inverse * (by_y - weight * rest)
      flipped = path.kernel[::-1, ::-1].swapaxes(2, 3)
      by_x += ops.plain_conv(by_y, flipped)[0]
    return by_x

  # Features need no gradient, and what nobody asks for is not computed.
  by_x = jax.lax.map(by_input, (x, mask, gradients[0]))
  return by_x, by_paths, jnp.zeros_like(mask)


_fused.defvjp(_forward, _backward)


def _columns(path: Path) -> jax.Array:
  """The kernel as K of y = P K, (taps, outputs)."""
  return path.kernel.reshape(-1, path.kernel.shape[-1])


def _taps(one: jax.Array, path: Path) -> jax.Array:
  """P' of (frames, coefficients, 1): shifted copies of it, (taps, cells)."""
  frames, coefficients, _ = one.shape
  height, width = path.kernel.shape[:2]
  pad = (height // 2, height // 2), (width // 2, width // 2)
  one = jnp.pad(one[..., 0], pad)
  taps = [
    one[i : i + frames, j : j + coefficients]
    for i in range(height)
    for j in range(width)
  ]
  return jnp.stack(taps).reshape(height * width, -1)
