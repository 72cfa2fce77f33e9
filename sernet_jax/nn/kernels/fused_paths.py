"""The parallel paths, whose large maps never reach the memory.

The paths make 32 channels each of one: their maps are the largest of the
network, 90 MB of a batch of 32, and every pass over them costs a CPU more than
computing them again. So each example is convolved, normalized, rectified and
pooled while its map lies in a core's cache; the batch statistics that BatchNorm
needs come from sums over the examples.

With the patches P of x (cells, taps), the kernel K (taps, outputs), the map
y = P K of N cells, its mean m and standard deviation s, and g = dz the
gradient of z = (y - m) / s * scale + offset, which ReLU has cut:

  (1)  m = (1' P) K / N
  (2)  s^2 from a second convolution, of the differences y - m, as Keras has it
  (3)  doffset = 1' g
  (4)  dscale = g' (y - m) / s = (sum over taps of K * (P' g) - m doffset) / s
  (5)  dK = scale / s
            * (P' g - (P' 1 doffset + P' (y - m) / s dscale) / N)
  (6)  dy = scale / s * (g - (doffset + (y - m) / s dscale) / N)
  (7)  dx = dy * K', as in `convolution`

Local names: d for the gradient with respect to what follows it, `all_` for a
sum over all devices of the mesh axis.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp

from sernet_jax.nn import parallel
from sernet_jax.nn.kernels import (
  convolution,
  fence,
  norm_pool,
  precision,
  shifted,
)


class Path(NamedTuple):
  """Trained arrays of a path.

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
  window: norm_pool.Window,
  epsilon: float,
  axis: str | None = None,
) -> tuple[jax.Array, Moments]:
  """Paths side by side: convolution, BatchNorm, ReLU, average pooling.

  On CPUs an x of one channel goes through one example at a time; elsewhere, or
  with more channels, this is `plain_conv_norm_relu_pool`.

  Args:
    x: (examples, frames, coefficients, inputs).
    paths: one or several.
    mask: (examples,) of 0 and 1.
    window: see `norm_pool.average_pool`.
    epsilon: added to the variance before its root.
    axis: see `norm_pool.moments`.

  Returns:
    The pooled activations, path after path along the channels, and each path's
    (mean, variance) of the batch, through which no gradient flows.
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


def plain_conv_norm_relu_pool(
  x: jax.Array,
  paths: Sequence[Path],
  mask: jax.Array,
  window: norm_pool.Window,
  epsilon: float,
  axis: str | None = None,
) -> tuple[jax.Array, Moments]:
  """The definition of `conv_norm_relu_pool`."""
  results = [
    norm_pool.norm_relu_pool(
      convolution.conv(x, path.kernel),
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
  """A path's moments of the batch, and sums over this device's examples."""

  mean: jax.Array
  variance: jax.Array
  patches: jax.Array  # P' 1, (taps,)
  products: jax.Array  # P' (y - m), (taps, outputs)


def _forward(x, paths, mask, window, epsilon, axis):
  cells = parallel.total(mask.sum(), axis)
  cells = jnp.maximum(cells, 1.0) * (x.shape[1] * x.shape[2])  # N
  # (1). Each tap sees a shifted copy of the examples' sum, (t, f, 1).
  example_sum = jnp.einsum('e,efci->fci', mask, x)
  patches = [_patches(example_sum, path).sum(axis=1) for path in paths]
  totals = [p @ _columns(path) for p, path in zip(patches, paths, strict=True)]
  means = [total / cells for total in parallel.total(totals, axis)]

  def spread(sums, example):
    one, weight = example  # (t, f, 1), ()
    found = []
    for path, mean, (squares, products) in zip(paths, means, sums, strict=True):
      # y - m of one example: (1, t, f, outputs), then (cells, outputs).
      off = fence.apart(functools.partial(_off_mean, path.kernel, mean), one)
      off = off.reshape(-1, len(mean)) * weight
      squares += jnp.square(off).sum(axis=0)
      found.append((squares, products + _patches(one, path) @ off))
    return found, None

  zeros = [
    (jnp.zeros_like(path.scale), jnp.zeros_like(_columns(path)))
    for path in paths
  ]
  sums, _ = jax.lax.scan(spread, zeros, (x, mask))
  squares = parallel.total([squares for squares, _ in sums], axis)
  saved = [
    _Sums(mean, total / cells, patch, products)  # (2)
    for mean, total, patch, (_, products) in zip(
      means, squares, patches, sums, strict=True
    )
  ]

  lines = _lines(paths, saved, epsilon)

  def pooled(one):
    parts = []
    for path, (slope, shift) in zip(paths, lines, strict=True):
      y = shifted.conv(one[None], path.kernel) * slope + shift
      parts.append(norm_pool.average_pool(jax.nn.relu(y), window)[0])
    return jnp.concatenate(parts, axis=-1)  # (t', f', c)

  results = (
    jax.lax.map(lambda one: fence.apart(pooled, one), x),  # (b, t', f', c)
    [(own.mean, own.variance) for own in saved],
  )
  return results, (x, paths, mask, saved, cells)


def _off_mean(kernel: jax.Array, mean: jax.Array, one: jax.Array) -> jax.Array:
  """Y - m of one example (frames, coefficients, 1)."""
  return shifted.conv(one[None], kernel) - mean


def _lines(
  paths: Sequence[Path], sums: Sequence[_Sums], epsilon: float
) -> list[tuple[jax.Array, jax.Array]]:
  """Slope and shift of each path; computed once, not cell by cell."""
  return [
    norm_pool.normalizing_line(
      path.scale, path.offset, own.mean, own.variance, epsilon
    )
    for path, own in zip(paths, sums, strict=True)
  ]


def _maps(
  one: jax.Array,
  gradient: jax.Array,
  paths: Sequence[Path],
  lines: Sequence[tuple[jax.Array, jax.Array]],
  window: norm_pool.Window,
) -> Iterator[tuple[jax.Array, jax.Array]]:
  """Yields y and g of each path for one example.

  Args:
    one: (frames, coefficients, 1).
    gradient: of the example's pooled activations, all paths side by side.
    paths: the paths.
    lines: see `_lines`.
    window: of the pooling.

  Yields:
    Two arrays (1, frames, coefficients, outputs).
  """
  end = 0
  for path, (slope, shift) in zip(paths, lines, strict=True):
    start, end = end, end + len(path.scale)
    y = shifted.conv(one[None], path.kernel)
    part = gradient[None, ..., start:end]
    part = norm_pool.average_unpool(part, one.shape[:2], window)
    yield y, jnp.where(y * slope + shift > 0, part, 0.0)


def _backward(window, epsilon, axis, saved, gradients):
  x, paths, mask, sums, cells = saved
  pooled_gradient = gradients[0]  # (b, t', f', c); none through the moments
  lines = _lines(paths, sums, epsilon)

  def add(totals, example):
    one, gradient = example  # (t, f, 1), (t', f', c)
    found = []
    maps = _maps(one, gradient, paths, lines, window)
    for path, total, (_, g) in zip(paths, totals, maps, strict=True):
      # A row of ones below the taps: 1' g comes with P' g.
      rows = jnp.pad(_patches(one, path), ((0, 1), (0, 0)), constant_values=1)
      found.append(total + rows @ g.reshape(-1, len(path.scale)))
    return found, None

  zeros = [
    jnp.pad(jnp.zeros_like(own.products), ((0, 1), (0, 0))) for own in sums
  ]
  # P' g and below it 1' g of each path, (taps + 1, outputs).
  totals, _ = jax.lax.scan(add, zeros, (x, pooled_gradient))
  inverses = [jax.lax.rsqrt(own.variance + epsilon) for own in sums]  # 1 / s
  dlines = []  # (dscale, doffset) of each path, this device's parts
  for path, own, total, inverse in zip(
    paths, sums, totals, inverses, strict=True
  ):
    dscale = (_columns(path) * total[:-1]).sum(axis=0) - own.mean * total[-1]
    dlines.append((dscale * inverse, total[-1]))  # (4), (3)
  all_dlines = parallel.total(dlines, axis)
  dpaths = []
  for path, own, total, inverse, dline, (all_dscale, all_doffset) in zip(
    paths, sums, totals, inverses, dlines, all_dlines, strict=True
  ):
    whole = jnp.outer(own.patches, all_doffset)  # (taps, outputs)
    whole += own.products * inverse * all_dscale
    dkernel = path.scale * inverse * (total[:-1] - whole / cells)  # (5)
    dpaths.append(Path(dkernel.reshape(path.kernel.shape), *dline))

  def example_gradient(example):
    one, weight, gradient = example
    dx = 0.0
    maps = _maps(one, gradient, paths, lines, window)
    for path, own, inverse, (all_dscale, all_doffset), (y, g) in zip(
      paths, sums, inverses, all_dlines, maps, strict=True
    ):
      rest = (all_doffset + (y - own.mean) * inverse * all_dscale) / cells
      dy = path.scale * inverse * (g - weight * rest)  # (6), (1, t, f, outputs)
      flipped = path.kernel[::-1, ::-1].swapaxes(2, 3)
      dx += convolution.plain_conv(dy, flipped)[0]  # (7), (t, f, 1)
    return dx

  # Features need no gradient, and XLA drops what nobody asks for.
  dx = jax.lax.map(example_gradient, (x, mask, pooled_gradient))
  return dx, dpaths, jnp.zeros_like(mask)


_fused.defvjp(_forward, _backward)


def _columns(path: Path) -> jax.Array:
  """The kernel as K of y = P K, (taps, outputs)."""
  return path.kernel.reshape(-1, path.kernel.shape[-1])


def _patches(one: jax.Array, path: Path) -> jax.Array:
  """P' of (frames, coefficients, 1): its shifted copies, (taps, cells)."""
  frames, coefficients, _ = one.shape
  height, width = path.kernel.shape[:2]
  pad = (height // 2, height // 2), (width // 2, width // 2)
  one = jnp.pad(one[..., 0], pad)
  copies = [
    one[i : i + frames, j : j + coefficients]
    for i in range(height)
    for j in range(width)
  ]
  return jnp.stack(copies).reshape(height * width, -1)
