"""ONNX files: the nodes of the chain, 8 bits by onnxruntime's own tools.

Opset 17, standard operators only, so that onnxruntime and onnxruntime-web run
a file as it is. The batch is free. What a file is for stands in its
metadata_props, as in a safetensors bundle.
"""

from __future__ import annotations

import contextlib
import logging
import pathlib
import tempfile
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from sernet_jax.export import chain
from sernet_jax.predict.bundle import Bundle
from sernet_jax.predict.sessions import formats
from sernet_jax.predict.sessions.onnx_session import INPUT, OUTPUT, needed

OPSET = 17
IR_VERSION = 8
# Smaller tables of the network stay float32 at any precision.
_SMALL = 1024
_BINARY = {
  'add': 'Add',
  'sub': 'Sub',
  'mul': 'Mul',
  'div': 'Div',
  'min': 'Min',
  'max': 'Max',
  'pow': 'Pow',
}
_UNARY = {'abs': 'Abs', 'sqrt': 'Sqrt', 'log': 'Log'}


class _Value(NamedTuple):
  name: str
  shape: tuple[int | None, ...]


class _Writer:
  """An `export_chain.Emitter` that writes nodes.

  Maps are (batch, channels, frames, coefficients), as ONNX has them.
  """

  def __init__(self, half: bool):
    self.nodes: list[Any] = []
    self.initializers: list[Any] = []
    self.half = half
    self.heavy: list[str] = []  # nodes that 8 bits are worth it for
    self._tables: dict[bytes, str] = {}
    self._count = 0

  def node(self, kind, inputs, shape, name=None, **attributes) -> _Value:
    from onnx import helper

    if name is None:
      self._count += 1
      name = f'{kind.lower()}_{self._count}'
    inputs = [x.name if isinstance(x, _Value) else x for x in inputs]
    self.nodes.append(
      helper.make_node(kind, inputs, [name], name=name, **attributes)
    )
    return _Value(name, tuple(shape))

  def table(self, values: np.ndarray, name: str | None = None) -> str:
    """The name of an initializer; equal ones are stored once."""
    from onnx import numpy_helper

    values = np.ascontiguousarray(values)
    key = repr((values.dtype, values.shape)).encode() + values.tobytes()
    if key not in self._tables:
      self._tables[key] = name or f'table_{len(self._tables)}'
      self.initializers.append(
        numpy_helper.from_array(values, self._tables[key])
      )
    return self._tables[key]

  def weights(self, values: np.ndarray, name: str) -> str:
    """A table of the network, in fp16 behind a Cast where that is asked."""
    if not self.half:
      return self.table(values, name)
    stored = self.table(values.astype(np.float16), f'{name}_fp16')
    return self.node('Cast', [stored], values.shape, name, to=1).name

  def _ints(self, *values: int) -> str:
    return self.table(np.asarray(values, np.int64))

  def constant(self, table):
    return _Value(self.table(np.asarray(table, np.float32)), table.shape)

  def binary(self, name, a, b):
    shape = [
      None if None in (one, two) else max(one, two)
      for one, two in zip(a.shape, b.shape, strict=True)
    ]
    return self.node(_BINARY[name], [a, b], shape)

  def unary(self, name, x):
    return self.node(_UNARY[name], [x], x.shape)

  def extent(self, x):
    # As numbers: ArgMax takes no booleans.
    some = self.node('Abs', [self.node('Sign', [x], x.shape)], x.shape)
    ends = [
      self.node(
        'ArgMax', [some], (None, 1), axis=1, keepdims=1, select_last_index=last
      )
      for last in (1, 0)
    ]
    last, first = (self.node('Cast', [end], (None, 1), to=1) for end in ends)
    one = self.constant(np.ones((1, 1), np.float32))
    return self.binary('add', self.binary('sub', last, first), one)

  def top(self, x, count):
    from onnx import helper

    name = f'top_{count}'
    self.nodes.append(
      helper.make_node(
        'TopK', [x.name, self._ints(count)], [name, f'{name}_places'], name=name
      )
    )
    return _Value(name, (*x.shape[:-1], count))

  def reduce(self, name, x, axes):
    shape = [1 if i in axes else size for i, size in enumerate(x.shape)]
    if name == 'sum':
      return self.node('ReduceSum', [x, self._ints(*axes)], shape)
    kind = {'mean': 'ReduceMean', 'max': 'ReduceMax'}[name]
    return self.node(kind, [x], shape, axes=list(axes))

  def reshape(self, x, shape):
    return self.node('Reshape', [x, self._ints(-1, *shape)], (None, *shape))

  def transpose(self, x, order):
    shape = [x.shape[i] for i in order]
    return self.node('Transpose', [x], shape, perm=list(order))

  def concat(self, parts, axis):
    shape = list(parts[0].shape)
    shape[axis] = sum(part.shape[axis] for part in parts)
    return self.node('Concat', parts, shape, axis=axis)

  def slice(self, x, axis, start, stop, step=1):
    shape = list(x.shape)
    shape[axis] = len(range(start, stop, step))
    places = [self._ints(value) for value in (start, stop, axis, step)]
    return self.node('Slice', [x, *places], shape)

  def pad(self, x, axis, before, after, mirror=False):
    sides = np.zeros((2, len(x.shape)), np.int64)
    sides[:, axis] = before, after
    shape = list(x.shape)
    shape[axis] += before + after
    mode = 'reflect' if mirror else 'constant'
    return self.node('Pad', [x, self.table(sides.ravel())], shape, mode=mode)

  def take(self, x, index, axis):
    shape = list(x.shape)
    shape[axis] = len(index)
    index = self.table(np.asarray(index, np.int64))
    return self.node('Gather', [x, index], shape, axis=axis)

  def matmul(self, x, table):
    shape = (*x.shape[:-1], table.shape[1])
    return self.node('MatMul', [x, self._dense_table(table)], shape)

  def _dense_table(self, table: np.ndarray) -> str:
    """A table that is mostly 0 is stored as its other entries.

    onnxruntime lays it out once, when it reads the file.
    """
    table = np.asarray(table, np.float32)
    places = np.argwhere(table)
    if 20 * len(places) > 4 * table.size:
      return self.table(table)
    zeros = self.node(
      'ConstantOfShape', [self._ints(*table.shape)], table.shape
    )
    inputs = [
      zeros,
      self.table(places.astype(np.int64)),
      self.table(table[tuple(places.T)]),
    ]
    return self.node('ScatterND', inputs, table.shape).name

  def image(self, x):
    return self.reshape(x, (1, *x.shape[1:]))

  def conv_relu(self, layer, x, kernel, bias):
    name = layer.name
    height, width, _, outputs = kernel.shape
    inputs = [
      x,
      self.weights(kernel.transpose(3, 2, 0, 1), f'{name}_kernel'),
      self.table(bias, f'{name}_bias'),
    ]
    sides = [height // 2, width // 2] * 2
    shape = (None, outputs, *x.shape[2:])
    kernel_shape = [height, width]
    x = self.node(
      'Conv', inputs, shape, name, pads=sides, kernel_shape=kernel_shape
    )
    if layer.kind == 'block':
      self.heavy += [name, f'{name}_relu', f'{name}_pool']
    return self.node('Relu', [x], shape, f'{name}_relu')

  def pool(self, name, x, size):
    lacks = [-have % step for have, step in zip(x.shape[2:], size, strict=True)]
    shape = [
      -(-have // step) for have, step in zip(x.shape[2:], size, strict=True)
    ]
    return self.node(
      'AveragePool',
      [x],
      (None, x.shape[1], *shape),
      name,
      kernel_shape=list(size),
      strides=list(size),
      pads=[0, 0, *lacks],
      count_include_pad=0,
    )

  def join(self, name, maps):
    shape = (None, sum(x.shape[1] for x in maps), *maps[0].shape[2:])
    return self.node('Concat', maps, shape, name, axis=1)

  def mean_map(self, name, x):
    mean = self.node('GlobalAveragePool', [x], (*x.shape[:2], 1, 1), name)
    return self.reshape(mean, x.shape[1:2])

  def dense(self, name, x, kernel, bias):
    inputs = [
      x,
      self.weights(kernel, f'{name}_kernel'),
      self.table(bias, f'{name}_bias'),
    ]
    return self.node('Gemm', inputs, (None, kernel.shape[1]), name)

  def softmax(self, x):
    return self.node('Softmax', [x], x.shape, OUTPUT, axis=1)


def convert(
  bundle: Bundle,
  precision: str,
  metadata: Mapping[str, str],
  calibration: np.ndarray | None = None,
) -> bytes:
  """The content of an ONNX file.

  Args:
    bundle: what to write.
    precision: 'fp32'; 'fp16' stores the network's kernels in fp16 and
      computes in float32; 'int8' also computes the network in 8 bits.
    metadata: stored in the file, text by name.
    calibration: raw waveforms (utterances, samples) that 'int8' finds its
      ranges with.

  Raises:
    InputError: if onnx or onnxruntime is not installed.
  """
  with needed():
    from onnx import TensorProto, checker, helper

  writer = _Writer(half=precision == 'fp16')
  samples = bundle.audio.num_samples
  chain.probabilities(
    writer,
    _Value(INPUT, (None, samples)),
    bundle.audio,
    bundle.feature_kind,
    bundle.mfcc,
    bundle.model,
    bundle.folded,
  )
  float32 = TensorProto.FLOAT
  graph = helper.make_graph(
    writer.nodes,
    'sernet',
    [helper.make_tensor_value_info(INPUT, float32, ['batch', samples])],
    [
      helper.make_tensor_value_info(
        OUTPUT, float32, ['batch', bundle.model.num_classes]
      )
    ],
    writer.initializers,
  )
  model = helper.make_model(
    graph,
    producer_name='sernet_jax',
    ir_version=IR_VERSION,
    opset_imports=[helper.make_opsetid('', OPSET)],
  )
  checker.check_model(model, full_check=True)
  if precision == 'int8':
    assert calibration is not None
    model = _quantized(model, writer.heavy, calibration)
  texts = {**metadata, formats.SEAL: formats.UNSEALED}
  helper.set_model_props(model, texts)
  return formats.sealed(model.SerializeToString())


def _quantized(model: Any, nodes: list[str], calibration: np.ndarray) -> Any:
  """The five blocks in 8 bits, static ranges, kernels by channel.

  Activations are signed: with unsigned ones, CPUs older than VNNI add up in
  16 bits and overflow. The three paths hold 1 in 500 of the kernels' numbers,
  but most of what 8 bits would spoil, and stay in float32.
  """
  import onnx
  from onnxruntime import quantization

  class Reader(quantization.CalibrationDataReader):
    def __init__(self) -> None:
      self.batches = iter(np.array_split(calibration, len(calibration)))

    def get_next(self):
      batch = next(self.batches, None)
      return None if batch is None else {INPUT: batch}

  with tempfile.TemporaryDirectory() as folder, _quiet():
    source = pathlib.Path(folder) / 'float.onnx'
    target = pathlib.Path(folder) / 'int8.onnx'
    onnx.save(model, source)
    quantization.quantize_static(
      source,
      target,
      Reader(),
      quant_format=quantization.QuantFormat.QDQ,
      activation_type=quantization.QuantType.QInt8,
      weight_type=quantization.QuantType.QInt8,
      per_channel=True,
      nodes_to_quantize=nodes,
    )
    return onnx.load(target)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
  """Without the advice that onnxruntime's tools log."""
  level = logging.root.level
  logging.root.setLevel(logging.ERROR)
  try:
    yield
  finally:
    logging.root.setLevel(level)
