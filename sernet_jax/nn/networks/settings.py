"""Settings of a network as a frozen dataclass, and its layers as data."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, ClassVar, NamedTuple

from sernet_jax.common.errors import require, require_choice

HEAD = 'head'


class Layer(NamedTuple):
  """A layer with weights.

  Attributes:
    name: its key in the trees of parameters and statistics.
    kind: one of `KINDS`.
    arrays: (name, shape) of each parameter.
    statistics: likewise, of what training moves without a gradient.
    l2: whether its kernel carries the L2 term of the loss.
    binary: names of the arrays whose weights are a sign, see
      `networks.binary`.
  """

  name: str
  kind: str
  arrays: tuple[tuple[str, tuple[int, ...]], ...]
  statistics: tuple[tuple[str, tuple[int, ...]], ...] = ()
  l2: bool = False
  binary: tuple[str, ...] = ()

  @property
  def num_weights(self) -> int:
    """Number of parameters, without statistics."""
    return sum(math.prod(shape) for _, shape in self.arrays)


KINDS = (
  'conv',
  'depthwise',
  'dense',
  'norm',
  'lstm',
  'gru',
  'vector',
  'mixture',
)


def conv(
  name: str,
  kernel: tuple[int, int],
  inputs: int,
  outputs: int,
  bias: bool = True,
) -> Layer:
  """A convolution, kernel (frames, coefficients, inputs, outputs)."""
  arrays = [('kernel', (*kernel, inputs, outputs))]
  return Layer(name, 'conv', (*arrays, *_bias(outputs, bias)))


def depthwise(
  name: str, kernel: tuple[int, int], channels: int, bias: bool = False
) -> Layer:
  """A convolution of each channel alone, (frames, coefficients, 1, channels)."""
  arrays = [('kernel', (*kernel, 1, channels))]
  return Layer(name, 'depthwise', (*arrays, *_bias(channels, bias)))


def dense(name: str, inputs: int, outputs: int, bias: bool = True) -> Layer:
  """A dense layer, kernel (inputs, outputs)."""
  arrays = [('kernel', (inputs, outputs))]
  return Layer(name, 'dense', (*arrays, *_bias(outputs, bias)))


def norm(name: str, channels: int, affine: bool = True) -> Layer:
  """BatchNorm; without scale and offset it only standardizes."""
  size = (channels,)
  arrays = (('scale', size), ('offset', size)) if affine else ()
  return Layer(name, 'norm', arrays, (('mean', size), ('variance', size)))


def lstm(name: str, inputs: int, units: int) -> Layer:
  """One direction of an LSTM with one bias for each gate (i, f, g, o)."""
  return _recurrent(name, 'lstm', inputs, units, 4)


def gru(name: str, inputs: int, units: int) -> Layer:
  """One direction of a GRU (reset, update, candidate)."""
  return _recurrent(name, 'gru', inputs, units, 3)


def vector(name: str, size: int, array: str = 'values') -> Layer:
  """Numbers of their own: 'values' are drawn, 'slope' is 0 first, 'scale' 1."""
  return Layer(name, 'vector', ((array, (size,)),))


def mixture(name: str, size: int) -> Layer:
  """Weights of a sum, 'values', that begin within 0.05 of 0."""
  return Layer(name, 'mixture', (('values', (size,)),))


def binary(layer: Layer) -> Layer:
  """The same layer with matrices of signs, if it has any."""
  names = tuple(name for name, shape in layer.arrays if len(shape) > 1)
  return layer._replace(binary=names)


def _recurrent(
  name: str, kind: str, inputs: int, units: int, gates: int
) -> Layer:
  return Layer(
    name,
    kind,
    (
      ('kernel', (inputs, gates * units)),
      ('recurrent', (units, gates * units)),
      ('bias', (gates * units,)),
    ),
  )


def _bias(outputs: int, bias: bool) -> list[tuple[str, tuple[int, ...]]]:
  return [('bias', (outputs,))] if bias else []


@dataclasses.dataclass(frozen=True)
class NetworkSettings:
  """Settings that every network but Light-SERNet has, and their checks.

  A subclass sets the class attributes, adds fields of its own and lists its
  layers; the last one is the dense layer 'head'.

  Attributes:
    name: of the network, as `config.model.name` has it.
    takes: kinds of features that it reads; () for any.
    dimensions: outputs beside the classes, none.
    masked: whether it looks at an utterance's own frames alone.
    published_epochs: of its training as published; 0 if that is not known.
    num_classes: emotions told apart.
    dropout: rate in front of the head.
    batch_norm_momentum: share of the old value in a moving statistic.
  """

  name: ClassVar[str]
  takes: ClassVar[tuple[str, ...]] = ()
  dimensions: ClassVar[int] = 0
  masked: ClassVar[bool] = True
  published_epochs: ClassVar[int] = 0

  num_classes: int = 7
  dropout: float = 0.0
  batch_norm_momentum: float = 0.9

  def __post_init__(self) -> None:
    require(
      self.num_classes >= 2,
      f'num_classes is {self.num_classes}; a classifier needs at least 2',
    )
    for field in ('dropout', 'batch_norm_momentum'):
      value = getattr(self, field)
      require(
        0 <= value < 1,
        f'model.{field} is {value}; give a number of at least 0 and below 1',
      )
    for name in [field.name for field in dataclasses.fields(self)]:
      if isinstance(getattr(self, name), list):  # as JSON has tuples
        object.__setattr__(self, name, tuple(getattr(self, name)))

  @property
  def width(self) -> int | None:
    """Features of a frame that it reads; None for any number."""
    return None

  @property
  def phoneme_kinds(self) -> int:
    """Kinds of phonemes that it reads beside the sound; 0 if it reads none.

    They stand in one column more than `width`, a number from 1 in each of the
    first places along the frames, and 0 behind the last.
    """
    return 0

  def columns(self, width: int) -> int:
    """Counts what stands in a frame: `width` features, and the phoneme if any."""
    return width + (self.phoneme_kinds > 0)

  def layers(self, *kinds: str) -> tuple[Layer, ...]:
    """Lists the layers with weights, from the features to the logits.

    Args:
      *kinds: of `Layer.kind`; only these layers are listed, if any is given.
    """
    return tuple(
      layer for layer in self.all_layers() if not kinds or layer.kind in kinds
    )

  def all_layers(self) -> tuple[Layer, ...]:
    """Lists all layers with weights; what a subclass defines."""
    raise NotImplementedError

  def shapes(self) -> dict[str, dict[str, tuple[int, ...]]]:
    """Shapes of the weights in a file: parameters and statistics by layer."""
    return {
      layer.name: dict((*layer.arrays, *layer.statistics))
      for layer in self.all_layers()
    }

  @property
  def binary(self) -> tuple[str, ...]:
    """'layer/array' of all binary weights, see `networks.binary`."""
    return tuple(
      f'{layer.name}/{name}'
      for layer in self.all_layers()
      for name in layer.binary
    )

  @property
  def embedding_size(self) -> int:
    """Channels that the head reads."""
    return dict(self.all_layers()[-1].arrays)['kernel'][0]

  @property
  def widest(self) -> int:
    """The most channels that a layer writes."""
    return max(
      shape[-1] for layer in self.all_layers() for _, shape in layer.arrays
    )

  @property
  def shaping(self) -> tuple[str, ...]:
    """Fields that two networks must share to share weights."""
    free = {f.name for f in dataclasses.fields(NetworkSettings)}
    return tuple(f.name for f in dataclasses.fields(self) if f.name not in free)

  @property
  def parts(self) -> dict[str, tuple[str, ...]]:
    """Parts of the network that can be named -> the layers of each."""
    names = [layer.name for layer in self.all_layers()]
    body = tuple(name for name in names if name != HEAD)
    return {**{name: (name,) for name in names}, 'body': body}

  def idle(self) -> dict[str, str]:
    """Maps fields that have no part in the network to what they are for."""
    if any(layer.statistics for layer in self.all_layers()):
      return {}
    return {'batch_norm_momentum': 'networks with BatchNorm'}

  def require_features(self, kind: str, width: int) -> None:
    """Refuses features that the network cannot take.

    Args:
      kind: as `config.features.kind` has it.
      width: of a frame.

    Raises:
      InputError: naming the setting that makes them fit.
    """
    if self.takes:
      require(
        kind in self.takes,
        f'model.name is {self.name!r}, which reads {" or ".join(self.takes)}, '
        f'not features.kind={kind!r}; set features.kind={self.takes[0]!r}',
      )
    require(
      self.width in (None, width),
      f'model.name is {self.name!r} for {self.width} features of a frame, but '
      f'the front end gives {width}; start from the config of this network, such '
      f'as --config={self.name}, or set the fields of model that count features',
    )

  def require_sound_alone(self) -> None:
    """Refuses a network that reads phonemes, where there is sound alone.

    Raises:
      InputError: if it does.
    """
    require(
      not self.phoneme_kinds,
      f'the network {self.name} also reads phonemes '
      f'(model.phonemes={self.phoneme_kinds}), which a recording comes without; '
      'its run tests it, and model.phonemes=0 trains one that hears sound alone',
    )

  def to_dict(self) -> dict[str, Any]:
    """Name and fields, of JSON's types."""
    return {'name': self.name, **dataclasses.asdict(self)}


def require_pair(field: str, value: Any, most: int) -> None:
  """Raises `InputError` unless a field of `model` is two whole numbers."""
  require(
    isinstance(value, tuple)
    and len(value) == 2
    and all(isinstance(size, int) and 1 <= size <= most for size in value),
    f'model.{field} is {value}; give two whole numbers from 1 to {most}, such '
    'as (2, 2)',
  )


def require_option(field: str, value: Any, options: tuple[Any, ...]) -> None:
  """Raises `InputError` unless a field of `model` is one of the options."""
  require_choice(f'model.{field}', value, options)
