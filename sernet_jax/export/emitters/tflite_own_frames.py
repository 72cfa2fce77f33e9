"""An utterance's own samples as TensorFlow Lite operators.

For networks that look at them alone; see `protocol.Emitter`.
"""

from __future__ import annotations

import numpy as np

from sernet_jax.export.emitters.tflite_graph import Graph, Value
from sernet_jax.predict.plain.protocol import size as size_of


def extent(graph: Graph, x: Value) -> Value:
  """Samples of each row from its first that is not 0 to its last, (batch, 1)."""
  some = _some(graph, x)
  mirrored = graph.operator(
    'REVERSE_V2',
    [some, graph.ints(1)],
    [graph.tensor(x.shape)],
    'ReverseV2Options',
  )
  # length - zeros in front - zeros behind
  first, behind = (
    _cast(graph, _first(graph, values), 'INT32', 'FLOAT32')
    for values in (some, mirrored)
  )
  rest = graph.table(np.full((1, 1), x.shape[1], np.float32))
  for zeros in (first, behind):
    rest = graph.operator(
      'SUB', [rest, zeros], [graph.tensor((None, 1))], 'SubOptions'
    )
  return rest


def from_first(graph: Graph, x: Value) -> Value:
  """Turns each row until its first sample that is not 0 comes first."""
  length = size_of(x.shape, 1)
  scalars = [
    graph.table(np.asarray(value, np.int32)) for value in (0, length, 1)
  ]
  count = graph.operator(
    'RANGE', scalars, [graph.tensor((length,), 'INT32')], 'RangeOptions'
  )
  places = graph.operator(
    'ADD',
    [_first(graph, _some(graph, x)), count],
    [graph.tensor(x.shape, 'INT32')],
    'AddOptions',
  )
  places = graph.operator(
    'FLOOR_MOD',
    [places, graph.table(np.asarray([length], np.int32))],
    [graph.tensor(x.shape, 'INT32')],
    'FloorModOptions',
  )
  graph.versions['GATHER'] = 5  # each row has indices of its own
  return graph.operator(
    'GATHER',
    [x, places],
    [graph.tensor(x.shape)],
    'GatherOptions',
    axis=1,
    batchDims=1,
  )


def _some(graph: Graph, x: Value) -> Value:
  """1 where x is not 0, else 0."""
  zero = graph.table(np.zeros((1, 1), np.float32))
  some = graph.operator(
    'NOT_EQUAL', [x, zero], [graph.tensor(x.shape, 'BOOL')], 'NotEqualOptions'
  )
  return _cast(graph, some, 'BOOL', 'FLOAT32')


def _cast(graph: Graph, x: Value, before: str, after: str) -> Value:
  types = graph.schema.TensorType
  return graph.operator(
    'CAST',
    [x],
    [graph.tensor(x.shape, after)],
    'CastOptions',
    inDataType=getattr(types, before),
    outDataType=getattr(types, after),
  )


def _first(graph: Graph, x: Value) -> Value:
  """Index of the first greatest value of each row, int32 (batch, 1)."""
  index = graph.operator(
    'ARG_MAX',
    [x, graph.table(np.asarray(1, np.int32))],
    [graph.tensor((None,), 'INT32')],
    'ArgMaxOptions',
    outputType=graph.schema.TensorType.INT32,
  )
  return graph.operator(
    'RESHAPE',
    [index, graph.ints(-1, 1)],
    [graph.tensor((None, 1), 'INT32')],
    'ReshapeOptions',
    newShape=[-1, 1],
  )
