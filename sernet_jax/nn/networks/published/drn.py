"""Dilated residual network with multi-head self-attention (Li et al. 2019).

ICASSP 2019, pp. 6675-6679. Convolutions along time, halved twice, then dilated
2 and 4 frames instead of halved again; every frame attends to every other; the
mean over time goes through two dense layers.

Our reading, because only the abstract was read, and no code of the authors is
public: the layers are those of a third party's backbone (`EmoDRNLSTM` of
github.com/santi-pdp/pase) with the attention where that has an LSTM.

- Eight heads, without positions and without a skip around the attention.
- The mean over time follows the attention, no LSTM.
- No activation between a convolution that changes the channels and the block
  behind it.
- 40 log-mel bands, standardized by a BatchNorm without scale and offset, see
  `acrnn`; Adam.
"""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import jax

from sernet_jax.common.errors import require, require_whole
from sernet_jax.nn.networks import generic, settings
from sernet_jax.nn.networks.forward import Pass
from sernet_jax.nn.networks.settings import Layer, NetworkSettings

_FIRST = 10  # frames of the first kernel
_STAGES = 4
_KERNELS = (5, 5, 3, 3)  # of each stage's residual blocks
_DILATIONS = (1, 1, 2, 4)
_HALVED = (True, True, False, False)
_BLOCKS = 2  # of a stage
_ATTENTION = ('query', 'key', 'value', 'mixed')


@dataclasses.dataclass(frozen=True)
class Settings(NetworkSettings):
  """The dilated residual network; the defaults are the backbone's.

  Attributes:
    first: channels of the first convolution.
    channels: of the four stages; the last is the attention's.
    heads: of the attention.
    dense: outputs of each of the two layers before the head.
    bands: mel bands of the features.
  """

  name: ClassVar[str] = 'drn'
  takes: ClassVar[tuple[str, ...]] = ('log_mel',)

  first: int = 32
  channels: tuple[int, ...] = (64, 128, 256, 512)
  heads: int = 8
  dense: int = 200
  bands: int = 40

  def __post_init__(self) -> None:
    super().__post_init__()
    for field in ('first', 'heads', 'dense', 'bands'):
      require_whole(f'model.{field}', getattr(self, field))
    require(
      isinstance(self.channels, tuple)
      and len(self.channels) == _STAGES
      and all(isinstance(n, int) and 1 <= n <= 4096 for n in self.channels),
      f'model.channels is {self.channels}; give four whole numbers from 1 to '
      '4096, such as (64, 128, 256, 512)',
    )
    require(
      self.channels[-1] % self.heads == 0,
      f'model.heads is {self.heads}, which does not divide the last of '
      f'model.channels, {self.channels[-1]}; give such as 1 or 2',
    )

  @property
  def width(self) -> int:
    """Features of a frame."""
    return self.bands

  def all_layers(self) -> tuple[Layer, ...]:
    """Lists all layers with weights."""
    found = [
      settings.norm('input', self.bands, affine=False),
      settings.conv('conv', (_FIRST, 1), self.bands, self.first),
    ]
    inputs = self.first
    for stage, size in enumerate(self.channels, 1):
      tall = 2 if _HALVED[stage - 1] else 1
      found.append(settings.conv(f'widen{stage}', (tall, 1), inputs, size))
      kernel = (_KERNELS[stage - 1], 1)
      for name in _convolutions(stage):
        found.append(settings.conv(name, kernel, size, size, bias=False))
        found.append(settings.norm(f'{name}_norm', size))
      inputs = size
    return (
      *found,
      *(settings.dense(name, inputs, inputs) for name in _ATTENTION),
      settings.dense('dense1', inputs, self.dense),
      settings.dense('dense2', self.dense, self.dense),
      settings.dense('head', self.dense, self.num_classes),
    )


def _convolutions(stage: int) -> list[str]:
  """Lists the convolutions of a stage's residual blocks, in pairs."""
  return [f'stage{stage}_{number}' for number in range(1, 2 * _BLOCKS + 1)]


def embed(spec: Settings, run: Pass, x: jax.Array) -> jax.Array:
  """Computes the second dense layer, (examples, dense).

  Args:
    spec: the network.
    run: its layers.
    x: (examples, frames, bands).
  """
  x = run.norm('input', x)[:, :, None]  # (b, t, 1, f)
  before = (_FIRST - 1) // 2
  x = run.conv('conv', x, padding=[(before, _FIRST - 1 - before), (0, 0)])
  for stage in range(1, _STAGES + 1):
    halved = _HALVED[stage - 1]
    # An odd last frame has a pair of its own.
    pads = [(0, x.shape[1] % 2 if halved else 0), (0, 0)]
    x = run.conv(f'widen{stage}', x, (2 if halved else 1, 1), pads)
    names = _convolutions(stage)
    for one, two in zip(names[::2], names[1::2], strict=True):
      x = _block(run, (one, two), _DILATIONS[stage - 1], x)
  x = x[:, :, 0]  # (b, t, c)
  query, key, value = (run.dense(name, x) for name in _ATTENTION[:3])
  x = run.dense('mixed', run.attend_each(query, key, value, spec.heads))
  x = jax.nn.relu(run.dense('dense1', run.mean(x)))  # (b, dense)
  return jax.nn.relu(run.dense('dense2', x))


def _block(
  run: Pass, names: tuple[str, str], dilation: int, x: jax.Array
) -> jax.Array:
  """Adds to a map (b, t, 1, c) what two convolutions make of it."""
  y = x
  for name in names:
    y = jax.nn.relu(y) if name == names[1] else y
    y = run.norm(f'{name}_norm', run.conv(name, y, dilation=(dilation, 1)))
  return jax.nn.relu(x + y)


NETWORK = generic.network(embed)
