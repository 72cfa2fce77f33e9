"""The chain as ONNX nodes of opset 17, standard operators only."""

# The operations are described once, in `protocol.Emitter`.
# ruff: noqa: D102

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from sernet_jax.nn.spec import Layer
from sernet_jax.predict.plain.protocol import (
  Shape,
  broadcast,
  reduced,
  resized,
  size as size_of,
)
from sernet_jax.predict.sessions.onnx_session import OUTPUT

_FLOAT = 1  # TensorProto.FLOAT
_BINARY = {
  'add': 'Add',
  'sub': 'Sub',
  'mul': 'Mul',
  'div': 'Div',
  'min': 'Min',
  'max': 'Max',
  'pow': 'Pow',
}
_UNARY = {'abs': 'Abs', 'sqrt': 'Sqrt', 'log': 'Log', 'exp': 'Exp'}


class Value(NamedTuple):
  """The output of a node: its name and shape."""

  name: str
  shape: Shape


class Writer:
  """A `protocol.Emitter` that writes nodes.

  Maps are (batch, channels, frames, coefficients), as ONNX has them.

  Attributes:
    nodes: in the order of the computation.
    initializers: the constant tables.
    heavy: names of the nodes that are worth computing in 8 bits.
  """

  def __init__(self, half: bool):
    self.nodes: list[Any] = []
    self.initializers: list[Any] = []
    self.heavy: list[str] = []
    self._half = half
    self._tables: dict[bytes, str] = {}
    self._count = 0

  def _node(
    self,
    kind: str,
    inputs: Sequence[Value | str],
    shape: Shape,
    name: str | None = None,
    **attributes: Any,
  ) -> Value:
    """Adds a node with one output of the same name."""
    from onnx import helper

    if name is None:
      self._count += 1
      name = f'{kind.lower()}_{self._count}'
    names = [x.name if isinstance(x, Value) else x for x in inputs]
    self.nodes.append(
      helper.make_node(kind, names, [name], name=name, **attributes)
    )
    return Value(name, tuple(shape))

  def _table(self, values: np.ndarray, name: str | None = None) -> str:
    """The name of an initializer; equal ones are stored once."""
    from onnx import numpy_helper

    values = np.asarray(values, order='C')  # keeps scalars scalars
    key = repr((values.dtype, values.shape)).encode() + values.tobytes()
    if key not in self._tables:
      self._tables[key] = name or f'table_{len(self._tables)}'
      self.initializers.append(
        numpy_helper.from_array(values, self._tables[key])
      )
    return self._tables[key]

  def _weights(self, values: np.ndarray, name: str) -> str:
    """A table of the network, in fp16 behind a Cast if `half`."""
    if not self._half:
      return self._table(values, name)
    stored = self._table(values.astype(np.float16), f'{name}_fp16')
    return self._node('Cast', [stored], values.shape, name, to=_FLOAT).name

  def _ints(self, *values: int) -> str:
    return self._table(np.asarray(values, np.int64))

  def constant(self, table: np.ndarray) -> Value:
    return Value(self._table(np.asarray(table, np.float32)), table.shape)

  def binary(self, name: str, a: Value, b: Value) -> Value:
    return self._node(_BINARY[name], [a, b], broadcast(a.shape, b.shape))

  def unary(self, name: str, x: Value) -> Value:
    return self._node(_UNARY[name], [x], x.shape)

  def extent(self, x: Value) -> Value:
    some = self._some(x)
    last, first = (
      self._node('Cast', [self._end(some, last)], (None, 1), to=_FLOAT)
      for last in (1, 0)
    )
    one = self.constant(np.ones((1, 1), np.float32))
    return self.binary('add', self.binary('sub', last, first), one)

  def _some(self, x: Value) -> Value:
    """1 where x is not 0; as numbers, because ArgMax takes no booleans."""
    return self._node('Abs', [self._node('Sign', [x], x.shape)], x.shape)

  def _end(self, some: Value, last: int) -> Value:
    """Index of the first greatest value, or the last one: int64 (batch, 1)."""
    return self._node(
      'ArgMax', [some], (None, 1), axis=1, keepdims=1, select_last_index=last
    )

  def from_first(self, x: Value) -> Value:
    length = size_of(x.shape, 1)
    scalars = [
      self._table(np.asarray(value, np.int64)) for value in (0, length, 1)
    ]
    count = self._node('Range', scalars, (length,))
    first = self._end(self._some(x), 0)
    places = self._node('Add', [count, first], x.shape)
    places = self._node('Mod', [places, self._ints(length)], x.shape)
    return self._node('GatherElements', [x, places], x.shape, axis=1)

  def by_frame(self, x: Value, weights: Value) -> Value:
    frames = size_of(x.shape, 2)
    return self.binary('mul', x, self.reshape(weights, (1, frames, 1)))

  def rows(self, x: Value) -> Value:
    channels, frames, coefficients = (size_of(x.shape, i) for i in (1, 2, 3))
    x = self.reshape(x, (channels, frames * coefficients))
    return self.transpose(x, (0, 2, 1))

  def top(self, x: Value, count: int) -> Value:
    from onnx import helper

    name = f'top_{count}'
    # Not `_node`: TopK has a second output, the indices.
    self.nodes.append(
      helper.make_node(
        'TopK', [x.name, self._ints(count)], [name, f'{name}_places'], name=name
      )
    )
    return Value(name, (*x.shape[:-1], count))

  def reduce(self, name: str, x: Value, axes: tuple[int, ...]) -> Value:
    shape = reduced(x.shape, axes)
    if name == 'sum':  # takes its axes as an input since opset 13
      return self._node('ReduceSum', [x, self._ints(*axes)], shape)
    kind = {'mean': 'ReduceMean', 'max': 'ReduceMax'}[name]
    return self._node(kind, [x], shape, axes=list(axes))

  def reshape(self, x: Value, shape: tuple[int, ...]) -> Value:
    return self._node('Reshape', [x, self._ints(-1, *shape)], (None, *shape))

  def transpose(self, x: Value, order: tuple[int, ...]) -> Value:
    shape = tuple(x.shape[i] for i in order)
    return self._node('Transpose', [x], shape, perm=list(order))

  def concat(self, parts: list[Value], axis: int) -> Value:
    length = sum(size_of(part.shape, axis) for part in parts)
    shape = resized(parts[0].shape, axis, length)
    return self._node('Concat', parts, shape, axis=axis)

  def slice(
    self, x: Value, axis: int, start: int, stop: int, step: int = 1
  ) -> Value:
    shape = resized(x.shape, axis, len(range(start, stop, step)))
    bounds = [self._ints(value) for value in (start, stop, axis, step)]
    return self._node('Slice', [x, *bounds], shape)

  def pad(
    self, x: Value, axis: int, before: int, after: int, mirror: bool = False
  ) -> Value:
    # All starts, then all ends.
    sides = np.zeros((2, len(x.shape)), np.int64)
    sides[:, axis] = before, after
    shape = resized(x.shape, axis, size_of(x.shape, axis) + before + after)
    mode = 'reflect' if mirror else 'constant'
    return self._node('Pad', [x, self._table(sides.ravel())], shape, mode=mode)

  def take(self, x: Value, index: np.ndarray, axis: int) -> Value:
    table = self._table(np.asarray(index, np.int64))
    shape = resized(x.shape, axis, len(index))
    return self._node('Gather', [x, table], shape, axis=axis)

  def matmul(self, x: Value, table: np.ndarray) -> Value:
    shape = (*x.shape[:-1], table.shape[1])
    return self._node('MatMul', [x, self._matrix(table)], shape)

  def _matrix(self, table: np.ndarray) -> str:
    """Stores a matrix that is mostly 0 as its other entries.

    onnxruntime lays it out once, when it reads the file.
    """
    table = np.asarray(table, np.float32)
    indices = np.argwhere(table)
    # An entry takes 4 bytes in the matrix, 20 with its two int64 indices.
    if 20 * len(indices) > 4 * table.size:
      return self._table(table)
    zeros = self._node(
      'ConstantOfShape', [self._ints(*table.shape)], table.shape
    )
    inputs: list[Value | str] = [
      zeros,
      self._table(indices.astype(np.int64)),
      self._table(table[tuple(indices.T)]),
    ]
    return self._node('ScatterND', inputs, table.shape).name

  def image(self, x: Value) -> Value:
    return self.reshape(x, (1, *(size_of(x.shape, i) for i in (1, 2))))

  def conv_relu(
    self, layer: Layer, x: Value, kernel: np.ndarray, bias: np.ndarray
  ) -> Value:
    name = layer.name
    height, width, _, outputs = kernel.shape
    inputs: list[Value | str] = [
      x,
      # (h, w, in, out) -> (out, in, h, w)
      self._weights(kernel.transpose(3, 2, 0, 1), f'{name}_kernel'),
      self._table(bias, f'{name}_bias'),
    ]
    sides = [height // 2, width // 2] * 2
    shape = (None, outputs, *x.shape[2:])
    kernel_shape = [height, width]
    x = self._node(
      'Conv', inputs, shape, name, pads=sides, kernel_shape=kernel_shape
    )
    if layer.kind == 'block':
      self.heavy += [name, f'{name}_relu', f'{name}_pool']
    return self._node('Relu', [x], shape, f'{name}_relu')

  def pool(self, name: str, x: Value, size: tuple[int, int]) -> Value:
    lengths = [size_of(x.shape, axis) for axis in (2, 3)]
    lacks = [-have % step for have, step in zip(lengths, size, strict=True)]
    shape = [-(-have // step) for have, step in zip(lengths, size, strict=True)]
    return self._node(
      'AveragePool',
      [x],
      (None, x.shape[1], *shape),
      name,
      kernel_shape=list(size),
      strides=list(size),
      pads=[0, 0, *lacks],
      count_include_pad=0,
    )

  def join(self, name: str, maps: list[Value]) -> Value:
    channels = sum(size_of(x.shape, 1) for x in maps)
    shape = (None, channels, *maps[0].shape[2:])
    return self._node('Concat', maps, shape, name, axis=1)

  def mean_map(self, name: str, x: Value) -> Value:
    mean = self._node('GlobalAveragePool', [x], (*x.shape[:2], 1, 1), name)
    return self.reshape(mean, (size_of(x.shape, 1),))

  def dense(
    self, name: str, x: Value, kernel: np.ndarray, bias: np.ndarray
  ) -> Value:
    inputs: list[Value | str] = [
      x,
      self._weights(kernel, f'{name}_kernel'),
      self._table(bias, f'{name}_bias'),
    ]
    return self._node('Gemm', inputs, (None, kernel.shape[1]), name)

  def softmax(self, x: Value) -> Value:
    return self._node('Softmax', [x], x.shape, OUTPUT, axis=1)
