"""Frozen settings that check themselves.

A spec holds plain values, is hashable (so it can be a static argument of
`jax.jit`) and raises `InputError` when a value makes no sense; the message
names the value, the bound and the cure. Text and files stay outside.
"""

from __future__ import annotations

import dataclasses
import math

from sernet_jax.checks import (
  InputError as InputError,
  nearest as nearest,
  require as require,
  require_choice as require_choice,
  require_positive,
  require_whole,
)
from sernet_jax.mfcc_spec import (
  LEAST_FLOAT32 as LEAST_FLOAT32,
  MfccSpec as MfccSpec,
)

PATHS = ('temporal', 'spectral', 'joint')
SELECTIONS = ('last', 'last_recomputed', 'validation', 'best_on_test')

# How the folds of a run share the device or devices; see `mapping`.
MAPPINGS = ('auto', 'map', 'vmap', 'shard')

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
    require_positive('sample_rate_hz', self.sample_rate_hz)
    require_positive('duration_s', self.duration_s)
    require_choice('segments', self.segments, ('center', 'all'))

  @property
  def num_samples(self) -> int:
    """Samples of one segment."""
    return round(self.sample_rate_hz * self.duration_s)


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
    require_positive('filters', self.filters)
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
    require_positive('batch_norm_epsilon', self.batch_norm_epsilon)


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
      require_positive(f'optim.{field}', getattr(self, field))
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
      require_whole(f'train.{field}', getattr(self, field))
    require(
      self.report_epochs >= 0,
      f'train.report_epochs is {self.report_epochs}; give a whole number of 1 '
      'or more, or 0 to leave it to the device',
    )
    require_choice('train.fold_mapping', self.fold_mapping, MAPPINGS)
    require_choice('train.precision', self.precision, PRECISIONS)
