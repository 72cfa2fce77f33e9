"""Networks of three sizes, from the paper's down to that of a microcontroller.

All are `ModelSpec`s with other filters and blocks, so whatever reads the layers
of the paper's network reads those of the others: training, exports, cost.

Two thirds of the paper's multiplications are one 3 x 3 block on the map of the
paths, the largest. The smaller networks mix the channels of that map with a
1 x 1 block and leave its 3 x 3 cells to the paths, which have seen them.
Depthwise blocks would save more multiplications still, but have kernels that
no format for microcontrollers shares with the others.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from sernet_jax.common.errors import require, require_choice
from sernet_jax.nn.spec import PAPER_BLOCKS, Block, ModelSpec


class Size(NamedTuple):
  """Blocks and filters of a size.

  Attributes:
    filters: of all paths together.
    blocks: what follows the paths.
  """

  filters: int
  blocks: tuple[Block, ...]


DEFAULT = 'paper'
PAPER = Size(ModelSpec.filters, PAPER_BLOCKS)
SIZES = {
  DEFAULT: PAPER,
  'small': Size(
    24,
    (
      Block(32, (1, 1), (2, 2)),
      Block(48, (3, 3), (2, 2)),
      Block(64, (3, 3), (2, 1)),
      Block(80, (3, 3), (2, 1)),
      Block(160, (1, 1), None),
    ),
  ),
  'tiny': Size(
    12,
    (
      Block(16, (1, 1), (2, 2)),
      Block(16, (3, 3), (2, 2)),
      Block(24, (3, 3), (2, 1)),
      Block(48, (3, 3), (2, 1)),
      Block(96, (1, 1), None),
    ),
  ),
}


def spec(size: str = DEFAULT, **fields: Any) -> ModelSpec:
  """A network of a size.

  Args:
    size: one of `SIZES`.
    **fields: of `ModelSpec`; those that a size decides may be given too where
      they are the paper's or its own, and with 'paper' are what is given.

  Raises:
    InputError: if the size is unknown, a field contradicts it or makes no
      sense by itself.
  """
  require_choice('model.size', size, SIZES)
  if size == DEFAULT:
    return ModelSpec(**fields)
  chosen = SIZES[size]
  for name, own in chosen._asdict().items():
    given = fields.pop(name, own)
    require(
      given in (own, getattr(PAPER, name)),
      f'model.{name} is {str(given)[:60]}, but model.size={size!r} decides it; '
      f'leave one of the two out',
    )
  return ModelSpec(**chosen._asdict(), **fields)


def name_of(network: Any) -> str:
  """Returns the size that a network has, '' for one of its own."""
  own = getattr(network, 'filters', 0), getattr(network, 'blocks', ())
  return next((name for name, size in SIZES.items() if own == size), '')
