"""TensorFlow Lite files, written without TensorFlow.

A file is a flatbuffer of operators and their tables. The package
`ai_edge_litert` brings its schema as well as the interpreter, so the chain of
`export_chain` becomes operators here, built-in ones only, and in 8 bits the
scales of kernels and activations are worked out here too. The batch is free.
What a file is for stands in its metadata, as in a safetensors bundle.
"""

from __future__ import annotations

import contextlib
import json
import pathlib
import struct
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sernet_jax import export_chain
from sernet_jax.spec import InputError

if TYPE_CHECKING:  # a file runs without JAX
  from sernet_jax.bundle import Bundle

INPUT, OUTPUT = 'waveform', 'probabilities'
METADATA = 'sernet_jax'
_SCHEMA_VERSION = 3
_IDENTIFIER = b'TFL3'
_RELU = 1  # ActivationFunctionType
_ALIGNMENT = 16  # of a table in the file, as its schema asks
_INSTALL = "pip install 'sernet_jax[tflite]'"

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

Range = tuple[float, float]


class _Value(NamedTuple):
  index: int
  shape: tuple[int | None, ...]


class _Writer:
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
  ) -> _Value:
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
    return _Value(len(self.tensors) - 1, tuple(shape))

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

  def table(self, values: np.ndarray, name: str = '') -> _Value:
    """A constant tensor; equal ones are stored once."""
    values = np.ascontiguousarray(values)
    key = repr((values.dtype, values.shape)).encode() + values.tobytes()
    if key not in self._tables:
      self._tables[key] = self.tensor(
        values.shape,
        values.dtype.name.upper(),
        name=name or f'table_{len(self.tensors)}',
        buffer=self.buffer(values.tobytes()),
      ).index
    return _Value(self._tables[key], values.shape)

  def _ints(self, *values: int) -> _Value:
    return self.table(np.asarray(values, np.int32))

  def operator(self, code, inputs, outputs, options='', **fields) -> _Value:
    """Adds an operator; the first of its outputs."""
    operator = self.schema.OperatorT()
    operator.opcodeIndex = self.codes.setdefault(code, len(self.codes))
    operator.inputs = [-1 if x is None else x.index for x in inputs]
    operator.outputs = [x.index for x in outputs]
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

  def _sparse(self, table: np.ndarray) -> _Value:
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
    self.tensors[stored.index].sparsity = layout
    output = self.tensor(table.shape)
    return self.operator('DENSIFY', [stored], [output], 'DensifyOptions')

  def image(self, x):
    return self.reshape(x, (*x.shape[1:], 1))

  def conv_relu(self, name, x, kernel, bias):
    kernel = kernel.transpose(3, 0, 1, 2)  # outputs, height, width, inputs
    shape = (*x.shape[:-1], len(bias))
    if self.ranges is None or not name.startswith('block'):
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
    self.tensors[weights.index].quantization = self._quantization(
      scales, zeros, 0
    )
    scales = scales * input_scale
    limit = 2**31 - 1
    whole = np.clip(np.round(bias / scales), -limit, limit).astype(np.int32)
    offset = self.table(whole, f'{name}_bias_int32')
    self.tensors[offset.index].quantization = self._quantization(
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


def convert(
  bundle: Bundle,
  precision: str,
  metadata: Mapping[str, str],
  ranges: Mapping[str, Range] | None = None,
) -> bytes:
  """The content of a TensorFlow Lite file.

  Args:
    bundle: what to write.
    precision: 'fp32'; 'fp16' stores the network's kernels in fp16 and
      computes in float32; 'int8' computes the five blocks in 8 bits.
    metadata: stored in the file, text by name.
    ranges: for 'int8', from `export_eager.Eager`.

  Raises:
    InputError: if ai-edge-litert is not installed.
  """
  with _needed():
    from ai_edge_litert import schema_py_generated as schema

  assert (precision == 'int8') == (ranges is not None)
  writer = _Writer(precision == 'fp16', ranges)
  source = writer.tensor((None, bundle.audio.num_samples), name=INPUT)
  result = export_chain.probabilities(
    writer,
    source,
    bundle.audio,
    bundle.feature_kind,
    bundle.mfcc,
    bundle.model,
    bundle.folded,
  )
  graph = schema.SubGraphT()
  graph.name = 'sernet'
  graph.tensors, graph.operators = writer.tensors, writer.operators
  graph.inputs, graph.outputs = [source.index], [result.index]
  model = schema.ModelT()
  model.version = _SCHEMA_VERSION
  model.description = 'sernet_jax'
  model.subgraphs = [graph]
  model.operatorCodes = [_code(schema, name) for name in writer.codes]
  model.signatureDefs = [_signature(schema, source, result)]
  note = schema.MetadataT()
  note.name = METADATA
  note.buffer = writer.buffer(json.dumps(dict(metadata)).encode())
  model.metadata, model.buffers = [note], writer.buffers
  return _packed(model)


def _code(schema: Any, name: str) -> Any:
  code = schema.OperatorCodeT()
  code.builtinCode = getattr(schema.BuiltinOperator, name)
  # Readers older than 127 operators look at one byte.
  code.deprecatedBuiltinCode = min(code.builtinCode, 127)
  code.version = _VERSIONS.get(name, 1)
  return code


def _signature(schema: Any, source: _Value, result: _Value) -> Any:
  signature = schema.SignatureDefT()
  signature.signatureKey = 'serving_default'
  for name, value, field in (
    (INPUT, source, 'inputs'),
    (OUTPUT, result, 'outputs'),
  ):
    entry = schema.TensorMapT()
    entry.name, entry.tensorIndex = name, value.index
    setattr(signature, field, [entry])
  return signature


def _packed(model: Any) -> bytes:
  import flatbuffers

  class Builder(flatbuffers.Builder):
    def CreateNumpyVector(self, x):  # noqa: N802, the name is flatbuffers'
      # The bytes of a table are floats to its readers.
      wide = _ALIGNMENT if x.dtype == np.uint8 else x.dtype.alignment
      self.StartVector(x.itemsize, x.size, wide)
      self.head = self.head - x.nbytes
      self.Bytes[self.Head() : self.Head() + x.nbytes] = x.tobytes()
      self.vectorNumElems = x.size
      return self.EndVector()

  builder = Builder(1 << 20)
  builder.Finish(model.Pack(builder), file_identifier=_IDENTIFIER)
  return bytes(builder.Output())


class Session:
  """A TensorFlow Lite file ready to run; needs ai-edge-litert alone.

  Attributes:
    metadata: texts by name; empty for a file of another program.
    fits: whether inputs and outputs are a waveform and probabilities.
    num_samples: of a waveform, None if it does not fit.
    num_classes: outputs, likewise.
  """

  def __init__(self, path: pathlib.Path, content: bytes, threads: int = 0):
    with _needed():
      from ai_edge_litert import interpreter

    self.metadata = _metadata(path, content)
    try:
      self._interpreter = interpreter.Interpreter(
        model_content=content, num_threads=threads or None
      )
      self._interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
      raise _damaged(path, error) from error
    inputs = self._interpreter.get_input_details()
    outputs = self._interpreter.get_output_details()
    self.fits = (
      [(one['name'], one['dtype']) for one in inputs] == [(INPUT, np.float32)]
      and [one['name'] for one in outputs] == [OUTPUT]
      and len(inputs[0]['shape']) == len(outputs[0]['shape']) == 2
    )
    self._places = inputs[0]['index'], outputs[0]['index']
    self.num_samples = int(inputs[0]['shape'][1]) if self.fits else None
    self.num_classes = int(outputs[0]['shape'][1]) if self.fits else None
    self._batch = 1

  def __call__(self, waveforms: np.ndarray) -> np.ndarray:
    """Raw waveforms (batch, samples) to probabilities (batch, classes)."""
    source, result = self._places
    if len(waveforms) != self._batch:
      self._interpreter.resize_tensor_input(source, waveforms.shape)
      self._interpreter.allocate_tensors()
      self._batch = len(waveforms)
    self._interpreter.set_tensor(source, waveforms)
    self._interpreter.invoke()
    return self._interpreter.get_tensor(result)


def _metadata(path: pathlib.Path, content: bytes) -> dict[str, str]:
  from ai_edge_litert import schema_py_generated as schema

  if content[4:8] != _IDENTIFIER:
    raise _damaged(path, 'it does not begin as one')
  try:
    model = schema.Model.GetRootAs(content, 0)
    for i in range(model.MetadataLength()):
      note = model.Metadata(i)
      if note.Name() == METADATA.encode():
        data = model.Buffers(note.Buffer()).DataAsNumpy()
        found = json.loads(bytes(data))
        if isinstance(found, dict):
          return {str(key): str(text) for key, text in found.items()}
  except (
    struct.error,
    IndexError,
    ValueError,
    TypeError,
    AttributeError,
    OverflowError,
    RecursionError,
  ) as error:
    raise _damaged(path, error) from error
  return {}


def _damaged(path: pathlib.Path, error: object) -> InputError:
  line = (str(error).splitlines() or [type(error).__name__])[0][:200]
  return InputError(
    f'{path} is damaged or no TensorFlow Lite file ({line}); copy or export '
    'it again'
  )


@contextlib.contextmanager
def _needed() -> Iterator[None]:
  try:
    yield
  except ImportError as error:
    raise InputError(
      'TensorFlow Lite files need the package ai-edge-litert, which is not '
      f'installed; run {_INSTALL}'
    ) from error
