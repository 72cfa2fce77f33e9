#!/usr/bin/env bash
# A model of quantize_dynamic answers otherwise when a loud recording is beside.
#
# Versions: onnxruntime 1.32.0, onnx 1.23.2, numpy 2.4.6, Python 3.11, x86-64
# with VNNI.
# Date: 2026-11-29.
#
# Two dense layers with ReLU and softmax, four classes, go through
# quantize_dynamic. Eight inputs are asked one by one, together, and together
# with a ninth that is 100 times larger.
#
# Expected: rows of a batch do not know of each other; with 8 bits an answer is
# off by little, but always by the same.
# Seen: the scale of the 8 bits is that of the largest value in the batch, so an
# answer depends on who else is asked; beside a loud one little is left of it.
# Largest change of a probability against asking one by one:
#   float32: 0.0000 together, 0.0000 beside a loud one
#   quantized: 0.0040 together, 0.2008 beside a loud one
#   float32 to quantized, one by one: 0.0055
# What to do: ask one by one, or sort by level, or quantize with scales that
# were measured before (quantize_static); test an int8 model at the batch size
# of its use, and repeat no figure of another batch size.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet \
  onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON' 2> log || { cat log >&2; exit 1; }
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import quantize_dynamic

random = np.random.default_rng(0)
tables = {
  'first': np.float32(random.normal(size=(40, 64)) / 6),
  'second': np.float32(random.normal(size=(64, 4)) / 8),
}
graph = helper.make_graph(
  [
    helper.make_node('MatMul', ['x', 'first'], ['a']),
    helper.make_node('Relu', ['a'], ['b']),
    helper.make_node('MatMul', ['b', 'second'], ['c']),
    helper.make_node('Softmax', ['c'], ['y']),
  ],
  'classes',
  [helper.make_tensor_value_info('x', TensorProto.FLOAT, ['n', 40])],
  [helper.make_tensor_value_info('y', TensorProto.FLOAT, ['n', 4])],
  [numpy_helper.from_array(v, k) for k, v in tables.items()],
)
model = helper.make_model(
  graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=9
)
onnx.checker.check_model(model, full_check=True)
onnx.save(model, 'float32.onnx')
quantize_dynamic('float32.onnx', 'quantized.onnx')

x = np.float32(random.normal(size=(8, 40)))
loud = np.float32(100 * random.normal(size=(1, 40)))
alone = {}
for name in ('float32', 'quantized'):
  session = onnxruntime.InferenceSession(
    f'{name}.onnx', providers=['CPUExecutionProvider']
  )

  def ask(rows):
    return session.run(None, {'x': rows})[0]

  alone[name] = np.concatenate([ask(row[None]) for row in x])
  together = np.abs(ask(x) - alone[name]).max()
  beside = np.abs(ask(np.concatenate([x, loud]))[:8] - alone[name]).max()
  print(f'{name}: {together:.4f} together, {beside:.4f} beside a loud one')
  if name == 'float32':
    assert max(together, beside) < 1e-5
  else:
    assert together > 1e-3 and beside > 0.05
both = np.abs(alone['float32'] - alone['quantized']).max()
print(f'float32 to quantized, one by one: {both:.4f}')
assert both < 0.1
print('as described')
PYTHON
