#!/usr/bin/env bash
# pydub's set_frame_rate has no low-pass: what is too high comes back as a tone.
#
# Versions: pydub 0.25.1, numpy 2.4.6, Python 3.11 (audioop of Python).
# Date: 2026-11-30.
#
# Tones of 44.1 kHz go to 16 kHz, as recordings are prepared for a network.
#
# Expected: what is above 8 kHz, half of the new rate, is taken away, as a
# resampler for sound does.
# Seen: samples are interpolated on straight lines, nothing is filtered, and a
# tone above 8 kHz returns nearly as loud, mirrored at 8 kHz:
#   3000 Hz comes as 3000 Hz, -0.1 dB
#   10000 Hz comes as 6000 Hz, -1.5 dB
#   13000 Hz comes as 3000 Hz, -2.4 dB
# What to do: resample with soxr, or look how a corpus at 16 kHz was made: its
# sibilants, breath and hiss then lie mirrored over the voice.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pydub==0.25.1 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import numpy as np
import pydub

OLD, NEW = 44_100, 16_000
time_s = np.arange(2 * OLD) / OLD
seen = {}
for tone in (3_000, 10_000, 13_000):
  samples = np.int16(16_384 * np.sin(2 * np.pi * tone * time_s))
  segment = pydub.AudioSegment(
    samples.tobytes(), frame_rate=OLD, sample_width=2, channels=1
  ).set_frame_rate(NEW)
  assert segment.frame_rate == NEW
  out = np.array(segment.get_array_of_samples(), float)[:NEW]
  heard = np.abs(np.fft.rfft(out * np.hanning(NEW))).argmax()  # bins of 1 Hz
  level = 20 * np.log10(out.std() / samples.std())
  seen[tone] = heard, level
  print(f'{tone} Hz comes as {heard} Hz, {level:.1f} dB')
assert [heard for heard, _ in seen.values()] == [3_000, 6_000, 3_000]
assert min(level for _, level in seen.values()) > -3
print('as described')
PYTHON
