"""TensorFlow Lite files, written without TensorFlow.

A file is a flatbuffer of operators and their tables.
`emitters.tflite_emitter` collects what is in it and this module puts it
together. The batch is free. The metadata of the model is in the file's
metadata, as in the header of a safetensors bundle.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from sernet_jax.export import chain
from sernet_jax.export.emitters.int8 import Range
from sernet_jax.export.emitters.tflite_emitter import Writer
from sernet_jax.export.emitters.tflite_graph import Graph, Value
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
  """Returns the content of a TensorFlow Lite file.

  Args:
    bundle: what to write.
    precision: 'fp32'; 'fp16' stores the network's kernels in fp16 and
      computes in float32; 'int8' computes the blocks in 8 bits.
    metadata: stored in the file, text by name.
    ranges: for 'int8', from `eager.Eager`.

  Raises:
    InputError: if ai-edge-litert is not installed.
  """
  with needed():
    writer = Writer(precision == 'fp16', ranges)

  assert (precision == 'int8') == (ranges is not None)
  content = writer.graph
  source = content.tensor((None, bundle.audio.num_samples), name=INPUT)
  result = chain.probabilities(
    writer,
    source,
    bundle.audio,
    bundle.feature_kind,
    bundle.mfcc,
    bundle.model,
    bundle.folded,
  )
  return assemble(content, {INPUT: source}, {OUTPUT: result}, metadata)


def assemble(
  content: Graph,
  inputs: Mapping[str, Value],
  outputs: Mapping[str, Value],
  metadata: Mapping[str, str],
) -> bytes:
  """Makes a sealed file of a graph.

  Args:
    content: the graph.
    inputs: of the graph, by name.
    outputs: of the graph, by name.
    metadata: stored in the file, text by name.
  """
  schema = content.schema
  graph = schema.SubGraphT()
  graph.name = 'sernet'
  graph.tensors, graph.operators = content.tensors, content.operators
  graph.inputs = [value.tensor for value in inputs.values()]
  graph.outputs = [value.tensor for value in outputs.values()]
  model = schema.ModelT()
  model.version = _SCHEMA_VERSION
  model.description = 'sernet_jax'
  model.subgraphs = [graph]
  model.operatorCodes = [
    _code(schema, name, content.versions.get(name, 1)) for name in content.codes
  ]
  model.signatureDefs = [_signature(schema, inputs, outputs)]
  note = schema.MetadataT()
  note.name = METADATA
  texts = {**metadata, formats.SEAL: formats.UNSEALED}
  note.buffer = content.buffer(json.dumps(texts).encode())
  model.metadata, model.buffers = [note], content.buffers
  return formats.sealed(_packed(model))


def _code(schema: Any, name: str, version: int) -> Any:
  """The entry of an operator in the list of those that the file uses."""
  code = schema.OperatorCodeT()
  code.builtinCode = getattr(schema.BuiltinOperator, name)
  # Readers older than 127 operators look at one byte.
  code.deprecatedBuiltinCode = min(code.builtinCode, 127)
  code.version = version
  return code


def _signature(
  schema: Any, inputs: Mapping[str, Value], outputs: Mapping[str, Value]
) -> Any:
  """Names inputs and outputs for the interpreter's signature runner."""
  signature = schema.SignatureDefT()
  signature.signatureKey = 'serving_default'
  for field, values in (('inputs', inputs), ('outputs', outputs)):
    entries = []
    for name, value in values.items():
      entry = schema.TensorMapT()
      entry.name, entry.tensorIndex = name, value.tensor
      entries.append(entry)
    setattr(signature, field, entries)
  return signature


def _packed(model: Any) -> bytes:
  """Serializes the model with tables aligned as the schema asks.

  `flatbuffers.Builder` (25.12) aligns a vector of bytes to one byte and has
  no option for more, as the C++ builder has with force_align; so the method
  that writes a vector is overridden here. It may go when the generated code
  follows the schema's `force_align`.
  """
  import flatbuffers

  class Builder(flatbuffers.Builder):
    def CreateNumpyVector(self, x: np.ndarray) -> Any:
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
