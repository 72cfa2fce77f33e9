#!/usr/bin/env bash
# onnxruntime's DFT loses digits at lengths that are not powers of two.
#
# Versions: onnxruntime 1.32.0, onnx 1.23.2, numpy 2.4.6, Python 3.11, CPU.
# Date: 2026-11-29. Public reports: onnx/onnx#4798 (a length of 10),
# microsoft/onnxruntime#15522 (the algorithm).
#
# DFT and STFT are operators of ONNX since opset 17, so that a model can hear a
# waveform. Speech has frames of 25 ms, 400 samples at 16 kHz.
#
# Expected: errors below 1e-6 of the spectrum in float32 at any length, as from
# numpy, scipy and JAX; the length is a matter of speed.
# Seen: other lengths than powers of two go through Bluestein's algorithm, whose
# error here grows with the length. Norm of the error over that of the spectrum:
#   512 of noise: error 4.3e-07
#   400 of noise: error 2.9e-05
#   65536 of noise: error 7.2e-07
#   16000 of noise: error 1.3e-03
#   48000 of noise: error 3.9e-03
#   48000 in float64: error 6.9e-12
#   STFT of a tone, frames of 512: -169 dB beside it
#   STFT of a tone, frames of 400: -119 dB beside it
# What to do: fill frames with zeros to a power of two where the bank of bands
# allows it, compute in float64, or write short transforms as a product.
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


def run(node, tables, samples, shape):
  """The complex result of a model of one operator, for real samples."""
  kind = helper.np_dtype_to_tensor_dtype(samples.dtype)
  graph = helper.make_graph(
    [node],
    'spectrum',
    [helper.make_tensor_value_info('x', kind, [1, len(samples), 1])],
    [helper.make_tensor_value_info('y', kind, [1, *shape, 2])],
    [numpy_helper.from_array(np.array(v), k) for k, v in tables.items()],
  )
  model = helper.make_model(
    graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=9
  )
  onnx.checker.check_model(model, full_check=True)
  session = onnxruntime.InferenceSession(
    model.SerializeToString(), providers=['CPUExecutionProvider']
  )
  (result,) = session.run(None, {'x': samples[None, :, None]})
  return result[0, ..., 0] + 1j * result[0, ..., 1]


def error(length, kind=np.float32):
  noise = np.random.default_rng(0).normal(size=length).astype(kind)
  node = helper.make_node('DFT', ['x'], ['y'], axis=1, onesided=1)
  found = run(node, {}, noise, [length // 2 + 1])
  right = np.fft.rfft(noise.astype(np.float64))
  return np.linalg.norm(found - right) / np.linalg.norm(right)


def beside_a_tone_db(length):
  tone = np.float32(np.sin(2 * np.pi * 1000 * np.arange(16_000) / 16_000) / 2)
  window = np.float32(np.hanning(length + 1)[:-1])
  tables = {'hop': np.int64(160), 'window': window, 'length': np.int64(length)}
  node = helper.make_node('STFT', ['x', *tables], ['y'], onesided=1)
  frames = 1 + (len(tone) - length) // 160
  level = np.abs(run(node, tables, tone, [frames, length // 2 + 1]))
  return 20 * np.log10(np.median(level[:, length // 4 :]) / level.max())


errors = {length: error(length) for length in (512, 400, 65536, 16000, 48000)}
for length, value in errors.items():
  print(f'{length} of noise: error {value:.1e}')
double = error(48000, np.float64)
print(f'48000 in float64: error {double:.1e}')
assert errors[512] < 3e-6 and errors[65536] < 3e-6 and double < 1e-9
assert errors[400] > 5e-6 and errors[16000] > 3e-4 and errors[48000] > 1e-3
levels_db = {length: beside_a_tone_db(length) for length in (512, 400)}
for length, value in levels_db.items():
  print(f'STFT of a tone, frames of {length}: {value:.0f} dB beside it')
assert levels_db[512] < -150 and levels_db[400] > -130
print('as described')
PYTHON
