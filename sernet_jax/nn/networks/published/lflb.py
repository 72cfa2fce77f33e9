"""Blocks of convolution and max pooling in front of an LSTM (Zhao et al. 2019).

Zhao, Mao and Chen, Biomedical Signal Processing and Control 47:312-323, the
two-dimensional network. Each of four "local feature learning blocks" is a
convolution 3 x 3, BatchNorm, ELU and a max pooling; an LSTM reads what they
leave of time, a dense layer its last state.

Our reading, because the paper was not read, and no code of the authors is
public: the layers are those of two re-implementations, the log-mel bands of
8 s those of github.com/Hbbbbbby/EmotionRecognition_2Dcnn-lstm.

- 256 units of the LSTM; that code has 32, `units=32`.
- A window of the pooling counts if it holds any frame of the utterance, so that
  the LSTM has a step for each 128 frames begun (4.1 s); the code drops windows
  that are not full and always has exactly one, of 8 s with their zeros.
- Frames lie inside of the sound, 247 in 8 s, and those behind an utterance take
  part in nothing; the code has 251, with zeros on both sides, and hears them all.
"""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import jax

from sernet_jax.common.errors import require, require_whole
from sernet_jax.nn.networks import generic, settings
from sernet_jax.nn.networks.forward import Pass
from sernet_jax.nn.networks.settings import Layer, NetworkSettings

_BLOCKS = 4
_KERNEL = (3, 3)


@dataclasses.dataclass(frozen=True)
class Settings(NetworkSettings):
  """The network of local feature learning blocks, for log-mel bands.

  Attributes:
    channels: of the four convolutions.
    pools: frames, and as many bands, that each block's pooling makes one.
    units: of the LSTM.
    bands: mel bands of the features.
  """

  name: ClassVar[str] = 'lflb'
  takes: ClassVar[tuple[str, ...]] = ('log_mel',)

  batch_norm_momentum: float = 0.99  # Keras'
  channels: tuple[int, ...] = (64, 64, 128, 128)
  pools: tuple[int, ...] = (2, 4, 4, 4)
  units: int = 256
  bands: int = 128

  def __post_init__(self) -> None:
    super().__post_init__()
    for field in ('units', 'bands'):
      require_whole(f'model.{field}', getattr(self, field))
    for field, most in (('channels', 4096), ('pools', 8)):
      value = getattr(self, field)
      require(
        isinstance(value, tuple)
        and len(value) == _BLOCKS
        and all(isinstance(n, int) and 1 <= n <= most for n in value),
        f'model.{field} is {value}; give four whole numbers from 1 to {most}, '
        'such as (2, 4, 4, 4)',
      )

  @property
  def width(self) -> int:
    """Features of a frame."""
    return self.bands

  def all_layers(self) -> tuple[Layer, ...]:
    """Lists all layers with weights."""
    found, inputs, rows = [], 1, self.bands
    for number, (size, pool) in enumerate(
      zip(self.channels, self.pools, strict=True), 1
    ):
      found += [
        settings.conv(f'conv{number}', _KERNEL, inputs, size),
        settings.norm(f'conv{number}_norm', size),
      ]
      inputs, rows = size, -(-rows // pool)
    return (
      *found,
      settings.lstm('lstm', rows * inputs, self.units),
      settings.dense('head', self.units, self.num_classes),
    )


def embed(spec: Settings, run: Pass, x: jax.Array) -> jax.Array:
  """Computes the LSTM's last state, (examples, units).

  Args:
    spec: the network.
    run: its layers.
    x: (examples, frames, bands).
  """
  x = x[..., None]  # (b, t, f, 1)
  for number, pool in enumerate(spec.pools, 1):
    name = f'conv{number}'
    x = run.norm(f'{name}_norm', run.conv(name, x))
    # Before the ELU, which does not change what is largest.
    x = jax.nn.elu(run.max_pool(x, (pool, pool)))
  return run.last('lstm', x.reshape(*x.shape[:2], -1))


NETWORK = generic.network(embed)
