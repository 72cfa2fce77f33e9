"""Front ends of other networks, see `nn.networks`: our reading of their papers."""

from __future__ import annotations

import dataclasses

from sernet_jax.features.presets import libraries
from sernet_jax.features.spec import MfccSpec

CHEN2018 = MfccSpec(
  frame_samples=400,
  hop_samples=160,
  fft_size=512,
  power=2,
  num_mel_bands=40,
  lower_edge_hz=0.0,
  upper_edge_hz=8000.0,
  clip=None,
)
# librosa.stft(y, n_fft=1024, win_length=640, hop_length=160, window='hamming'),
# squared, its mel bands in dB, in frames that lie inside of the sound.
ZHONG2020 = dataclasses.replace(
  libraries.LIBROSA,
  sample_rate_hz=16_000,
  frame_samples=640,
  hop_samples=160,
  fft_size=1024,
  window='hamming',
  upper_edge_hz=8000.0,
  padding='none',
  top_db=None,
)
# librosa.feature.melspectrogram(y, sr=16000, center=False) in dB: frames that
# lie inside of the sound, so that an utterance's own can be told from zeros.
LFLB = dataclasses.replace(
  libraries.LIBROSA,
  sample_rate_hz=16_000,
  upper_edge_hz=8000.0,
  padding='none',
  top_db=None,
)
# 256 frames of 6 s.
YENIGALLA2018 = dataclasses.replace(LFLB, hop_samples=368)
# 39 coefficients of librosa at its defaults, as TIM-Net's code has them.
TIMNET = dataclasses.replace(libraries.LIBROSA, num_coefficients=39)
