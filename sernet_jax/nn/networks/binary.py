"""Weights of one bit: a sign for each, one magnitude for each output.

In training they are made of real numbers, which the optimizer moves, in each
pass anew; files hold the bits and the magnitudes (`packing`). Settings say which arrays
they are, `binary`: ('layer/array', ...).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

if TYPE_CHECKING:
  from sernet_jax.nn.network import Spec

Tree = dict[str, dict[str, Any]]


@jax.custom_vjp
def binarized(weights: jax.Array) -> jax.Array:
  """Computes sign(w) mean |w|, over all weights of an output together.

  The sign of 0 is 1. Its gradient goes straight through to the weights (Bengio
  et al. 2013), as if they were used themselves, but those beyond 1 have none
  (Courbariaux et al. 2016).

  Args:
    weights: (..., outputs).
  """
  over = tuple(range(weights.ndim - 1))
  size = jnp.mean(jnp.abs(weights), axis=over, keepdims=True)
  # Not jnp.sign, which is 0 at 0: a file has no third sign.
  return jnp.where(weights >= 0, size, -size)


def _forward(weights: jax.Array) -> tuple[jax.Array, jax.Array]:
  return binarized(weights), jnp.abs(weights) <= 1


def _backward(inside: jax.Array, gradient: jax.Array) -> tuple[jax.Array]:
  return (jnp.where(inside, gradient, 0.0),)


binarized.defvjp(_forward, _backward)


def in_training(spec: Spec, params: Tree) -> Tree:
  """Returns the parameters that a pass of training computes with."""
  return _mapped(spec, params, binarized)


def in_files(spec: Spec, weights: Tree) -> Tree:
  """Returns numpy weights as a file has them; twice is the same as once."""
  return _mapped(spec, weights, _in_numpy)


def _mapped(spec: Spec, tree: Mapping[str, Any], change: Any) -> Tree:
  binary = set(spec.binary)
  return {
    layer: {
      name: change(values) if f'{layer}/{name}' in binary else values
      for name, values in arrays.items()
    }
    for layer, arrays in tree.items()
  }


def _in_numpy(weights: np.ndarray) -> np.ndarray:
  """`binarized` in numpy, with means that do not move equal numbers."""
  over = tuple(range(weights.ndim - 1))
  # A mean in float32 of many equal numbers may round to another one, and
  # weights that are binary already would move each time they are saved.
  size = np.abs(weights).mean(axis=over, keepdims=True, dtype=np.float64)
  size = size.astype(np.float32)
  return np.where(weights >= 0, size, -size)
