"""BatchNorm put back between the layers of a folded network.

`folded.fold` is not invertible: of the statistics that it used nothing is
left. But any statistics give the same function if scale and offset undo them:
with the mean m and the variance v of a convolution K' of the folded network,

  (y - m) / sqrt(v + epsilon) * scale + offset = y + b'
    for scale = sqrt(v + epsilon), offset = b' + m.

Taken over the recordings that are about to train, m and v are also what
BatchNorm meets in the first batches, so that training begins where the folded
network ended.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sernet_jax.nn import pooling
from sernet_jax.nn.folded import Folded
from sernet_jax.nn.kernels import convolution, norm_pool
from sernet_jax.nn.spec import PATH_POOL, Layer, ModelSpec, require_features

Tree = dict[str, dict[str, Any]]


def moments(
  spec: ModelSpec,
  folded: Mapping[str, Any],
  x: jax.Array,
  mask: jax.Array,
  frames: jax.Array | None = None,
) -> Tree:
  """Computes mean and variance of each convolution of a folded network.

  Args:
    spec: the network.
    folded: from `folded.fold`.
    x: (examples, frames, coefficients, 1).
    mask: (examples,) of 0 and 1, 0 for examples that do not count.
    frames: int32 (examples,), see `model.apply`.

  Returns:
    {layer: {'mean', 'variance'}}, (outputs,) each.
  """
  require_features(x)
  found: Tree = {}

  def block(layer: Layer, x: jax.Array, window: norm_pool.Window) -> jax.Array:
    arrays = folded[layer.name]
    y = convolution.conv(x, jnp.asarray(arrays['kernel']))
    # Before the bias: m and v are of K' alone, and `offset` has b' in it.
    mean, variance = norm_pool.moments(y, mask)
    found[layer.name] = {'mean': mean, 'variance': variance}
    y = jax.nn.relu(y + jnp.asarray(arrays['bias']))
    return norm_pool.masked_pool(y, mask, window)

  if frames is not None and spec.masked:
    x, mask = norm_pool.frame_mask(x, mask, frames)
  maps = [block(layer, x, PATH_POOL) for layer in spec.layers('path')]
  x = jnp.concatenate(maps, axis=-1)  # (b, t, f, c)
  mask = norm_pool.pooled_mask(mask, PATH_POOL)
  for layer in spec.layers('block'):
    window = pooling.window(spec, layer)
    x = block(layer, x, window)
    mask = norm_pool.pooled_mask(mask, window)
  return found


def unfold(
  spec: ModelSpec, folded: Folded, statistics: Mapping[str, Any]
) -> tuple[Tree, Tree]:
  """Puts BatchNorm back, with statistics of any recordings.

  Args:
    spec: the network.
    folded: from `folded.fold`.
    statistics: as `moments` returns them.

  Returns:
    (params, stats) as `model.init` gives them, numpy float32. In inference
    they compute what `folded` does, to rounding.
  """
  params: Tree = {}
  stats: Tree = {}
  for layer in spec.layers():
    arrays = {
      name: np.asarray(values, np.float32)
      for name, values in folded[layer.name].items()
    }
    if not layer.batch_norm:
      params[layer.name] = arrays
      continue
    mean, variance = (
      np.asarray(statistics[layer.name][name], np.float32)
      for name in ('mean', 'variance')
    )
    # float64, so that each number rounds once; from the rounded statistics.
    scale = np.sqrt(variance.astype(np.float64) + spec.batch_norm_epsilon)
    offset = arrays['bias'].astype(np.float64) + mean
    params[layer.name] = {
      'kernel': arrays['kernel'],
      'scale': scale.astype(np.float32),
      'offset': offset.astype(np.float32),
    }
    if layer.bias:
      # A bias before BatchNorm is taken out by the mean; b' is in the offset.
      params[layer.name]['bias'] = np.zeros_like(mean)
    stats[layer.name] = {'mean': mean, 'variance': variance}
  return params, stats
