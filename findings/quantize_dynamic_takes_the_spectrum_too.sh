#!/usr/bin/env bash
# onnxruntime's quantize_dynamic puts an FFT written as a product in 8 bits.
#
# Versions: onnxruntime 1.32.0, onnx 1.23.2, numpy 2.4.6, Python 3.11, x86-64
# with VNNI.
# Date: 2026-11-29.
#
# Models that hear a waveform often hold their spectrum as products with tables
# of cosines and sines, as every runtime has those. Such a model, without any
# weight that was learnt, goes through quantize_dynamic with its defaults. It
# hears three tones of 0, -40 and -60 dB.
#
# Expected: nothing happens, or little: the function is known for weights that
# lose a percent of accuracy.
# Seen: tables and sound are rounded to 8 bits each, and what was silence
# between the tones stands 69 dB below the loudest instead of 134 (46 in an
# earlier run with the same versions, whose processor was not noted):
#   float32: tones at 0.0, -40.0, -60.0 dB, silence at -134 dB
#   quantized: tones at 0.0, -39.7, -66.4 dB, silence at -69 dB
# A logarithm behind it, as in log-mel bands and MFCC, makes that a large part of
# what the network sees.
# What to do: name the operators or nodes to quantize (op_types_to_quantize,
# nodes_to_exclude), so that the products of a front end stay float.
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

SIZE, BINS = 512, 257
TONES = {20: 1.0, 150: 1e-2, 220: 1e-3}  # bin of the spectrum -> amplitude
time = np.arange(SIZE)
turns = 2 * np.pi * np.outer(time, np.arange(BINS)) / SIZE
tables = {'cosines': np.cos(turns), 'sines': np.sin(turns)}
nodes = []
for name in tables:
  nodes.append(helper.make_node('MatMul', ['x', name], [f'of_{name}']))
  nodes.append(helper.make_node('Mul', [f'of_{name}'] * 2, [f'{name}_squared']))
nodes.append(
  helper.make_node('Add', ['cosines_squared', 'sines_squared'], ['power'])
)
graph = helper.make_graph(
  nodes,
  'spectrum',
  [helper.make_tensor_value_info('x', TensorProto.FLOAT, ['n', SIZE])],
  [helper.make_tensor_value_info('power', TensorProto.FLOAT, ['n', BINS])],
  [numpy_helper.from_array(np.float32(v), k) for k, v in tables.items()],
)
model = helper.make_model(
  graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=9
)
onnx.checker.check_model(model)
onnx.save(model, 'float32.onnx')
quantize_dynamic('float32.onnx', 'quantized.onnx')

tones = sum(a * np.sin(2 * np.pi * k * time / SIZE) for k, a in TONES.items())
x = np.float32(0.5 * np.hanning(SIZE) * tones)[None]
silence_db = {}
for name in ('float32', 'quantized'):
  session = onnxruntime.InferenceSession(
    f'{name}.onnx', providers=['CPUExecutionProvider']
  )
  power = session.run(None, {'x': x})[0][0]
  level_db = 10 * np.log10(power / power.max() + 1e-20)
  silence_db[name] = np.median(level_db[60:140])
  heard = ', '.join(f'{level_db[k]:.1f}' for k in TONES)
  print(f'{name}: tones at {heard} dB, silence at {silence_db[name]:.0f} dB')
assert silence_db['float32'] < -120
assert silence_db['quantized'] > -90
print('as described')
PYTHON
