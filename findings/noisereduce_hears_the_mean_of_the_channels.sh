#!/usr/bin/env bash
# noisereduce measures each channel of stereo by the noise of their mean.
#
# Versions: noisereduce 3.0.3, scipy 1.17.1, numpy 2.4.6, Python 3.11.
# Date: 2026-11-30.
#
# Noise of one or more microphones, as (channels, samples), which the page asks
# for, goes through reduce_noise with stationary=True; so does a soft voice whose
# channel is quiet, alone and beside another speaker's channel that is noisy, with
# the noise of each channel as y_noise.
#
# Expected: each channel as it comes out alone. An answer in the public report
# timsainb/noisereduce#114 says that the estimate of noise is not shared.
# Seen: noise is what is in the channels' mean. What microphones do not have in
# common cancels there and stays in the sound, the more of them, the more; and
# beside a noisy channel a soft voice is taken for noise:
#   noise, 1 channel: -29.9 dB
#   noise, 2 channels alike: -29.9 dB
#   noise, 2 channels: -15.3 dB
#   noise, 8 channels: -4.0 dB
#   noise, 2 channels, one turned around: -0.1 dB
#   voice alone: -3.7 dB
#   voice beside a noisy channel: -18.3 dB
# What to do: call it once per channel.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet noisereduce==3.0.3 scipy==1.17.1 \
  numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON' 2> log | tee seen || { cat log >&2; exit 1; }
import numpy as np
from noisereduce import reduce_noise

rate = 16000
time = np.arange(4 * rate) / rate
noise = 0.01 * np.random.default_rng(0).normal(size=(9, time.size))


def reduced(channels, **options):
  return reduce_noise(y=channels, sr=rate, stationary=True, **options)


def decibels(ratio):
  return f'{20 * np.log10(ratio):.1f} dB'


for name, channels in {
  '1 channel': noise[0],
  '2 channels alike': noise[[0, 0]],
  '2 channels': noise[:2],
  '8 channels': noise[:8],
  '2 channels, one turned around': np.stack([noise[0], -noise[0]]),
}.items():
  print(f'noise, {name}:', decibels(reduced(channels).std() / channels.std()))

voice = sum(np.sin(2 * np.pi * 120 * k * time) / k for k in range(1, 9))
voice *= 0.002 * (np.sin(2 * np.pi * 2 * time) > 0)  # syllables
faint = noise[1] / 100
for name, channels, before in (
  ('alone', voice + faint, noise[2] / 100),
  (
    'beside a noisy channel',
    np.stack([noise[0], voice + faint]),
    np.stack([noise[3], noise[2] / 100]),
  ),
):
  heard = np.atleast_2d(reduced(channels, y_noise=before))[-1]
  print(f'voice {name}:', decibels(heard @ voice / (voice @ voice)))
PYTHON
diff seen - <<'EXPECTED'
noise, 1 channel: -29.9 dB
noise, 2 channels alike: -29.9 dB
noise, 2 channels: -15.3 dB
noise, 8 channels: -4.0 dB
noise, 2 channels, one turned around: -0.1 dB
voice alone: -3.7 dB
voice beside a noisy channel: -18.3 dB
EXPECTED
echo 'as described'
