"""What one network costs: parameters, arithmetic, memory, size of the file.

Computed from the network's table by the formulas with which Light-SERNet's
published figures can be reproduced; nothing is run.
"""

from __future__ import annotations

import dataclasses
import math

from sernet_jax.nn.spec import BLOCKS, PATH_KERNELS, PATH_POOL, ModelSpec

# Per channel: scale, offset, moving mean and moving variance.
_BATCH_NORM_TRAINABLE = 2
_BATCH_NORM_STATISTICS = 2


@dataclasses.dataclass(frozen=True)
class Layer:
  """A convolution or the dense layer.

  Attributes:
    name: a path, 'block1' to 'block5', or 'head'.
    kernel: (frames, coefficients) of one filter.
    inputs: channels it reads.
    filters: channels it writes.
    size: (frames, coefficients) of its map; input and output have the same.
    pool: window and stride of the average that follows; None for the whole
      map, or for the dense layer none.
    bias: whether it has one in training.
    batch_norm: whether BatchNorm follows.
  """

  name: str
  kernel: tuple[int, int]
  inputs: int
  filters: int
  size: tuple[int, int]
  pool: tuple[int, int] | None
  bias: bool
  batch_norm: bool

  @property
  def weights(self) -> int:
    """Numbers of the kernel."""
    return math.prod(self.kernel) * self.inputs * self.filters

  @property
  def multiply_adds(self) -> int:
    """Kernel times positions: zeros around the map are multiplied too."""
    return self.weights * math.prod(self.size)

  @property
  def multiply_adds_inside(self) -> int:
    """Without those on zeros around the map, which need not be done."""
    cells = math.prod(
      _cells_inside(size, kernel)
      for size, kernel in zip(self.size, self.kernel, strict=True)
    )
    return cells * self.inputs * self.filters

  @property
  def pooled(self) -> tuple[int, int]:
    """(frames, coefficients) that the next layer reads."""
    return (1, 1) if self.pool is None else _pooled(*self.size, self.pool)


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
  layers = list_layers(spec, frames, coefficients)
  convolutions = [layer for layer in layers if layer.batch_norm]
  channels = sum(layer.filters for layer in convolutions)
  kernels = sum(layer.weights for layer in layers)
  biases = sum(layer.filters for layer in layers if layer.bias)
  trainable = kernels + biases + _BATCH_NORM_TRAINABLE * channels
  folded = kernels + sum(layer.filters for layer in layers)
  pooled_frames, pooled_coefficients = _pooled(frames, coefficients, PATH_POOL)
  held = (
    frames * coefficients * (spec.filters // len(spec.paths))
    + pooled_frames * pooled_coefficients * spec.filters
  )
  return {
    'parameters': trainable + _BATCH_NORM_STATISTICS * channels,
    'parameters_trainable': trainable,
    'parameters_folded': folded,
    'mflops': 2 * sum(layer.multiply_adds for layer in layers) / 1e6,
    'peak_memory_kib': held * 4 / 1024,
    'fp16_bytes': folded * 2,
  }


def list_layers(
  spec: ModelSpec, frames: int, coefficients: int = 40
) -> list[Layer]:
  """All layers with weights, from the input to the logits."""
  size = frames, coefficients
  layers = [
    Layer(
      name=path,
      kernel=PATH_KERNELS[path],
      inputs=1,
      filters=spec.filters // len(spec.paths),
      size=size,
      pool=PATH_POOL,
      bias=True,
      batch_norm=True,
    )
    for path in PATH_KERNELS
    if path in spec.paths
  ]
  channels, size = spec.filters, layers[0].pooled
  for number, (filters, kernel, pool) in enumerate(BLOCKS, start=1):
    block = Layer(
      name=f'block{number}',
      kernel=kernel,
      inputs=channels,
      filters=filters,
      size=size,
      pool=pool,
      bias=False,
      batch_norm=True,
    )
    layers.append(block)
    channels, size = filters, block.pooled
  head = Layer(
    'head', (1, 1), channels, spec.num_classes, size, None, True, False
  )
  return [*layers, head]


def _cells_inside(size: int, kernel: int) -> int:
  """Pairs of an output place and a cell of a SAME kernel inside the map."""
  before = (kernel - 1) // 2  # an even kernel has its odd cell behind
  first = -before
  return sum(
    max(0, min(size, start + kernel) - max(0, start))
    for start in range(first, first + size)
  )


def _pooled(
  frames: int, coefficients: int, pool: tuple[int, int]
) -> tuple[int, int]:
  """Size after SAME pooling with stride = window, which rounds up."""
  return -(-frames // pool[0]), -(-coefficients // pool[1])
