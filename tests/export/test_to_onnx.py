"""An ONNX file runs wherever ONNX does."""

from __future__ import annotations


def test_operators_are_standard_ones(exported_file):
  content = exported_file('onnx', 'int8').read_bytes()
  import onnx

  graph = onnx.load_from_string(content)
  assert {node.domain for node in graph.graph.node} == {''}
  opsets = {one.domain: one.version for one in graph.opset_import}
  assert opsets[''] == 17
  assert graph.ir_version == 8
