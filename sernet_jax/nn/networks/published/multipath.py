"""Convolutions of four sizes side by side over a spectrogram (Yenigalla 2018).

Yenigalla et al., Interspeech 2018, pp. 3688-3692. Four convolutions read the same
128 mel bands of 6 s; of each map the largest value of each quarter remains, half
of time by half of the bands; two dense layers follow. With `phonemes`, four more
read what is said, a vector for each phoneme; of each map the largest value
remains, and a dense layer of their own joins the first of the spectrogram.

Our reading, because only the abstract was read, and no code of the authors is
public; the sizes are those of a description by others:

- 200 maps of each size; ReLU behind each convolution and dense layer; BatchNorm
  without scale and offset behind the paths and the first dense layer, and dropout
  there.
- Log-mel bands, standardized by a BatchNorm without scale and offset, see `acrnn`.
- Halves of time are those of the utterance, without the frames behind it; a middle
  frame, or band, belongs to both.
- Phonemes are off by default: a recording comes without its text, and in EMO-DB
  the sentence carries no emotion by design, because the same ten are said in each.
- Vectors of phonemes are learnt with the rest, where the description has word2vec;
  100 maps of each height; the two halves meet in the BatchNorm behind the first
  dense layer, and the second reads both.
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
    phonemes: kinds of them that are told apart, 47 as described; 0 reads sound
      alone.
    phoneme_size: numbers of a phoneme's vector.
    phoneme_maps: outputs of each path over phonemes.
    phoneme_heights: phonemes that each path sees at once.
  """

  name: ClassVar[str] = 'multipath'
  takes: ClassVar[tuple[str, ...]] = ('log_mel',)

  maps: int = 200
  kernel_frames: tuple[int, ...] = (16, 24, 32, 40)
  kernel_bands: tuple[int, ...] = (12, 18, 24, 30)
  dense: tuple[int, int] = (400, 200)
  path_dropout: float = 0.25
  bands: int = 128
  phonemes: int = 0
  phoneme_size: int = 100
  phoneme_maps: int = 100
  phoneme_heights: tuple[int, ...] = (3, 9, 13, 17)

  def __post_init__(self) -> None:
    super().__post_init__()
    for field in ('maps', 'bands', 'phoneme_size', 'phoneme_maps'):
      require_whole(f'model.{field}', getattr(self, field))
    settings.require_pair('dense', self.dense, 4096)
    for field in ('kernel_frames', 'kernel_bands'):
      value = getattr(self, field)
      require(
        _are_sizes(value) and len(value) == len(self.kernel_frames),
        f'model.{field} is {value}; give a whole number from 1 to 128 for each '
        'path, as many in kernel_frames as in kernel_bands',
      )
    require(
      isinstance(self.phonemes, int) and 0 <= self.phonemes <= 1000,
      f'model.phonemes is {self.phonemes}; give the number of kinds, 47 for those '
      'of EMO-DB and IEMOCAP, or 0 to read sound alone',
    )
    require(
      _are_sizes(self.phoneme_heights),
      f'model.phoneme_heights is {self.phoneme_heights}; give a whole number from 1 to 128 for '
      'each path',
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
  def phoneme_kinds(self) -> int:
    """Kinds of phonemes in the last column."""
    return self.phonemes

  @property
  def kernels(self) -> tuple[tuple[int, int], ...]:
    """(frames, bands) of each path."""
    return tuple(zip(self.kernel_frames, self.kernel_bands, strict=True))

  def idle(self) -> dict[str, str]:
    """Names the fields of the phonemes where none are read."""
    names = [f.name for f in dataclasses.fields(self)]
    own = [name for name in names if name.startswith('phoneme_')]
    return {} if self.phonemes else dict.fromkeys(own, 'model.phonemes')

  def all_layers(self) -> tuple[Layer, ...]:
    """Lists all layers with weights."""
    joined = len(self.kernels) * _QUARTERS * self.maps
    first, second = self.dense
    both = 2 * first if self.phonemes else first
    return (
      settings.norm('input', self.bands, affine=False),
      *(
        settings.conv(f'path{number}', kernel, 1, self.maps)
        for number, kernel in enumerate(self.kernels, 1)
      ),
      settings.norm('joined_norm', joined, affine=False),
      settings.dense('dense1', joined, first),
      *(self._of_phonemes() if self.phonemes else ()),
      settings.norm('dense1_norm', both, affine=False),
      settings.dense('dense2', both, second),
      settings.dense('head', second, self.num_classes),
    )

  def _of_phonemes(self) -> tuple[Layer, ...]:
    """Lists the layers that read phonemes."""
    size, maps = self.phoneme_size, self.phoneme_maps
    joined = len(self.phoneme_heights) * maps
    return (
      settings.dense('phonemes', self.phonemes, size, bias=False),
      *(
        settings.conv(f'phoneme_path{number}', (height, 1), size, maps)
        for number, height in enumerate(self.phoneme_heights, 1)
      ),
      settings.norm('phoneme_norm', joined, affine=False),
      settings.dense('phoneme_dense', joined, self.dense[0]),
    )


def _are_sizes(value: object) -> bool:
  """Tells whether a field is a tuple of whole numbers from 1 to 128."""
  return (
    isinstance(value, tuple)
    and bool(value)
    and all(isinstance(n, int) and 1 <= n <= 128 for n in value)
  )


def embed(spec: Settings, run: Pass, x: jax.Array) -> jax.Array:
  """Computes the second dense layer, (examples, dense).

  Args:
    spec: the network.
    run: its layers.
    x: (examples, frames, bands), and a column of phonemes if it reads some.
  """
  spoken = x[..., -1]  # (b, t), of use with phonemes alone
  x = run.norm('input', x[..., : spec.bands])[..., None]  # (b, t, f, 1)
  paths = [
    _quarters(run.conv(f'path{number}', x), run.own)
    for number in range(1, len(spec.kernels) + 1)
  ]
  x = jax.nn.relu(jnp.concatenate(paths, axis=-1))  # (b, paths * 4 * maps)
  x = run.drop_channels(run.norm('joined_norm', x), spec.path_dropout)
  x = jax.nn.relu(run.dense('dense1', x))
  if spec.phonemes:
    x = jnp.concatenate([x, _said(spec, run, spoken)], axis=-1)
  x = run.drop_channels(run.norm('dense1_norm', x), spec.path_dropout)
  return jax.nn.relu(run.dense('dense2', x))


def _said(spec: Settings, run: Pass, spoken: jax.Array) -> jax.Array:
  """Reads the phonemes of each utterance, (b, dense of the first layer).

  Args:
    spec: the network.
    run: its layers.
    spoken: (b, places), a phoneme's number from 1, 0 behind the last.
  """
  # Convolutions keep to what is said: places take over from frames.
  frames, run.own = run.own, (spoken > 0).astype(spoken.dtype)  # (b, p)
  places, spoken = run.own[..., None, None] > 0, spoken.astype(jnp.int32)
  kinds = jax.nn.one_hot(spoken - 1, spec.phonemes, dtype=run.own.dtype)
  x = run.dense('phonemes', kinds)[:, :, None]  # (b, p, 1, size)
  found = []
  for number in range(1, len(spec.phoneme_heights) + 1):
    y = run.conv(f'phoneme_path{number}', x)  # (b, p, 1, maps)
    best = jnp.where(places, y, -jnp.inf).max(axis=(1, 2))
    # Of nothing said nothing is the largest.
    found.append(jnp.where(places.any(axis=(1, 2)), best, 0.0))
  run.own = frames
  x = jax.nn.relu(jnp.concatenate(found, axis=-1))  # (b, paths * maps)
  x = run.drop_channels(run.norm('phoneme_norm', x), spec.path_dropout)
  return jax.nn.relu(run.dense('phoneme_dense', x))


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
