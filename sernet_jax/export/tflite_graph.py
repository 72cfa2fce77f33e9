"""The chain of `export_chain` as TensorFlow Lite operators.

Built-in operators only. In 8 bits the scales of kernels and activations are
worked out here, from the ranges that `export_eager.Eager` saw.
"""

# The operations are described once, in `export_chain.Emitter`.
# ruff: noqa: D102

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

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
VERSIONS = {'FULLY_CONNECTED': 5, 'CONV_2D': 3, 'DEQUANTIZE': 3}

Range = tuple[float, float]


class Value(NamedTuple):
  """A tensor: its place among all, and its shape, None for the batch."""

  place: int
  shape: tuple[int | None, ...]


class Writer:
  """An `export_chain.Emitter` that writes operators.

  Maps are (batch, frames, coefficients, channels).
  """

  def __init__(self, half: bool, ranges: Mapping[str, Range] | None):
    from ai_edge_litert import schema_py_generated as schema

    self.schema = schema
    self.half, self.ranges = half, ranges
    self.tensors: list[Any] = []
    self.buffers = [schema.BufferT()]  # the first one is empty by rule
    self.operators: list[Any] = []
    self.codes: dict[str, int] = {}
    self._tables: dict[bytes, int] = {}

  def tensor(
    self, shape, dtype='FLOAT32', scale=None, name='', buffer=0
  ) -> Value:
    """A new tensor; its batch is None, or it is a table without one."""
    tensor = self.schema.TensorT()
    tensor.name = name or f't{len(self.tensors)}'
    tensor.shape = [1 if size is None else size for size in shape]
    if None in shape:
      tensor.shapeSignature = [-1 if size is None else size for size in shape]
    tensor.type = getattr(self.schema.TensorType, dtype)
    tensor.buffer = buffer
    if scale is not None:
      tensor.quantization = self._quantization([scale[0]], [scale[1]], 0)
    self.tensors.append(tensor)
    return Value(len(self.tensors) - 1, tuple(shape))

  def _quantization(self, scales, zeros, axis):
    parameters = self.schema.QuantizationParametersT()
    parameters.scale = [float(scale) for scale in scales]
    parameters.zeroPoint = [int(zero) for zero in zeros]
    parameters.quantizedDimension = axis
    return parameters

  def buffer(self, content: bytes) -> int:
    buffer = self.schema.BufferT()
    buffer.data = np.frombuffer(content, np.uint8)
    self.buffers.append(buffer)
    return len(self.buffers) - 1

  def table(self, values: np.ndarray, name: str = '') -> Value:
    """A constant tensor; equal ones are stored once."""
    values = np.ascontiguousarray(values)
    key = repr((values.dtype, values.shape)).encode() + values.tobytes()
    if key not in self._tables:
      self._tables[key] = self.tensor(
        values.shape,
        values.dtype.name.upper(),
        name=name or f'table_{len(self.tensors)}',
        buffer=self.buffer(values.tobytes()),
      ).place
    return Value(self._tables[key], values.shape)

  def _ints(self, *values: int) -> Value:
    return self.table(np.asarray(values, np.int32))

  def operator(self, code, inputs, outputs, options='', **fields) -> Value:
    """Adds an operator; the first of its outputs."""
    operator = self.schema.OperatorT()
    operator.opcodeIndex = self.codes.setdefault(code, len(self.codes))
    operator.inputs = [-1 if x is None else x.place for x in inputs]
    operator.outputs = [x.place for x in outputs]
    if options:
      values = getattr(self.schema, f'{options}T')()
      for name, value in fields.items():
        assert hasattr(values, name)
        setattr(values, name, value)
      operator.builtinOptions = values
      kind = getattr(self.schema.BuiltinOptions, options)
      operator.builtinOptionsType = kind
    self.operators.append(operator)
    return outputs[0]

  def constant(self, table):
    return self.table(np.asarray(table, np.float32))

  def binary(self, name, a, b):
    shape = [
      None if None in (one, two) else max(one, two)
      for one, two in zip(a.shape, b.shape, strict=True)
    ]
    code, options = _BINARY[name]
    return self.operator(code, [a, b], [self.tensor(shape)], options)

  def unary(self, name, x):
    options = 'AbsOptions' if name == 'abs' else ''
    return self.operator(name.upper(), [x], [self.tensor(x.shape)], options)

  def extent(self, x):
    zero = self.constant(np.zeros((1, 1), np.float32))
    some = self.operator(
      'NOT_EQUAL', [x, zero], [self.tensor(x.shape, 'BOOL')], 'NotEqualOptions'
    )
    some = self._cast(some, 'BOOL', 'FLOAT32')
    mirrored = self.operator(
      'REVERSE_V2',
      [some, self._ints(1)],
      [self.tensor(x.shape)],
      'ReverseV2Options',
    )
    first, behind = (self._first(values) for values in (some, mirrored))
    number = self.constant(np.full((1, 1), x.shape[1], np.float32))
    return self.binary('sub', self.binary('sub', number, first), behind)

  def _cast(self, x, before, after):
    types = self.schema.TensorType
    return self.operator(
      'CAST',
      [x],
      [self.tensor(x.shape, after)],
      'CastOptions',
      inDataType=getattr(types, before),
      outDataType=getattr(types, after),
    )

  def _first(self, x):
    """Place of the first greatest value of each row, float32 (batch, 1)."""
    place = self.operator(
      'ARG_MAX',
      [x, self.table(np.asarray(1, np.int32))],
      [self.tensor((None,), 'INT32')],
      'ArgMaxOptions',
      outputType=self.schema.TensorType.INT32,
    )
    return self.reshape(self._cast(place, 'INT32', 'FLOAT32'), (1,))

  def top(self, x, count):
    shape = (*x.shape[:-1], count)
    outputs = [self.tensor(shape), self.tensor(shape, 'INT32')]
    number = self.table(np.asarray(count, np.int32))
    return self.operator('TOPK_V2', [x, number], outputs, 'TopKV2Options')

  def reduce(self, name, x, axes):
    shape = [1 if i in axes else size for i, size in enumerate(x.shape)]
    return self.operator(
      _REDUCE[name],
      [x, self._ints(*axes)],
      [self.tensor(shape)],
      'ReducerOptions',
      keepDims=True,
    )

  def reshape(self, x, shape):
    return self.operator(
      'RESHAPE',
      [x, self._ints(-1, *shape)],
      [self.tensor((None, *shape))],
      'ReshapeOptions',
      newShape=[-1, *shape],
    )

  def transpose(self, x, order):
    shape = [x.shape[i] for i in order]
    inputs = [x, self._ints(*order)]
    output = self.tensor(shape)
    return self.operator('TRANSPOSE', inputs, [output], 'TransposeOptions')

  def concat(self, parts, axis):
    shape = list(parts[0].shape)
    shape[axis] = sum(part.shape[axis] for part in parts)
    output = self.tensor(shape)
    return self.operator(
      'CONCATENATION', parts, [output], 'ConcatenationOptions', axis=axis
    )

  def slice(self, x, axis, start, stop, step=1):
    shape = list(x.shape)
    shape[axis] = len(range(start, stop, step))
    places = np.zeros((3, len(shape)), np.int32)
    places[2] = 1
    places[:, axis] = start, stop, step
    others = sum(1 << i for i in range(len(shape)) if i != axis)
    return self.operator(
      'STRIDED_SLICE',
      [x, *(self.table(row) for row in places)],
      [self.tensor(shape)],
      'StridedSliceOptions',
      beginMask=others,
      endMask=others,
    )

  def pad(self, x, axis, before, after, mirror=False):
    sides = np.zeros((len(x.shape), 2), np.int32)
    sides[axis] = before, after
    shape = list(x.shape)
    shape[axis] += before + after
    code, options = ('PAD', 'PadOptions')
    if mirror:
      code, options = ('MIRROR_PAD', 'MirrorPadOptions')
    return self.operator(
      code, [x, self.table(sides)], [self.tensor(shape)], options
    )

  def take(self, x, index, axis):
    shape = list(x.shape)
    shape[axis] = len(index)
    index = self._ints(*index.tolist())
    output = self.tensor(shape)
    return self.operator(
      'GATHER', [x, index], [output], 'GatherOptions', axis=axis
    )

  def matmul(self, x, table):
    table = np.asarray(table, np.float32).T
    sparse = 4 * np.count_nonzero(table) < table.size
    weights = self._sparse(table) if sparse else self.table(table)
    return self._fully_connected(x, weights, None)

  def _fully_connected(self, x, weights, bias):
    shape = (*x.shape[:-1], weights.shape[0])
    return self.operator(
      'FULLY_CONNECTED',
      [x, weights, bias],
      [self.tensor(shape)],
      'FullyConnectedOptions',
      keepNumDims=len(shape) > 2,
    )

  def _sparse(self, table: np.ndarray) -> Value:
    """A table stored without its zeros, laid out by DENSIFY."""
    schema = self.schema
    rows, columns = np.nonzero(table)
    ends = np.searchsorted(rows, np.arange(len(table) + 1))
    stored = self.tensor(
      table.shape, buffer=self.buffer(table[rows, columns].tobytes())
    )
    dense, sparse = schema.DimensionMetadataT(), schema.DimensionMetadataT()
    dense.format, dense.denseSize = schema.DimensionType.DENSE, len(table)
    sparse.format = schema.DimensionType.SPARSE_CSR
    kind = schema.SparseIndexVector.Int32Vector
    sparse.arraySegmentsType = sparse.arrayIndicesType = kind
    sparse.arraySegments = schema.Int32VectorT()
    sparse.arraySegments.values = ends.astype(np.int32)
    sparse.arrayIndices = schema.Int32VectorT()
    sparse.arrayIndices.values = columns.astype(np.int32)
    layout = schema.SparsityParametersT()
    layout.traversalOrder, layout.dimMetadata = [0, 1], [dense, sparse]
    self.tensors[stored.place].sparsity = layout
    output = self.tensor(table.shape)
    return self.operator('DENSIFY', [stored], [output], 'DensifyOptions')

  def image(self, x):
    return self.reshape(x, (*x.shape[1:], 1))

  def conv_relu(self, layer, x, kernel, bias):
    name = layer.name
    kernel = kernel.transpose(3, 0, 1, 2)  # outputs, height, width, inputs
    shape = (*x.shape[:-1], len(bias))
    if self.ranges is None or layer.kind != 'block':
      weights, offset = self._kernel(name, kernel), self.table(bias)
      return self._convolution([x, weights, offset], self.tensor(shape))
    # The pools between run on floats: in 8 bits they would have to keep the
    # scale of the convolution, which is three times too coarse for a mean.
    before, after = (
      _scale(self.ranges[key]) for key in (f'{name}_input', name)
    )
    x = self.operator(
      'QUANTIZE', [x], [self.tensor(x.shape, 'INT8', before)], 'QuantizeOptions'
    )
    weights, offset = self._kernel8(name, before[0], kernel, bias)
    output = self.tensor(shape, 'INT8', after)
    x = self._convolution([x, weights, offset], output)
    return self._dequantize(x, self.tensor(shape))

  def _convolution(self, inputs, output):
    return self.operator(
      'CONV_2D',
      inputs,
      [output],
      'Conv2DOptions',
      padding=self.schema.Padding.SAME,
      strideH=1,
      strideW=1,
      fusedActivationFunction=_RELU,
    )

  def _dequantize(self, x, output):
    return self.operator('DEQUANTIZE', [x], [output], 'DequantizeOptions')

  def _kernel(self, name, kernel):
    if not self.half:
      return self.table(kernel, f'{name}_kernel')
    stored = self.table(kernel.astype(np.float16), f'{name}_kernel_fp16')
    output = self.tensor(kernel.shape, name=f'{name}_kernel')
    return self._dequantize(stored, output)

  def _kernel8(self, name, input_scale, kernel, bias):
    """Kernel int8 with a scale for each output, bias int32."""
    greatest = np.abs(kernel).max(axis=(1, 2, 3))
    scales = np.maximum(greatest, 1e-12).astype(np.float64) / 127
    rounded = np.round(kernel / scales[:, None, None, None]).astype(np.int8)
    weights = self.table(rounded, f'{name}_kernel_int8')
    zeros = np.zeros_like(scales)
    self.tensors[weights.place].quantization = self._quantization(
      scales, zeros, 0
    )
    scales = scales * input_scale
    limit = 2**31 - 1
    whole = np.clip(np.round(bias / scales), -limit, limit).astype(np.int32)
    offset = self.table(whole, f'{name}_bias_int32')
    self.tensors[offset.place].quantization = self._quantization(
      scales, zeros, 0
    )
    return weights, offset

  def pool(self, name, x, size):
    tall, wide = size
    shape = (None, -(-x.shape[1] // tall), -(-x.shape[2] // wide), x.shape[3])
    return self.operator(
      'AVERAGE_POOL_2D',
      [x],
      [self.tensor(shape)],
      'Pool2DOptions',
      padding=self.schema.Padding.SAME,
      strideH=tall,
      strideW=wide,
      filterHeight=tall,
      filterWidth=wide,
    )

  def join(self, name, maps):
    return self.concat(maps, 3)

  def mean_map(self, name, x):
    return self.operator(
      'MEAN',
      [x, self._ints(1, 2)],
      [self.tensor((None, x.shape[3]))],
      'ReducerOptions',
      keepDims=False,
    )

  def dense(self, name, x, kernel, bias):
    kernel = self._kernel(name, np.ascontiguousarray(kernel.T))
    return self._fully_connected(x, kernel, self.table(bias))

  def softmax(self, x):
    output = self.tensor(x.shape, name=OUTPUT)
    return self.operator('SOFTMAX', [x], [output], 'SoftmaxOptions', beta=1.0)


def _scale(seen: Range) -> tuple[float, int]:
  """(scale, zero point) of 8 bits for values from 0 or below to above."""
  least, greatest = min(seen[0], 0.0), max(seen[1], 1e-6)
  scale = (greatest - least) / 255
  return scale, round(-128 - least / scale)
