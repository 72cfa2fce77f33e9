#!/usr/bin/env bash
# A NaN that max pooling keeps in JAX vanishes in the exported file.
#
# Versions: jax 0.10.2, jaxlib 0.10.2, flax 0.12.8, onnxruntime 1.32.0, onnx
# 1.23.2, ai-edge-litert 2.3.0, numpy 2.4.6, flatbuffers 25.12.19, Python 3.11,
# x86-64.
# Date: 2026-11-29.
#
# A NaN, as from the logarithm of a negative band or from 0 / 0 in a silent
# recording, is in the first, third or last of four values under max pooling.
#
# Expected: NaN, as in JAX and NumPy, so that a guard at the end of the network
# finds it; or the largest of the others, if NaN counts as missing.
# Seen: the runtimes compare, and a comparison with NaN is false. So it goes
# without a trace, and once it becomes minus infinity:
#   windows: 8 7 nan 5 | nan 7 6 5 | 8 7 6 nan | 8 7 6 5
#   flax: nan nan nan 8
#   onnxruntime: 8 7 8 8
#   LiteRT: 8 -inf 8 8
#   LiteRT, reference kernels: 8 7 8 8
# What to do: look for NaN in what goes into an exported network, not in what
# comes out, and do not take a finite answer for a sign of a sound front end.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet jax==0.10.2 jaxlib==0.10.2 \
  flax==0.12.8 onnxruntime==1.32.0 onnx==1.23.2 ai-edge-litert==2.3.0 \
  numpy==2.4.6 flatbuffers==25.12.19
cd "$folder"
export JAX_PLATFORMS=cpu
"$folder/venv/bin/python" - <<'PYTHON' 2> log || { cat log >&2; exit 1; }
import flatbuffers
import numpy as np
import onnx
import onnxruntime
from ai_edge_litert import schema_py_generated as s
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from flax import linen
from onnx import TensorProto, helper

NAN = float('nan')
SIZE = 4
WINDOWS = np.float32(
  [[8, 7, NAN, 5], [NAN, 7, 6, 5], [8, 7, 6, NAN], [8, 7, 6, 5]]
)


def flax():
  values = WINDOWS.reshape(1, -1, 1)
  return linen.max_pool(values, (SIZE,), (SIZE,))


def ort():
  shapes = {'x': [1, 1, WINDOWS.size], 'y': [1, 1, len(WINDOWS)]}
  x, y = (
    helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
    for name, shape in shapes.items()
  )
  node = helper.make_node(
    'MaxPool', ['x'], ['y'], kernel_shape=[SIZE], strides=[SIZE]
  )
  model = helper.make_model(
    helper.make_graph([node], 'pool', [x], [y]),
    opset_imports=[helper.make_opsetid('', 17)],
    ir_version=9,
  )
  onnx.checker.check_model(model, full_check=True)
  session = onnxruntime.InferenceSession(
    model.SerializeToString(), providers=['CPUExecutionProvider']
  )
  return session.run(None, {'x': WINDOWS.reshape(shapes['x'])})[0]


def tensor(places):
  tensor = s.TensorT()
  tensor.name, tensor.type, tensor.buffer = b'', s.TensorType.FLOAT32, 0
  tensor.shape = [1, 1, places, 1]
  return tensor


def tflite():
  options, operator, code = s.Pool2DOptionsT(), s.OperatorT(), s.OperatorCodeT()
  options.padding = s.Padding.VALID
  options.strideH, options.filterHeight = 1, 1
  options.strideW, options.filterWidth = SIZE, SIZE
  operator.inputs, operator.outputs = [0], [1]
  operator.builtinOptions = options
  operator.builtinOptionsType = s.BuiltinOptions.Pool2DOptions
  code.builtinCode = code.deprecatedBuiltinCode = s.BuiltinOperator.MAX_POOL_2D
  graph, model = s.SubGraphT(), s.ModelT()
  graph.tensors = [tensor(WINDOWS.size), tensor(len(WINDOWS))]
  graph.operators, graph.inputs, graph.outputs = [operator], [0], [1]
  code.version, model.version, model.description = 1, 3, b''
  model.operatorCodes, model.subgraphs = [code], [graph]
  model.buffers = [s.BufferT()]
  builder = flatbuffers.Builder(0)
  builder.Finish(model.Pack(builder), b'TFL3')
  return bytes(builder.Output())


def litert(kernels=OpResolverType.AUTO):
  interpreter = Interpreter(
    model_content=tflite(), experimental_op_resolver_type=kernels
  )
  interpreter.allocate_tensors()
  (source,), (target,) = (
    interpreter.get_input_details(),
    interpreter.get_output_details(),
  )
  interpreter.set_tensor(source['index'], WINDOWS.reshape(source['shape']))
  interpreter.invoke()
  return interpreter.get_tensor(target['index'])


def text(values):
  return ' '.join(f'{value:g}' for value in np.ravel(values))


print('windows:', ' | '.join(text(window) for window in WINDOWS))
for name, run, expected in (
  ('flax', flax, 'nan nan nan 8'),
  ('onnxruntime', ort, '8 7 8 8'),
  ('LiteRT', litert, '8 -inf 8 8'),
  (
    'LiteRT, reference kernels',
    lambda: litert(OpResolverType.BUILTIN_REF),
    '8 7 8 8',
  ),
):
  found = text(run())
  print(f'{name}: {found}')
  assert found == expected, name
print('as described')
PYTHON
