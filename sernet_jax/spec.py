"""Frozen settings that check themselves, and the error people see.

A spec holds plain values, is hashable (so it can be a static argument of
`jax.jit`) and raises `InputError` when a value makes no sense; the message
names the value, the bound and the cure. Text and files stay outside.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import numbers
import warnings
from collections.abc import Iterable

from sernet_jax import mel

PATHS = ('temporal', 'spectral', 'joint')
SELECTIONS = ('last', 'last_recomputed', 'validation', 'best_on_test')

# How the folds of a run share the device or devices; see `mapping`.
MAPPINGS = ('auto', 'map', 'vmap', 'shard')

# The least positive float32 with all its digits.
LEAST_FLOAT32 = 2.0**-126

# What training computes in; see `training`.
PRECISIONS = ('float32', 'tf32', 'bfloat16')
PROTOCOLS = (
  'loso',
  'random10',
  'emobox',
  'paper2021',
  'all',
  'loco',
  'cross',
)

# The network's table. Kernels and pools are (frames, coefficients); a block is
# (filters, kernel, pool), and the pool None is the global average.
PATH_KERNELS = {'temporal': (11, 1), 'spectral': (1, 9), 'joint': (3, 3)}
PATH_POOL = (2, 2)
BLOCKS = (
  (64, (3, 3), (2, 2)),
  (96, (3, 3), (2, 2)),
  (128, (3, 3), (2, 1)),
  (160, (3, 3), (2, 1)),
  (320, (1, 1), None),
)

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


class InputError(ValueError):
  """A mistake in what the user gave; its text is one sentence with a cure.

  The command line prints the text and exits with code 2.
  """


def nearest(name: str, options: Iterable[str]) -> str:
  """Says which of `options` was probably meant, or lists them all."""
  options = sorted(options)
  close = difflib.get_close_matches(name, options, n=1, cutoff=0.6)
  if close:
    return f'did you mean {close[0]!r}?'
  return 'choose one of ' + ', '.join(repr(option) for option in options)


def require(condition: bool, message: str) -> None:
  """Raises `InputError(message)` unless `condition` holds."""
  if not condition:
    raise InputError(message)


def require_choice(field: str, value: str, options: Iterable[str]) -> None:
  """Raises `InputError` with the nearest option unless `value` is one."""
  options = tuple(options)
  require(
    value in options,
    f'{field} is {value!r}, which is not known: {nearest(str(value), options)}',
  )


def _require_positive(field: str, value: float) -> None:
  require(
    _is_number(value) and math.isfinite(value) and value > 0,
    f'{field} is {value!r}; give a finite number above 0',
  )


def _require_not_negative(field: str, value: float) -> None:
  require(
    _is_number(value) and math.isfinite(value) and value >= 0,
    f'{field} is {value!r}; give a finite number of at least 0',
  )


def _require_whole(field: str, value: int) -> None:
  require(
    isinstance(value, numbers.Integral)
    and not isinstance(value, bool)
    and value >= 1,
    f'{field} is {value!r}; give a whole number of 1 or more',
  )


def _is_number(value: object) -> bool:
  """Arrays are none: a spec has to be static."""
  return isinstance(value, numbers.Real) and not isinstance(value, bool)


def _require_bool(field: str, value: bool) -> None:
  require(isinstance(value, bool), f'{field} is {value!r}; give True or False')


@dataclasses.dataclass(frozen=True)
class AudioSpec:
  """What a recording becomes before features are computed from it.

  Attributes:
    sample_rate_hz: rate after resampling.
    duration_s: length of one segment.
    segments: 'center' for one centred segment of each utterance, 'all' for
      as many segments side by side as the utterance fills.
  """

  sample_rate_hz: int = 16_000
  duration_s: float = 3.0
  segments: str = 'center'

  def __post_init__(self):
    _require_positive('sample_rate_hz', self.sample_rate_hz)
    _require_positive('duration_s', self.duration_s)
    require_choice('segments', self.segments, ('center', 'all'))

  @property
  def num_samples(self) -> int:
    """Samples of one segment."""
    return round(self.sample_rate_hz * self.duration_s)


@dataclasses.dataclass(frozen=True)
class MfccSpec:
  """The front end; the defaults are the preset `paper`.

  Frames of `frame_samples` every `hop_samples`, window, FFT, magnitude, mel
  bands, logarithm, DCT-II, clipping. The fields from `padding` on say where
  other front ends differ; at their defaults each of them does nothing. A band
  that holds no FFT bin is warned of.

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
      centred; 'end': zeros behind, so that every sample is in a frame.
    remove_dc: take the mean of a frame from it.
    preemphasis: a in x[n] - a x[n - 1]; 0 for none.
    preemphasis_over: 'frame', where x[-1] is x[0] as in Kaldi and HTK, or
      'waveform', where it is 0.
    window_periodic: for an FFT; False is the symmetric window.
    power: 1 for the magnitude, 2 for its square.
    spectrum_scale: factor on that.
    mel_scale: 'htk' or 'slaney'.
    mel_sides: what the triangles are straight in: 'mel', 'hz' or 'bins'.
    mel_area: 'slaney' divides a triangle by half its width in Hz.
    mel_half_bin: leave out bins less than half a bin above the lower edge.
    compression: of c = max(mel, log_floor) + log_offset: 'ln'; 'db' for
      10 log10 c; or 'power' for c ** exponent.
    exponent: of 'power'.
    log_floor: the least that is compressed; 0 for none.
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

  def __post_init__(self):
    for field in (
      'frame_samples',
      'hop_samples',
      'fft_size',
      'num_mel_bands',
      'num_coefficients',
    ):
      _require_whole(field, getattr(self, field))
    for field in ('sample_rate_hz', 'spectrum_scale', 'exponent'):
      _require_positive(field, getattr(self, field))
    for field in ('clip', 'top_db'):
      if getattr(self, field) is not None:
        _require_positive(field, getattr(self, field))
    for field in (
      'log_offset',
      'log_floor',
      'lifter',
      'preemphasis',
      'lower_edge_hz',
      'upper_edge_hz',
    ):
      _require_not_negative(field, getattr(self, field))
    for field in ('remove_dc', 'window_periodic', 'mel_half_bin'):
      _require_bool(field, getattr(self, field))
    for field, options in MFCC_CHOICES.items():
      require_choice(field, getattr(self, field), options)
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

  def mel_weights(self):
    """Weights from FFT bins to mel bands; see `mel.triangles`."""
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

  def _warn_of_empty_bands(self):
    empty = mel.empty_bands(self.mel_weights())
    if empty:
      numbers = ', '.join(str(band) for band in empty)
      warnings.warn(
        f'{len(empty)} of {self.num_mel_bands} mel bands hold no FFT bin and '
        f'say nothing: {numbers}; take fewer bands or a larger fft_size',
        stacklevel=4,  # who called MfccSpec(...)
      )


@dataclasses.dataclass(frozen=True)
class ModelSpec:
  """Light-SERNet; the defaults are the paper's.

  Attributes:
    num_classes: emotions told apart.
    paths: parallel paths of the first body, any of `PATHS`; their order does
      not matter, the concatenation follows `PATHS`.
    filters: filters of all paths together, shared out evenly.
    dropout: rate in front of the dense layer.
    batch_norm_momentum: share of the old value in a moving statistic.
    batch_norm_epsilon: added to a variance before its root.
  """

  num_classes: int = 7
  paths: tuple[str, ...] = ('spectral', 'temporal', 'joint')
  filters: int = 96
  dropout: float = 0.3
  batch_norm_momentum: float = 0.99
  batch_norm_epsilon: float = 1e-3

  def __post_init__(self):
    object.__setattr__(self, 'paths', tuple(self.paths))
    require(
      self.num_classes >= 2,
      f'num_classes is {self.num_classes}; a classifier needs at least 2',
    )
    require(len(self.paths) > 0, f'paths is empty; name some of {PATHS}')
    for path in self.paths:
      require_choice('paths', path, PATHS)
    require(
      len(set(self.paths)) == len(self.paths),
      f'paths is {self.paths}; name each path once',
    )
    _require_positive('filters', self.filters)
    require(
      self.filters % len(self.paths) == 0,
      f'filters is {self.filters}, which {len(self.paths)} paths cannot share '
      'evenly; choose a multiple',
    )
    require(
      0 <= self.dropout < 1,
      f'dropout is {self.dropout}; give a rate of at least 0 and below 1',
    )
    require(
      0 <= self.batch_norm_momentum < 1,
      f'batch_norm_momentum is {self.batch_norm_momentum}; give a share of at '
      'least 0 and below 1',
    )
    _require_positive('batch_norm_epsilon', self.batch_norm_epsilon)


@dataclasses.dataclass(frozen=True)
class LossSpec:
  """Loss of one example.

  Attributes:
    name: 'cross_entropy' or 'focal'.
    gamma: focusing exponent of the focal loss; 0 is the cross-entropy.
    class_weights: 'none', or 'balanced' for weights N / (K * N_k) counted on
      the training set of each fold.
  """

  name: str = 'cross_entropy'
  gamma: float = 2.0
  class_weights: str = 'none'

  def __post_init__(self):
    require_choice('loss.name', self.name, ('cross_entropy', 'focal'))
    require(
      math.isfinite(self.gamma) and self.gamma >= 0,
      f'loss.gamma is {self.gamma}; give a number of at least 0',
    )
    require_choice(
      'loss.class_weights', self.class_weights, ('none', 'balanced')
    )


@dataclasses.dataclass(frozen=True)
class OptimSpec:
  """Adam with the L2 term and the learning rate of the authors' code.

  The rate is multiplied by `decay_factor` at each epoch (counted from 0) of
  at least `decay_start_epochs` that `decay_every_epochs` divides.
  """

  learning_rate: float = 1e-4
  decay_start_epochs: int = 50
  decay_every_epochs: int = 20
  decay_factor: float = math.exp(-0.15)
  l2: float = 1e-6
  beta1: float = 0.9
  beta2: float = 0.999
  epsilon: float = 1e-7

  def __post_init__(self):
    for field in (
      'learning_rate',
      'decay_every_epochs',
      'decay_factor',
      'epsilon',
    ):
      _require_positive(f'optim.{field}', getattr(self, field))
    for field in ('l2', 'decay_start_epochs'):
      value = getattr(self, field)
      require(
        math.isfinite(value) and value >= 0,
        f'optim.{field} is {value}; give a number of at least 0',
      )
    for field in ('beta1', 'beta2'):
      value = getattr(self, field)
      require(
        0 <= value < 1,
        f'optim.{field} is {value}; give a number of at least 0 and below 1',
      )


@dataclasses.dataclass(frozen=True)
class ProtocolSpec:
  """Which utterance is train, validation or test in which fold.

  Attributes:
    name: 'loso', 'random10', 'emobox', 'paper2021'; 'loco' and 'cross' for
      several corpora; or 'all' to train on everything and test nothing.
    validation: 'none', or 'speaker' to hold out the next training speaker
      (across corpora: the first of each training corpus).
    folds: names of the folds to run; empty runs all.
  """

  name: str = 'loso'
  validation: str = 'none'
  folds: tuple[str, ...] = ()

  def __post_init__(self):
    object.__setattr__(self, 'folds', tuple(str(name) for name in self.folds))
    require_choice('protocol.name', self.name, PROTOCOLS)
    require_choice('protocol.validation', self.validation, ('none', 'speaker'))


@dataclasses.dataclass(frozen=True)
class TrainSpec:
  """How long, in which pieces and how exactly a fold is trained.

  A fold is trained once with each of `seeds` seeds. `report_epochs` is how
  many epochs one compiled call does; 0 leaves it to the device.
  """

  epochs: int = 300
  batch_size: int = 32
  checkpoint_epochs: int = 10
  report_epochs: int = 0
  fold_mapping: str = 'auto'
  seeds: int = 1
  precision: str = 'float32'

  def __post_init__(self):
    for field in ('epochs', 'batch_size', 'checkpoint_epochs', 'seeds'):
      value = getattr(self, field)
      require(
        value >= 1,
        f'train.{field} is {value}; give a whole number of 1 or more',
      )
    require(
      self.report_epochs >= 0,
      f'train.report_epochs is {self.report_epochs}; give a whole number of 1 '
      'or more, or 0 to leave it to the device',
    )
    require_choice('train.fold_mapping', self.fold_mapping, MAPPINGS)
    require_choice('train.precision', self.precision, PRECISIONS)
