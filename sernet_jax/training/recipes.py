"""What is fixed when training or testing is compiled, and its precision."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import Any

import jax
import jax.numpy as jnp

from sernet_jax.nn.spec import ModelSpec
from sernet_jax.training.specs import LossSpec, OptimSpec

# What the convolutions compute in, where it is not float32 as all the rest.
_DTYPES = {'float32': None, 'tf32': None, 'bfloat16': jnp.bfloat16}


@dataclasses.dataclass(frozen=True)
class Recipe:
  """Everything about training that is fixed when a step is compiled."""

  model: ModelSpec
  loss: LossSpec
  optim: OptimSpec
  batch_size: int
  selections: tuple[str, ...] = ('best_on_test',)
  precision: str = 'float32'
  axis: str | None = None  # of the mesh, that a batch is shared over


def compute_dtype(recipe: Recipe) -> Any:
  """What the convolutions compute in; None for the type of the kernels."""
  return _DTYPES[recipe.precision]


def matmul_precision(recipe: Recipe) -> contextlib.AbstractContextManager[None]:
  """How products of float32 are computed while a program is traced.

  Left alone, JAX lets GPUs and TPUs round the factors.
  """
  return jax.default_matmul_precision(
    'tensorfloat32' if recipe.precision == 'tf32' else 'float32'
  )
