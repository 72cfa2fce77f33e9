#!/usr/bin/env bash
# Resample of audiomentations raises the voice: the new rate is told to nobody.
#
# Versions: audiomentations 0.43.1, numpy 2.4.6, Python 3.11.
# Date: 2026-11-30.
#
# A tone of 440 Hz, 2 s at 16 kHz, goes through transforms that stand for a
# worse line in a chain whose result a network hears at 16 kHz.
#
# Expected: Resample to 8 kHz takes away what is above 4 kHz and leaves the tone
# and its length, as LowPassFilter and Aliasing do.
# Seen: it returns the samples of 8 kHz alone, and the transforms behind it are
# told the old rate. Heard at that, a voice is an octave higher and twice as fast:
#   Resample: 16000 samples, 880 Hz at 16 kHz
#   Aliasing: 32000 samples, 440 Hz at 16 kHz
#   LowPassFilter: 32000 samples, 440 Hz at 16 kHz
# What to do: leave Resample out of a chain, or resample back behind it: pitch
# and pace are what an emotion is heard by.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet audiomentations==0.43.1 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import audiomentations
import numpy as np

RATE = 16_000
tone = np.float32(0.3 * np.sin(2 * np.pi * 440 * np.arange(2 * RATE) / RATE))
rates_told = []


class Ear(audiomentations.core.transforms_interface.BaseWaveformTransform):
  """Notes the rate that it is told."""

  def apply(self, samples, sample_rate):
    rates_told.append(sample_rate)
    return samples


seen = {}
for change in (
  audiomentations.Resample(8_000, 8_000, p=1),
  audiomentations.Aliasing(8_000, 8_000, p=1),
  audiomentations.LowPassFilter(4_000, 4_000, p=1),
):
  chain = audiomentations.Compose([change, Ear(p=1)])
  out = chain(samples=tone, sample_rate=RATE)
  spectrum = np.abs(np.fft.rfft(out * np.hanning(len(out))))
  heard = round(spectrum.argmax() * RATE / len(out))
  name = type(change).__name__
  seen[name] = len(out), heard
  print(f'{name}: {len(out)} samples, {heard} Hz at 16 kHz')
assert set(rates_told) == {RATE}
assert seen == {
  'Resample': (16_000, 880),
  'Aliasing': (32_000, 440),
  'LowPassFilter': (32_000, 440),
}
print('as described')
PYTHON
