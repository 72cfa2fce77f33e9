"""TensorFlow Lite files, written without TensorFlow.

A file is a flatbuffer of operators and their tables. The package
`ai_edge_litert` brings its schema as well as the interpreter, so
`export_tflite_graph` says what is in it and this file puts it together. The
batch is free.
What a file is for stands in its metadata, as in a safetensors bundle.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from sernet_jax.export import chain
from sernet_jax.export.tflite_graph import VERSIONS, Range, Value, Writer
from sernet_jax.predict.bundle import Bundle
from sernet_jax.predict.sessions import formats
from sernet_jax.predict.sessions.tflite_session import (
  IDENTIFIER,
  INPUT,
  METADATA,
  OUTPUT,
  needed,
)

_SCHEMA_VERSION = 3
_ALIGNMENT = 16  # of a table in the file, as its schema asks


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
  with needed():
    from ai_edge_litert import schema_py_generated as schema

  assert (precision == 'int8') == (ranges is not None)
  writer = Writer(precision == 'fp16', ranges)
  source = writer.tensor((None, bundle.audio.num_samples), name=INPUT)
  result = chain.probabilities(
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
  graph.inputs, graph.outputs = [source.place], [result.place]
  model = schema.ModelT()
  model.version = _SCHEMA_VERSION
  model.description = 'sernet_jax'
  model.subgraphs = [graph]
  model.operatorCodes = [_code(schema, name) for name in writer.codes]
  model.signatureDefs = [_signature(schema, source, result)]
  note = schema.MetadataT()
  note.name = METADATA
  texts = {**metadata, formats.SEAL: formats.UNSEALED}
  note.buffer = writer.buffer(json.dumps(texts).encode())
  model.metadata, model.buffers = [note], writer.buffers
  return formats.sealed(_packed(model))


def _code(schema: Any, name: str) -> Any:
  code = schema.OperatorCodeT()
  code.builtinCode = getattr(schema.BuiltinOperator, name)
  # Readers older than 127 operators look at one byte.
  code.deprecatedBuiltinCode = min(code.builtinCode, 127)
  code.version = VERSIONS.get(name, 1)
  return code


def _signature(schema: Any, source: Value, result: Value) -> Any:
  signature = schema.SignatureDefT()
  signature.signatureKey = 'serving_default'
  for name, value, field in (
    (INPUT, source, 'inputs'),
    (OUTPUT, result, 'outputs'),
  ):
    entry = schema.TensorMapT()
    entry.name, entry.tensorIndex = name, value.place
    setattr(signature, field, [entry])
  return signature


def _packed(model: Any) -> bytes:
  import flatbuffers

  class Builder(flatbuffers.Builder):
    def CreateNumpyVector(self, x):
      # The bytes of a table are floats to its readers.
      wide = _ALIGNMENT if x.dtype == np.uint8 else x.dtype.alignment
      self.StartVector(x.itemsize, x.size, wide)
      self.head: int = self.head - x.nbytes
      self.Bytes[self.Head() : self.Head() + x.nbytes] = x.tobytes()
      self.vectorNumElems = x.size
      return self.EndVector()

  builder = Builder(1 << 20)
  builder.Finish(model.Pack(builder), file_identifier=IDENTIFIER)
  return bytes(builder.Output())
