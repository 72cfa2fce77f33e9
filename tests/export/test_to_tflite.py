"""A TensorFlow Lite file runs wherever TensorFlow Lite does."""

from __future__ import annotations

import zipfile

from exportable import AUDIO, CLASSES


def test_operators_are_standard_ones(exported_file):
  content = exported_file('tflite', 'int8').read_bytes()
  from ai_edge_litert import schema_py_generated as schema

  file = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
  custom = schema.BuiltinOperator.CUSTOM
  assert all(code.builtinCode != custom for code in file.operatorCodes)
  assert all(code.customCode is None for code in file.operatorCodes)


def test_class_names_lie_where_tensorflow_tools_look(exported_file):
  """By the field numbers of metadata_schema.fbs."""
  path = exported_file('tflite', 'fp32')
  assert zipfile.ZipFile(path).read('labels.txt').decode().split() == [*CLASSES]
  from ai_edge_litert import schema_py_generated as schema
  from flatbuffers import encode, number_types, table

  content = path.read_bytes()
  file = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
  (note,) = [one for one in file.metadata if one.name == b'TFLITE_METADATA']
  data = bytes(file.buffers[note.buffer].data)
  assert data[4:8] == b'M001'

  def entry(place, slot):
    """Place of a field, behind its offset."""
    one = table.Table(data, place)
    return one.Indirect(place + one.Offset(4 + 2 * slot))

  def first(place, slot):
    """The first table of a vector."""
    one = table.Table(data, place)
    return one.Indirect(one.Vector(one.Offset(4 + 2 * slot)))

  def text(place, slot):
    one = table.Table(data, place)
    return one.String(place + one.Offset(4 + 2 * slot))

  def number(place, slot, flags):
    one = table.Table(data, place)
    return one.GetSlot(4 + 2 * slot, 0, flags)

  root = encode.Get(number_types.UOffsetTFlags.packer_type, data, 0)
  graph = first(root, 3)
  source, result = first(graph, 2), first(graph, 3)
  assert (text(source, 0), text(result, 0)) == (b'waveform', b'probabilities')
  sound = entry(entry(source, 3), 1)
  assert number(sound, 0, number_types.Uint32Flags) == AUDIO.sample_rate_hz
  labels = first(result, 6)
  assert text(labels, 0) == b'labels.txt'
  assert number(labels, 2, number_types.Int8Flags) == 2
