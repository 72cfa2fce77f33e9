#!/usr/bin/env bash
# An int8 file rounds halves to even in LiteRT, away from 0 in LiteRT Micro.
#
# Versions: ai-edge-litert 2.3.0, tflite-micro 0.dev20261023182759, onnxruntime
# 1.32.0, onnx 1.23.2, numpy 2.4.6, flatbuffers 25.12.19, Python 3.11, x86-64.
# Date: 2026-11-29.
#
# The first operator of an int8 model that takes floats is QUANTIZE. It gets all
# samples of 16 bits between -1 and 1, at a scale of 1/128, so that one of 256
# lies at half a step.
#
# Expected: one file, one answer; at least from the interpreter for computers
# and its own reference kernels, by which others are checked.
# Seen: two roundings for the same operator and file. ONNX, which states halves
# to even, agrees with the one:
#   -2.5 -1.5 -0.5 0.5 1.5 2.5 steps become
#   LiteRT: -2 -2 0 0 2 2
#   LiteRT, reference kernels: -3 -2 -1 1 2 3
#   TensorFlow Lite Micro: -3 -2 -1 1 2 3
#   onnxruntime: -2 -2 0 0 2 2
#   of 65536 samples, 128 differ between LiteRT and Micro
# What to do: compare the bits of a device with those of its own runtime, or
# allow one step; choose a scale that is no power of two where the input is 16
# bits.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet ai-edge-litert==2.3.0 \
  tflite-micro==0.dev20261023182759 onnxruntime==1.32.0 onnx==1.23.2 \
  numpy==2.4.6 flatbuffers==25.12.19
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON' 2> log || { cat log >&2; exit 1; }
import flatbuffers
import numpy as np
import onnx
import onnxruntime
from ai_edge_litert import schema_py_generated as s
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from onnx import TensorProto, helper, numpy_helper
from tflite_micro.python.tflite_micro import runtime

SCALE = 1 / 128


def tensor(count, kind):
  tensor = s.TensorT()
  tensor.name, tensor.shape, tensor.type, tensor.buffer = b'', [count], kind, 0
  return tensor


def tflite(count):
  x, y = tensor(count, s.TensorType.FLOAT32), tensor(count, s.TensorType.INT8)
  y.quantization = s.QuantizationParametersT()
  y.quantization.scale, y.quantization.zeroPoint = [SCALE], [0]
  operator, code = s.OperatorT(), s.OperatorCodeT()
  operator.inputs, operator.outputs = [0], [1]
  code.builtinCode = code.deprecatedBuiltinCode = s.BuiltinOperator.QUANTIZE
  graph, model = s.SubGraphT(), s.ModelT()
  graph.tensors, graph.operators = [x, y], [operator]
  graph.inputs, graph.outputs = [0], [1]
  code.version, model.version, model.description = 1, 3, b''
  model.operatorCodes, model.subgraphs = [code], [graph]
  model.buffers = [s.BufferT()]
  builder = flatbuffers.Builder(0)
  builder.Finish(model.Pack(builder), b'TFL3')
  return bytes(builder.Output())


def litert(x, kernels=OpResolverType.AUTO):
  interpreter = Interpreter(
    model_content=tflite(len(x)), experimental_op_resolver_type=kernels
  )
  interpreter.allocate_tensors()
  interpreter.set_tensor(interpreter.get_input_details()[0]['index'], x)
  interpreter.invoke()
  return interpreter.get_tensor(interpreter.get_output_details()[0]['index'])


def reference(x):
  return litert(x, OpResolverType.BUILTIN_REF)


def micro(x):
  interpreter = runtime.Interpreter.from_bytes(
    tflite(len(x)), arena_size=1_000_000
  )
  interpreter.set_input(x, 0)
  interpreter.invoke()
  return interpreter.get_output(0)


def ort(x):
  tables = {'scale': np.float32(SCALE), 'zero': np.int8(0)}
  graph = helper.make_graph(
    [helper.make_node('QuantizeLinear', ['x', *tables], ['y'])],
    'steps',
    [helper.make_tensor_value_info('x', TensorProto.FLOAT, [len(x)])],
    [helper.make_tensor_value_info('y', TensorProto.INT8, [len(x)])],
    [numpy_helper.from_array(np.array(v), k) for k, v in tables.items()],
  )
  model = helper.make_model(
    graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=9
  )
  onnx.checker.check_model(model, full_check=True)
  session = onnxruntime.InferenceSession(
    model.SerializeToString(), providers=['CPUExecutionProvider']
  )
  return session.run(None, {'x': x})[0]


halves = np.float32([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5])
print(*halves, 'steps become')
even, away = [-2, -2, 0, 0, 2, 2], [-3, -2, -1, 1, 2, 3]
for name, run, expected in (
  ('LiteRT', litert, even),
  ('LiteRT, reference kernels', reference, away),
  ('TensorFlow Lite Micro', micro, away),
  ('onnxruntime', ort, even),
):
  found = run(halves * np.float32(SCALE)).tolist()
  print(f'{name}:', *found)
  assert found == expected, name
samples = np.float32(np.arange(-32768, 32768) / 32768)
changed = np.count_nonzero(litert(samples) != micro(samples))
print(f'of {len(samples)} samples, {changed} differ between LiteRT and Micro')
assert changed == 128
print('as described')
PYTHON
