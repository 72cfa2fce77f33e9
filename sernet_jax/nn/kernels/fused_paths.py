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
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from sernet_jax.nn import parallel
from sernet_jax.nn.kernels import (
  convolution,
  fence,
  norm_pool,
  path_maps,
  precision,
  shifted,
)
from sernet_jax.nn.kernels.path_maps import Pairs, Path

Results = tuple[jax.Array, Pairs]  # pooled activations, (mean, variance) each


def conv_norm_relu_pool(
  x: jax.Array,
  paths: Sequence[Path],
  mask: jax.Array,
  window: norm_pool.Window,
  epsilon: float,
  axis: str | None = None,
) -> Results:
  """Paths side by side: convolution, BatchNorm, ReLU, average pooling.

  On CPUs an x of one channel goes through one example at a time; elsewhere, or
  with more channels, this is `plain_conv_norm_relu_pool`.

  Args:
    x: (examples, frames, coefficients, inputs).
    paths: one or several.
    mask: (examples,), or (examples, frames), of 0 and 1; see `norm_pool`.
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

  def fused(x: jax.Array, paths: list[Path], mask: jax.Array) -> Results:
    return _fused(x, paths, mask, window, epsilon, axis)

  return jax.lax.platform_dependent(x, paths, mask, cpu=fused, default=plain)


def plain_conv_norm_relu_pool(
  x: jax.Array,
  paths: Sequence[Path],
  mask: jax.Array,
  window: norm_pool.Window,
  epsilon: float,
  axis: str | None = None,
) -> Results:
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
def _fused(
  x: jax.Array,
  paths: list[Path],
  mask: jax.Array,
  window: norm_pool.Window,
  epsilon: float,
  axis: str | None,
) -> Results:
  return _forward(x, paths, mask, window, epsilon, axis)[0]


class _Sums(NamedTuple):
  """A path's moments of the batch, and sums over this device's examples."""

  mean: jax.Array
  variance: jax.Array
  patches: jax.Array  # P' 1, (taps,)
  products: jax.Array  # P' (y - m), (taps, outputs)


class _Saved(NamedTuple):
  """Arrays that the backward pass needs; no map is among them."""

  x: jax.Array
  paths: list[Path]
  mask: jax.Array
  sums: list[_Sums]
  cells: jax.Array  # N, ()


def _forward(
  x: jax.Array,
  paths: list[Path],
  mask: jax.Array,
  window: norm_pool.Window,
  epsilon: float,
  axis: str | None,
) -> tuple[Results, _Saved]:
  sums, cells = _batch_sums(x, paths, mask, axis)
  moments = [(own.mean, own.variance) for own in sums]
  lines = path_maps.lines(paths, moments, epsilon)

  def pooled(weight: jax.Array, one: jax.Array) -> jax.Array:
    parts = []
    for path, (slope, shift) in zip(paths, lines, strict=True):
      y = shifted.conv(one[None], path.kernel) * slope + shift
      y = norm_pool.masked_pool(jax.nn.relu(y), weight[None], window)
      parts.append(y[0])
    return jnp.concatenate(parts, axis=-1)  # (t', f', c)

  def fenced(example: tuple[jax.Array, jax.Array]) -> jax.Array:
    one, weight = example  # (t, f, 1), () or (t,)
    return fence.apart(functools.partial(pooled, weight), one)

  results = jax.lax.map(fenced, (x, mask)), moments  # (b, t', f', c)
  return results, _Saved(x, paths, mask, sums, cells)


def _batch_sums(
  x: jax.Array, paths: list[Path], mask: jax.Array, axis: str | None
) -> tuple[list[_Sums], jax.Array]:
  """Computes (1) and (2) of each path, and N."""
  cells = norm_pool.num_cells(x.shape, mask, axis)  # N
  patches = _patch_sums(x, paths, mask)  # P' 1 of each path, (taps,)
  totals = [
    p @ path_maps.columns(path) for p, path in zip(patches, paths, strict=True)
  ]
  means = [total / cells for total in parallel.total(totals, axis)]

  def spread(
    sums: Pairs, example: tuple[jax.Array, jax.Array]
  ) -> tuple[Pairs, None]:
    one, weight = example  # (t, f, 1), () or (t,)
    real = path_maps.of_cells(weight, one)
    after = []
    for path, mean, (squares, products) in zip(paths, means, sums, strict=True):
      # y - m of one example: (1, t, f, outputs), then (cells, outputs).
      off = fence.apart(
        functools.partial(path_maps.off_mean, path.kernel, mean), one
      )
      off = off.reshape(-1, len(mean)) * real
      squares += jnp.square(off).sum(axis=0)
      after.append((squares, products + path_maps.patches(one, path) @ off))
    return after, None

  zeros = [
    (jnp.zeros_like(path.scale), jnp.zeros_like(path_maps.columns(path)))
    for path in paths
  ]
  sums, _ = jax.lax.scan(spread, zeros, (x, mask))
  squares = parallel.total([squares for squares, _ in sums], axis)
  return [
    _Sums(mean, total / cells, patch, products)  # (2)
    for mean, total, patch, (_, products) in zip(
      means, squares, patches, sums, strict=True
    )
  ], cells


def _patch_sums(
  x: jax.Array, paths: Sequence[Path], mask: jax.Array
) -> list[jax.Array]:
  """Computes P' 1 of (1) over this device's real cells, (taps,) each."""
  if mask.ndim == 1:
    # Each tap sees a shifted copy of the examples' sum, (t, f, 1).
    example_sum = jnp.einsum('e,efci->fci', mask, x)
    return [path_maps.patches(example_sum, path).sum(axis=1) for path in paths]

  # Frames differ between the examples. A tap (i, j) sees
  #   sum_t,f w[t] x[t + i, f + j] = sum_f S_i[f + j],  S_i = sum_t w[t] x[t + i]
  return [_tap_totals(x[..., 0], mask, path.kernel.shape[:2]) for path in paths]


def _tap_totals(
  x: jax.Array, mask: jax.Array, size: tuple[int, ...]
) -> jax.Array:
  """Sums of what each tap of a kernel sees in the real frames, (taps,).

  Args:
    x: (examples, frames, coefficients).
    mask: (examples, frames).
    size: (height, width) of the kernel.
  """
  frames, coefficients = x.shape[1:]
  height, width = size
  x = jnp.pad(x, ((0, 0), (height // 2, height // 2), (0, 0)))
  rows = jnp.stack(  # S_i, (height, f)
    [jnp.einsum('et,etf->f', mask, x[:, i : i + frames]) for i in range(height)]
  )
  rows = jnp.pad(rows, ((0, 0), (width // 2, width // 2)))
  totals = [rows[:, j : j + coefficients].sum(axis=1) for j in range(width)]
  return jnp.stack(totals, axis=1).reshape(-1)  # (height, width) -> (taps,)


def _backward(
  window: norm_pool.Window,
  epsilon: float,
  axis: str | None,
  saved: _Saved,
  gradients: Results,
) -> tuple[jax.Array, list[Path], jax.Array]:
  x, paths, mask, sums, cells = saved
  pooled_gradient = gradients[0]  # (b, t', f', c); none through the moments
  moments = [(own.mean, own.variance) for own in sums]
  lines = path_maps.lines(paths, moments, epsilon)
  totals = _tap_sums(x, mask, pooled_gradient, paths, lines, window)
  inverses = [jax.lax.rsqrt(own.variance + epsilon) for own in sums]  # 1 / s
  dlines = []  # (dscale, doffset) of each path, this device's parts
  for path, own, total, inverse in zip(
    paths, sums, totals, inverses, strict=True
  ):
    dscale = (path_maps.columns(path) * total[:-1]).sum(
      axis=0
    ) - own.mean * total[-1]
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

  def example_gradient(
    example: tuple[jax.Array, jax.Array, jax.Array],
  ) -> jax.Array:
    one, weight, gradient = example
    dx: Any = 0.0
    maps = path_maps.maps(one, weight, gradient, paths, lines, window)
    weight = norm_pool.cell_weights(weight[None])
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


def _tap_sums(
  x: jax.Array,
  mask: jax.Array,
  pooled_gradient: jax.Array,
  paths: Sequence[Path],
  lines: Pairs,
  window: norm_pool.Window,
) -> list[jax.Array]:
  """Sums P' g over this device's examples, and below it 1' g.

  Args:
    x: (examples, frames, coefficients, 1).
    mask: (examples,) or (examples, frames).
    pooled_gradient: of the pooled activations of all paths.
    paths: the paths.
    lines: see `path_maps.lines`.
    window: of the pooling.

  Returns:
    For each path (taps + 1, outputs).
  """

  def add(
    totals: list[jax.Array], example: tuple[jax.Array, jax.Array, jax.Array]
  ) -> tuple[list[jax.Array], None]:
    one, weight, gradient = example  # (t, f, 1), () or (t,), (t', f', c)
    after = []
    maps = path_maps.maps(one, weight, gradient, paths, lines, window)
    for path, total, (_, g) in zip(paths, totals, maps, strict=True):
      # A row of ones below the taps: 1' g comes with P' g.
      rows = jnp.pad(
        path_maps.patches(one, path), ((0, 1), (0, 0)), constant_values=1
      )
      after.append(total + rows @ g.reshape(-1, len(path.scale)))
    return after, None

  zeros = [
    jnp.pad(jnp.zeros_like(path_maps.columns(path)), ((0, 1), (0, 0)))
    for path in paths
  ]
  totals, _ = jax.lax.scan(add, zeros, (x, mask, pooled_gradient))
  return totals


_fused.defvjp(_forward, _backward)
