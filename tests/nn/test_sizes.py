"""The sizes cost what they promise, and settings that contradict are named."""

from __future__ import annotations

import pytest

from sernet_jax.common.errors import InputError
from sernet_jax.nn import cost, sizes
from sernet_jax.nn.spec import Block, ModelSpec

FRAMES = 184  # of 3 s


def test_the_paper_is_the_default():
  assert sizes.spec(num_classes=4) == ModelSpec(num_classes=4)
  assert sizes.spec('paper', filters=48).filters == 48


@pytest.mark.parametrize(
  ('size', 'parameters', 'multiply_adds'),
  [('paper', 470e3, 160e6), ('small', 105e3, 16e6), ('tiny', 25e3, 3.5e6)],
)
def test_a_size_costs_what_it_promises(size, parameters, multiply_adds):
  spec = sizes.spec(size, pooling='statistics')
  card = cost.cost(spec, FRAMES)
  assert 0.8 * parameters < card['parameters_folded'] < parameters
  assert 0.8 * multiply_adds < 1e6 * card['mflops'] / 2 < multiply_adds


@pytest.mark.parametrize('size', sizes.SIZES)
def test_paths_can_be_left_out(size):
  assert len(sizes.spec(size, paths=('joint', 'temporal')).layers('path')) == 2


def test_what_a_size_decides_may_repeat_the_default():
  own = sizes.SIZES['tiny']
  expected = sizes.spec('tiny')
  assert sizes.spec('tiny', filters=96) == expected
  assert sizes.spec('tiny', filters=own.filters, blocks=own.blocks) == expected


@pytest.mark.parametrize(
  ('fields', 'match'),
  [
    ({'size': 'tinny'}, r"model.size is 'tinny'.*did you mean 'tiny'"),
    ({'size': 'tiny', 'filters': 48}, 'model.filters is 48, but model.size'),
    (
      {'size': 'small', 'blocks': (Block(8, (1, 1), None),)},
      'model.blocks is .* leave one of the two out',
    ),
  ],
)
def test_contradictions_are_named(fields, match):
  with pytest.raises(InputError, match=match):
    sizes.spec(**fields)
