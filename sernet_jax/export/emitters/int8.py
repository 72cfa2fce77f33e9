"""Numbers in 8 bits: the one quantization of every format written here.

A real number is scale * (q - zero). Kernels are symmetric (zero is 0) with a
scale for each output, maps have one scale, from the range that was seen. A
bias has the scale of the products it is added to and 32 bits.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

Range = tuple[float, float]  # least and greatest value seen
Scale = tuple[float, int]  # (scale, zero point)

_LIMIT32 = 2**31 - 1


class Kernel(NamedTuple):
  """A kernel and bias in whole numbers.

  Attributes:
    weights: int8, the outputs along axis 0.
    bias: int32 (outputs,).
    scales: float64 (outputs,), of the weights.
    sum_scales: float64 (outputs,), of the bias and of the sums.
  """

  weights: np.ndarray
  bias: np.ndarray
  scales: np.ndarray
  sum_scales: np.ndarray


def scale(seen: Range) -> Scale:
  """Scale and zero point of values from 0 or below to above."""
  # 0 lies in the range, so that zero padding and what ReLU cuts are a whole
  # number and exact; a map of zeros alone still has a step.
  least, greatest = min(seen[0], 0.0), max(seen[1], 1e-6)
  # 256 numbers have 255 steps; the least value becomes -128.
  step = (greatest - least) / 255
  return step, round(-128 - least / step)


def quantized(values: np.ndarray, scale: Scale) -> np.ndarray:
  """Rounds values to int8, the shape of `values`; clips what lies outside."""
  step, zero = scale
  return np.clip(np.round(values / step) + zero, -128, 127).astype(np.int8)


def kernel(
  weights: np.ndarray,
  bias: np.ndarray,
  input_scale: float,
  one_scale: bool = False,
) -> Kernel:
  """Quantizes a kernel (outputs, ...) and its bias (outputs,).

  Args:
    weights: float32.
    bias: float32.
    input_scale: of the values that the kernel is multiplied with.
    one_scale: all outputs have the same.
  """
  rest = tuple(range(1, weights.ndim))
  greatest = np.abs(weights).max(axis=rest)  # (out,)
  if one_scale:
    greatest = np.full_like(greatest, greatest.max())
  # Weights end at -127, as TensorFlow Lite asks: two products with int8 then
  # fit into 16 bits together.
  # float64, so that a bias rounds the same whatever its scale.
  scales = np.maximum(greatest, 1e-12).astype(np.float64) / 127
  rounded = np.round(weights / scales.reshape(-1, *(1 for _ in rest)))
  # A product of two whole numbers stands for that many of these steps. With
  # the same step the bias is added to the sum in 32 bits as it is.
  sums = scales * input_scale
  whole = np.clip(np.round(bias / sums), -_LIMIT32, _LIMIT32)
  return Kernel(rounded.astype(np.int8), whole.astype(np.int32), scales, sums)
