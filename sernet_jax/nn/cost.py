"""The cost of one network: parameters, arithmetic, memory, size of the file.

Computed from the layers of a spec, by the formulas that reproduce the
published figures of Light-SERNet; nothing is run.
"""

from __future__ import annotations

import dataclasses
import math

from sernet_jax.nn.spec import Layer, ModelSpec

# Per channel: scale, offset, moving mean and moving variance.
_BATCH_NORM_TRAINABLE = 2
_BATCH_NORM_STATISTICS = 2


@dataclasses.dataclass(frozen=True)
class LayerCost:
  """A layer at one size of its map.

  Attributes:
    layer: the layer.
    size: (frames, coefficients) of its map; input and output have the same.
  """

  layer: Layer
  size: tuple[int, int]

  @property
  def multiply_adds(self) -> int:
    """Kernel times positions: zeros around the map are multiplied too."""
    return self.layer.num_weights * math.prod(self.size)

  @property
  def multiply_adds_inside(self) -> int:
    """Kernel times positions, without the zeros around the map."""
    cells = math.prod(
      _cells_inside(size, kernel)
      for size, kernel in zip(self.size, self.layer.kernel, strict=True)
    )
    return cells * self.layer.inputs * self.layer.outputs

  @property
  def pooled(self) -> tuple[int, int]:
    """(frames, coefficients) that the next layer reads.

    SAME pooling with stride = window rounds up.
    """
    if self.layer.pool is None:
      return 1, 1
    frames, coefficients = (
      -(-size // window)
      for size, window in zip(self.size, self.layer.pool, strict=True)
    )
    return frames, coefficients


def cost(
  spec: ModelSpec, frames: int, coefficients: int = 40
) -> dict[str, int | float]:
  """The cost card of a network at one input size.

  Args:
    spec: the network.
    frames: frames of one input, e.g. 184 for 3 s.
    coefficients: values per frame.

  Returns:
    parameters: all, with BatchNorm statistics.
    parameters_trainable: without the statistics.
    parameters_folded: with BatchNorm folded into the convolutions, each of
      which then has a bias.
    mflops: millions of operations for one input; a multiply-add of a
      convolution or of the dense layer counts as two.
    peak_memory_kib: one path's float32 map at full size and the pooled maps
      of all paths, which must be held together.
    fp16_bytes: folded parameters at two bytes.
  """
  assert frames > 0 and coefficients > 0
  costs = list_layers(spec, frames, coefficients)
  layers = spec.layers()
  channels = sum(layer.outputs for layer in layers if layer.batch_norm)
  kernels = sum(layer.num_weights for layer in layers)
  biases = sum(layer.outputs for layer in layers if layer.bias)
  trainable = kernels + biases + _BATCH_NORM_TRAINABLE * channels
  folded = kernels + sum(layer.outputs for layer in layers)
  paths = [each for each in costs if each.layer.kind == 'path']
  held = math.prod(paths[0].size) * paths[0].layer.outputs + sum(
    math.prod(each.pooled) * each.layer.outputs for each in paths
  )
  return {
    'parameters': trainable + _BATCH_NORM_STATISTICS * channels,
    'parameters_trainable': trainable,
    'parameters_folded': folded,
    'mflops': 2 * sum(each.multiply_adds for each in costs) / 1e6,
    'peak_memory_kib': held * 4 / 1024,
    'fp16_bytes': folded * 2,
  }


def list_layers(
  spec: ModelSpec, frames: int, coefficients: int = 40
) -> list[LayerCost]:
  """Lists `ModelSpec.layers` with their sizes at one input size."""
  size = frames, coefficients
  found = [LayerCost(layer, size) for layer in spec.layers('path')]
  size = found[0].pooled
  for layer in spec.layers('block', 'score', 'dense', 'regression'):
    if layer.kind == 'score':  # of each cell of the last map, before it is one
      found.append(LayerCost(layer, found[-1].size))
      continue
    found.append(LayerCost(layer, size))
    size = found[-1].pooled
  return found


def _cells_inside(size: int, kernel: int) -> int:
  """Pairs of an output index and a cell of a SAME kernel inside the map."""
  before = (kernel - 1) // 2  # an even kernel has its odd cell behind
  first = -before
  return sum(
    max(0, min(size, start + kernel) - max(0, start))
    for start in range(first, first + size)
  )
