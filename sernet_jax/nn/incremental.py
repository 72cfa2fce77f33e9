"""A window that has moved on: only the columns that see new frames.

Convolutions pad a window with zeros, so the columns at its two edges are its
own; the columns between them are those of the stream, and the next window has
them too, `hop` columns further left. Layer by layer this computes

  | left edge | kept from the last window | new columns and right edge |

and puts them together to the map that the whole window has, to rounding.
A pool of p columns keeps the grid only if the hop is a multiple of p there;
layers from the first one where it is not, or where nothing would be kept, are
computed whole, the last maps are short anyway.

To compute both edges in one go the two ends of a map stand side by side: the
columns at the seam are wrong and cut out again. Shapes in comments: b
examples, t columns along time, f coefficients, c channels.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from sernet_jax.nn import cost, folded as folded_lib
from sernet_jax.nn.folded import Folded
from sernet_jax.nn.kernels import fence
from sernet_jax.nn.spec import Layer, ModelSpec

Maps = tuple[jax.Array, ...]


class Stage(NamedTuple):
  """The paths, or a block, with what is computed of its map.

  Attributes:
    layers: that read one map side by side.
    head: columns of the input that make the left edge, with the seam.
    tail: first column of the input that makes the right end, with the seam.
    left: columns of the left edge.
    first: first column of the right end.
    columns: of the map.
    hop: columns that the map moves on.
  """

  layers: tuple[Layer, ...]
  head: int
  tail: int
  left: int
  first: int
  columns: int
  hop: int


class Plan(NamedTuple):
  """Columns that a network computes anew of a window that has moved on.

  Attributes:
    spec: the network.
    hop: frames that the window moves on.
    stages: those that keep columns.
    rest: the blocks that are computed whole.
  """

  spec: ModelSpec
  hop: int
  stages: tuple[Stage, ...]
  rest: tuple[Layer, ...]


def plan(spec: ModelSpec, frames: int, hop: int) -> Plan:
  """Plans the stages of a network.

  Args:
    spec: the network.
    frames: of a window.
    hop: frames from one window to the next.
  """
  blocks = spec.layers('block')
  stages: list[Stage] = []
  # Columns at the edges of the input that are the window's own.
  left, right, columns, step = 0, 0, frames, hop
  for layers in (spec.layers('path'), *((block,) for block in blocks)):
    pool = layers[0].pool
    if pool is None or step % pool[0]:
      break
    tall = pool[0]
    radius = max(layer.kernel[0] // 2 for layer in layers)
    # A convolution sees `radius` columns to each side, so the padding reaches
    # as much further in; a pool is spoiled if one of its columns is, hence up
    # for the left edge and down for the right one.
    left = -(-(left + radius) // tall)
    end = (columns - right - radius) // tall  # of the columns of the stream
    step //= tall
    # Kept are the columns [left, end - step), the last window's [left + step,
    # end).
    if left + step >= end:  # nothing is kept
      break
    # Beyond its pools each end needs `radius` columns more of the input. The
    # right end begins behind two seams: it has its pools where the whole map
    # has them only if these are whole pools too.
    seam = radius
    while 2 * seam % tall:
      seam += 1
    first, count = end - step, -(-columns // tall)
    stages.append(
      Stage(
        layers,
        tall * left + seam,
        tall * first - seam,
        left,
        first,
        count,
        step,
      )
    )
    right, columns = count - end, count
  # The first stage is the paths, all others are one block each.
  return Plan(spec, hop, tuple(stages), blocks[max(len(stages) - 1, 0) :])


def share(plan: Plan, frames: int) -> float:
  """Share of a window's multiplications that `advance` does.

  Args:
    plan: from `plan`.
    frames: of a window.
  """
  done = total = 0
  stages = {layer: stage for stage in plan.stages for layer in stage.layers}
  for each in cost.list_layers(plan.spec, frames):
    stage, columns = stages.get(each.layer), each.size[0]
    total += each.multiply_adds
    if stage is not None:
      columns = stage.head + columns - stage.tail
    done += each.multiply_adds * columns // each.size[0]
  return done / total


def whole(plan: Plan, folded: Folded, x: jax.Array) -> tuple[jax.Array, Maps]:
  """Computes a window anew.

  Args:
    plan: from `plan`.
    folded: the network, from `folded.fold` or `folded.ready`.
    x: (1, frames, coefficients, 1).

  Returns:
    Logits (1, classes) as `folded.logits` gives them, and what `advance`
    needs: the features and the map of each stage.
  """
  maps = [x]
  for stage in plan.stages:
    maps.append(_compute(stage, folded, maps[-1]))
  return _logits(plan, folded, maps[-1]), tuple(maps)


def advance(
  plan: Plan, folded: Folded, maps: Maps, new: jax.Array
) -> tuple[jax.Array, Maps]:
  """Computes the window that has moved on by `plan.hop` frames.

  Args:
    plan: from `plan`.
    folded: as for `whole`.
    maps: of the last window.
    new: (1, hop, coefficients, 1), the frames behind it.

  Returns:
    As `whole` for the new window, to rounding.
  """
  x = jnp.concatenate([maps[0][:, plan.hop :], new], axis=1)  # (b, t, f, c)
  moved = [x]
  for stage, last in zip(plan.stages, maps[1:], strict=True):
    # Both ends side by side, (b, head + t - tail, f, c), then pooled.
    ends = jnp.concatenate([x[:, : stage.head], x[:, stage.tail :]], axis=1)
    y = _compute(stage, folded, ends)
    # The stream has not changed, only the window's place in it: its columns
    # [left, first) are the last one's, `hop` further right.
    kept = last[:, stage.left + stage.hop : stage.first + stage.hop]
    # What lies between the left edge and these columns is the seam.
    right = y[:, y.shape[1] - (stage.columns - stage.first) :]
    x = jnp.concatenate(
      [y[:, : stage.left], kept, right], axis=1
    )  # (b, t, f, c)
    moved.append(x)
  return _logits(plan, folded, x), tuple(moved)


def _compute(stage: Stage, folded: Folded, x: jax.Array) -> jax.Array:
  """The pooled map of a stage, (b, t, f, c)."""

  def side_by_side(x: jax.Array) -> jax.Array:
    maps = [
      folded_lib.conv_relu_pool(x, folded[layer.name], layer.pool)
      for layer in stage.layers
    ]
    return jnp.concatenate(maps, axis=-1)

  return fence.apart(side_by_side, x) if x.shape[-1] == 1 else side_by_side(x)


def _logits(plan: Plan, folded: Folded, x: jax.Array) -> jax.Array:
  """Logits from the map of the last stage, or from the features."""
  if not plan.stages:
    return folded_lib.logits(plan.spec, folded, x)
  mask = jnp.ones(x.shape[0], x.dtype)
  pooled = folded_lib.after_paths(plan.spec, folded, x, mask, plan.rest)
  return folded_lib.head(plan.spec, folded, pooled)
