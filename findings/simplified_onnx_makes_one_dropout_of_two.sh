#!/usr/bin/env bash
# Simplifiers of ONNX make one dropout of two, so that a model is always sure.
#
# Versions: onnxslim 0.1.98, onnxsim 0.8.1, onnxoptimizer 0.4.2, onnxscript
# 0.7.2, onnxruntime 1.32.0, onnx 1.23.2, numpy 2.4.6, Python 3.11, CPU.
# Date: 2026-11-30.
#
# A model answers twice with its dropout left on (Monte Carlo dropout: how far
# the answers lie apart says how unsure it is), or hears a recording under two
# noises. It goes through tools that promise a smaller file of the same function.
#
# Expected: two draws. Of a node that draws without the attribute `seed`, ONNX
# says that a seed is generated for it, so that two of them differ.
# Seen: two such nodes with equal inputs count as one expression and draw once,
# so both answers are one. onnxslim takes dropout out although training_mode is
# true, and writes what RandomNormal drew into the file, the same for ever. Of
# Bernoulli, onnxruntime itself makes one while loading. Draws that are left of
# two of Dropout, RandomNormalLike, RandomNormal and Bernoulli:
#   as it is: 2 2 2 1
#   onnxslim: 0 1 0 1
#   onnxsim: 1 1 1 1
#   onnxoptimizer: 1 1 1 1
#   onnxscript: 1 2 2 1
# What to do: let the noise be an input, or give the nodes seeds that differ (not
# with onnxslim, which keeps neither Dropout nor RandomNormal); compare draws, not
# means, before and after.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet onnxslim==0.1.98 onnxsim==0.8.1 \
  onnxoptimizer==0.4.2 onnxscript==0.7.2 onnxruntime==1.32.0 onnx==1.23.2 \
  numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON' 2> log | tee seen || { cat log >&2; exit 1; }
import numpy as np
import onnx
import onnxoptimizer
import onnxruntime
import onnxscript.optimizer
import onnxsim
import onnxslim
from onnx import TensorProto, helper, numpy_helper


def model(operator, inputs=('x',), **attributes):
  """A model that multiplies x by one draw for `p` and by another for `q`."""
  nodes = []
  for name in 'pq':
    drawn = f'drawn_{name}'
    nodes += [
      helper.make_node(operator, inputs, [drawn], **attributes),
      helper.make_node('Mul', ['x', drawn], [name]),
    ]
  x, *outputs = (
    helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 1000])
    for name in 'xpq'
  )
  constants = [
    numpy_helper.from_array(np.float32(0.5), 'ratio'),
    numpy_helper.from_array(np.array(True), 'training_mode'),
  ]
  graph = helper.make_graph(
    nodes, 'twice', [x], outputs, [c for c in constants if c.name in inputs]
  )
  made = helper.make_model(
    graph, ir_version=8, opset_imports=[helper.make_opsetid('', 17)]
  )
  onnx.checker.check_model(made, full_check=True)
  return made


def draws(made):
  session = onnxruntime.InferenceSession(made.SerializeToString())
  sound = {'x': np.full((1, 1000), 0.5, np.float32)}
  (p, q), (later, _) = session.run(None, sound), session.run(None, sound)
  return 0 if (p == later).all() else 1 if (p == q).all() else 2


for name, simplified in {
  'as it is': lambda made: made,
  'onnxslim': onnxslim.slim,
  'onnxsim': lambda made: onnxsim.simplify(made)[0],
  'onnxoptimizer': onnxoptimizer.optimize,
  'onnxscript': onnxscript.optimizer.optimize,
}.items():
  models = (
    model('Dropout', ('x', 'ratio', 'training_mode')),
    model('RandomNormalLike'),
    model('RandomNormal', (), shape=[1, 1000]),
    model('Bernoulli'),
  )
  print(f'{name}:', *(draws(simplified(made)) for made in models))
PYTHON
diff seen - <<'EXPECTED'
as it is: 2 2 2 1
onnxslim: 0 1 0 1
onnxsim: 1 1 1 1
onnxoptimizer: 1 1 1 1
onnxscript: 1 2 2 1
EXPECTED
echo 'as described'
