#!/usr/bin/env bash
# opensmile's loudness of one and the same sound grows with its sampling rate.
#
# Versions: opensmile 2.6.0, numpy 2.4.6, Python 3.11, x86-64.
# Date: 2026-11-30.
#
# A vowel of 30 harmonics of 120 Hz has nothing above 3.6 kHz, so its samples at
# 8 to 48 kHz hold the same sound, and eGeMAPS gives all the same sound level.
#
# Expected: the same loudness and the same spectral flux, as the feature set is
# one standard.
# Seen: both follow the length of the Fourier transform, which follows the rate:
#    8000 Hz: loudness 1.07, spectral flux 0.14, level -14.82 dB
#   16000 Hz: loudness 1.46, spectral flux 0.24, level -14.82 dB
#   44100 Hz: loudness 2.56, spectral flux 0.59, level -14.82 dB
#   48000 Hz: loudness 2.63, spectral flux 0.81, level -14.82 dB
#   44100 Hz with resample: loudness 1.46, spectral flux 0.24, level -14.82 dB
# What to do: Smile(..., sampling_rate=16000, resample=True), which is off by
# default, before features of two corpora meet in one classifier.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet opensmile==2.6.0 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
import opensmile

NAMES = (
  'loudness_sma3_amean',
  'spectralFlux_sma3_amean',
  'equivalentSoundLevel_dBp',
)


def vowel(rate):
  time_s = np.arange(2 * rate) / rate
  sound = np.zeros(len(time_s))
  for number in range(1, 31):
    s = 2j * np.pi * 120 * number
    gain = 1 / number
    for formant, width in ((700, 80), (1220, 90), (2600, 120)):
      w = 2 * np.pi * formant
      gain = gain * w * w / (s * s + 2 * np.pi * width * s + w * w)
    sound += np.real(gain * np.exp(s * time_s))
  return np.float32(0.3 * sound / 3.5)


def features(rate, **settings):
  smile = opensmile.Smile(
    opensmile.FeatureSet.eGeMAPSv02,
    opensmile.FeatureLevel.Functionals,
    **settings,
  )
  return smile.process_signal(vowel(rate), rate)[list(NAMES)].to_numpy()[0]


def show(text, found):
  loudness, flux, level = found
  print(
    f'{text}: loudness {loudness:.2f}, spectral flux {flux:.2f}, '
    f'level {level:.2f} dB'
  )


found = {rate: features(rate) for rate in (8000, 16000, 44100, 48000)}
for rate, row in found.items():
  show(f'{rate:5} Hz', row)
cured = features(44100, sampling_rate=16000, resample=True)
show('44100 Hz with resample', cured)
levels = [row[2] for row in found.values()]
assert np.ptp(levels) < 0.05
assert found[48000][0] / found[8000][0] > 2
assert found[48000][1] / found[8000][1] > 4
assert np.allclose(cured, found[16000], rtol=0.01)
print('as described')
PYTHON
