"""Recipe: all that is fixed when training or testing is compiled."""

from __future__ import annotations

import contextlib
import dataclasses

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from sernet_jax.nn.network import Spec
from sernet_jax.training.sound.spec import SoundSpec
from sernet_jax.training.specs import LossSpec, OptimSpec

# Type that the convolutions compute in; all else is float32.
_DTYPES = {'float32': None, 'tf32': None, 'bfloat16': jnp.bfloat16}


# Parameters or statistics of the network: block -> name -> array.
Weights = dict[str, dict[str, jax.Array]]
# Figures of an epoch, or of a part of a fold after it: name -> array.
Metrics = dict[str, jax.Array]


@dataclasses.dataclass(frozen=True)
class Recipe:
  """Everything about training that is fixed when a step is compiled.

  Attributes:
    model: the network.
    loss: of an example.
    optim: Adam and its learning rate.
    batch_size: examples, of all devices that share a batch.
    tracked: parts of a fold ('test', 'validation') evaluated after every
      epoch, and whose best epoch is kept.
    choose_by: score of the best epoch, 'wa' or 'uar'.
    precision: one of `specs.PRECISIONS`.
    axis: of the mesh that a batch is shared over; None on one device.
    sound: how training examples are cut and changed; None for those that the
      features are.
    frozen: names of layers that training leaves as they are.
    teacher: the network of `FoldArrays.teachers`; None without them.
  """

  model: Spec
  loss: LossSpec
  optim: OptimSpec
  batch_size: int
  tracked: tuple[str, ...] = ('test',)
  choose_by: str = 'wa'
  precision: str = 'float32'
  axis: str | None = None
  sound: SoundSpec | None = None
  frozen: tuple[str, ...] = ()
  teacher: Spec | None = None


def compute_dtype(recipe: Recipe) -> DTypeLike | None:
  """Type that the convolutions compute in; None for that of the kernels."""
  return _DTYPES[recipe.precision]


def matmul_precision(recipe: Recipe) -> contextlib.AbstractContextManager[None]:
  """Sets how products of float32 are computed in a program traced inside.

  Left alone, JAX lets GPUs and TPUs round the factors.
  """
  return jax.default_matmul_precision(
    'tensorfloat32' if recipe.precision == 'tf32' else 'float32'
  )
