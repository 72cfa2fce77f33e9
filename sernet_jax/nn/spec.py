"""The network as a frozen setting that checks itself; see `ModelSpec`."""

from __future__ import annotations

import dataclasses

from sernet_jax.common.errors import require, require_choice, require_positive

PATHS = ('temporal', 'spectral', 'joint')

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
