"""Light-SERNet as plain functions over plain nested dicts.

Three parallel paths of convolutions read the features along time, along the
coefficients and along both; five local feature learning blocks (LFLB:
convolution, BatchNorm, ReLU, average pooling) follow; dropout and one dense
layer give the logits (Aftab et al., ICASSP 2022, arXiv 2110.03435).

The layers are `flax.nnx` modules; `init` and `apply` cross them into
functions with `nnx.split` and `nnx.merge`, so that nothing but `jax.jit`,
`vmap`, `grad` and `scan` is needed outside. This is the only file with flax.
Shapes in comments: b examples, t frames, f coefficients, c channels.
"""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from sernet_jax.nn import parallel, pooling
from sernet_jax.nn.kernels import convolution, fused_paths, norm_pool
from sernet_jax.nn.spec import Layer, ModelSpec, require_features

Tree = dict[str, Any]

# Keras' default for convolutions and dense layers alike.
_GLOROT_UNIFORM = jax.nn.initializers.glorot_uniform()


class LocalFeatureBlock(nnx.Module):
  """Convolution, BatchNorm, ReLU, average pooling."""

  def __init__(self, layer: Layer, spec: ModelSpec, rngs: nnx.Rngs) -> None:
    self.pool = pooling.window(spec, layer)
    self.momentum = spec.batch_norm_momentum
    self.epsilon = spec.batch_norm_epsilon
    outputs = layer.outputs
    kernel = _GLOROT_UNIFORM(rngs.params(), layer.kernel_shape)
    self.kernel = nnx.Param(kernel)
    self.bias = nnx.Param(jnp.zeros(outputs)) if layer.bias else None
    self.scale = nnx.Param(jnp.ones(outputs))
    self.offset = nnx.Param(jnp.zeros(outputs))
    self.mean = nnx.BatchStat(jnp.zeros(outputs))
    self.variance = nnx.BatchStat(jnp.ones(outputs))

  def __call__(
    self,
    x: jax.Array,
    mask: jax.Array,
    train: bool,
    dtype: jax.typing.DTypeLike | None,
    axis: str | None,
  ) -> jax.Array:
    """Applies the block; in training it also moves the statistics."""
    kernel = self.kernel[...]  # (h, w, inputs, outputs)
    if dtype is None:
      x = convolution.conv(x, kernel)
    else:  # statistics and pooling stay in the type of the kernel
      x = convolution.conv(x.astype(dtype), kernel.astype(dtype)).astype(
        kernel.dtype
      )
    scale, offset = self.scale[...], self.offset[...]
    if not train:
      # BatchNorm takes a bias away again: only the moving mean sees it.
      bias = 0.0 if self.bias is None else self.bias[...]
      mean = self.mean[...] - bias
      x = norm_pool.normalize(
        x, scale, offset, mean, self.variance[...], self.epsilon
      )
      return norm_pool.masked_pool(jax.nn.relu(x), mask, self.pool)
    x, mean, variance = norm_pool.norm_relu_pool(
      x, scale, offset, mask, self.pool, self.epsilon, axis
    )
    self.move(mean, variance)
    return x

  def move(self, mean: jax.Array, variance: jax.Array) -> None:
    """Updates the moving statistics.

    Args:
      mean: (outputs,), the batch's of the convolution without its bias.
      variance: (outputs,), likewise.
    """
    bias = 0.0 if self.bias is None else self.bias[...]
    keep = self.momentum
    self.mean[...] = keep * self.mean[...] + (1 - keep) * (mean + bias)
    self.variance[...] = keep * self.variance[...] + (1 - keep) * variance


def fused(
  x: jax.Array,
  paths: list[LocalFeatureBlock],
  mask: jax.Array,
  axis: str | None,
) -> jax.Array:
  """Runs the parallel blocks of training fused; faster than one by one."""
  x, moments = fused_paths.conv_norm_relu_pool(
    x,
    [
      fused_paths.Path(p.kernel[...], p.scale[...], p.offset[...])
      for p in paths
    ],
    mask,
    paths[0].pool,
    paths[0].epsilon,
    axis,
  )
  for path, (mean, variance) in zip(paths, moments, strict=True):
    path.move(mean, variance)
  return x


class Dense(nnx.Module):
  """Dense layer, x @ kernel + bias."""

  def __init__(self, layer: Layer, rngs: nnx.Rngs) -> None:
    kernel = _GLOROT_UNIFORM(rngs.params(), layer.kernel_shape)
    self.kernel = nnx.Param(kernel)
    self.bias = nnx.Param(jnp.zeros(layer.outputs))

  def __call__(self, x: jax.Array) -> jax.Array:
    """Maps (..., inputs) to (..., outputs)."""
    return x @ self.kernel[...] + self.bias[...]


class LightSERNet(nnx.Module):
  """The whole network, from (examples, frames, coefficients, 1) to logits."""

  def __init__(self, spec: ModelSpec, rngs: nnx.Rngs) -> None:
    self.spec = spec
    # Each layer draws its kernel from the next key of `rngs`.
    for layer in spec.layers('path', 'block'):
      setattr(self, layer.name, LocalFeatureBlock(layer, spec, rngs))
    for layer in spec.layers('score', 'dense', 'regression'):
      setattr(self, layer.name, Dense(layer, rngs))

  def __call__(
    self,
    x: jax.Array,
    mask: jax.Array,
    train: bool,
    key: jax.Array | None,
    dtype: jax.typing.DTypeLike | None,
    axis: str | None,
    frozen: tuple[str, ...],
  ) -> jax.Array:
    """Computes logits and numbers; for the arguments see `apply`."""
    learns = {
      layer.name: train and layer.name not in frozen
      for layer in self.spec.layers('path', 'block')
    }
    paths = self._modules('path')  # x is (b, t, f, 1)
    of_paths = [learns[layer.name] for layer in self.spec.layers('path')]
    if all(of_paths) and dtype is None:
      x = fused(x, paths, mask, axis)
    else:
      maps = [
        path(x, mask, own, dtype, axis)
        for path, own in zip(paths, of_paths, strict=True)
      ]
      x = jnp.concatenate(maps, axis=-1)
    mask = norm_pool.pooled_mask(mask, paths[0].pool)
    for layer in self.spec.layers('block'):  # x is (b, t, f, c)
      block = getattr(self, layer.name)
      x = block(x, mask, learns[layer.name], dtype, axis)
      mask = norm_pool.pooled_mask(mask, block.pool)
    score = self._modules('score')
    x = pooling.over_map(x, mask, self.spec, score[0](x) if score else None)
    if train and self.spec.dropout and key is not None:  # x is (b, c)
      x = parallel.dropout(x, self.spec.dropout, key, axis)
    # All read the pooled map; their outputs are side by side.
    heads = self._modules('dense') + self._modules('regression')
    return jnp.concatenate([head(x) for head in heads], axis=-1)

  def _modules(self, kind: str) -> list[Any]:
    return [getattr(self, layer.name) for layer in self.spec.layers(kind)]


@functools.cache
def _graph(spec: ModelSpec) -> Any:
  """The static part of the network, made without computing a weight."""
  module = nnx.eval_shape(lambda: LightSERNet(spec, nnx.Rngs(0)))
  return nnx.split(module, nnx.Param, nnx.BatchStat)[0]


def init(key: jax.Array, spec: ModelSpec) -> tuple[Tree, Tree]:
  """Draws parameters and BatchNorm statistics as Keras initializes them.

  Kernels are Glorot-uniform, biases and offsets 0, scales 1, moving means 0
  and moving variances 1.

  Args:
    key: a `jax.random.key`.
    spec: the network.

  Returns:
    (params, stats), nested dicts of float32 arrays.
  """
  module = LightSERNet(spec, nnx.Rngs(params=key))
  _, params, stats = nnx.split(module, nnx.Param, nnx.BatchStat)
  return nnx.to_pure_dict(params), nnx.to_pure_dict(stats)


def apply(
  spec: ModelSpec,
  params: Tree,
  stats: Tree,
  x: jax.Array,
  *,
  train: bool,
  mask: jax.Array | None = None,
  key: jax.Array | None = None,
  dtype: jax.typing.DTypeLike | None = None,
  axis: str | None = None,
  frames: jax.Array | None = None,
  frozen: tuple[str, ...] = (),
) -> tuple[jax.Array, Tree]:
  """Computes the logits of a batch, and the numbers of its dimensions.

  Args:
    spec: the network.
    params: from `init`.
    stats: from `init`.
    x: (examples, frames, coefficients, 1).
    train: normalizes with the batch's own statistics and updates the moving
      ones; drops out if there is a key. Otherwise the moving ones are used.
    mask: (examples,) of 0 and 1; examples with 0 take no part in the
      statistics. None means all are real.
    key: for dropout; None leaves it out.
    dtype: type that the convolutions compute in, if not that of the kernels;
      statistics, pooling and the dense layer keep the latter.
    axis: of the mesh that the batch is shared over, see `parallel`; x and mask
      are this device's share, and BatchNorm counts all examples.
    frames: int32 (examples,), the frames of each utterance, which come first;
      what lies behind them is not looked at, unless `spec.pooling` is 'mean'.
      None: all frames are the utterance's own.
    frozen: names of layers that stay as they are in training: they are
      normalized with the moving statistics, which they keep; `network.apply`
      takes their gradient away.

  Returns:
    (outputs (examples, num_classes + dimensions), stats): logits, and behind
    them one number for each dimension, in [-1, 1] where it is on its scale.
    In inference the stats are returned as given.

  Raises:
    InputError: if x has another rank or more than one channel.
  """
  require_features(x)
  if mask is None:
    mask = jnp.ones(x.shape[0], x.dtype)
  if frames is not None and spec.masked:
    x, mask = norm_pool.frame_mask(x, mask, frames)
  params, stats = jax.tree.map(jnp.asarray, (params, stats))
  module = nnx.merge(_graph(spec), params, stats)
  logits = module(x, mask, train, key, dtype, axis, tuple(frozen))
  if train:
    stats = nnx.to_pure_dict(nnx.state(module, nnx.BatchStat))
  return logits, stats


def count(tree: Tree) -> int:
  """Counts the values in a tree of arrays."""
  return sum(leaf.size for leaf in jax.tree.leaves(tree))
