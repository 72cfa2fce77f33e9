"""Settings of the front end, which check themselves, and how many frames they give."""

from __future__ import annotations

import dataclasses
import importlib
import warnings
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from sernet_jax.common.errors import (
  InputError,
  require,
  require_bool,
  require_choice,
  require_not_negative,
  require_positive,
  require_whole,
)
from sernet_jax.features import mel

if TYPE_CHECKING:
  import jax

# A number of samples or frames, or an array of them.
Count = TypeVar('Count', int, np.ndarray, 'jax.Array')

# The smallest normal float32.
LEAST_FLOAT32 = 2.0**-126
# Beyond it, sums and squares of ordinary numbers leave float32.
_MOST_FLOAT32 = 1e37
# Numbers of the matrix from FFT bins to mel bands, half a gigabyte of float64.
_MOST_WEIGHTS = 1 << 26

# The front end's choices by field.
MFCC_CHOICES = {
  'window': ('hamming', 'hann', 'povey', 'rectangular'),
  'padding': ('none', 'zeros', 'reflect', 'end'),
  'preemphasis_over': ('frame', 'waveform'),
  'mel_scale': mel.SCALES,
  'mel_sides': mel.SIDES,
  'mel_area': mel.AREAS,
  'compression': ('ln', 'db', 'power'),
  'dct': ('htk', 'ortho'),
  'zeroth': ('cepstrum', 'frame_energy', 'spectrum_energy'),
}

_WHOLE = (
  'frame_samples', 'hop_samples', 'fft_size', 'num_mel_bands',
  'num_coefficients',
)  # fmt: skip
_NOT_NEGATIVE = (
  'log_offset', 'log_floor', 'lifter', 'preemphasis', 'lower_edge_hz',
  'upper_edge_hz',
)  # fmt: skip
_FLOATS = (
  'sample_rate_hz',
  'spectrum_scale',
  'exponent',
  'clip',
  'top_db',
  'log_offset',
  'log_floor',
  'lifter',
)


@dataclasses.dataclass(frozen=True)
class MfccSpec:
  """Settings of the front end; the defaults are the preset `paper`.

  Frames of `frame_samples` every `hop_samples`, window, FFT, magnitude, mel
  bands, logarithm, DCT-II, clipping. The fields from `padding` on are for
  other front ends; at its default each of them does nothing. A band without an
  FFT bin gives a warning.

  Attributes:
    sample_rate_hz: of the waveform.
    frame_samples: length of a frame.
    hop_samples: from the start of one frame to that of the next.
    fft_size: even; a shorter frame gets zeros behind it.
    window: 'hamming', 'hann', 'rectangular' or 'povey', which is Hann to the
      power 0.85.
    num_mel_bands: triangular filters.
    lower_edge_hz: where the first triangle begins.
    upper_edge_hz: where the last triangle ends.
    log_offset: added to a mel band before `compression`.
    num_coefficients: the first of the DCT's outputs.
    clip: coefficients are clipped to +-clip; None leaves them.
    padding: 'none': frames lie wholly inside the waveform; 'zeros' or
      'reflect': half a frame of that on both sides, so that frames are
      centered; 'end': zeros behind, so that every sample is in a frame.
    remove_dc: subtract the mean of each frame.
    preemphasis: a in x[n] - a x[n - 1]; 0 for none.
    preemphasis_over: 'frame', where x[-1] is x[0] as in Kaldi and HTK, or
      'waveform', where it is 0.
    window_periodic: for an FFT; False is the symmetric window.
    power: 1 for the magnitude, 2 for its square.
    spectrum_scale: factor on that.
    mel_scale: 'htk' or 'slaney'.
    mel_sides: the axis on which triangles are straight: 'mel', 'hz' or 'bins'.
    mel_area: 'slaney' divides a triangle by half its width in Hz.
    mel_half_bin: leave out bins less than half a bin above the lower edge.
    compression: of c = max(mel, log_floor) + log_offset: 'ln'; 'db' for
      10 log10 c; or 'power' for c ** exponent.
    exponent: of 'power'.
    log_floor: smaller values are raised to it; 0 for none.
    top_db: with 'db', values further below an utterance's highest one are
      raised to that distance; None for no limit.
    dct: 'htk' scales by sqrt(2 / bands); 'ortho' also the zeroth by
      sqrt(1/2), which makes the matrix orthogonal.
    lifter: L in 1 + L/2 sin(pi k / L), the factor of coefficient k; 0 for
      none.
    zeroth: 'cepstrum'; or instead of the zeroth coefficient the logarithm of
      'frame_energy', the sum of squares before pre-emphasis and window, or of
      'spectrum_energy', the sum of the spectrum.
  """

  sample_rate_hz: int = 16_000
  frame_samples: int = 1024
  hop_samples: int = 256
  fft_size: int = 1024
  window: str = 'hamming'
  num_mel_bands: int = 128
  lower_edge_hz: float = 40.0
  upper_edge_hz: float = 7600.0
  log_offset: float = 1e-6
  num_coefficients: int = 40
  clip: float | None = 10.0
  padding: str = 'none'
  remove_dc: bool = False
  preemphasis: float = 0.0
  preemphasis_over: str = 'frame'
  window_periodic: bool = True
  power: int = 1
  spectrum_scale: float = 1.0
  mel_scale: str = 'htk'
  mel_sides: str = 'mel'
  mel_area: str = 'none'
  mel_half_bin: bool = False
  compression: str = 'ln'
  exponent: float = 1 / 3
  log_floor: float = 0.0
  top_db: float | None = None
  dct: str = 'htk'
  lifter: float = 0.0
  zeroth: str = 'cepstrum'

  def __post_init__(self) -> None:
    for field in _WHOLE:
      require_whole(field, getattr(self, field))
    for field in ('sample_rate_hz', 'spectrum_scale', 'exponent'):
      require_positive(field, getattr(self, field))
    for field in ('clip', 'top_db'):
      if getattr(self, field) is not None:
        require_positive(field, getattr(self, field))
    for field in _NOT_NEGATIVE:
      require_not_negative(field, getattr(self, field))
    for field in _FLOATS:
      value = getattr(self, field)
      require(
        value is None or value <= _MOST_FLOAT32,
        f'{field} is {value!r}, beyond what 32 bits hold, in which all is '
        f'computed; give a number of at most {_MOST_FLOAT32:g}',
      )
    require(
      self.spectrum_scale >= LEAST_FLOAT32,
      f'spectrum_scale is {self.spectrum_scale!r}, 0 in 32 bits; give a number '
      f'of at least {LEAST_FLOAT32:.3g}',
    )
    for field in ('remove_dc', 'window_periodic', 'mel_half_bin'):
      require_bool(field, getattr(self, field))
    for field, options in MFCC_CHOICES.items():
      require_choice(field, getattr(self, field), options)
    require_whole('power', self.power)
    require(self.power in (1, 2), f'power is {self.power!r}; give 1 or 2')
    require(
      self.frame_samples <= self.fft_size,
      f'frame_samples is {self.frame_samples}, longer than fft_size '
      f'{self.fft_size}; raise fft_size or shorten the frame',
    )
    require(
      self.fft_size % 2 == 0,
      f'fft_size is {self.fft_size}; give an even number',
    )
    require(
      self.num_coefficients <= self.num_mel_bands,
      f'num_coefficients is {self.num_coefficients}, more than num_mel_bands '
      f'{self.num_mel_bands}; a cepstrum has no more coefficients than bands',
    )
    require(
      self.num_mel_bands * (self.fft_size // 2 + 1) <= _MOST_WEIGHTS,
      f'num_mel_bands is {self.num_mel_bands} and fft_size {self.fft_size}, a '
      f'matrix of more than {_MOST_WEIGHTS} numbers; lower one of them',
    )
    require(
      self.hop_samples <= _MOST_WEIGHTS,
      f'hop_samples is {self.hop_samples}; give at most {_MOST_WEIGHTS}',
    )
    nyquist_hz = self.sample_rate_hz / 2
    require(
      0 <= self.lower_edge_hz < self.upper_edge_hz <= nyquist_hz,
      f'mel edges are {self.lower_edge_hz} to {self.upper_edge_hz} Hz; they '
      f'must rise and lie between 0 and half the sample rate, {nyquist_hz} Hz',
    )
    require(
      max(self.log_offset, self.log_floor) >= LEAST_FLOAT32,
      f'log_offset is {self.log_offset} and log_floor {self.log_floor}, so a '
      'silent band has no finite logarithm, nor a power a finite slope; give '
      f'one of them at least {LEAST_FLOAT32:.3g}, the least that float32 '
      'holds in full, such as 1e-6',
    )
    require(
      self.preemphasis <= 1,
      f'preemphasis is {self.preemphasis}; give a number from 0 to 1',
    )
    require(
      self.top_db is None or self.compression == 'db',
      f'top_db is {self.top_db}, but compression is {self.compression!r}; set '
      "compression='db' or top_db=None",
    )
    self._warn_of_empty_bands()

  @classmethod
  def librosa(cls, **arguments: Any) -> MfccSpec:
    """The front end of librosa.feature.mfcc, in its words: sr, n_mfcc, n_fft.

    Args:
      **arguments: of librosa; see `presets.librosa`, which lists them.
    """
    return _presets().librosa(**arguments)

  @classmethod
  def torchaudio(cls, **arguments: Any) -> MfccSpec:
    """The front end of torchaudio.transforms.MFCC, in its words.

    Args:
      **arguments: of torchaudio; see `presets.torchaudio`, which lists them.
    """
    return _presets().torchaudio(**arguments)

  def mel_weights(self) -> np.ndarray:
    """Returns the weights from FFT bins to mel bands; see `mel.triangles`."""
    return mel.triangles(
      sample_rate_hz=self.sample_rate_hz,
      fft_size=self.fft_size,
      num_bands=self.num_mel_bands,
      lower_edge_hz=self.lower_edge_hz,
      upper_edge_hz=self.upper_edge_hz,
      scale=self.mel_scale,
      sides=self.mel_sides,
      area=self.mel_area,
      half_bin=self.mel_half_bin,
    )

  def _warn_of_empty_bands(self) -> None:
    empty = mel.empty_bands(self.mel_weights())
    if empty:
      numbers = ', '.join(str(band) for band in empty)
      warnings.warn(
        f'{len(empty)} of {self.num_mel_bands} mel bands hold no FFT bin and '
        f'say nothing: {numbers}; take fewer bands or a larger fft_size',
        stacklevel=4,  # who called MfccSpec(...)
      )


def num_frames(num_samples: Count, spec: MfccSpec) -> Count:
  """Returns the number of frames of a waveform, or of each of several.

  1 + (samples - frame) // hop, or 0 if the waveform is shorter than a frame.
  With padding 'zeros' or 'reflect' there are half a frame more samples on both
  sides; 'reflect' cannot mirror half a frame of samples or fewer, so these
  have no frame. With 'end' the division rounds up, and there is at least one
  frame. Without samples there is never a frame.

  Args:
    num_samples: an integer, or an array of them.
    spec: the front end.

  Returns:
    The number of frames, of the type of `num_samples`; int32 for unsigned
    integers.

  Raises:
    InputError: if they are not integers, or `spec` is not a spec.
  """
  require_spec(spec)
  kind: Any = getattr(num_samples, 'dtype', None)
  if not isinstance(num_samples, int):
    num_samples = _wide(num_samples)
  reach, hop = spec.frame_samples, spec.hop_samples
  if spec.padding in ('zeros', 'reflect'):
    reach -= 2 * (spec.frame_samples // 2)
  # Arithmetic alone keeps an int an int, a traced array traced. What may wrap, as
  # differences of unsigned integers do below 0, is multiplied by 0.
  over = num_samples - reach
  more = (over - 1) // hop + 1 if spec.padding == 'end' else over // hop
  count = 1 + _where(num_samples > reach, more)
  count = _where(num_samples >= least_samples(spec), count)
  if isinstance(num_samples, int):
    return count
  return count.astype(np.int32 if kind.kind == 'u' else kind)


def least_samples(spec: MfccSpec) -> int:
  """Returns the least number of samples that make a frame."""
  reflected = spec.frame_samples // 2 + 1
  least = {'zeros': 1, 'end': 1, 'reflect': reflected}
  return least.get(spec.padding, spec.frame_samples)


def require_spec(spec: MfccSpec) -> None:
  """Raises `InputError` unless it is a spec."""
  require(
    isinstance(spec, MfccSpec),
    f'spec is {spec!r}; give an MfccSpec, such as features.PRESETS["paper"]',
  )


def _wide(counts: Any) -> Any:
  """Returns integers in a type that holds the constants of a spec."""
  if getattr(getattr(counts, 'dtype', None), 'kind', '') not in ('i', 'u'):
    raise InputError(
      f'num_samples is {counts!r}; give an integer, or an array of them'
    )
  if isinstance(counts, np.ndarray | np.generic):
    most = min(np.iinfo(counts.dtype).max, np.iinfo(np.int64).max)
    return np.clip(counts, 0, most).astype(np.int64)
  return counts.astype(np.int32) if counts.dtype.itemsize < 4 else counts


def _where(condition: Any, number: Count) -> Count:
  """Returns a number where a condition holds, else 0; arrays likewise."""
  if isinstance(number, int):
    return number * condition
  return number * condition.astype(number.dtype)


def _presets() -> Any:
  """Loads `presets`, whose specs are made of this module's class."""
  return importlib.import_module('sernet_jax.features.presets')
