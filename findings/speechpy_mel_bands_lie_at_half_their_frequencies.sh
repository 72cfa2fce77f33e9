#!/usr/bin/env bash
# The mel bands of speechpy lie at half their frequencies.
#
# Versions: speechpy 2.4, scipy 1.17.1, numpy 2.4.6, Python 3.11.
# Date: 2026-11-30.
#
# Tones of equal level, at 16 kHz, go through mfe with 40 bands from 300 to
# 8,000 Hz and an FFT of 512; for some bands, the tone that each answers most.
# Then a tone of 200 Hz, with bands that begin at 0 (as the docstring's default
# has it), 1 and 300 Hz.
#
# Expected: bands at the frequencies that 42 even steps of mel give, tones of any
# frequency up to 8,000 Hz heard alike, and bands from 0 Hz on for 0.
# Seen: the places in the spectrum are reckoned with half the length of the FFT,
# so that each band lies at half its frequency and nothing above 4,000 Hz is heard
# at all; and 0 Hz means 300:
#   band 1: 156 Hz for 354
#   band 10: 500 Hz for 994
#   band 20: 1093 Hz for 2172
#   band 30: 2093 Hz for 4169
#   band 40: 3781 Hz for 7552
#   tone of 1000 Hz: 0 dB
#   tone of 3000 Hz: 0 dB
#   tone of 5000 Hz: below -200 dB
#   tone of 7000 Hz: below -200 dB
#   bands from 0 Hz are those from 300 Hz: True
#   bands from 1 Hz are those from 300 Hz: False
# Both stand in the public pull request astorfi/speechpy#36, open since 2021.
# What to do: compute features of speech with another library, and do not compare
# MFCC of speechpy with those of others.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet speechpy==2.4 scipy==1.17.1 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON' 2> log | tee seen || { cat log >&2; exit 1; }
import numpy as np
from speechpy.feature import mfe

rate, fft = 16000, 512
time = np.arange(rate // 4) / rate


def bands(hertz, low=300):
  energies, _ = mfe(
    np.sin(2 * np.pi * hertz * time),
    rate,
    frame_length=fft / rate,
    frame_stride=fft / rate / 2,
    num_filters=40,
    fft_length=fft,
    low_frequency=low,
    high_frequency=8000,
  )
  return energies[5]


tones = np.arange(4, fft // 2) * rate / fft
answers = np.array([bands(tone) for tone in tones])
mel = np.linspace(*(np.log(1 + np.array([300, 8000]) / 700)), 42)
middles = 700 * (np.exp(mel[1:-1]) - 1)
for band in (1, 10, 20, 30, 40):
  loudest = tones[answers[:, band - 1].argmax()]
  print(f'band {band}: {int(loudest)} Hz for {int(middles[band - 1])}')
for tone in (1000, 3000, 5000, 7000):
  level = 10 * np.log10(bands(tone).sum() / bands(1000).sum())
  heard = f'{abs(level):.0f} dB' if level > -200 else 'below -200 dB'
  print(f'tone of {tone} Hz: {heard}')
for low in (0, 1):
  same = np.array_equal(bands(200, low), bands(200, 300))
  print(f'bands from {low} Hz are those from 300 Hz: {same}')
PYTHON
diff seen - <<'EXPECTED'
band 1: 156 Hz for 354
band 10: 500 Hz for 994
band 20: 1093 Hz for 2172
band 30: 2093 Hz for 4169
band 40: 3781 Hz for 7552
tone of 1000 Hz: 0 dB
tone of 3000 Hz: 0 dB
tone of 5000 Hz: below -200 dB
tone of 7000 Hz: below -200 dB
bands from 0 Hz are those from 300 Hz: True
bands from 1 Hz are those from 300 Hz: False
EXPECTED
echo 'as described'
