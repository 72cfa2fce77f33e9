"""What one network costs: parameters, arithmetic, memory, size of the file.

Computed from the network's table by the formulas with which Light-SERNet's
published figures can be reproduced; nothing is run.
"""

from __future__ import annotations

import dataclasses
import math

from sernet_jax.spec import BLOCKS, PATH_KERNELS, PATH_POOL, ModelSpec

# Per channel: scale, offset, moving mean and moving variance.
_BATCH_NORM_TRAINABLE = 2
_BATCH_NORM_STATISTICS = 2


@dataclasses.dataclass(frozen=True)
class _Layer:
  """A convolution or the dense layer, and the size of its output map."""

  kernel_size: int  # multiply-adds per output value
  filters: int
  positions: int  # output values per filter
  bias: bool
  batch_norm: bool

  @property
  def kernel(self) -> int:
    return self.kernel_size * self.filters

  @property
  def multiply_adds(self) -> int:
    return self.kernel * self.positions


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
  layers = _layers(spec, frames, coefficients)
  convolutions = [layer for layer in layers if layer.batch_norm]
  channels = sum(layer.filters for layer in convolutions)
  kernels = sum(layer.kernel for layer in layers)
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


def _layers(spec: ModelSpec, frames: int, coefficients: int) -> list[_Layer]:
  """All layers with weights, from the input to the logits."""
  positions = frames * coefficients
  layers = [
    _Layer(
      kernel_size=math.prod(PATH_KERNELS[path]),
      filters=spec.filters // len(spec.paths),
      positions=positions,
      bias=True,
      batch_norm=True,
    )
    for path in spec.paths
  ]
  channels = spec.filters
  frames, coefficients = _pooled(frames, coefficients, PATH_POOL)
  for filters, kernel, pool in BLOCKS:
    layers.append(
      _Layer(
        kernel_size=math.prod(kernel) * channels,
        filters=filters,
        positions=frames * coefficients,
        bias=False,
        batch_norm=True,
      )
    )
    channels = filters
    if pool is not None:
      frames, coefficients = _pooled(frames, coefficients, pool)
  layers.append(
    _Layer(
      kernel_size=channels,
      filters=spec.num_classes,
      positions=1,
      bias=True,
      batch_norm=False,
    )
  )
  return layers


def _pooled(
  frames: int, coefficients: int, pool: tuple[int, int]
) -> tuple[int, int]:
  """Size after SAME pooling with stride = window, which rounds up."""
  return -(-frames // pool[0]), -(-coefficients // pool[1])
