"""Twin of binary weights in numpy, output by output.

Written from the formula, not from `sernet_jax.nn.networks.binary`.
"""

from __future__ import annotations

import numpy as np

# Layer -> arrays that are binary in the network of two convolutions.
BINARY = {
  'conv2': ('kernel',),
  'linear': ('kernel',),
  'ahead': ('kernel', 'recurrent'),
  'back': ('kernel', 'recurrent'),
}


def binarized(weights):
  """Signs times the mean size of an output's weights, the last axis."""
  result = np.empty_like(weights)
  for output in range(weights.shape[-1]):
    own = weights[..., output]
    size = sum(abs(w) for w in own.flat) / own.size
    for place in np.ndindex(own.shape):
      result[(*place, output)] = size if own[place] >= 0 else -size
  return result


def straight(params, base):
  """Weights near `base` whose slopes are those of a straight-through gradient.

  A weight that moves from `base` moves its binary weight as far, if it is
  within 1, and else not at all.
  """
  moved = {layer: dict(arrays) for layer, arrays in params.items()}
  for layer, names in BINARY.items():
    for name in names:
      start = base[layer][name]
      step = np.where(abs(start) <= 1, params[layer][name] - start, 0)
      moved[layer][name] = binarized(start) + step
  return moved
