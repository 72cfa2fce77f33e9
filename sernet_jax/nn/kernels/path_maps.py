"""The map of one path and one example, in the forms that `fused_paths` needs.

The letters are those of `fused_paths`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp

from sernet_jax.nn.kernels import norm_pool, shifted


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


Pairs = list[tuple[jax.Array, jax.Array]]


def off_mean(kernel: jax.Array, mean: jax.Array, one: jax.Array) -> jax.Array:
  """Computes y - m of one example (frames, coefficients, 1)."""
  return shifted.conv(one[None], kernel) - mean


def lines(paths: Sequence[Path], moments: Pairs, epsilon: float) -> Pairs:
  """Slope and shift of each path; computed once, not cell by cell."""
  return [
    norm_pool.normalizing_line(path.scale, path.offset, mean, variance, epsilon)
    for path, (mean, variance) in zip(paths, moments, strict=True)
  ]


def maps(
  one: jax.Array,
  weight: jax.Array,
  gradient: jax.Array,
  paths: Sequence[Path],
  lines: Pairs,
  window: norm_pool.Window,
) -> Iterator[tuple[jax.Array, jax.Array]]:
  """Yields y and g of each path for one example.

  Args:
    one: (frames, coefficients, 1).
    weight: of the mask, () or (frames,).
    gradient: of the example's pooled activations, all paths side by side.
    paths: the paths.
    lines: see `lines`.
    window: of the pooling.

  Yields:
    Two arrays (1, frames, coefficients, outputs).
  """
  end = 0
  for path, (slope, shift) in zip(paths, lines, strict=True):
    start, end = end, end + len(path.scale)
    # Computed again, as no map is kept; its sign after BatchNorm is where ReLU
    # cuts.
    y = shifted.conv(one[None], path.kernel)
    part = gradient[None, ..., start:end]
    part = norm_pool.masked_unpool(part, weight[None], one.shape[:2], window)
    yield y, jnp.where(y * slope + shift > 0, part, 0.0)


def of_cells(weight: jax.Array, one: jax.Array) -> jax.Array:
  """Weights of an example's cells, (cells, 1), or () of the whole example."""
  if weight.ndim == 0:
    return weight
  frames, coefficients, _ = one.shape
  cells = jnp.broadcast_to(weight[:, None], (frames, coefficients))
  return cells.reshape(-1, 1)


def columns(path: Path) -> jax.Array:
  """The kernel as K of y = P K, (taps, outputs)."""
  return path.kernel.reshape(-1, path.kernel.shape[-1])


def patches(one: jax.Array, path: Path) -> jax.Array:
  """P' of (frames, coefficients, 1): its shifted copies, (taps, cells)."""
  frames, coefficients, _ = one.shape
  height, width = path.kernel.shape[:2]
  pad = (height // 2, height // 2), (width // 2, width // 2)
  one = jnp.pad(one[..., 0], pad)
  # In the order of `columns`, so that taps * cells meets taps * outputs.
  copies = [
    one[i : i + frames, j : j + coefficients]
    for i in range(height)
    for j in range(width)
  ]
  return jnp.stack(copies).reshape(height * width, -1)
