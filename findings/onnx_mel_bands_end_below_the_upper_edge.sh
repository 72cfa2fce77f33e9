#!/usr/bin/env bash
# ONNX's MelWeightMatrix leaves out the top of the range that it is given.
#
# Versions: onnxruntime 1.32.0, onnx 1.23.2, numpy 2.4.6, Python 3.11.
# Date: 2026-11-29. Public report: tracel-ai/burn-onnx#369.
#
# The operator makes a bank of mel triangles "based on the [lower_edge_hertz,
# upper_edge_hertz] range", which its page describes by the formula of mel and
# the triangles' peaks of 1.
#
# Expected: n triangles between n + 2 points at equal distances in mel, of which
# the first and the last are the two edges, as in HTK, librosa, torchaudio and
# tf.signal.
# Seen: the range is divided by n + 2 instead of n + 1, so that the last point
# lies one step below the upper edge, and each point is moved down to a whole
# bin, so that narrow bands are the same twice. The runtime and the reference
# agree to the bit, which is why no test of conformity finds it:
#   13 bands of 0 to 8000 Hz: hear up to 6625 Hz, with edges up to 7969 Hz
#   26 bands of 0 to 8000 Hz: hear up to 7219 Hz, with edges up to 7969 Hz
#   80 bands of 0 to 8000 Hz: hear up to 7719 Hz, with edges up to 7969 Hz
#   80 bands from 400 points: 5 of them equal the band below
# What to do: store the bank of the training as a constant and multiply by it;
# never replace it by this operator, or a front end by a converter that does.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet \
  onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

RATE, TOP = 16_000, 8000.0


def of_the_operator(bands, size):
  inputs = {
    'bands': np.int64(bands),
    'size': np.int64(size),
    'rate': np.int64(RATE),
    'lower': np.float32(0),
    'upper': np.float32(TOP),
  }
  shape = [size // 2 + 1, bands]
  graph = helper.make_graph(
    [helper.make_node('MelWeightMatrix', list(inputs), ['bank'])],
    'mel',
    [],
    [helper.make_tensor_value_info('bank', TensorProto.FLOAT, shape)],
    [numpy_helper.from_array(np.array(v), k) for k, v in inputs.items()],
  )
  model = helper.make_model(
    graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=9
  )
  onnx.checker.check_model(model, full_check=True)
  session = onnxruntime.InferenceSession(
    model.SerializeToString(), providers=['CPUExecutionProvider']
  )
  (bank,) = session.run(None, {})
  assert np.array_equal(bank, ReferenceEvaluator(model).run(None, {})[0])
  return bank


def from_edge_to_edge(bands, size):
  """Triangles over the bins, with the edges as first and last point."""
  top_mel = 2595 * np.log10(1 + TOP / 700)
  points = 700 * (10 ** (np.linspace(0, top_mel, bands + 2) / 2595) - 1)
  bins = np.arange(size // 2 + 1)[:, None] * RATE / size
  left, middle, right = points[:-2], points[1:-1], points[2:]
  rise = (bins - left) / (middle - left)
  fall = (right - bins) / (right - middle)
  return np.maximum(0, np.minimum(rise, fall))


def highest(bank, size):
  return np.nonzero(bank.max(1) > 1e-6)[0].max() * RATE / size


for bands, most in ((13, 6700), (26, 7300), (80, 7800)):
  found = highest(of_the_operator(bands, 512), 512)
  right = highest(from_edge_to_edge(bands, 512), 512)
  print(
    f'{bands} bands of 0 to {TOP:.0f} Hz: hear up to {found:.0f} Hz, '
    f'with edges up to {right:.0f} Hz'
  )
  assert found < most and right == TOP - RATE / 512
bank = of_the_operator(80, 400)
same = np.count_nonzero((bank[:, 1:] == bank[:, :-1]).all(0))
print(f'80 bands from 400 points: {same} of them equal the band below')
assert same == 5
right = from_edge_to_edge(80, 400)
assert not (right[:, 1:] == right[:, :-1]).all(0).any()
print('as described')
PYTHON
