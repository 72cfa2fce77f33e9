"""3-D ACRNN: convolutions, a bidirectional LSTM and attention (Chen et al. 2018).

IEEE Signal Processing Letters 25(10):1440-1444. Log-mel bands with deltas and
delta-deltas are the three channels of the first convolution.

Our reading, where the paper says nothing or differs from its public code
(github.com/xuanjihe/speech-emotion-recognition):

- Pooling is 2 x 2, as in the paper; the code has 2 x 4.
- BatchNorm stands on the dense layer of 64, as in the paper; `norm='linear'`
  has it on the linear layer of 768 with a leaky ReLU, as in the code.
- Convolutions are padded SAME; ReLUs are leaky with a slope of 0.01.
- Each band and channel is standardized by a BatchNorm without scale and
  offset, which in training uses the batch and in tests its moving statistics;
  the paper takes those of the training set, which `last_recomputed` has.
- Frames behind an utterance take part in nothing; the code lets them.
- Kernels begin Glorot-uniform and biases at 0; in the code a normal of 0.1, five
  times as large from the second convolution on, and biases 0.1.
"""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import jax

from sernet_jax.common.errors import require, require_whole
from sernet_jax.nn.networks import generic, settings
from sernet_jax.nn.networks.forward import Pass
from sernet_jax.nn.networks.settings import Layer, NetworkSettings

CHANNELS = 3  # static, delta, delta-delta
KERNEL = (5, 3)
_SLOPE = 0.01


@dataclasses.dataclass(frozen=True)
class Settings(NetworkSettings):
  """3-D ACRNN; the defaults are the paper's for EMO-DB.

  Attributes:
    convolutions: 5 for EMO-DB and 6 for IEMOCAP in the paper; 1 is a cheap
      form that it measured too (EMO-DB: UAR 81.53 instead of 82.82).
    pool: (frames, bands) of the one max pooling, behind the first.
    norm: 'dense' or 'linear', the layer with BatchNorm.
    channels: of the first convolution, and of each of the others.
    linear: outputs of the linear layer.
    units: of the LSTM in one direction.
    dense: outputs of the last layer before the head.
    bands: mel bands of the features.
  """

  name: ClassVar[str] = 'acrnn'
  takes: ClassVar[tuple[str, ...]] = ('log_mel_deltas',)

  convolutions: int = 5
  pool: tuple[int, int] = (2, 2)
  norm: str = 'dense'
  channels: tuple[int, int] = (128, 256)
  linear: int = 768
  units: int = 128
  dense: int = 64
  bands: int = 40

  def __post_init__(self) -> None:
    super().__post_init__()
    for field in ('convolutions', 'linear', 'units', 'dense', 'bands'):
      require_whole(f'model.{field}', getattr(self, field))
    settings.require_option('norm', self.norm, ('dense', 'linear'))
    settings.require_pair('pool', self.pool, 8)
    settings.require_pair('channels', self.channels, 4096)
    require(
      self.convolutions <= 12,
      f'model.convolutions is {self.convolutions}; give 1 to 12',
    )

  @property
  def width(self) -> int:
    """Features of a frame: three channels of bands."""
    return CHANNELS * self.bands

  @property
  def _rows(self) -> int:
    """Values of a frame behind the convolutions."""
    last = self.channels[min(self.convolutions, 2) - 1]
    return -(-self.bands // self.pool[1]) * last

  def all_layers(self) -> tuple[Layer, ...]:
    """Lists all layers with weights."""
    inputs, found = CHANNELS, [settings.norm('input', self.width, affine=False)]
    for number in range(1, self.convolutions + 1):
      outputs = self.channels[min(number, 2) - 1]
      found.append(settings.conv(f'conv{number}', KERNEL, inputs, outputs))
      inputs = outputs
    found.append(settings.dense('linear', self._rows, self.linear))
    units, dense = self.units, self.dense
    normed = {'linear': self.linear, 'dense': dense}[self.norm]
    return (
      *found,
      settings.lstm('ahead', self.linear, units),
      settings.lstm('back', self.linear, units),
      settings.dense('score', 2 * units, 1),
      settings.vector('score_scale', 1),
      settings.dense('dense', 2 * units, dense),
      settings.norm('norm', normed),
      settings.dense('head', dense, self.num_classes),
    )


def embed(spec: Settings, run: Pass, x: jax.Array) -> jax.Array:
  """Computes the dense layer of 64, (examples, 64).

  Args:
    spec: the network.
    run: its layers.
    x: (examples, frames, 3 * bands): bands, deltas, delta-deltas.
  """
  x = run.masked(run.norm('input', x))
  # (b, t, 3 f) -> (b, t, f, 3)
  x = x.reshape(*x.shape[:2], CHANNELS, spec.bands).swapaxes(2, 3)
  for number in range(1, spec.convolutions + 1):
    x = run.conv(f'conv{number}', x)
    if number == 1:  # before the ReLU, which does not change what is largest
      x = run.max_pool(x, spec.pool)
    x = jax.nn.leaky_relu(x, _SLOPE)
  x = run.dense('linear', x.reshape(*x.shape[:2], -1))  # (b, t, 768)
  if spec.norm == 'linear':
    x = jax.nn.leaky_relu(run.norm('norm', x), _SLOPE)
  x = run.both_ways('lstm', ('ahead', 'back'), x)  # (b, t, 256)
  scores = jax.nn.sigmoid(run.dense('score', x))[..., 0]  # (b, t)
  scores = scores * run.weights('score_scale')['values']
  x = run.dense('dense', run.attend(scores, x))  # (b, 64)
  if spec.norm == 'dense':
    x = run.norm('norm', x)
  return jax.nn.leaky_relu(x, _SLOPE)


NETWORK = generic.network(embed)
