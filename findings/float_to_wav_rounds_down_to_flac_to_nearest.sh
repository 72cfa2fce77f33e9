#!/usr/bin/env bash
# libsndfile writes floats to 16-bit WAV by rounding down, to FLAC to nearest.
#
# Versions: soundfile 0.14.0 (libsndfile 1.2.2), numpy 2.4.6, Python 3.11.
# Date: 2026-11-29.
#
# The same float samples are written as PCM_16 to two lossless containers and
# read back as integers.
#
# Expected: the same integers, as both are lossless from there on; and no
# offset, as from rounding to the nearest.
# Seen: FLAC holds the nearest integer of 32768 x, WAV (AIFF, CAF, W64 too) the
# one below. Half of the samples differ by one, and the WAV has an offset of
# half a step:
#   wav: 4089 of 8000 samples differ from flac, mean error -0.50 steps
#   flac: mean error 0.01 steps
# What to do: round to int16 before writing; then all containers agree. Do not
# tell copies apart, or hold a test to the bit, by files made from floats.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet soundfile==0.14.0 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
import soundfile

assert soundfile.__libsndfile_version__ == '1.2.2'
samples = np.random.default_rng(1).uniform(-1, 1, 8000)


def through(values, suffix):
  soundfile.write(f'x.{suffix}', values, 16000, subtype='PCM_16')
  return soundfile.read(f'x.{suffix}', dtype='int16')[0].astype(int)


flac = through(samples, 'flac')
assert np.array_equal(flac, np.rint(samples * 32768).clip(-32768, 32767))
print(f'flac: mean error {np.mean(flac - samples * 32768):.2f} steps')
for suffix in ('wav', 'aiff', 'caf', 'w64'):
  found = through(samples, suffix)
  assert np.array_equal(found, np.floor(samples * 32768))
  print(
    f'{suffix}: {np.count_nonzero(found != flac)} of {len(found)} samples '
    f'differ from flac, mean error {np.mean(found - samples * 32768):.2f} steps'
  )
whole = np.rint(samples * 32767).astype(np.int16)
assert np.array_equal(through(whole, 'wav'), through(whole, 'flac'))
print('as described')
PYTHON
