"""Frozen settings of the loss, the optimizer and the training loop."""

from __future__ import annotations

import dataclasses
import math
import re

from sernet_jax.common.errors import (
  require,
  require_choice,
  require_positive,
  require_whole,
)

# How the learning rate follows the epochs; see `optim.learning_rate`.
SCHEDULES = ('exponential', 'cosine', 'one_cycle')

# Losses of an example; see `losses`.
LOSSES = ('cross_entropy', 'focal', 'margin')

# What a batch is drawn from.
BATCHES = ('mixed', 'speaker')

# Ways in which the folds of a run share the devices; see `mapping`.
MAPPINGS = ('auto', 'map', 'vmap', 'shard')

# Precisions of training; see `recipes`.
PRECISIONS = ('float32', 'tf32', 'bfloat16')

# Of distillation: T^2 KL falls with T below 1, and its rounding rises with T^2.
_TEMPERATURES = 0.1, 100

# Of the probabilities that a loss tells apart.
_FLOORS = 1e-7, 0.1

# A comma, but for that in the name of a fold of a run with several seeds.
_BETWEEN_RUNS = r',(?!\s*seed \d+\s*(?:,|$))'


@dataclasses.dataclass(frozen=True)
class LossSpec:
  """Loss of one example.

  Attributes:
    name: 'cross_entropy', 'focal' or 'margin', see `losses`.
    gamma: focusing exponent of the focal loss; 0 is the cross-entropy.
    class_weights: 'none', or 'balanced' for weights N / (K * N_k) counted on
      the training set of each fold.
    label_smoothing: share of a label that all classes get in equal parts.
    floor: probabilities are clipped to at least this and at most 1 minus this,
      where the gradient is 0; 0 for none, which computes from the logits. The
      margin loss has no logarithm and needs none.
    dimensions: share of the concordance loss of `data.dimensions`, where there
      are some, in the loss of a batch; the classes have the rest.
    distillation: share that the answers of `train.teachers` have in the loss of
      an example, where there are some; its label has the rest.
    temperature: by which the logits of teachers and student are divided where
      they are compared.
  """

  name: str = 'cross_entropy'
  gamma: float = 2.0
  class_weights: str = 'none'
  label_smoothing: float = 0.0
  floor: float = 1e-7  # Keras'
  dimensions: float = 0.5
  distillation: float = 0.5
  temperature: float = 2.0

  def __post_init__(self) -> None:
    require_choice('loss.name', self.name, LOSSES)
    require(
      math.isfinite(self.gamma) and self.gamma >= 0,
      f'loss.gamma is {self.gamma}; give a number of at least 0',
    )
    require_choice(
      'loss.class_weights', self.class_weights, ('none', 'balanced')
    )
    require(
      0 <= self.label_smoothing < 1,
      f'loss.label_smoothing is {self.label_smoothing}; give a share of at '
      'least 0 and below 1, such as 0.1',
    )
    least, most = _FLOORS
    require(
      self.floor == 0 or least <= self.floor <= most,
      f'loss.floor is {self.floor}; give 0, or a probability from {least:g} to '
      f'{most:g}: 32 bits do not tell 1 minus less from 1',
    )
    require(
      0 < self.dimensions < 1,
      f'loss.dimensions is {self.dimensions}; give a share above 0 and below 1, '
      'so that classes and dimensions are both learnt',
    )
    require(
      0 < self.distillation <= 1,
      f'loss.distillation is {self.distillation}; give a share above 0 and at '
      'most 1, such as 0.5',
    )
    least, most = _TEMPERATURES
    require(
      least <= self.temperature <= most,
      f'loss.temperature is {self.temperature}; give a number from {least:g} to '
      f'{most:g}, such as 2: below it the answers count for nothing, above it '
      '32 bits do not tell them apart',
    )


@dataclasses.dataclass(frozen=True)
class OptimSpec:
  """Adam with the L2 term and the learning rate; the authors' by default.

  Attributes:
    learning_rate: the highest.
    schedule: 'exponential': the rate is multiplied by `decay_factor` at each
      epoch (counted from 0) of at least `decay_start_epochs` that
      `decay_every_epochs` divides. 'cosine' falls from the first epoch on;
      'one_cycle' rises in the first quarter, then falls.
    cycle_epochs: length of the last two; the rate stays low after it.
    decay_start_epochs: of 'exponential'.
    decay_every_epochs: of 'exponential'.
    decay_factor: of 'exponential'.
    l2: factor of the sum of squared kernels in the loss.
    weight_decay: share of every kernel that a step takes off, times the rate,
      beside Adam (AdamW, Loshchilov & Hutter 2019); 0 for none.
    average: share of the old value in a moving average of the weights, step
      by step; 0 for none. The selection `average` tests it.
    beta1: of Adam, share of the old value in the mean of gradients.
    beta2: likewise, of their squares.
    epsilon: of Adam, see `optim.scale_by_keras_adam`.
  """

  learning_rate: float = 1e-4
  schedule: str = 'exponential'
  cycle_epochs: int = 40
  decay_start_epochs: int = 50
  decay_every_epochs: int = 20
  decay_factor: float = math.exp(-0.15)
  l2: float = 1e-6
  weight_decay: float = 0.0
  average: float = 0.0
  beta1: float = 0.9
  beta2: float = 0.999
  epsilon: float = 1e-7

  def __post_init__(self) -> None:
    for field in (
      'learning_rate',
      'decay_every_epochs',
      'decay_factor',
      'epsilon',
    ):
      require_positive(f'optim.{field}', getattr(self, field))
    require_choice('optim.schedule', self.schedule, SCHEDULES)
    require_whole('optim.cycle_epochs', self.cycle_epochs)
    for field in ('l2', 'decay_start_epochs', 'weight_decay'):
      value = getattr(self, field)
      require(
        math.isfinite(value) and value >= 0,
        f'optim.{field} is {value}; give a number of at least 0',
      )
    for field in ('beta1', 'beta2', 'average'):
      value = getattr(self, field)
      require(
        0 <= value < 1,
        f'optim.{field} is {value}; give a number of at least 0 and below 1',
      )


@dataclasses.dataclass(frozen=True)
class TrainSpec:
  """Length, pieces and precision of the training of a fold.

  Attributes:
    epochs: of each fold and seed.
    batch_size: examples of a step.
    batches: 'mixed', or 'speaker' for batches of one speaker alone, whose
      BatchNorm statistics are then those of a voice, as under `loso_adapted`.
    checkpoint_epochs: epochs between two checkpoints, at most.
    report_epochs: epochs of one compiled call; 0 for 1 on CPUs and
      `checkpoint_epochs` elsewhere.
    fold_mapping: one of `MAPPINGS`.
    seeds: a fold is trained with the seeds seed, seed + 1, ..., this many.
    precision: one of `PRECISIONS`.
    start_from: weights to begin with: 'emodb' for those in the package, a file
      of `export`, or the folder of a run, with /FOLD for one of its folds;
      '' for random ones.
    freeze: parts of the network that stay as they start, with commas, see
      `ModelSpec.parts`.
    new_head: draw the rows of all classes anew, also of those that the weights
      know.
    teachers: folders of runs whose networks, fold by fold, a network also
      learns from, with commas; '' for none.
  """

  epochs: int = 300
  batch_size: int = 32
  batches: str = 'mixed'
  checkpoint_epochs: int = 10
  report_epochs: int = 0
  fold_mapping: str = 'auto'
  seeds: int = 1
  precision: str = 'float32'
  start_from: str = ''
  freeze: str = ''
  new_head: bool = False
  teachers: str = ''

  def __post_init__(self) -> None:
    for field in ('epochs', 'batch_size', 'checkpoint_epochs', 'seeds'):
      require_whole(f'train.{field}', getattr(self, field))
    require(
      self.report_epochs >= 0,
      f'train.report_epochs is {self.report_epochs}; give a whole number of 1 '
      'or more, or 0 to leave it to the device',
    )
    require_choice('train.batches', self.batches, BATCHES)
    require_choice('train.fold_mapping', self.fold_mapping, MAPPINGS)
    require_choice('train.precision', self.precision, PRECISIONS)
    require(
      bool(self.teacher_runs) or not self.teachers,
      f'train.teachers is {self.teachers!r}, which names no run; name the '
      "folder of one, or set it to ''",
    )
    for field in ('freeze', 'new_head'):
      require(
        bool(self.start_from) or not getattr(self, field),
        f'train.{field} is {getattr(self, field)!r}, which is for weights that '
        'are known already; say which with train.start_from, such as emodb, or '
        'leave it out',
      )

  @property
  def frozen_parts(self) -> tuple[str, ...]:
    """The parts that `freeze` names."""
    return tuple(filter(None, (p.strip() for p in self.freeze.split(','))))

  @property
  def teacher_runs(self) -> tuple[str, ...]:
    """The folders that `teachers` names."""
    names = re.split(_BETWEEN_RUNS, self.teachers)
    return tuple(filter(None, (name.strip() for name in names)))
