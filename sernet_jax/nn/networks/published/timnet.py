"""TIM-Net: dilated causal convolutions from both ends of time (Ye et al. 2023).

ICASSP 2023, arXiv 2211.08233, after its code
(github.com/Jiaxin-Ye/TIM-Net_SER). Each level has two causal convolutions of
two frames, twice as far apart as the level before, whose sigmoid weighs the
level's own input; the levels' means over time are mixed by learned weights.

All frames count, zeros around an utterance too, as published.
"""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp

from sernet_jax.common.errors import require, require_whole
from sernet_jax.nn.networks import generic, settings
from sernet_jax.nn.networks.forward import Pass
from sernet_jax.nn.networks.settings import Layer, NetworkSettings

WAYS = ('ahead', 'back')


@dataclasses.dataclass(frozen=True)
class Settings(NetworkSettings):
  """TIM-Net; the defaults are those for EMO-DB.

  Attributes:
    levels: 8 for EMO-DB, 10 for IEMOCAP.
    coefficients: of a frame, and channels of every map.
    block_dropout: rate at which channels are dropped behind a convolution.
  """

  name: ClassVar[str] = 'timnet'
  takes: ClassVar[tuple[str, ...]] = ('mfcc',)
  masked: ClassVar[bool] = False
  published_epochs: ClassVar[int] = 500

  batch_norm_momentum: float = 0.99
  levels: int = 8
  coefficients: int = 39
  block_dropout: float = 0.1

  def __post_init__(self) -> None:
    super().__post_init__()
    for field in ('levels', 'coefficients'):
      require_whole(f'model.{field}', getattr(self, field))
    require(
      self.levels <= 16,
      f'model.levels is {self.levels}; give at most 16, whose convolutions '
      'reach back over 65,536 frames',
    )
    require(
      0 <= self.block_dropout < 1,
      f'model.block_dropout is {self.block_dropout}; give a number of at least '
      '0 and below 1',
    )

  @property
  def width(self) -> int:
    """Features of a frame."""
    return self.coefficients

  def all_layers(self) -> tuple[Layer, ...]:
    """Lists all layers with weights."""
    size, found = self.coefficients, []
    for way in WAYS:
      found.append(settings.conv(way, (1, 1), size, size))
      for level in range(1, self.levels + 1):
        for number in (1, 2):
          name = f'{way}{level}_{number}'
          found.append(settings.conv(name, (2, 1), size, size))
          found.append(settings.norm(f'{name}_norm', size))
    return (
      *found,
      settings.mixture('levels', self.levels),
      settings.dense('head', size, self.num_classes),
    )


def embed(spec: Settings, run: Pass, x: jax.Array) -> jax.Array:
  """Computes the mix of all levels, (examples, coefficients).

  Args:
    spec: the network.
    run: its layers.
    x: (examples, frames, coefficients).
  """
  maps = [
    run.conv(way, each[:, :, None])  # (b, t, 1, c)
    for way, each in zip(WAYS, (x, x[:, ::-1]), strict=True)
  ]
  means = []
  for level in range(1, spec.levels + 1):
    maps = [
      _block(spec, run, f'{way}{level}', 2 ** (level - 1), each)
      for way, each in zip(WAYS, maps, strict=True)
    ]
    # Summed as they are, the frames of the way back still in reverse: a mean
    # over time does not see it.
    means.append(run.mean(maps[0] + maps[1])[:, 0])  # (b, c)
  weights = run.weights('levels')['values']  # (levels,)
  return jnp.einsum('l,lbc->bc', weights, jnp.stack(means))


def _block(
  spec: Settings, run: Pass, name: str, apart: int, x: jax.Array
) -> jax.Array:
  """Weighs a map (b, t, 1, c) by what two causal convolutions make of it."""
  y = x
  for number in (1, 2):
    layer = f'{name}_{number}'
    y = run.conv(layer, y, padding=[(apart, 0), (0, 0)], dilation=(apart, 1))
    y = jax.nn.relu(run.norm(f'{layer}_norm', y))
    y = run.drop_channels(y, spec.block_dropout)
  return x * jax.nn.sigmoid(y)


NETWORK = generic.network(embed)
