"""Front ends in the arguments of librosa and torchaudio."""

from __future__ import annotations

from typing import Any

from sernet_jax.common.errors import require, require_choice
from sernet_jax.features.spec import MfccSpec

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
