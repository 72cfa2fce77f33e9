"""Known front ends as data.

Each is exact against what it is named for: `tests/golden/make_features.py`
makes the figures, and docs/features.md has the table of distances.
"""

from __future__ import annotations

import dataclasses
import warnings
from typing import Any

from sernet_jax.common.errors import require, require_choice
from sernet_jax.features.spec import MfccSpec

_EPSILON32 = 2.0**-23  # of float32: Kaldi's floor
_EPSILON64 = 2.0**-52  # of float64: python_speech_features' floor

_PAPER = MfccSpec()

# The Light-SERNet authors' code, that is tf.signal.
_REFERENCE = MfccSpec(window='hann', lower_edge_hz=80.0)

# The authors' front end for TensorFlow Lite: tf.raw_ops.AudioSpectrogram with
# squared magnitudes, and tf.raw_ops.Mfcc, which takes their root again.
_TFLITE = MfccSpec(
  window='hann',
  lower_edge_hz=80.0,
  mel_half_bin=True,
  log_floor=1e-12,
  log_offset=0.0,
)

# librosa.feature.mfcc(y=y).
_LIBROSA = MfccSpec(
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
  _TORCHAUDIO = MfccSpec(
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
_KALDI = MfccSpec(
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
_KALDI_ENERGY = dataclasses.replace(_KALDI, zeroth='frame_energy')

# python_speech_features.mfcc(signal).
_PYTHON_SPEECH_FEATURES = MfccSpec(
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

# Front ends of other networks, see `nn.networks`: our reading of their papers,
# made by no library.
_CHEN2018 = MfccSpec(
  frame_samples=400,
  hop_samples=160,
  fft_size=512,
  power=2,
  num_mel_bands=40,
  lower_edge_hz=0.0,
  upper_edge_hz=8000.0,
  clip=None,
)
_ZHONG2020 = MfccSpec(
  frame_samples=640,
  hop_samples=160,
  power=2,
  lower_edge_hz=0.0,
  upper_edge_hz=8000.0,
  compression='db',
  log_floor=1e-10,
  log_offset=0.0,
  clip=None,
)
# 39 coefficients of librosa at its defaults, as TIM-Net's code has them.
_TIMNET = dataclasses.replace(_LIBROSA, num_coefficients=39)

PRESETS = {
  'paper': _PAPER,
  'reference': _REFERENCE,
  'tflite': _TFLITE,
  'librosa': _LIBROSA,
  'torchaudio': _TORCHAUDIO,
  'kaldi': _KALDI,
  'kaldi_energy': _KALDI_ENERGY,
  'python_speech_features': _PYTHON_SPEECH_FEATURES,
  'chen2018': _CHEN2018,
  'zhong2020': _ZHONG2020,
  'timnet': _TIMNET,
}

_PADDINGS = {'constant': 'zeros', 'reflect': 'reflect'}
_WINDOWS = {'hann': 'hann', 'hamming': 'hamming'}


def librosa(
  *,
  sr: int = 22_050,
  n_mfcc: int = 20,
  n_fft: int = 2048,
  hop_length: int = 512,
  win_length: int | None = None,
  window: str = 'hann',
  center: bool = True,
  pad_mode: str = 'constant',
  power: float = 2.0,
  n_mels: int = 128,
  fmin: float = 0.0,
  fmax: float | None = None,
  htk: bool = False,
  mel_norm: str | None = 'slaney',
  dct_type: int = 2,
  norm: str | None = 'ortho',
  lifter: float = 0,
) -> MfccSpec:
  """The front end of librosa.feature.mfcc with these arguments.

  Args:
    sr: as in librosa 0.11, like all others; the defaults are its own.
    n_mfcc: coefficients.
    n_fft: even.
    hop_length: in samples.
    win_length: even; None for `n_fft`.
    window: 'hann' or 'hamming'.
    center: False only without a shorter `win_length`.
    pad_mode: 'constant' or 'reflect'.
    power: 1 or 2.
    n_mels: bands.
    fmin: in Hz.
    fmax: in Hz; None for half of `sr`.
    htk: the formula of the mel scale.
    mel_norm: 'slaney' or None.
    dct_type: 2 alone.
    norm: 'ortho' alone.
    lifter: 0 alone; librosa's begins at another coefficient than Kaldi's.

  Raises:
    InputError: for what this front end cannot compute.
  """
  require(dct_type == 2, f'dct_type is {dct_type}; give 2, the only one here')
  require(norm == 'ortho', f"norm is {norm!r}; give 'ortho', the only one here")
  require(lifter == 0, f'lifter is {lifter}; give 0, the only one here')
  require_choice('mel_norm', str(mel_norm), ('slaney', 'None'))
  require_choice('window', window, _WINDOWS)
  return MfccSpec(
    **_frames(sr, n_fft, hop_length, win_length, center, pad_mode, power),
    window=_WINDOWS[window],
    num_mel_bands=n_mels,
    lower_edge_hz=fmin,
    upper_edge_hz=sr / 2 if fmax is None else fmax,
    mel_scale='htk' if htk else 'slaney',
    mel_sides='hz',
    mel_area='none' if mel_norm is None else 'slaney',
    num_coefficients=n_mfcc,
    dct='ortho',
    clip=None,
    **_DECIBELS,
  )


def torchaudio(
  *,
  sample_rate: int = 16_000,
  n_mfcc: int = 40,
  dct_type: int = 2,
  norm: str | None = 'ortho',
  log_mels: bool = False,
  melkwargs: dict[str, Any] | None = None,
) -> MfccSpec:
  """The front end of torchaudio.transforms.MFCC with these arguments.

  Args:
    sample_rate: as in torchaudio 2, like all others; the defaults are its own.
    n_mfcc: coefficients.
    dct_type: 2 alone.
    norm: 'ortho' alone.
    log_mels: a natural logarithm instead of decibels.
    melkwargs: of its MelSpectrogram: n_fft, win_length, hop_length, f_min,
      f_max, n_mels, window_fn (torch.hann_window or torch.hamming_window, or
      its name), power, center, pad_mode, norm, mel_scale.

  Raises:
    InputError: for what this front end cannot compute.
  """
  require(dct_type == 2, f'dct_type is {dct_type}; give 2, the only one here')
  require(norm == 'ortho', f"norm is {norm!r}; give 'ortho', the only one here")
  mel: dict[str, Any] = {
    'n_fft': 400,
    'win_length': None,
    'hop_length': None,
    'f_min': 0.0,
    'f_max': None,
    'n_mels': 128,
    'window_fn': 'hann_window',
    'power': 2.0,
    'center': True,
    'pad_mode': 'reflect',
    'norm': None,
    'mel_scale': 'htk',
  }
  for name in melkwargs or {}:
    require_choice('an entry of melkwargs', name, mel)
  mel |= melkwargs or {}
  window = getattr(mel['window_fn'], '__name__', mel['window_fn'])
  require_choice('window_fn', window, [f'{name}_window' for name in _WINDOWS])
  require_choice('norm of melkwargs', str(mel['norm']), ('slaney', 'None'))
  win_length = mel['win_length'] or mel['n_fft']
  # The logarithm has no limit, and torchaudio's own offset.
  natural = {'compression': 'ln', 'log_offset': 1e-6, 'log_floor': 0.0}
  return MfccSpec(
    **_frames(
      sample_rate,
      mel['n_fft'],
      mel['hop_length'] or win_length // 2,
      win_length,
      mel['center'],
      mel['pad_mode'],
      mel['power'],
    ),
    window=window.removesuffix('_window'),
    num_mel_bands=mel['n_mels'],
    lower_edge_hz=mel['f_min'],
    upper_edge_hz=sample_rate / 2 if mel['f_max'] is None else mel['f_max'],
    mel_scale=mel['mel_scale'],
    mel_sides='hz',
    mel_area='none' if mel['norm'] is None else 'slaney',
    num_coefficients=n_mfcc,
    dct='ortho',
    clip=None,
    **(natural if log_mels else _DECIBELS),
  )


_DECIBELS: dict[str, Any] = {
  'compression': 'db',
  'log_floor': 1e-10,
  'log_offset': 0.0,
  'top_db': 80.0,
}


def _frames(
  rate_hz: int,
  n_fft: int,
  hop_length: int,
  win_length: int | None,
  center: bool,
  pad_mode: str,
  power: float,
) -> dict[str, Any]:
  """Fields of frames and spectrum that librosa and torchaudio have in common.

  Both lay a shorter window into the middle of the FFT. Its place there turns
  phases alone, so that here it may lie at the beginning, as long as the frames
  are centered on the same samples.
  """
  win_length = n_fft if win_length is None else win_length
  require(
    win_length % 2 == 0,
    f'win_length is {win_length}; give an even number',
  )
  require(
    center or win_length == n_fft,
    f'center is False and win_length {win_length} is not n_fft, {n_fft}, which '
    'moves the frames; give win_length=None or center=True',
  )
  require_choice('pad_mode', pad_mode, _PADDINGS)
  require(power in (1, 2), f'power is {power}; give 1 or 2')
  return {
    'sample_rate_hz': rate_hz,
    'frame_samples': win_length,
    'hop_samples': hop_length,
    'fft_size': n_fft,
    'padding': _PADDINGS[pad_mode] if center else 'none',
    'power': int(power),
  }
