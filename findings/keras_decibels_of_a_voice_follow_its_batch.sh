#!/usr/bin/env bash
# Keras cuts a soft voice's spectrogram 80 dB below the loudest of its batch.
#
# Versions: keras 3.15.1, jax 0.10.2, jaxlib 0.10.2, numpy 2.4.6, Python 3.11, CPU.
# Date: 2026-11-30. Public reports of two other libraries where it was so:
# keunwoochoi/kapre#46, pytorch/audio#994.
#
# keras.layers.MelSpectrogram stands at the beginning of a network that hears
# waveforms. A vowel and a pause, recorded twice, once 50 dB softer (a shout and a
# whisper far away), go through `predict`.
#
# Expected: a row of a batch comes out as it does alone. Of top_db the page says
# "max(10 * log10(S)) - top_db", and nothing of other rows.
# Seen: the maximum is that of the whole batch. Beside the loud one, the soft one
# keeps the 30 dB below its own peak, and in training each epoch draws neighbours:
#   batch_size=1: the soft one ends at -89.4 dB
#   batch_size=2: the soft one ends at -43.8 dB, 63 % of it lies there
#   batch_size=2, top_db=200: the soft one ends at -89.4 dB
# What to do: give top_db a value that cuts nothing, and cut each recording below
# its own maximum afterwards, if at all; test a trained network one by one and in
# batches.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2 jaxlib==0.10.2 \
  numpy==2.4.6
cd "$folder"
export JAX_PLATFORMS=cpu KERAS_BACKEND=jax
"$folder/venv/bin/python" - <<'PYTHON' 2> log | tee seen || { cat log >&2; exit 1; }
import keras
import numpy as np

time = np.arange(16000) / 16000
vowel = sum(np.sin(2 * np.pi * 120 * k * time) / k for k in range(1, 30))
vowel /= np.abs(vowel).max()
vowel[8000:] = 0
vowel += 6e-3 * np.random.default_rng(0).normal(size=16000)
sounds = np.float32([0.003 * vowel, 0.9 * vowel])


def soft(batch_size, **options):
  layer = keras.layers.MelSpectrogram(
    fft_length=512, sequence_stride=160, num_mel_bins=40, **options
  )
  model = keras.Sequential([keras.Input((16000,)), layer])
  return model.predict(sounds, batch_size=batch_size, verbose=0)[0]


alone, beside, uncut = soft(1), soft(2), soft(2, top_db=200)
print(f'batch_size=1: the soft one ends at {alone.min():.1f} dB')
print(
  f'batch_size=2: the soft one ends at {beside.min():.1f} dB,',
  f'{np.mean(beside == beside.min()):.0%} of it lies there'.replace('%', ' %'),
)
print(f'batch_size=2, top_db=200: the soft one ends at {uncut.min():.1f} dB')
PYTHON
diff seen - <<'EXPECTED'
batch_size=1: the soft one ends at -89.4 dB
batch_size=2: the soft one ends at -43.8 dB, 63 % of it lies there
batch_size=2, top_db=200: the soft one ends at -89.4 dB
EXPECTED
echo 'as described'
