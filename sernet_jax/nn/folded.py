"""The network with BatchNorm folded into its convolutions, for inference.

`folding` has its weights. Each block is convolution, bias, ReLU, average
pooling: 460,743 numbers for seven classes instead of 463,431, and only layers
that every runtime has.

`ready` computes once whatever depends on the weights alone, before the first
recording.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sernet_jax.nn import pooling
from sernet_jax.nn.folding import (
  Folded as Folded,
  count as count,
  fold as fold,
)
from sernet_jax.nn.kernels import (
  convolution,
  fence,
  norm_pool,
  precision,
  shifted,
  winograd,
)
from sernet_jax.nn.spec import PATH_POOL, Layer, ModelSpec, require_features

BlockFunction = Callable[
  [jax.Array, Mapping[str, Any], norm_pool.Window, jax.Array], jax.Array
]


def ready(folded: Folded) -> Folded:
  """The same network with what inference needs to compute only once.

  On CPUs alone; elsewhere it would take memory for nothing.
  """
  if jax.default_backend() != 'cpu':
    return folded
  return {
    name: {**arrays, **prepare(arrays['kernel'])}
    if np.ndim(arrays['kernel']) == 4  # of a convolution
    else arrays
    for name, arrays in folded.items()
  }


def prepare(kernel: jax.typing.ArrayLike) -> dict[str, Any]:
  """A kernel with what can be computed from it ahead of time.

  Args:
    kernel: (height, width, inputs, outputs), height and width odd.

  Returns:
    The arrays `conv_relu_pool` takes, except for the bias.
  """
  kernel = np.asarray(kernel)
  arrays: dict[str, Any] = {'kernel': kernel}
  if winograd.suits(kernel):
    # In numpy: compiling so small a program takes longer than all else.
    arrays['tiles'] = winograd.kernel_tiles(kernel)
  return arrays


def conv_relu_pool(
  x: jax.Array,
  block: Mapping[str, Any],
  window: norm_pool.Window,
  mask: jax.Array | None = None,
) -> jax.Array:
  """A block of a folded network: convolution, bias, ReLU, average pooling.

  On CPUs bias, ReLU and pooling are done while the convolution's numbers are
  in a core's cache.

  Args:
    x: (examples, frames, coefficients, inputs).
    block: 'bias' (outputs,), 'kernel', and what `prepare` may have added.
    window: see `norm_pool.average_pool`.
    mask: (examples, frames) of 0 and 1, see `norm_pool`; (examples,) or None
      where all frames count.

  Returns:
    The pooled map, (examples, frames, coefficients, outputs), or
    (examples, outputs) where the window is None.
  """
  if mask is None:
    mask = jnp.ones(x.shape[0], x.dtype)
  kernel, bias = (jnp.asarray(block[name]) for name in ('kernel', 'bias'))
  tiles = block.get('tiles')

  def finished(y: jax.Array) -> jax.Array:
    return norm_pool.masked_pool(jax.nn.relu(y + bias), mask, window)

  def on_cpu(x: jax.Array) -> jax.Array:
    # Prepared tiles are sums of several taps, but it is each tap that an
    # accelerator rounds.
    if precision.lowered(x):
      return finished(convolution.conv(x, kernel))
    if kernel.shape[2] == 1:
      return finished(shifted.conv(x, kernel))
    if tiles is None:
      return finished(convolution.conv(x, kernel))
    # A mask of frames counts cells one by one, which pooling inside of tiles
    # does not.
    if mask.ndim == 1 and window and winograd.pools(x.shape, window):
      return winograd.conv_relu_pool_by_tiles(x, tiles, bias, window)
    return finished(winograd.conv_by_tiles(x, tiles))

  return jax.lax.platform_dependent(
    x, cpu=on_cpu, default=lambda x: finished(convolution.plain_conv(x, kernel))
  )


def embeddings(
  spec: ModelSpec,
  folded: Mapping[str, Any],
  x: jax.Array,
  block: BlockFunction = conv_relu_pool,
  frames: jax.Array | None = None,
) -> jax.Array:
  """The pooled map, from which `head` makes the logits.

  Args:
    spec: the network.
    folded: from `fold` or `ready`.
    x: (examples, frames, coefficients, 1).
    block: convolution, bias, ReLU and pooling of a map, given a layer of
      `folded`, a window and a mask; by default `conv_relu_pool`.
    frames: int32 (examples,), see `model.apply`.

  Returns:
    (examples, channels), twice the last block's with `pooling='statistics'`.

  Raises:
    InputError: if x has another rank or more than one channel.
  """
  require_features(x)
  mask = jnp.ones(x.shape[0], x.dtype)
  if frames is not None and spec.masked:
    x, mask = norm_pool.frame_mask(x, mask, frames)

  def side_by_side(x: jax.Array) -> jax.Array:
    maps = [
      block(x, folded[path.name], path.pool, mask)
      for path in spec.layers('path')
    ]
    return jnp.concatenate(maps, axis=-1)

  x = fence.apart(side_by_side, x)  # (b, t, f, c)
  mask = norm_pool.pooled_mask(mask, PATH_POOL)
  return after_paths(spec, folded, x, mask, spec.layers('block'), block)


def after_paths(
  spec: ModelSpec,
  folded: Mapping[str, Any],
  x: jax.Array,
  mask: jax.Array,
  blocks: Sequence[Layer],
  block: BlockFunction = conv_relu_pool,
) -> jax.Array:
  """Pooled map from the map that the first of the last blocks reads.

  Args:
    spec: the network.
    folded: from `fold` or `ready`.
    x: (examples, frames, coefficients, channels).
    mask: (examples,) or (examples, frames), see `norm_pool`.
    blocks: the last of the spec's.
    block: see `logits`.

  Returns:
    (examples, channels), for `head`.
  """
  for layer in blocks:
    window = pooling.window(spec, layer)
    x = block(x, folded[layer.name], window, mask)
    mask = norm_pool.pooled_mask(mask, window)
  scores = [_dense(folded[layer.name], x) for layer in spec.layers('score')]
  return pooling.over_map(x, mask, spec, scores[0] if scores else None)


def head(
  spec: ModelSpec, folded: Mapping[str, Any], pooled: jax.Array
) -> jax.Array:
  """Logits (examples, num_classes) of `embeddings` (examples, channels)."""
  for layer in spec.layers('dense'):
    pooled = _dense(folded[layer.name], pooled)
  return pooled


def dimensions(
  spec: ModelSpec, folded: Mapping[str, Any], pooled: jax.Array
) -> jax.Array:
  """Numbers of the dimensions, (examples, dimensions), from `embeddings`.

  Each is in [-1, 1], which stand for the ends of its scale; what a network says
  beyond them is set to them.
  """
  found = [
    _dense(folded[layer.name], pooled) for layer in spec.layers('regression')
  ]
  if not found:
    return jnp.zeros((len(pooled), 0), pooled.dtype)
  return jnp.clip(found[0], -1.0, 1.0)


def logits(
  spec: ModelSpec,
  folded: Mapping[str, Any],
  x: jax.Array,
  block: BlockFunction = conv_relu_pool,
  frames: jax.Array | None = None,
) -> jax.Array:
  """Logits as `model.apply(..., train=False)` gives them, to about 1e-5.

  Args:
    spec: the network.
    folded: from `fold` or `ready`.
    x: (examples, frames, coefficients, 1).
    block: see `embeddings`.
    frames: int32 (examples,), see `model.apply`.

  Returns:
    (examples, num_classes).

  Raises:
    InputError: if x has another rank or more than one channel.
  """
  return head(spec, folded, embeddings(spec, folded, x, block, frames))


def _dense(arrays: Mapping[str, Any], x: jax.Array) -> jax.Array:
  """Computes x @ kernel + bias along the last axis."""
  return x @ jnp.asarray(arrays['kernel']) + jnp.asarray(arrays['bias'])


def probabilities(
  spec: ModelSpec,
  folded: Mapping[str, Any],
  x: jax.Array,
  frames: jax.Array | None = None,
) -> jax.Array:
  """Softmax of `logits`, (examples, num_classes)."""
  return jax.nn.softmax(logits(spec, folded, x, frames=frames))
