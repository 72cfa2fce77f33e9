"""The network as operators that TensorFlow Lite Micro has, in int8.

An average pool cannot change its scale, and three paths that are concatenated
have one, so a convolution writes the scale of the map that it is pooled to:
finer than its own, and the few cells above are clipped. The deviation of
`model.pooling=statistics` needs a root, which the operators have in float32
alone, so the last map is pooled and judged in that; input and output stay int8.
"""

# The operations are described once, in `protocol.Emitter`.
# ruff: noqa: D102

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from sernet_jax.export.emitters import int8
from sernet_jax.export.emitters.tflite_graph import Graph, Value
from sernet_jax.nn.spec import LEAST_VARIANCE, OF_MAPS, Layer, ModelSpec
from sernet_jax.predict.plain.own_frames import OwnFrames
from sernet_jax.predict.plain.protocol import Shape, size as size_of

_RELU = 1  # ActivationFunctionType
# Versions that have int8.
_VERSIONS = {
  'CONV_2D': 3,
  'AVERAGE_POOL_2D': 2,
  'CONCATENATION': 2,
  'MEAN': 2,
  'FULLY_CONNECTED': 4,
  'SOFTMAX': 2,
  'DEQUANTIZE': 2,
}
SOFTMAX_SCALE = (1 / 256, -128)  # the only one that the operator has


class AllFrames(OwnFrames):
  """`OwnFrames` of sound that fills the segment: every frame is its own.

  Args:
    out: writes the operators.
  """

  def __init__(self, out: Writer) -> None:
    self._writer = out

  def clear(self, x: Value) -> Value:
    return x

  def pool(self, name: str, x: Value, window: tuple[int, int] | None) -> Value:
    if window == (1, 1):
      return x
    if window is None:
      return self._writer.mean_map(name, x)
    return self._writer.pool(name, x, window)

  def step(self, window: tuple[int, int] | None) -> None:
    pass

  def over_map(
    self,
    x: Value,
    model: ModelSpec,
    score: Mapping[str, np.ndarray] | None,
  ) -> Value:
    assert score is None
    return self._writer.statistics(x) if model.pooling in OF_MAPS else x


class Writer:
  """A `protocol.NetworkEmitter` in 8 bits.

  Maps are (1, frames, coefficients, channels).

  Attributes:
    graph: what is written.
  """

  def __init__(
    self, model: ModelSpec, ranges: Mapping[str, int8.Range]
  ) -> None:
    self.graph = Graph(_VERSIONS)
    blocks = model.layers('block')
    readers = [*(f'{layer.name}_input' for layer in blocks), '']
    # The first block reads all paths, every block but the last one's is read.
    self._scales = {
      **{
        layer.name: int8.scale(ranges[readers[0]])
        for layer in model.layers('path')
      },
      **{
        layer.name: int8.scale(ranges[reader or layer.name])
        for layer, reader in zip(blocks, readers[1:], strict=True)
      },
    }
    (dense,) = model.layers('dense')
    self._mean = int8.scale(ranges[f'{dense.name}_input'])
    self._logits = int8.scale(ranges[dense.name])
    self._of: dict[int, int8.Scale] = {}

  def tensor(self, shape: Shape, scale: int8.Scale, name: str = '') -> Value:
    """An int8 tensor of one scale."""
    value = self.graph.tensor(shape, 'INT8', scale, name)
    self._of[value.tensor] = scale
    return value

  def image(self, x: Value) -> Value:
    return x  # already (1, frames, coefficients, 1)

  def conv_relu(
    self, layer: Layer, x: Value, kernel: np.ndarray, bias: np.ndarray
  ) -> Value:
    # (h, w, in, out) -> (out, h, w, in)
    weights, offset = self._kernel(
      layer.name, x, kernel.transpose(3, 0, 1, 2), bias
    )
    scale = self._scales[layer.name]
    output = self.tensor((*x.shape[:-1], layer.outputs), scale, layer.name)
    return self.graph.operator(
      'CONV_2D',
      [x, weights, offset],
      [output],
      'Conv2DOptions',
      padding=self.graph.schema.Padding.SAME,
      strideH=1,
      strideW=1,
      fusedActivationFunction=_RELU,
    )

  def _kernel(
    self,
    name: str,
    x: Value,
    kernel: np.ndarray,
    bias: np.ndarray,
    one_scale: bool = False,
  ) -> tuple[Value, Value]:
    """Tables of a kernel (out, ...) and bias for an input."""
    step, _ = self._of[x.tensor]
    whole = int8.kernel(kernel, bias, step, one_scale)
    tables = []
    for part, values, scales in (
      ('kernel', whole.weights, whole.scales),
      ('bias', whole.bias, whole.sum_scales),
    ):
      table = self.graph.table(values, f'{name}_{part}')
      scales = scales[:1] if one_scale else scales
      self.graph.quantize(table, scales.tolist(), [0] * len(scales))
      tables.append(table)
    return tables[0], tables[1]

  def pool(self, name: str, x: Value, size: tuple[int, int]) -> Value:
    tall, wide = size
    height, width = size_of(x.shape, 1), size_of(x.shape, 2)
    shape = (1, -(-height // tall), -(-width // wide), size_of(x.shape, 3))
    return self.graph.operator(
      'AVERAGE_POOL_2D',
      [x],
      [self.tensor(shape, self._of[x.tensor], name)],
      'Pool2DOptions',
      padding=self.graph.schema.Padding.SAME,
      strideH=tall,
      strideW=wide,
      filterHeight=tall,
      filterWidth=wide,
    )

  def join(self, name: str, maps: list[Value]) -> Value:
    if len(maps) == 1:
      return maps[0]
    channels = sum(size_of(part.shape, 3) for part in maps)
    # The operator copies bytes: parts of unlike scales would be other numbers.
    (scale,) = {self._of[part.tensor] for part in maps}
    output = self.tensor((*maps[0].shape[:-1], channels), scale, name)
    return self.graph.operator(
      'CONCATENATION', maps, [output], 'ConcatenationOptions', axis=3
    )

  def mean_map(self, name: str, x: Value) -> Value:
    output = self.tensor((1, size_of(x.shape, 3)), self._mean, name)
    return self.graph.operator(
      'MEAN',
      [x, self.graph.ints(1, 2)],
      [output],
      'ReducerOptions',
      keepDims=False,
    )

  def statistics(self, x: Value) -> Value:
    """Mean and deviation of a map (1, t, f, c), in float32: (1, 2 c)."""
    channels = size_of(x.shape, 3)
    one = (1, 1, 1, channels)

    def over_cells(values: Value, name: str) -> Value:
      return self.graph.operator(
        'MEAN',
        [values, self.graph.ints(1, 2)],
        [self.graph.tensor(one, name=name)],
        'ReducerOptions',
        keepDims=True,
      )

    values = self.graph.operator(
      'DEQUANTIZE', [x], [self.graph.tensor(x.shape)], 'DequantizeOptions'
    )
    mean = over_cells(values, 'mean')
    off = self.graph.operator(
      'SQUARED_DIFFERENCE',
      [values, mean],
      [self.graph.tensor(x.shape)],
      'SquaredDifferenceOptions',
    )
    variance = self.graph.operator(
      'ADD',
      [
        over_cells(off, 'variance'),
        self.graph.table(np.full(one, LEAST_VARIANCE, np.float32)),
      ],
      [self.graph.tensor(one)],
      'AddOptions',
    )
    deviation = self.graph.operator(
      'SQRT', [variance], [self.graph.tensor(one, name='deviation')]
    )
    return self.graph.operator(
      'CONCATENATION',
      [mean, deviation],
      [self.graph.tensor((1, 1, 1, 2 * channels), name='statistics')],
      'ConcatenationOptions',
      axis=3,
    )

  def _float_dense(
    self, name: str, x: Value, kernel: np.ndarray, bias: np.ndarray
  ) -> Value:
    """Logits of what is float32."""
    weights = np.ascontiguousarray(kernel.T, np.float32)
    return self.graph.operator(
      'FULLY_CONNECTED',
      [
        x,
        self.graph.table(weights, f'{name}_kernel'),
        self.graph.table(np.asarray(bias, np.float32), f'{name}_bias'),
      ],
      [self.graph.tensor((1, len(bias)), name=name)],
      'FullyConnectedOptions',
      keepNumDims=False,
    )

  def dense(
    self, name: str, x: Value, kernel: np.ndarray, bias: np.ndarray
  ) -> Value:
    if x.tensor not in self._of:
      return self._float_dense(name, x, kernel, bias)
    # (in, out) -> (out, in); one scale, as kernels of older chips need it
    weights, offset = self._kernel(
      name, x, np.ascontiguousarray(kernel.T), bias, one_scale=True
    )
    output = self.tensor((1, len(bias)), self._logits, name)
    return self.graph.operator(
      'FULLY_CONNECTED',
      [x, weights, offset],
      [output],
      'FullyConnectedOptions',
      keepNumDims=False,
    )

  def softmax(self, x: Value) -> Value:
    shape = (1, size_of(x.shape, 1))
    output = self.tensor(shape, SOFTMAX_SCALE, 'probabilities')
    if x.tensor in self._of:
      return self.graph.operator(
        'SOFTMAX', [x], [output], 'SoftmaxOptions', beta=1.0
      )
    shares = self.graph.operator(
      'SOFTMAX', [x], [self.graph.tensor(shape)], 'SoftmaxOptions', beta=1.0
    )
    return self.graph.operator(
      'QUANTIZE', [shares], [output], 'QuantizeOptions'
    )
