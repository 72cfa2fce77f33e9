"""The chain as TensorFlow Lite operators.

Built-in operators only. In 8 bits the scales of kernels and activations are
computed here, from the ranges that `eager.Eager` saw.
"""

# The operations are described once, in `protocol.Emitter`.
# ruff: noqa: D102

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from sernet_jax.export.emitters import int8, tflite_own_frames
from sernet_jax.export.emitters.int8 import Range
from sernet_jax.export.emitters.tflite_graph import Graph, Value
from sernet_jax.nn.spec import Layer
from sernet_jax.predict.plain.protocol import (
  broadcast,
  reduced,
  resized,
  size as size_of,
)
from sernet_jax.predict.sessions.tflite_session import OUTPUT

_RELU = 1  # ActivationFunctionType

_BINARY = {
  'add': ('ADD', 'AddOptions'),
  'sub': ('SUB', 'SubOptions'),
  'mul': ('MUL', 'MulOptions'),
  'div': ('DIV', 'DivOptions'),
  'min': ('MINIMUM', 'MaximumMinimumOptions'),
  'max': ('MAXIMUM', 'MaximumMinimumOptions'),
  'pow': ('POW', 'PowOptions'),
}
_REDUCE = {'sum': 'SUM', 'mean': 'MEAN', 'max': 'REDUCE_MAX'}
# Operators whose first version lacks what is used of them here.
_VERSIONS = {'FULLY_CONNECTED': 5, 'CONV_2D': 3, 'DEQUANTIZE': 3}


class Writer:
  """A `protocol.Emitter` that writes operators.

  Maps are (batch, frames, coefficients, channels).

  Attributes:
    graph: what is written.
  """

  def __init__(self, half: bool, ranges: Mapping[str, Range] | None):
    self.graph = Graph(_VERSIONS)
    self._half, self._ranges = half, ranges

  def constant(self, table: np.ndarray) -> Value:
    return self.graph.table(np.asarray(table, np.float32))

  def binary(self, name: str, a: Value, b: Value) -> Value:
    output = self.graph.tensor(broadcast(a.shape, b.shape))
    code, options = _BINARY[name]
    return self.graph.operator(code, [a, b], [output], options)

  def unary(self, name: str, x: Value) -> Value:
    options = 'AbsOptions' if name == 'abs' else ''
    output = self.graph.tensor(x.shape)
    return self.graph.operator(name.upper(), [x], [output], options)

  def extent(self, x: Value) -> Value:
    return tflite_own_frames.extent(self.graph, x)

  def from_first(self, x: Value) -> Value:
    return tflite_own_frames.from_first(self.graph, x)

  def by_frame(self, x: Value, weights: Value) -> Value:
    frames = size_of(x.shape, 1)
    return self.binary('mul', x, self.reshape(weights, (frames, 1, 1)))

  def rows(self, x: Value) -> Value:
    frames, coefficients, channels = (size_of(x.shape, i) for i in (1, 2, 3))
    return self.reshape(x, (frames * coefficients, channels))

  def top(self, x: Value, count: int) -> Value:
    shape = (*x.shape[:-1], count)
    outputs = [self.graph.tensor(shape), self.graph.tensor(shape, 'INT32')]
    number = self.graph.table(np.asarray(count, np.int32))
    return self.graph.operator('TOPK_V2', [x, number], outputs, 'TopKV2Options')

  def reduce(self, name: str, x: Value, axes: tuple[int, ...]) -> Value:
    return self.graph.operator(
      _REDUCE[name],
      [x, self.graph.ints(*axes)],
      [self.graph.tensor(reduced(x.shape, axes))],
      'ReducerOptions',
      keepDims=True,
    )

  def reshape(self, x: Value, shape: tuple[int, ...]) -> Value:
    return self.graph.operator(
      'RESHAPE',
      [x, self.graph.ints(-1, *shape)],
      [self.graph.tensor((None, *shape))],
      'ReshapeOptions',
      newShape=[-1, *shape],
    )

  def transpose(self, x: Value, order: tuple[int, ...]) -> Value:
    inputs = [x, self.graph.ints(*order)]
    output = self.graph.tensor(tuple(x.shape[i] for i in order))
    return self.graph.operator(
      'TRANSPOSE', inputs, [output], 'TransposeOptions'
    )

  def concat(self, parts: list[Value], axis: int) -> Value:
    length = sum(size_of(part.shape, axis) for part in parts)
    output = self.graph.tensor(resized(parts[0].shape, axis, length))
    return self.graph.operator(
      'CONCATENATION', parts, [output], 'ConcatenationOptions', axis=axis
    )

  def slice(
    self, x: Value, axis: int, start: int, stop: int, step: int = 1
  ) -> Value:
    shape = resized(x.shape, axis, len(range(start, stop, step)))
    # Rows: starts, stops and steps of all axes.
    bounds = np.zeros((3, len(shape)), np.int32)
    bounds[2] = 1
    bounds[:, axis] = start, stop, step
    # A set bit: this axis is taken whole.
    others = sum(1 << i for i in range(len(shape)) if i != axis)
    return self.graph.operator(
      'STRIDED_SLICE',
      [x, *(self.graph.table(row) for row in bounds)],
      [self.graph.tensor(shape)],
      'StridedSliceOptions',
      beginMask=others,
      endMask=others,
    )

  def pad(
    self, x: Value, axis: int, before: int, after: int, mirror: bool = False
  ) -> Value:
    sides = np.zeros((len(x.shape), 2), np.int32)
    sides[axis] = before, after
    shape = resized(x.shape, axis, size_of(x.shape, axis) + before + after)
    code, options = ('PAD', 'PadOptions')
    if mirror:
      code, options = ('MIRROR_PAD', 'MirrorPadOptions')
    return self.graph.operator(
      code,
      [x, self.graph.table(sides)],
      [self.graph.tensor(shape)],
      options,
    )

  def take(self, x: Value, index: np.ndarray, axis: int) -> Value:
    table = self.graph.ints(*index.tolist())
    output = self.graph.tensor(resized(x.shape, axis, len(index)))
    return self.graph.operator(
      'GATHER', [x, table], [output], 'GatherOptions', axis=axis
    )

  def matmul(self, x: Value, table: np.ndarray) -> Value:
    # (in, out) -> (out, in)
    table = np.asarray(table, np.float32).T
    # An entry takes 8 bytes with its column, 4 in the whole matrix.
    sparse = 4 * np.count_nonzero(table) < table.size
    weights = self.graph.sparse(table) if sparse else self.graph.table(table)
    return self._fully_connected(x, weights, None)

  def _fully_connected(
    self, x: Value, weights: Value, bias: Value | None
  ) -> Value:
    shape = (*x.shape[:-1], weights.shape[0])
    return self.graph.operator(
      'FULLY_CONNECTED',
      [x, weights, bias],
      [self.graph.tensor(shape)],
      'FullyConnectedOptions',
      keepNumDims=len(shape) > 2,
    )

  def image(self, x: Value) -> Value:
    return self.reshape(x, (size_of(x.shape, 1), size_of(x.shape, 2), 1))

  def conv_relu(
    self, layer: Layer, x: Value, kernel: np.ndarray, bias: np.ndarray
  ) -> Value:
    name = layer.name
    # (h, w, in, out) -> (out, h, w, in)
    kernel = kernel.transpose(3, 0, 1, 2)
    shape = (*x.shape[:-1], len(bias))
    if self._ranges is None or layer.kind != 'block':
      weights, offset = self._kernel(name, kernel), self.graph.table(bias)
      return self._convolution([x, weights, offset], self.graph.tensor(shape))
    # The pools between run on floats: in 8 bits they would have to keep the
    # scale of the convolution, which is three times too coarse for a mean.
    before, after = (
      int8.scale(self._ranges[key]) for key in (f'{name}_input', name)
    )
    x = self.graph.operator(
      'QUANTIZE',
      [x],
      [self.graph.tensor(x.shape, 'INT8', before)],
      'QuantizeOptions',
    )
    weights, offset = self._kernel8(name, before[0], kernel, bias)
    output = self.graph.tensor(shape, 'INT8', after)
    x = self._convolution([x, weights, offset], output)
    return self._dequantize(x, self.graph.tensor(shape))

  def _convolution(self, inputs: list[Value], output: Value) -> Value:
    return self.graph.operator(
      'CONV_2D',
      inputs,
      [output],
      'Conv2DOptions',
      padding=self.graph.schema.Padding.SAME,
      strideH=1,
      strideW=1,
      fusedActivationFunction=_RELU,
    )

  def _dequantize(self, x: Value, output: Value) -> Value:
    return self.graph.operator('DEQUANTIZE', [x], [output], 'DequantizeOptions')

  def _kernel(self, name: str, kernel: np.ndarray) -> Value:
    if not self._half:
      return self.graph.table(kernel, f'{name}_kernel')
    stored = self.graph.table(kernel.astype(np.float16), f'{name}_kernel_fp16')
    output = self.graph.tensor(kernel.shape, name=f'{name}_kernel')
    return self._dequantize(stored, output)

  def _kernel8(
    self, name: str, input_scale: float, kernel: np.ndarray, bias: np.ndarray
  ) -> tuple[Value, Value]:
    """Kernel (out, h, w, in) in int8, a scale for each output; bias int32."""
    whole = int8.kernel(kernel, bias, input_scale)
    weights = self.graph.table(whole.weights, f'{name}_kernel_int8')
    zeros = [0] * len(bias)
    self.graph.quantize(weights, whole.scales.tolist(), zeros)
    offset = self.graph.table(whole.bias, f'{name}_bias_int32')
    self.graph.quantize(offset, whole.sum_scales.tolist(), zeros)
    return weights, offset

  def pool(self, name: str, x: Value, size: tuple[int, int]) -> Value:
    tall, wide = size
    height, width = size_of(x.shape, 1), size_of(x.shape, 2)
    shape = (None, -(-height // tall), -(-width // wide), x.shape[3])
    return self.graph.operator(
      'AVERAGE_POOL_2D',
      [x],
      [self.graph.tensor(shape)],
      'Pool2DOptions',
      padding=self.graph.schema.Padding.SAME,
      strideH=tall,
      strideW=wide,
      filterHeight=tall,
      filterWidth=wide,
    )

  def join(self, name: str, maps: list[Value]) -> Value:
    return self.concat(maps, 3)

  def mean_map(self, name: str, x: Value) -> Value:
    return self.graph.operator(
      'MEAN',
      [x, self.graph.ints(1, 2)],
      [self.graph.tensor((None, x.shape[3]))],
      'ReducerOptions',
      keepDims=False,
    )

  def dense(
    self, name: str, x: Value, kernel: np.ndarray, bias: np.ndarray
  ) -> Value:
    # (in, out) -> (out, in)
    weights = self._kernel(name, np.ascontiguousarray(kernel.T))
    return self._fully_connected(x, weights, self.graph.table(bias))

  def softmax(self, x: Value) -> Value:
    output = self.graph.tensor(x.shape, name=OUTPUT)
    return self.graph.operator(
      'SOFTMAX', [x], [output], 'SoftmaxOptions', beta=1.0
    )
