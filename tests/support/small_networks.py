"""Every network of the table but Light-SERNet, small enough to compile fast."""

from __future__ import annotations

import jax
import numpy as np
from small_sizes import SMALL

from sernet_jax.nn import network, networks

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
