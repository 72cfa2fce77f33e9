"""BatchNorm folded into convolutions: the weights of inference, in numpy.

In inference BatchNorm is a scale and an offset per channel, so that

  y = (conv(x, K) + b - mean) * scale / sqrt(variance + epsilon) + offset

is one convolution with another kernel and another bias.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from sernet_jax.nn.spec import ModelSpec

# {layer: {'kernel', 'bias'}}
Folded = dict[str, dict[str, Any]]


def fold(
  spec: ModelSpec, params: Mapping[str, Any], stats: Mapping[str, Any]
) -> Folded:
  """Folds the moving statistics into kernels and biases.

  Args:
    spec: the network.
    params: from `model.init` or a checkpoint.
    stats: the moving means and variances beside them.

  Returns:
    {layer: {'kernel', 'bias'}}, float32 numpy arrays of `spec.shapes()`; the
    arithmetic is float64.
  """
  result: Folded = {}
  for layer in spec.layers():
    # float64, so that folding rounds once, at the end.
    own = {k: np.asarray(v, np.float64) for k, v in params[layer.name].items()}
    if not layer.batch_norm:
      kernel, bias = own['kernel'], own['bias']
    else:
      mean, variance = (
        np.asarray(stats[layer.name][k], np.float64)
        for k in ('mean', 'variance')
      )
      factor = own['scale'] / np.sqrt(variance + spec.batch_norm_epsilon)
      kernel = own['kernel'] * factor  # (h, w, inputs, outputs) * (outputs,)
      bias = own['offset'] + (own.get('bias', 0.0) - mean) * factor
    result[layer.name] = {
      'kernel': kernel.astype(np.float32),
      'bias': bias.astype(np.float32),
    }
  return result


def count(folded: Mapping[str, Any]) -> int:
  """Counts the values in a folded network."""
  return sum(
    np.size(leaf) for arrays in folded.values() for leaf in arrays.values()
  )
