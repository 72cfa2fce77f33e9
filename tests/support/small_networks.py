"""Every network of the table but Light-SERNet, small enough to compile fast."""

from __future__ import annotations

import jax
import numpy as np

from sernet_jax.nn import network, networks

_ACRNN = {
  'convolutions': 2,
  'bands': 4,
  'channels': (4, 6),
  'linear': 8,
  'units': 3,
  'dense': 5,
}
# Network -> fields that make it small.
SMALL = {
  'acrnn': _ACRNN,
  'bcrnn': _ACRNN,
  'cpac': {
    'coefficients': 38,
    'channels': 3,
    'groups': 2,
    'size': 4,
    'capsules': 3,
    'convolution_dropout': False,
  },
  'drn': {
    'bands': 5,
    'first': 3,
    'channels': (4, 3, 4, 6),
    'heads': 2,
    'dense': 5,
  },
  'gmtcn': {'levels': 2, 'coefficients': 5},
  'lflb': {
    'bands': 6,
    'channels': (3, 4, 3, 5),
    'pools': (2, 2, 1, 3),
    'units': 4,
  },
  'multipath': {
    'bands': 7,
    'maps': 3,
    'kernel_frames': (2, 3),
    'kernel_bands': (4, 3),
    'dense': (5, 4),
  },
  'timnet': {'levels': 2, 'coefficients': 5},
  'separable': {
    'bands': 9,
    'blocks': 3,
    'first': 3,
    'channels': 4,
    'expanded': 5,
    'units': 3,
    'dense': 5,
  },
}
NAMES = tuple(SMALL)

_init = jax.jit(network.init, static_argnums=1)


def settings(name: str, num_classes: int = 3, **fields):
  """Settings of a small network."""
  return networks.make(
    name, **{'num_classes': num_classes, **SMALL[name], **fields}
  )


def weights(spec, seed: int = 0):
  """Parameters and statistics that are neither 0 nor 1 anywhere."""
  params, stats = _init(jax.random.key(seed), spec)
  random = np.random.default_rng(seed)

  def moved(leaf):
    noise = random.uniform(0.1, 0.5, leaf.shape).astype(np.float32)
    return np.asarray(leaf) + noise * (leaf.ndim == 1)

  return jax.tree.map(moved, (params, stats))
