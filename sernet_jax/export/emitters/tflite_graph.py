"""The graph of a TensorFlow Lite file: tensors, tables and operators.

Rests on `ai_edge_litert.schema_py_generated`: the schema's object API as
flatbuffers generates it, which the package ships beside its interpreter and
documents nowhere (works with ai-edge-litert 2.3). The library for this would
be TensorFlow's converter, of 500 MB; this module may go when one comes that
needs no TensorFlow, leaves the batch free and lets the caller choose what is
quantized. The tests read every file back with the interpreter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from sernet_jax.export.emitters.int8 import Scale
from sernet_jax.predict.plain.protocol import Shape


class Value(NamedTuple):
  """A tensor: its index among all, and its shape."""

  tensor: int
  shape: Shape


class Graph:
  """Collects the objects of the schema that make a file.

  Attributes:
    schema: the module of the generated classes.
    tensors: all tensors, activations and tables.
    buffers: contents of the tables; the first one is empty by rule.
    operators: in the order of the computation.
    codes: name of an operator -> its index among those that the file uses.
    versions: of the operators whose first version lacks what is used of them.
  """

  def __init__(self, versions: Mapping[str, int]) -> None:
    from ai_edge_litert import schema_py_generated as schema

    self.schema: Any = schema
    self.tensors: list[Any] = []
    self.buffers = [schema.BufferT()]
    self.operators: list[Any] = []
    self.codes: dict[str, int] = {}
    self.versions = dict(versions)
    self._tables: dict[bytes, int] = {}

  def tensor(
    self,
    shape: Shape,
    dtype: str = 'FLOAT32',
    scale: Scale | None = None,
    name: str = '',
    buffer: int = 0,
  ) -> Value:
    """Adds a tensor; its batch is None, or it is a table without one."""
    tensor = self.schema.TensorT()
    tensor.name = name or f't{len(self.tensors)}'
    tensor.shape = [1 if size is None else size for size in shape]
    if None in shape:
      tensor.shapeSignature = [-1 if size is None else size for size in shape]
    tensor.type = getattr(self.schema.TensorType, dtype)
    tensor.buffer = buffer
    self.tensors.append(tensor)
    value = Value(len(self.tensors) - 1, tuple(shape))
    if scale is not None:
      self.quantize(value, [scale[0]], [scale[1]])
    return value

  def quantize(
    self, value: Value, scales: Sequence[float], zeros: Sequence[int]
  ) -> None:
    """Gives an 8-bit tensor its scales, one or one for each of axis 0."""
    parameters = self.schema.QuantizationParametersT()
    parameters.scale = [float(scale) for scale in scales]
    parameters.zeroPoint = [int(zero) for zero in zeros]
    parameters.quantizedDimension = 0
    self.tensors[value.tensor].quantization = parameters

  def buffer(self, content: bytes) -> int:
    """Adds a buffer; returns its index."""
    buffer = self.schema.BufferT()
    buffer.data = np.frombuffer(content, np.uint8)
    self.buffers.append(buffer)
    return len(self.buffers) - 1

  def table(self, values: np.ndarray, name: str = '') -> Value:
    """A constant tensor; equal ones are stored once."""
    values = np.asarray(values, order='C')  # keeps scalars scalars
    key = repr((values.dtype, values.shape)).encode() + values.tobytes()
    if key not in self._tables:
      self._tables[key] = self.tensor(
        values.shape,
        values.dtype.name.upper(),
        name=name or f'table_{len(self.tensors)}',
        buffer=self.buffer(values.tobytes()),
      ).tensor
    return Value(self._tables[key], values.shape)

  def ints(self, *values: int) -> Value:
    """A constant vector of int32."""
    return self.table(np.asarray(values, np.int32))

  def operator(
    self,
    code: str,
    inputs: Sequence[Value | None],
    outputs: Sequence[Value],
    options: str = '',
    **fields: Any,
  ) -> Value:
    """Adds an operator.

    Args:
      code: its name among `BuiltinOperator`.
      inputs: None for one that is left out.
      outputs: new tensors.
      options: the class of its options, without the T of the object API.
      **fields: of the options.

    Returns:
      The first of the outputs.
    """
    operator = self.schema.OperatorT()
    operator.opcodeIndex = self.codes.setdefault(code, len(self.codes))
    operator.inputs = [-1 if x is None else x.tensor for x in inputs]
    operator.outputs = [x.tensor for x in outputs]
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

  def sparse(self, table: np.ndarray) -> Value:
    """A matrix stored without its zeros (CSR), laid out by DENSIFY."""
    schema = self.schema
    rows, columns = np.nonzero(table)
    # Row i has the entries ends[i] to ends[i + 1].
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
    self.tensors[stored.tensor].sparsity = layout
    output = self.tensor(table.shape)
    return self.operator('DENSIFY', [stored], [output], 'DensifyOptions')
