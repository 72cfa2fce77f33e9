"""CPAC: convolutions, self-attention and a capsule layer (Wen et al. 2022).

The single-corpus half of CTL-MTNet, IJCAI 2022, after its code
(github.com/MLDMXM2017/CTL-MTNet). Three convolutions with average pooling;
vectors of 64 ("capsules"), weighed by what attention makes of them; six capsules
that three rounds of routing by agreement gather them to; their mean goes to the
head.

As in the code, all frames count and features are not standardized, its BatchNorm is
called as in tests, so that its statistics stay 0 and 1, and there are six capsules
for any number of classes. Its margin loss is in the config; the squared error that
the code lists beside it takes no part there, since Keras pairs losses with outputs,
and there is one. Our reading: fewer than 38 frames get zeros behind them.
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

_KERNEL = (3, 3)
_DROPPED = (0.5, 0.25, 0.25)  # behind each convolution
_LEAST = 38  # frames, and coefficients, that leave one behind all kernels
_ROUNDS = 3
_EPSILON = 1e-7  # Keras' epsilon
_SHORTEST = 1e-12  # of squares, that are made 1


@dataclasses.dataclass(frozen=True)
class Settings(NetworkSettings):
  """CPAC; the defaults are the code's.

  Attributes:
    channels: of the convolutions.
    groups: capsules of each place behind them.
    size: numbers of a capsule.
    capsules: that routing gathers all to.
    convolution_dropout: whether values are dropped behind the convolutions.
    coefficients: of a frame.
  """

  name: ClassVar[str] = 'cpac'
  takes: ClassVar[tuple[str, ...]] = ('mfcc',)
  masked: ClassVar[bool] = False

  dropout: float = 0.2
  channels: int = 64
  groups: int = 6
  size: int = 64
  capsules: int = 6
  convolution_dropout: bool = True
  coefficients: int = 39

  def __post_init__(self) -> None:
    super().__post_init__()
    for field in ('channels', 'groups', 'size', 'capsules', 'coefficients'):
      require_whole(f'model.{field}', getattr(self, field))
    require(
      self.coefficients >= _LEAST,
      f'model.coefficients is {self.coefficients}; give at least {_LEAST}, of '
      'which the convolutions leave one',
    )

  @property
  def width(self) -> int:
    """Features of a frame."""
    return self.coefficients

  def idle(self) -> dict[str, str]:
    """Names the momentum of statistics that stay as they are."""
    return {'batch_norm_momentum': 'networks whose BatchNorm moves'}

  def all_layers(self) -> tuple[Layer, ...]:
    """Lists all layers with weights."""
    wide, found, inputs = self.channels, [], 1
    for number in range(1, len(_DROPPED) + 1):
      found += [
        settings.conv(f'conv{number}', _KERNEL, inputs, wide),
        settings.norm(f'conv{number}_norm', wide),
      ]
      inputs = wide
    return (
      *found,
      settings.conv('primary', _KERNEL, wide, self.groups * self.size),
      settings.vector('attention', 1, 'scale'),
      settings.dense('routing', self.size, self.capsules * self.size, False),
      settings.dense('head', self.size, self.num_classes),
    )


def embed(spec: Settings, run: Pass, x: jax.Array) -> jax.Array:
  """Computes the mean of the capsules, (examples, size).

  Args:
    spec: the network.
    run: its layers.
    x: (examples, frames, coefficients).
  """
  x = run.masked(x)
  missing = max(0, _LEAST - x.shape[1])
  x = jnp.pad(x, ((0, 0), (0, missing), (0, 0)))[..., None]
  # 'edge': an example counts with all frames, the added ones too, or not at all.
  run.own = jnp.pad(run.own, ((0, 0), (0, missing)), mode='edge')
  for number, rate in enumerate(_DROPPED, 1):
    x = run.conv(f'conv{number}', x, padding='VALID')
    x = jax.nn.elu(run.norm(f'conv{number}_norm', x, fixed=True))
    x = _halved(x)
    run.shorten(2, x.shape[1])
    x = run.drop(x, rate if spec.convolution_dropout else 0.0)
  x = run.conv('primary', x, padding='VALID')
  x = _squashed(x.reshape(x.shape[0], -1, spec.size))  # (b, n, size)
  scale = run.weights('attention')['scale']
  shares = jax.nn.softmax(scale * jnp.einsum('bns,bms->bnm', x, x), axis=-1)
  x = run.dense('routing', x * jnp.einsum('bnm,bms->bns', shares, x))
  x = x.reshape(*x.shape[:2], spec.capsules, spec.size)
  return _routed(x).mean(axis=1)


def _halved(x: jax.Array) -> jax.Array:
  """Averages cells 2 x 2 of (b, t, f, c); an odd last row or column is left."""
  rows, columns = x.shape[1] // 2, x.shape[2] // 2
  x = x[:, : 2 * rows, : 2 * columns]
  return x.reshape(x.shape[0], rows, 2, columns, 2, -1).mean(axis=(2, 4))


def _squashed(x: jax.Array) -> jax.Array:
  """Makes long vectors of the last axis nearly 1 long and short ones nearly 0."""
  squares = jnp.square(x).sum(axis=-1, keepdims=True)
  return squares / (1 + squares) * jax.lax.rsqrt(squares + _EPSILON) * x


def _routed(votes: jax.Array) -> jax.Array:
  """Gathers votes by agreement (Sabour et al. 2017).

  Args:
    votes: (examples, n, capsules, size), of n capsules for each of those above.

  Returns:
    (examples, capsules, size).
  """
  agreed = jnp.zeros(votes.shape[:3], votes.dtype)
  for number in range(1, _ROUNDS + 1):
    shares = jax.nn.softmax(agreed, axis=2)
    above = jnp.einsum('bnk,bnks->bks', shares, votes)
    # The last round has nobody to agree with.
    if number < _ROUNDS:
      squares = jnp.square(above).sum(axis=-1, keepdims=True)
      unit = above * jax.lax.rsqrt(jnp.maximum(squares, _SHORTEST))
      agreed = jnp.einsum('bks,bnks->bnk', unit, votes)
  return _squashed(above)


NETWORK = generic.network(embed)
