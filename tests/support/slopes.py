"""Gradients against the slopes of an independent loss."""

from __future__ import annotations

import jax
import numpy as np


def as_float64(params):
  return jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), params)


def check(gradient, params, loss, seed=5):
  """Each layer's gradient has the slope of `loss` along a random direction.

  Args:
    gradient: layer -> array -> values.
    params: likewise, float64.
    loss: of params, in float64.
    seed: of the directions.
  """
  random = np.random.default_rng(seed)
  for layer in params:
    direction = {
      name: random.normal(size=values.shape)
      for name, values in params[layer].items()
    }

    def at(step, layer=layer, direction=direction):
      moved = {k: v + step * direction[k] for k, v in params[layer].items()}
      return loss({**params, layer: moved})

    slope = (at(1e-6) - at(-1e-6)) / 2e-6
    found = sum(np.sum(gradient[layer][k] * direction[k]) for k in direction)
    np.testing.assert_allclose(
      found, slope, rtol=2e-3, atol=2e-5, err_msg=layer
    )
