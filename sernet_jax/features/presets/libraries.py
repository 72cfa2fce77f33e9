"""Front ends of Light-SERNet's paper and code, and of known libraries."""

from __future__ import annotations

import dataclasses
import warnings

from sernet_jax.features.spec import MfccSpec

_EPSILON32 = 2.0**-23  # of float32: Kaldi's floor
_EPSILON64 = 2.0**-52  # of float64: python_speech_features' floor

PAPER = MfccSpec()

# The Light-SERNet authors' code, that is tf.signal.
REFERENCE = MfccSpec(window='hann', lower_edge_hz=80.0)

# The authors' front end for TensorFlow Lite: tf.raw_ops.AudioSpectrogram with
# squared magnitudes, and tf.raw_ops.Mfcc, which takes their root again.
TFLITE = MfccSpec(
  window='hann',
  lower_edge_hz=80.0,
  mel_half_bin=True,
  log_floor=1e-12,
  log_offset=0.0,
)

# librosa.feature.mfcc(y=y).
LIBROSA = MfccSpec(
  sample_rate_hz=22_050,
  frame_samples=2048,
  hop_samples=512,
  fft_size=2048,
  padding='zeros',
  window='hann',
  power=2,
  num_mel_bands=128,
  lower_edge_hz=0.0,
  upper_edge_hz=11_025.0,
  mel_scale='slaney',
  mel_sides='hz',
  mel_area='slaney',
  compression='db',
  log_floor=1e-10,
  log_offset=0.0,
  top_db=80.0,
  dct='ortho',
  num_coefficients=20,
  clip=None,
)

# torchaudio.transforms.MFCC(). Its 128 bands are too many for 201 bins: 26 of
# them are empty, in torchaudio too, and it warns of them as MfccSpec does.
with warnings.catch_warnings():
  warnings.simplefilter('ignore', UserWarning)
  TORCHAUDIO = MfccSpec(
    frame_samples=400,
    hop_samples=200,
    fft_size=400,
    padding='reflect',
    window='hann',
    power=2,
    num_mel_bands=128,
    lower_edge_hz=0.0,
    upper_edge_hz=8000.0,
    mel_sides='hz',
    compression='db',
    log_floor=1e-10,
    log_offset=0.0,
    top_db=80.0,
    dct='ortho',
    num_coefficients=40,
    clip=None,
  )

# torchaudio.compliance.kaldi.mfcc(waveform).
KALDI = MfccSpec(
  frame_samples=400,
  hop_samples=160,
  fft_size=512,
  remove_dc=True,
  preemphasis=0.97,
  window='povey',
  window_periodic=False,
  power=2,
  num_mel_bands=23,
  lower_edge_hz=20.0,
  upper_edge_hz=8000.0,
  log_floor=_EPSILON32,
  log_offset=0.0,
  dct='ortho',
  lifter=22.0,
  num_coefficients=13,
  clip=None,
)

# Kaldi's own compute-mfcc-feats has the frame's energy for c0 by default.
KALDI_ENERGY = dataclasses.replace(KALDI, zeroth='frame_energy')

# python_speech_features.mfcc(signal).
PYTHON_SPEECH_FEATURES = MfccSpec(
  frame_samples=400,
  hop_samples=160,
  fft_size=512,
  padding='end',
  preemphasis=0.97,
  preemphasis_over='waveform',
  window='rectangular',
  power=2,
  spectrum_scale=1 / 512,
  num_mel_bands=26,
  lower_edge_hz=0.0,
  upper_edge_hz=8000.0,
  mel_sides='bins',
  log_floor=_EPSILON64,
  log_offset=0.0,
  dct='ortho',
  lifter=22.0,
  zeroth='spectrum_energy',
  num_coefficients=13,
  clip=None,
)
