"""Any network of the table, by its settings.

The functions of the room for whoever does not care which network it is:
training, protocols, run folders, `predict` and the exports. Loads JAX when one
of them is called.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sernet_jax.nn import networks
from sernet_jax.nn.networks.settings import NetworkSettings
from sernet_jax.nn.spec import ModelSpec

if TYPE_CHECKING:
  import jax

Spec = ModelSpec | NetworkSettings
Tree = dict[str, dict[str, Any]]


def init(key: jax.Array, spec: Spec) -> tuple[Tree, Tree]:
  """Draws (params, stats), nested dicts of float32 arrays."""
  return networks.of(spec).init(key, spec)


def apply(
  spec: Spec, params: Tree, stats: Tree, x: jax.Array, **given: Any
) -> tuple[jax.Array, Tree]:
  """Computes (logits, stats) of a batch; arguments as `nn.model.apply`.

  Layers that are `frozen` have no gradient.
  """
  if given.get('frozen'):
    import jax

    params = {
      name: jax.lax.stop_gradient(arrays) if name in given['frozen'] else arrays
      for name, arrays in params.items()
    }
  return networks.of(spec).apply(spec, params, stats, x, **given)


def fold(
  spec: Spec, params: Mapping[str, Any], stats: Mapping[str, Any]
) -> Tree:
  """Makes the weights of inference, float32 numpy arrays of `spec.shapes()`."""
  return networks.of(spec).fold(spec, params, stats)


def ready(spec: Spec, folded: Tree) -> Tree:
  """The same weights with what inference needs to compute only once."""
  return networks.of(spec).ready(folded)


def embeddings(
  spec: Spec,
  folded: Mapping[str, Any],
  x: jax.Array,
  frames: jax.Array | None = None,
) -> jax.Array:
  """Computes what the head reads, (examples, channels)."""
  return networks.of(spec).embeddings(spec, folded, x, frames=frames)


def head(spec: Spec, folded: Mapping[str, Any], pooled: jax.Array) -> jax.Array:
  """Computes logits (examples, num_classes) of `embeddings`."""
  return networks.of(spec).head(spec, folded, pooled)


def dimensions(
  spec: Spec, folded: Mapping[str, Any], pooled: jax.Array
) -> jax.Array:
  """Computes the numbers beside the classes, (examples, dimensions)."""
  return networks.of(spec).dimensions(spec, folded, pooled)


def probabilities(
  spec: Spec,
  folded: Mapping[str, Any],
  x: jax.Array,
  frames: jax.Array | None = None,
) -> jax.Array:
  """Computes the softmax of the logits, (examples, num_classes)."""
  import jax

  pooled = embeddings(spec, folded, x, frames)
  return jax.nn.softmax(head(spec, folded, pooled))


def cost(
  spec: Spec, frames: int, coefficients: int = 40
) -> dict[str, int | float]:
  """The cost card at one input size, see `nn.cost.cost`."""
  return networks.of(spec).cost(spec, frames, coefficients)


def exports(spec: Spec, formats: tuple[str, ...]) -> tuple[str, ...]:
  """Chooses the formats that a network can be exported to."""
  has = networks.of(spec).formats
  return tuple(one for one in formats if has is None or one in has)
