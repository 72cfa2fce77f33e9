#!/usr/bin/env bash
# soxr makes noise of digital silence when samples come as int16.
#
# Versions: soxr 1.1.0, numpy 2.4.6, Python 3.11.
# Date: 2026-11-29. About the noise itself: dofuuz/python-soxr#12.
#
# A second of zeros, as telephones, editors and padding leave them, goes through
# soxr.resample in each type that it takes, and from a rate to the same rate.
#
# Expected: zeros; and the same samples where the rate does not change.
# Seen: dither of one step is added to int16 and to no other type, of which the
# documentation of resample and its README say nothing. A quarter of the zeros
# is not 0 afterwards, and the error of a sound is twice that of rounding:
#   int16, 48000 to 16000 Hz: 3733 of 16000 samples are not 0
#   int16, 16000 to 16000 Hz: 3732 of 16000 samples are not 0
#   int32, 48000 to 16000 Hz: 0 of 16000 samples are not 0
#   float32, 48000 to 16000 Hz: 0 of 16000 samples are not 0
#   a tone, int16: off by 0.50 steps, rounded from float64 by 0.24
# So a search for silence or for padding finds none, and one file has other
# features in its pauses when it is read as float32 first.
# What to do: resample as float32, and round once at the end.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet soxr==1.1.0 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
import soxr

for kind, rate in (
  ('int16', 48_000),
  ('int16', 16_000),
  ('int32', 48_000),
  ('float32', 48_000),
):
  found = soxr.resample(np.zeros(rate, kind), rate, 16_000)
  heard = np.count_nonzero(found)
  print(
    f'{kind}, {rate} to 16000 Hz: {heard} of {len(found)} samples are not 0'
  )
  if kind == 'int16':
    assert 0.1 < heard / len(found) < 0.4 and np.abs(found).max() == 1
  else:
    assert heard == 0

tone = np.int16(1000 * np.sin(np.arange(48_000) / 20))
exact = soxr.resample(tone.astype(np.float64), 48_000, 16_000)
dithered = np.std(soxr.resample(tone, 48_000, 16_000) - exact)
rounded = np.std(np.rint(exact) - exact)
print(
  f'a tone, int16: off by {dithered:.2f} steps, rounded from float64 '
  f'by {rounded:.2f}'
)
assert 0.4 < dithered < 0.6 and rounded < 0.3
print('as described')
PYTHON
