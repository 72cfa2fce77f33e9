"""TensorFlow Lite files, written without TensorFlow.

A file is a flatbuffer of operators and their tables.
`emitters.tflite_emitter` collects what is in it and this module puts it
together. The batch is free. The metadata of the model is in the file's
metadata, as in the header of a safetensors bundle, and once more where
TensorFlow's own tools look: a table named TFLITE_METADATA and labels.txt in a
ZIP archive behind the flatbuffer.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sernet_jax.export.emitters.int8 import Range
from sernet_jax.export.emitters.tflite_emitter import Writer
from sernet_jax.export.emitters.tflite_graph import Graph, Value
from sernet_jax.predict.bundle import Bundle
from sernet_jax.predict.plain import chain
from sernet_jax.predict.sessions import formats
from sernet_jax.predict.sessions.tflite_session import (
  IDENTIFIER,
  INPUT,
  METADATA,
  OUTPUT,
  needed,
)

_SCHEMA_VERSION = 3
# What TensorFlow's own tools look for.
_TOOLS, _LABELS = 'TFLITE_METADATA', 'labels.txt'
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
    bundle.light_sernet,
    bundle.folded,
  )
  return assemble(
    content,
    {INPUT: source},
    {OUTPUT: result},
    metadata,
    for_tools=_for_tools(bundle),
    labels=bundle.classes,
  )


def assemble(
  content: Graph,
  inputs: Mapping[str, Value],
  outputs: Mapping[str, Value],
  metadata: Mapping[str, str],
  for_tools: bytes = b'',
  labels: Sequence[str] = (),
  others: Mapping[str, bytes] | None = None,
) -> bytes:
  """Makes a sealed file of a graph.

  Args:
    content: the graph.
    inputs: of the graph, by name.
    outputs: of the graph, by name.
    metadata: stored in the file, text by name.
    for_tools: from `_for_tools`; b'' for a file without it.
    labels: of the output, for the same tools.
    others: further entries of the file's metadata.
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
  texts = {**metadata, formats.SEAL: formats.UNSEALED}
  notes = {METADATA: json.dumps(texts).encode(), **(others or {})}
  if for_tools:
    notes[_TOOLS] = for_tools
  model.metadata = [_note(content, *item) for item in notes.items()]
  model.buffers = content.buffers
  packed = _packed(model)
  return formats.sealed(_with_labels(packed, labels) if labels else packed)


def _note(content: Graph, name: str, data: bytes) -> Any:
  """An entry of the file's metadata."""
  note = content.schema.MetadataT()
  note.name, note.buffer = name, content.buffer(data)
  return note


def _with_labels(packed: bytes, labels: Sequence[str]) -> bytes:
  """Adds an archive with the labels, one a line, behind a flatbuffer."""
  file = io.BytesIO(packed)
  with zipfile.ZipFile(file, 'a') as archive:  # its offsets count from there
    archive.writestr(zipfile.ZipInfo(_LABELS), '\n'.join(labels) + '\n')
  return file.getvalue()


def _for_tools(bundle: Bundle) -> bytes:
  """Metadata that TensorFlow's tools read, by metadata_schema.fbs 1.3.

  Its generated classes come with packages of hundreds of megabytes alone, so
  the few tables are written here, each field by its number in the schema.
  """
  import flatbuffers

  builder = flatbuffers.Builder(1024)

  def table(
    size: int, entries: Mapping[int, int | str], *numbers: tuple[str, int, int]
  ) -> int:
    """Adds a table of `size` fields, given by number, and returns its place."""
    places = {
      slot: builder.CreateString(entry) if isinstance(entry, str) else entry
      for slot, entry in entries.items()
    }
    builder.StartObject(size)
    for slot, place in places.items():
      builder.PrependUOffsetTRelativeSlot(slot, place, 0)
    for kind, slot, number in numbers:
      getattr(builder, f'Prepend{kind}Slot')(slot, number, 0)
    return builder.EndObject()

  def only(entry: int) -> int:
    """Adds a vector of one table."""
    builder.StartVector(4, 1, 4)
    builder.PrependUOffsetTRelative(entry)
    return builder.EndVector()

  audio = bundle.audio
  sound = table(2, {}, ('Uint32', 0, audio.sample_rate_hz), ('Uint32', 1, 1))
  content = table(3, {1: sound}, ('Uint8', 0, 4))  # AudioProperties
  heard = f'One channel, any amplitude, {audio.duration_s:g} s.'
  source = table(7, {0: INPUT, 1: heard, 3: content})
  # TENSOR_AXIS_LABELS
  labels = table(5, {0: _LABELS, 1: 'Names of the classes.'}, ('Uint8', 2, 2))
  result = table(7, {0: OUTPUT, 6: only(labels)})
  graph = table(7, {2: only(source), 3: only(result)})
  texts = {0: bundle.about.get('name', 'model'), 7: '1.3.0'}
  if bundle.about.get('license'):
    texts[5] = bundle.about['license']
  builder.Finish(table(8, {**texts, 3: only(graph)}), b'M001')
  return bytes(builder.Output())


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
