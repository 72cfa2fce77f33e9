"""A TensorFlow Lite file runs wherever TensorFlow Lite does."""

from __future__ import annotations


def test_operators_are_standard_ones(exported_file):
  content = exported_file('tflite', 'int8').read_bytes()
  from ai_edge_litert import schema_py_generated as schema

  file = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
  custom = schema.BuiltinOperator.CUSTOM
  assert all(code.builtinCode != custom for code in file.operatorCodes)
  assert all(code.customCode is None for code in file.operatorCodes)
