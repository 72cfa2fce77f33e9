"""The network with BatchNorm folded into its convolutions, for inference.

In inference BatchNorm is a scale and an offset per channel, so that
y = (conv(x, K) + b - mean) * scale / sqrt(variance + epsilon) + offset
is one convolution with another kernel and another bias. Each block is then
convolution, bias, ReLU, average pooling: 460,743 numbers for seven classes
instead of 463,431, and no layer but those that every runtime has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sernet_jax.common.errors import InputError
from sernet_jax.nn import ready_blocks
from sernet_jax.nn.kernels import ops, taps
from sernet_jax.nn.spec import BLOCKS, PATH_KERNELS, PATH_POOL, ModelSpec

Folded = dict[str, dict[str, Any]]

HEAD = 'head'


def paths(spec: ModelSpec) -> tuple[str, ...]:
  """Parallel paths in the order of their concatenation."""
  return tuple(name for name in PATH_KERNELS if name in spec.paths)


def blocks(spec: ModelSpec) -> tuple[str, ...]:
  """Names of all convolutions: the paths, then block1 to block5."""
  return (*paths(spec), *(f'block{i + 1}' for i in range(len(BLOCKS))))


def shapes(spec: ModelSpec) -> dict[str, dict[str, tuple[int, ...]]]:
  """Shapes of the folded network: {block: {'kernel': ..., 'bias': ...}}."""
  each = spec.filters // len(spec.paths)
  found = {
    name: {'kernel': (*PATH_KERNELS[name], 1, each), 'bias': (each,)}
    for name in paths(spec)
  }
  inputs = spec.filters
  for number, (outputs, kernel, _) in enumerate(BLOCKS, start=1):
    found[f'block{number}'] = {
      'kernel': (*kernel, inputs, outputs),
      'bias': (outputs,),
    }
    inputs = outputs
  found[HEAD] = {
    'kernel': (inputs, spec.num_classes),
    'bias': (spec.num_classes,),
  }
  return found


def fold(
  spec: ModelSpec, params: Mapping[str, Any], stats: Mapping[str, Any]
) -> Folded:
  """Folds the moving statistics into kernels and biases.

  Args:
    spec: the network.
    params: from `model.init` or a checkpoint.
    stats: the moving means and variances beside them.

  Returns:
    {block: {'kernel', 'bias'}} float32 numpy arrays of `shapes(spec)`; the
    arithmetic is float64.
  """
  found: Folded = {}
  for name in blocks(spec):
    ours = {k: np.asarray(v, np.float64) for k, v in params[name].items()}
    mean, variance = (
      np.asarray(stats[name][k], np.float64) for k in ('mean', 'variance')
    )
    factor = ours['scale'] / np.sqrt(variance + spec.batch_norm_epsilon)
    bias = ours['offset'] + (ours.get('bias', 0.0) - mean) * factor
    found[name] = {
      'kernel': (ours['kernel'] * factor).astype(np.float32),
      'bias': bias.astype(np.float32),
    }
  found[HEAD] = {
    k: np.asarray(params[HEAD][k], np.float32) for k in ('kernel', 'bias')
  }
  return found


def ready(folded: Folded) -> Folded:
  """The same network with what inference needs to compute only once.

  On CPUs alone; elsewhere it would take memory for nothing.
  """
  if jax.default_backend() != 'cpu':
    return folded
  return {
    name: {**block, **ready_blocks.prepare(block['kernel'])}
    if name != HEAD
    else block
    for name, block in folded.items()
  }


def logits(
  spec: ModelSpec,
  folded: Mapping[str, Any],
  x: jax.Array,
  block: Callable[
    [jax.Array, Mapping[str, Any], ops.Window], jax.Array
  ] = ready_blocks.conv_relu_pool,
):
  """What `model.apply(..., train=False)` gives, to about 1e-5.

  Args:
    spec: the network.
    folded: from `fold` or `ready`.
    x: (examples, frames, coefficients, 1).
    block: convolution, bias, ReLU and pooling of a map, a block of `folded`
      and a window; by default `ready_blocks.conv_relu_pool`.

  Returns:
    (examples, num_classes).

  Raises:
    InputError: if x has another rank or more than one channel.
  """
  if x.ndim != 4 or x.shape[-1] != 1:
    raise InputError(
      f'x has shape {x.shape}; give (examples, frames, coefficients, 1), for '
      'instance features.mfcc(waveform, spec)[..., None]'
    )

  x = taps.apart(
    lambda x: jnp.concatenate(
      [block(x, folded[name], PATH_POOL) for name in paths(spec)], axis=-1
    ),
    x,
  )
  for number, (_, _, pool) in enumerate(BLOCKS, start=1):
    x = block(x, folded[f'block{number}'], pool)
  head = folded[HEAD]
  return x @ jnp.asarray(head['kernel']) + jnp.asarray(head['bias'])


def probabilities(spec: ModelSpec, folded: Mapping[str, Any], x: jax.Array):
  """Softmax of `logits`, (examples, num_classes)."""
  return jax.nn.softmax(logits(spec, folded, x))


def count(folded: Mapping[str, Any]) -> int:
  """Numbers in a folded network."""
  return sum(leaf.size for leaf in jax.tree.leaves(dict(folded)))
