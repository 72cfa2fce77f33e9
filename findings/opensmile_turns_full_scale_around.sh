#!/usr/bin/env bash
# opensmile turns samples at full scale around: 1.0 becomes -1.0.
#
# Versions: opensmile 2.6.0, numpy 2.4.6, Python 3.11, x86-64.
# Date: 2026-11-29.
#
# A voice-like sound is divided by its largest absolute value, as preparations
# of corpora do, so that its peaks are 1.0. eGeMAPS hears it, and the same sound
# a little softer and a little louder, as it is after resampling or MP3.
#
# Expected: what lies beyond full scale is clipped, as wherever sound becomes 16
# bits, and peaks of 1.0 fit.
# Seen: samples times 32768 are cast to int16 without a limit, so that each such
# peak becomes a click over the whole range, from files of floats too. Features
# that are more than 5 % off from those of the clipped sound:
#   peaks of 0.999: 0 of 88 features are off
#   peaks of 1.000: 29 of 88 features are off
#   peaks of 1.020: 31 of 88 features are off
#   peaks of 1.100: 42 of 88 features are off
# What to do: clip to 32767 / 32768 before process_signal, or divide by a little
# more than the peak; look for peaks of 1 where features exist already.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet opensmile==2.6.0 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
import opensmile
import soundfile

RATE = 16_000
time_s = np.arange(3 * RATE) / RATE
sound = sum(
  np.cos(2 * np.pi * 120 * k * time_s + 0.3 * k * k) / k for k in range(1, 30)
) * np.exp(-4 * (time_s % 0.5))
peak = np.abs(sound).argmax()
sound = np.float32(sound / sound[peak])
assert sound.max() == 1 == np.abs(sound).max()
smile = opensmile.Smile(
  opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.Functionals
)


def features(samples):
  return smile.process_signal(samples, RATE).to_numpy()[0]


off = {}
for factor in (0.999, 1.0, 1.02, 1.1):
  samples = np.float32(factor) * sound
  found = features(samples)
  clipped = features(samples.clip(-1, 32767 / 32768))
  near = np.isclose(found, clipped, rtol=0.05, atol=1e-3)
  off[factor] = np.count_nonzero(~near)
  print(f'peaks of {factor:.3f}: {off[factor]} of {near.size} features are off')
assert off[0.999] == 0 and min(off[1.0], off[1.02], off[1.1]) > 10
soundfile.write('floats.wav', np.float32(1.1) * sound, RATE, subtype='FLOAT')
of_file = smile.process_file('floats.wav').to_numpy()[0]
assert np.array_equal(of_file, features(np.float32(1.1) * sound))
print('as described')
PYTHON
