"""Binary convolutional recurrent network (after Zhao et al. 2019).

Zhao, Xiao, Han and Zhang, "Compact Convolutional Recurrent Neural Networks via
Binarization for Speech Emotion Recognition", ICASSP 2019, pp. 6690-6694:
weights of a network of convolutions and an LSTM as single bits.

Our reading, because only the abstract was read, which has no layers, and no
code of the authors is public:

- The network is the 3-D ACRNN, see `acrnn`.
- All convolutions but the first, the linear layer and both matrices of both
  directions of the LSTM are binary: sign(w) times the mean of |w|, one for each
  output (of an LSTM: for each unit of each gate). The first convolution, biases,
  BatchNorm, attention and the last two dense layers are not.
- Gradients go straight through the sign, and stop for weights beyond 1, see
  `binary`.
"""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from sernet_jax.nn.networks import generic, settings
from sernet_jax.nn.networks.published import acrnn
from sernet_jax.nn.networks.settings import Layer

_WHOLE = ('conv1', 'score', 'dense', 'head')


@dataclasses.dataclass(frozen=True)
class Settings(acrnn.Settings):
  """The binary network; its fields are those of the 3-D ACRNN."""

  name: ClassVar[str] = 'bcrnn'

  def all_layers(self) -> tuple[Layer, ...]:
    """Lists all layers with weights."""
    return tuple(
      layer if layer.name in _WHOLE else settings.binary(layer)
      for layer in super().all_layers()
    )


NETWORK = generic.network(acrnn.embed)
