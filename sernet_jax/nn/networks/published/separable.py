"""Separable convolutions, a bidirectional GRU and attention (Zhong et al. 2020).

Interspeech 2020, pp. 3331-3335. Log-mel bands in dB go through a convolution,
six separable blocks (1 x 1, depthwise 3 x 3, 1 x 1; the last five with a skip),
a GRU from both ends and attention. No BatchNorm.

Our reading, after the public code
(github.com/zhong-ying-china/A-lightweight-network-for-SER), where the paper was
not read:

- Both directions of the GRU share their weights, because the code passes one
  cell for both; `shared=False` has two.
- Bands are standardized by a BatchNorm without scale and offset, see `acrnn`;
  the code takes the statistics of the training set.
- Its loss weighs each recording by how well the raters agreed, which EMO-DB does
  not say: focal loss for all, in the config.
- It cuts gradients to a norm of 5, and begins with recurrent and attention
  weights of other sizes; the rest begins as there.
"""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp

from sernet_jax.common.errors import require_bool, require_whole
from sernet_jax.nn.networks import generic, settings
from sernet_jax.nn.networks.forward import Pass
from sernet_jax.nn.networks.settings import Layer, NetworkSettings

_CELLS = (3, 3)


@dataclasses.dataclass(frozen=True)
class Settings(NetworkSettings):
  """The separable network; the defaults are the public code's.

  Attributes:
    blocks: separable blocks, the first without a skip.
    first: channels of the first convolution.
    channels: of the blocks' outputs.
    expanded: channels inside of a block with a skip.
    units: of the GRU in one direction.
    dense: outputs of the last layer before the head.
    shared: whether both directions of the GRU have the same weights.
    bands: mel bands of the features.
  """

  name: ClassVar[str] = 'separable'
  takes: ClassVar[tuple[str, ...]] = ('log_mel',)

  blocks: int = 6
  first: int = 32
  channels: int = 64
  expanded: int = 128
  units: int = 128
  dense: int = 64
  shared: bool = True
  bands: int = 128

  def __post_init__(self) -> None:
    super().__post_init__()
    for field in dataclasses.fields(self):
      if field.type == 'int' and field.name != 'num_classes':
        require_whole(f'model.{field.name}', getattr(self, field.name))
    require_bool('model.shared', self.shared)

  @property
  def width(self) -> int:
    """Features of a frame."""
    return self.bands

  @property
  def directions(self) -> tuple[str, str]:
    """Names of the GRU's layers from the first and from the last frame."""
    return ('ahead', 'ahead' if self.shared else 'back')

  def all_layers(self) -> tuple[Layer, ...]:
    """Lists all layers with weights."""
    wide, inside = self.channels, self.expanded
    found = [
      settings.norm('input', self.bands, affine=False),
      settings.conv('conv', _CELLS, 1, self.first),
    ]
    inputs, middle = self.first, wide
    for number in range(1, self.blocks + 1):
      found += [
        settings.conv(f'expand{number}', (1, 1), inputs, middle),
        settings.depthwise(f'depthwise{number}', _CELLS, middle),
        settings.conv(f'project{number}', (1, 1), middle, wide),
      ]
      inputs, middle = wide, inside
    # The first convolution is VALID with stride 2, the pooling SAME.
    rows = -(-((self.bands - 1) // 2) // 2) * wide
    found += [
      settings.gru(name, rows, self.units)
      for name in dict.fromkeys(self.directions)
    ]
    return (
      *found,
      settings.dense('score', 2 * self.units, 1),
      settings.vector('score_scale', 1),
      settings.dense('dense', 2 * self.units, self.dense),
      settings.vector('prelu', self.dense, 'slope'),
      settings.dense('head', self.dense, self.num_classes),
    )


def embed(spec: Settings, run: Pass, x: jax.Array) -> jax.Array:
  """Computes the dense layer, (examples, dense).

  Args:
    spec: the network.
    run: its layers.
    x: (examples, frames, bands).
  """
  x = run.norm('input', x)[..., None]  # (b, t, f, 1)
  # VALID along the bands; along time SAME, so that the shortest utterance has
  # a frame.
  x = jax.nn.relu(run.conv('conv', x, (2, 2), [(1, 1), (0, 0)]))
  for number in range(1, spec.blocks + 1):
    y = jax.nn.relu(run.conv(f'expand{number}', x))
    y = jax.nn.relu(run.conv(f'depthwise{number}', y))
    y = run.conv(f'project{number}', y)
    x = y if number == 1 else x + y
    if number == 1:
      x = run.max_pool(x, _CELLS, (2, 2))
  x = x.reshape(*x.shape[:2], -1)  # (b, t, f * c)
  x = run.both_ways('gru', spec.directions, x)
  scores = jax.nn.sigmoid(run.dense('score', x))[..., 0]  # (b, t)
  x = run.attend(scores * run.weights('score_scale')['values'], x)
  x = run.dense('dense', x)
  return jnp.where(x > 0, x, run.weights('prelu')['slope'] * x)


NETWORK = generic.network(embed)
