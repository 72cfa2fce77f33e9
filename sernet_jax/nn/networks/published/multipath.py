"""Convolutions of four sizes side by side over a spectrogram (Yenigalla 2018).

Yenigalla et al., Interspeech 2018, pp. 3688-3692, the spectrogram's half. Four
convolutions read the same 128 mel bands of 6 s; of each map the largest value of
each quarter remains, half of time by half of the bands; two dense layers follow.

Our reading, because only the abstract was read, and no code of the authors is
public; the sizes are those of a description by others:

- 200 maps of each size; ReLU behind each convolution and dense layer; BatchNorm
  without scale and offset behind the paths and the first dense layer, and dropout
  there.
- Log-mel bands, standardized by a BatchNorm without scale and offset, see `acrnn`.
- Halves of time are those of the utterance, without the frames behind it; a middle
  frame, or band, belongs to both.
- No phonemes. The paper's other half reads them as text, which a recording alone
  does not come with; and in EMO-DB the sentence carries no emotion by
  design, because the same ten are said in each.
- Adam, where the description has Adadelta.
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

_QUARTERS = 4


@dataclasses.dataclass(frozen=True)
class Settings(NetworkSettings):
  """The multi-path network; the defaults are our reading of the paper's.

  Attributes:
    maps: outputs of each path.
    kernel_frames: frames of each path's kernel.
    kernel_bands: bands of each path's kernel.
    dense: outputs of the two dense layers before the head.
    path_dropout: rate behind the paths and the first dense layer.
    bands: mel bands of the features.
  """

  name: ClassVar[str] = 'multipath'
  takes: ClassVar[tuple[str, ...]] = ('log_mel',)

  maps: int = 200
  kernel_frames: tuple[int, ...] = (16, 24, 32, 40)
  kernel_bands: tuple[int, ...] = (12, 18, 24, 30)
  dense: tuple[int, int] = (400, 200)
  path_dropout: float = 0.25
  bands: int = 128

  def __post_init__(self) -> None:
    super().__post_init__()
    for field in ('maps', 'bands'):
      require_whole(f'model.{field}', getattr(self, field))
    settings.require_pair('dense', self.dense, 4096)
    for field in ('kernel_frames', 'kernel_bands'):
      value = getattr(self, field)
      require(
        isinstance(value, tuple)
        and len(value) == len(self.kernel_frames) > 0
        and all(isinstance(n, int) and 1 <= n <= 128 for n in value),
        f'model.{field} is {value}; give a whole number from 1 to 128 for each '
        'path, as many in kernel_frames as in kernel_bands',
      )
    require(
      0 <= self.path_dropout < 1,
      f'model.path_dropout is {self.path_dropout}; give a number of at least 0 '
      'and below 1',
    )

  @property
  def width(self) -> int:
    """Features of a frame."""
    return self.bands

  @property
  def kernels(self) -> tuple[tuple[int, int], ...]:
    """(frames, bands) of each path."""
    return tuple(zip(self.kernel_frames, self.kernel_bands, strict=True))

  def all_layers(self) -> tuple[Layer, ...]:
    """Lists all layers with weights."""
    joined = len(self.kernels) * _QUARTERS * self.maps
    first, second = self.dense
    return (
      settings.norm('input', self.bands, affine=False),
      *(
        settings.conv(f'path{number}', kernel, 1, self.maps)
        for number, kernel in enumerate(self.kernels, 1)
      ),
      settings.norm('joined_norm', joined, affine=False),
      settings.dense('dense1', joined, first),
      settings.norm('dense1_norm', first, affine=False),
      settings.dense('dense2', first, second),
      settings.dense('head', second, self.num_classes),
    )


def embed(spec: Settings, run: Pass, x: jax.Array) -> jax.Array:
  """Computes the second dense layer, (examples, dense).

  Args:
    spec: the network.
    run: its layers.
    x: (examples, frames, bands).
  """
  x = run.norm('input', x)[..., None]  # (b, t, f, 1)
  paths = [
    _quarters(run.conv(f'path{number}', x), run.own)
    for number in range(1, len(spec.kernels) + 1)
  ]
  x = jax.nn.relu(jnp.concatenate(paths, axis=-1))  # (b, paths * 4 * maps)
  x = run.drop_channels(run.norm('joined_norm', x), spec.path_dropout)
  x = jax.nn.relu(run.dense('dense1', x))
  x = run.drop_channels(run.norm('dense1_norm', x), spec.path_dropout)
  return jax.nn.relu(run.dense('dense2', x))


def _quarters(x: jax.Array, own: jax.Array) -> jax.Array:
  """Takes the largest value of each quarter, (b, t, f, c) to (b, 4 c).

  Args:
    x: the map.
    own: (b, t) of 0 and 1, the utterance's frames first.
  """
  frames = own.sum(axis=1, keepdims=True)  # (b, 1)
  place = jnp.arange(x.shape[1])
  halves = (place < frames / 2, place + 1 > frames / 2)
  low, high = x.shape[2] - x.shape[2] // 2, x.shape[2] // 2
  found = []
  for half in halves:
    seen = (half & (own > 0))[:, :, None, None]
    best = jnp.where(seen, x, -jnp.inf).max(axis=1)  # (b, f, c)
    found += [best[:, :low].max(axis=1), best[:, high:].max(axis=1)]
  # An example that is padding alone has no frame.
  return jnp.where(frames > 0, jnp.concatenate(found, axis=-1), 0.0)


NETWORK = generic.network(embed)
