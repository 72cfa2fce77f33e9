"""GM-TCN: gated causal convolutions of several scales (Ye et al. 2022).

Speech Communication 145:21-35, arXiv 2210.15834, after its code
(github.com/aascode/GM-TCNet). Each level has two stages, twice as far apart as
those of the level before, the second twice as far as the first. In a stage,
three pairs of causal convolutions of two frames: one of a pair, through a ReLU,
weighs the other by its sigmoid; the mean of the three goes on. A level adds to
its input, and all levels' second stages add up for the head.

All frames count, zeros around an utterance too, and features are not standardized,
as published.
"""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import jax

from sernet_jax.common.errors import require, require_whole
from sernet_jax.nn.networks import generic, settings
from sernet_jax.nn.networks.forward import Pass
from sernet_jax.nn.networks.settings import Layer, NetworkSettings

_PAIRS = 3
_STAGES = (1, 2)
_SLOPE = 0.05


@dataclasses.dataclass(frozen=True)
class Settings(NetworkSettings):
  """GM-TCN; the defaults are the code's.

  Attributes:
    levels: 7 in the code; with 8 its size is the one that the paper states.
    coefficients: of a frame, and channels of every map.
  """

  name: ClassVar[str] = 'gmtcn'
  takes: ClassVar[tuple[str, ...]] = ('mfcc',)
  masked: ClassVar[bool] = False
  published_epochs: ClassVar[int] = 300

  levels: int = 7
  coefficients: int = 39

  def __post_init__(self) -> None:
    super().__post_init__()
    for field in ('levels', 'coefficients'):
      require_whole(f'model.{field}', getattr(self, field))
    require(
      self.levels <= 12,
      f'model.levels is {self.levels}; give at most 12, whose convolutions '
      'reach back over 12,285 frames',
    )

  @property
  def width(self) -> int:
    """Features of a frame."""
    return self.coefficients

  def all_layers(self) -> tuple[Layer, ...]:
    """Lists all layers with weights."""
    size = self.coefficients
    return (
      settings.conv('first', (1, 1), size, size),
      *(
        settings.conv(name, (2, 1), size, size)
        for level in range(1, self.levels + 1)
        for stage in _STAGES
        for name in _convolutions(level, stage)
      ),
      settings.dense('head', size, self.num_classes),
    )


def _convolutions(level: int, stage: int) -> list[str]:
  """Lists the convolutions of a stage: those that are weighed, then the gates."""
  return [
    f'level{level}_{stage}_{part}{number}'
    for part in ('value', 'gate')
    for number in range(1, _PAIRS + 1)
  ]


def embed(spec: Settings, run: Pass, x: jax.Array) -> jax.Array:
  """Computes the mean over time of all levels, (examples, coefficients).

  Args:
    spec: the network.
    run: its layers.
    x: (examples, frames, coefficients).
  """
  x = run.conv('first', x[:, :, None])  # (b, t, 1, c)
  skipped = []
  for level in range(1, spec.levels + 1):
    y = x
    for stage in _STAGES:
      y = _stage(run, _convolutions(level, stage), stage * 2 ** (level - 1), y)
    x = x + y
    skipped.append(y)
  return run.mean(jax.nn.leaky_relu(sum(skipped), _SLOPE))[:, 0]


def _stage(run: Pass, names: list[str], apart: int, x: jax.Array) -> jax.Array:
  """Takes a map (b, t, 1, c) through three gated pairs to their mean."""
  y = run.conv(names, x, padding=[(apart, 0), (0, 0)], dilation=(apart, 1))
  # (b, t, 1, 6 c) -> (b, t, 2, 3, c): values and gates, pairs, channels
  y = jax.nn.relu(y).reshape(*y.shape[:2], 2, _PAIRS, -1)
  y = (y[:, :, 0] * jax.nn.sigmoid(y[:, :, 1])).mean(axis=2)
  return y[:, :, None]


NETWORK = generic.network(embed)
