"""The network as a frozen setting that checks itself, and its layers as data.

`ModelSpec.layers` is the one walk through the topology: the model, its folded
form, every export, the cost card, the receptive field and the reader of Keras'
files all follow it.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any, ClassVar, NamedTuple

from sernet_jax.common.errors import (
  InputError,
  require,
  require_choice,
  require_positive,
)

# Kernels and pools are (frames, coefficients). The maps of the paths are
# concatenated in this order, whatever order a spec names.
PATH_KERNELS = {'temporal': (11, 1), 'spectral': (1, 9), 'joint': (3, 3)}
PATH_POOL = (2, 2)
PATHS = tuple(PATH_KERNELS)


class Block(NamedTuple):
  """A local feature learning block (LFLB).

  Attributes:
    filters: channels of its output.
    kernel: (frames, coefficients) of one filter, both odd.
    pool: window and stride of the average that follows; None averages over
      the whole map.
  """

  filters: int
  kernel: tuple[int, int]
  pool: tuple[int, int] | None


PAPER_BLOCKS = (
  Block(64, (3, 3), (2, 2)),
  Block(96, (3, 3), (2, 2)),
  Block(128, (3, 3), (2, 1)),
  Block(160, (3, 3), (2, 1)),
  Block(320, (1, 1), None),
)

# What becomes of the last map: `mean` averages all of it, padding too, as the
# paper does; the others see an utterance's own frames alone. `statistics` has
# mean and standard deviation side by side; `attention` weighs the cells.
POOLINGS = ('mean', 'masked', 'statistics', 'attention')

# Of these, those that need the last map.
OF_MAPS = ('statistics', 'attention')
# Below the variance's root, whose slope at 0 is infinite.
LEAST_VARIANCE = 1e-5

# Cells of a kernel or pool along an axis; specs also come from files, which
# must not be able to ask for a terabyte.
_MAX_WINDOW = 64


@dataclasses.dataclass(frozen=True)
class Layer:
  """A layer with weights.

  A 'path' and a 'block' are a convolution, BatchNorm, ReLU and average
  pooling. Paths all read the features; the first block reads their maps side
  by side, and every later layer reads the one before it. A 'dense' layer is
  x @ kernel + bias; a 'regression' is too, and reads what the 'dense' one does.

  Attributes:
    name: its key in the trees of parameters and statistics.
    kind: 'path', 'block', 'score', 'dense' or 'regression'.
    inputs: channels it reads.
    outputs: channels it writes.
    kernel: (frames, coefficients) of one filter; (1, 1) of a dense layer.
    pool: window and stride of the average that follows; None averages over
      the whole map. A dense layer has none.
    bias: whether it has a bias in training.
    l2: whether its kernel carries the L2 term of the loss.
  """

  name: str
  kind: str
  inputs: int
  outputs: int
  kernel: tuple[int, int] = (1, 1)
  pool: tuple[int, int] | None = None
  bias: bool = False
  l2: bool = False

  @property
  def batch_norm(self) -> bool:
    """True for a convolution: BatchNorm, ReLU and pooling follow."""
    return self.kind in ('path', 'block')

  @property
  def kernel_shape(self) -> tuple[int, ...]:
    """(height, width, inputs, outputs), or (inputs, outputs) without one."""
    channels = (self.inputs, self.outputs)
    return (*self.kernel, *channels) if self.batch_norm else channels

  @property
  def num_weights(self) -> int:
    """Size of the kernel."""
    return math.prod(self.kernel_shape)


@dataclasses.dataclass(frozen=True)
class ModelSpec:
  """Light-SERNet; the defaults are the paper's.

  Attributes:
    num_classes: emotions told apart.
    paths: parallel paths of the first body, any of `PATHS`; their order does
      not matter, the concatenation follows `PATHS`.
    filters: filters of all paths together, shared out evenly.
    dropout: rate in front of the dense layer.
    batch_norm_momentum: share of the old value in a moving statistic.
    batch_norm_epsilon: added to a variance before its root.
    blocks: what follows the paths; only the last pools the whole map. Nested
      lists, as JSON has them, are taken too.
    pooling: one of `POOLINGS`.
    dimensions: outputs of numbers, such as arousal, beside the classes.
  """

  name: ClassVar[str] = 'light_sernet'  # as config.model.name has it
  binary: ClassVar[tuple[str, ...]] = ()  # arrays of signs, see nn.networks
  phoneme_kinds: ClassVar[int] = 0  # it reads sound alone
  published_epochs: ClassVar[int] = 300
  # Fields that two networks must share to share weights.
  shaping: ClassVar[tuple[str, ...]] = ('paths', 'filters', 'blocks', 'pooling')

  num_classes: int = 7
  paths: tuple[str, ...] = ('spectral', 'temporal', 'joint')
  filters: int = 96
  dropout: float = 0.3
  batch_norm_momentum: float = 0.99
  batch_norm_epsilon: float = 1e-3
  blocks: tuple[Block, ...] = PAPER_BLOCKS
  pooling: str = 'mean'
  dimensions: int = 0

  def __post_init__(self) -> None:
    object.__setattr__(self, 'paths', tuple(self.paths))
    require(
      self.num_classes >= 2,
      f'num_classes is {self.num_classes}; a classifier needs at least 2',
    )
    require(len(self.paths) > 0, f'paths is empty; name some of {PATHS}')
    for path in self.paths:
      require_choice('paths', path, PATHS)
    require(
      len(set(self.paths)) == len(self.paths),
      f'paths is {self.paths}; name each path once',
    )
    require_positive('filters', self.filters)
    require(
      self.filters % len(self.paths) == 0,
      f'filters is {self.filters}, which {len(self.paths)} paths cannot share '
      'evenly; choose a multiple',
    )
    require(
      0 <= self.dropout < 1,
      f'dropout is {self.dropout}; give a rate of at least 0 and below 1',
    )
    require(
      0 <= self.batch_norm_momentum < 1,
      f'batch_norm_momentum is {self.batch_norm_momentum}; give a share of at '
      'least 0 and below 1',
    )
    require_positive('batch_norm_epsilon', self.batch_norm_epsilon)
    object.__setattr__(self, 'blocks', _checked(self.blocks))
    require_choice('pooling', self.pooling, POOLINGS)
    require(
      self.dimensions >= 0,
      f'dimensions is {self.dimensions}; give 0 or a positive number',
    )

  def idle(self) -> dict[str, str]:
    """Maps fields that have no part in the network to what they are for: none."""
    return {}

  @property
  def masked(self) -> bool:
    """True where the network sees an utterance's own frames alone."""
    return self.pooling != 'mean'

  def layers(self, *kinds: str) -> tuple[Layer, ...]:
    """Lists the layers with weights, from the features to the logits.

    Args:
      *kinds: of `Layer.kind`; only these layers are listed, if any is given.
    """
    each = self.filters // len(self.paths)
    found = [
      Layer(name, 'path', 1, each, kernel, PATH_POOL, bias=True)
      for name, kernel in PATH_KERNELS.items()
      if name in self.paths
    ]
    inputs = self.filters
    for number, block in enumerate(self.blocks, start=1):
      found.append(Layer(f'block{number}', 'block', inputs, *block, l2=True))
      inputs = block.filters
    if self.pooling == 'attention':
      found.append(Layer('attention', 'score', inputs, 1, bias=True))
    if self.pooling == 'statistics':
      inputs *= 2
    found.append(Layer('head', 'dense', inputs, self.num_classes, bias=True))
    if self.dimensions:
      found.append(
        Layer('dimensions', 'regression', inputs, self.dimensions, bias=True)
      )
    return tuple(layer for layer in found if not kinds or layer.kind in kinds)

  def shapes(self) -> dict[str, dict[str, tuple[int, ...]]]:
    """Shapes of the folded network: {layer: {'kernel': ..., 'bias': ...}}."""
    return {
      layer.name: {'kernel': layer.kernel_shape, 'bias': (layer.outputs,)}
      for layer in self.layers()
    }

  @property
  def embedding_size(self) -> int:
    """Channels that the head reads."""
    return self.layers('dense')[-1].inputs

  @property
  def widest(self) -> int:
    """The most channels at the full size of the features."""
    return self.filters

  def require_sound_alone(self) -> None:
    """Takes sound alone, and refuses nothing."""

  def require_features(self, kind: str, width: int) -> None:
    """Takes features of any kind and width."""

  @property
  def parts(self) -> dict[str, tuple[str, ...]]:
    """Parts of the network that can be named -> the layers of each."""
    paths = tuple(layer.name for layer in self.layers('path'))
    heads = [layer.name for layer in self.layers('dense', 'regression')]
    others = [layer.name for layer in self.layers('block', 'score')]
    return {
      'paths': paths,
      **{name: (name,) for name in others},
      **{name: (name,) for name in heads},
      'body': (*paths, *others),
    }

  def to_dict(self) -> dict[str, Any]:
    """Fields of JSON's types; `blocks` only where they are not the paper's."""
    fields = dataclasses.asdict(self)
    if self.blocks == PAPER_BLOCKS:
      del fields['blocks']
    if self.pooling == 'mean':
      del fields['pooling']
    if not self.dimensions:
      del fields['dimensions']
    return fields


def window(spec: ModelSpec, layer: Layer) -> tuple[int, int] | None:
  """Window of a layer's average; one cell where `nn.pooling` has the map."""
  if layer.pool is None and spec.pooling in OF_MAPS:
    return (1, 1)
  return layer.pool


def require_features(x: Any) -> None:
  """Refuses arrays that are not (batch, frames, coefficients, 1).

  Raises:
    InputError: if x has another rank or more than one channel.
  """
  if x.ndim != 4 or x.shape[-1] != 1:
    raise InputError(
      f'x has shape {x.shape}; give (examples, frames, coefficients, 1), for '
      'instance features.mfcc(waveform, spec)[..., None]'
    )


def _checked(blocks: Any) -> tuple[Block, ...]:
  """Blocks from nested tuples or lists.

  Raises:
    InputError: if they are of another form.
  """
  require(
    isinstance(blocks, tuple | list) and len(blocks) > 0,
    f'blocks is {blocks!r}; give a tuple of (filters, kernel, pool)',
  )
  found = []
  for number, block in enumerate(blocks, start=1):
    last = number == len(blocks)
    require(
      isinstance(block, tuple | list)
      and len(block) == 3
      and _is_whole(block[0])
      and _is_pair(block[1])
      and all(size % 2 for size in block[1])
      and (block[2] is None if last else _is_pair(block[2])),
      f'block {number} is {str(block)[:60]}; give (filters, kernel, pool): the '
      f'kernel odd and at most {_MAX_WINDOW} along both axes, such as (3, 3), '
      f'and the pool {"None" if last else "such as (2, 2)"}',
    )
    filters, kernel, pool = block
    found.append(Block(filters, tuple(kernel), pool and tuple(pool)))
  return tuple(found)


def _is_whole(value: Any) -> bool:
  return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _is_pair(value: Any) -> bool:
  return (
    isinstance(value, tuple | list)
    and len(value) == 2
    and all(_is_whole(size) and size <= _MAX_WINDOW for size in value)
  )
