"""Frozen settings that check themselves, and the error people see.

A spec holds plain values, is hashable (so it can be a static argument of
`jax.jit`) and raises `InputError` when a value makes no sense; the message
names the value, the bound and the cure. Text and files stay outside.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
from collections.abc import Iterable

PATHS = ('temporal', 'spectral', 'joint')
SELECTIONS = ('last', 'validation', 'best_on_test')

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
    math.isfinite(value) and value > 0,
    f'{field} is {value!r}; give a finite number above 0',
  )


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

  Frames of `frame_samples` every `hop_samples`, not padded; window; FFT of
  `fft_size`; magnitude; `num_mel_bands` HTK-scale triangles between
  `lower_edge_hz` and `upper_edge_hz`; ln(mel + log_offset); DCT-II times
  sqrt(2 / num_mel_bands); the first `num_coefficients`; clip to +-`clip`.
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
  clip: float = 10.0

  def __post_init__(self):
    for field in (
      'sample_rate_hz',
      'frame_samples',
      'hop_samples',
      'fft_size',
      'num_mel_bands',
      'num_coefficients',
      'log_offset',
      'clip',
    ):
      _require_positive(field, getattr(self, field))
    require_choice('window', self.window, ('hamming', 'hann'))
    require(
      self.frame_samples <= self.fft_size,
      f'frame_samples is {self.frame_samples}, longer than fft_size '
      f'{self.fft_size}; raise fft_size or shorten the frame',
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
    name: 'loso', 'random10', 'emobox' or 'paper2021'.
    validation: 'none', or 'speaker' to hold out the next training speaker.
    folds: names of the folds to run; empty runs all.
  """

  name: str = 'loso'
  validation: str = 'none'
  folds: tuple[str, ...] = ()

  def __post_init__(self):
    object.__setattr__(self, 'folds', tuple(str(name) for name in self.folds))
    require_choice(
      'protocol.name', self.name, ('loso', 'random10', 'emobox', 'paper2021')
    )
    require_choice('protocol.validation', self.validation, ('none', 'speaker'))


@dataclasses.dataclass(frozen=True)
class TrainSpec:
  """How long and in which pieces a fold is trained."""

  epochs: int = 300
  batch_size: int = 32
  checkpoint_epochs: int = 10

  def __post_init__(self):
    for field in ('epochs', 'batch_size', 'checkpoint_epochs'):
      value = getattr(self, field)
      require(
        value >= 1,
        f'train.{field} is {value}; give a whole number of 1 or more',
      )
