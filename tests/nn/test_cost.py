"""The cost card agrees with the published figures and with hand counts."""

from __future__ import annotations

import itertools

import pytest

from sernet_jax.nn.cost import LayerCost, cost, list_layers
from sernet_jax.nn.spec import PATHS, Layer, ModelSpec

FRAMES_3S, FRAMES_7S = 184, 434


@pytest.mark.parametrize(
  ('num_classes', 'parameters', 'trainable', 'folded', 'mib'),
  [
    (7, 463_431, 461_703, 460_743, 0.879),
    (4, 462_468, 460_740, 459_780, 0.877),
  ],
)
def test_parameters_and_size(num_classes, parameters, trainable, folded, mib):
  for frames in (FRAMES_3S, FRAMES_7S):  # Global pooling: length is free.
    card = cost(ModelSpec(num_classes=num_classes), frames)
    assert card['parameters'] == parameters
    assert card['parameters_trainable'] == trainable
    assert card['parameters_folded'] == folded
    assert card['fp16_bytes'] == 2 * folded
    assert round(card['fp16_bytes'] / 2**20, 3) == mib


@pytest.mark.parametrize(
  ('frames', 'mflops', 'kib'),
  [(FRAMES_3S, 318.7, 1610.0), (FRAMES_7S, 752.3, 3797.5)],
)
def test_arithmetic_and_memory(frames, mflops, kib):
  card = cost(ModelSpec(), frames)
  assert round(card['mflops'], 1) == mflops
  assert card['peak_memory_kib'] == kib


def test_small_odd_input_counted_by_hand():
  # Input 5 x 3. Maps after each pool of a rounded-up half: 3x2, 2x1, 1x1.
  card = cost(
    ModelSpec(num_classes=2, paths=('joint',), filters=2), 5, coefficients=3
  )
  multiply_adds = (
    15 * 2 * 9  # joint path, 5 x 3
    + 6 * 64 * 9 * 2  # first block, 3 x 2
    + 2 * 96 * 9 * 64  # second, 2 x 1
    + 1 * 128 * 9 * 96  # third, 1 x 1, as all that follow
    + 1 * 160 * 9 * 128
    + 1 * 320 * 160
    + 320 * 2
  )
  assert card['mflops'] == pytest.approx(2 * multiply_adds / 1e6, rel=1e-12)
  assert card['peak_memory_kib'] == 4 * (15 * 2 + 6 * 2) / 1024


def test_folding_leaves_one_bias_per_filter():
  card = cost(ModelSpec(), FRAMES_3S)
  channels = 96 + 64 + 96 + 128 + 160 + 320
  # Trainable: scale and offset each, and the paths' own 96 biases; folded:
  # one bias each.
  assert card['parameters_trainable'] - card['parameters_folded'] == (
    2 * channels + 96 - channels
  )
  assert card['parameters'] - card['parameters_trainable'] == 2 * channels


@pytest.mark.parametrize(
  'paths', [p for n in (1, 2, 3) for p in itertools.combinations(PATHS, n)]
)
def test_paths_share_the_filters(paths):
  """Only the paths' own kernels differ; 96 channels leave them in any case."""
  cells = {'temporal': 11, 'spectral': 9, 'joint': 9}
  kernels = sum(cells[path] * 96 // len(paths) for path in paths)
  full = cost(ModelSpec(), FRAMES_3S)
  card = cost(ModelSpec(paths=paths), FRAMES_3S)
  # 32 filters each of 11, 9 and 9 cells in the full network.
  assert card['parameters'] - full['parameters'] == kernels - 32 * 29
  assert card == cost(ModelSpec(paths=paths[::-1]), FRAMES_3S)


@pytest.mark.parametrize(
  ('changes', 'more'),
  [
    ({}, []),
    ({'pooling': 'statistics', 'dimensions': 2}, ['dimensions']),
    ({'pooling': 'attention', 'dimensions': 2}, ['dimensions']),
  ],
)
def test_layers_add_up_to_the_card(changes, more):
  spec = ModelSpec(**changes)
  layers = list_layers(spec, FRAMES_3S)
  assert [each.layer for each in layers] == [*spec.layers()]
  assert [each.layer.name for each in layers] == [
    'temporal',
    'spectral',
    'joint',
    *(f'block{k}' for k in range(1, 6)),
    *(['attention'] if spec.pooling == 'attention' else []),
    'head',
    *more,
  ]
  card = cost(spec, FRAMES_3S)
  assert 2e-6 * sum(each.multiply_adds for each in layers) == card['mflops']
  biases = sum(each.layer.outputs for each in layers)
  weights = sum(each.layer.num_weights for each in layers)
  assert weights + biases == card['parameters_folded']


def test_attention_weighs_every_cell_of_the_last_map():
  card, plain = (
    cost(ModelSpec(pooling=pooling), FRAMES_3S)
    for pooling in ('attention', 'masked')
  )
  # 184 frames halved five times, 40 coefficients three times; 320 channels.
  cells = 6 * 5
  assert card['mflops'] - plain['mflops'] == pytest.approx(
    2 * cells * 320 / 1e6
  )


def test_multiply_adds_inside_a_map_counted_by_hand():
  """3 x 3 on 2 x 3: each row sees 2 rows; columns see 2, 3 and 2."""

  def layer(kernel, size):
    return LayerCost(Layer('x', 'block', 5, 7, kernel), size)

  assert layer((3, 3), (2, 3)).multiply_adds_inside == 5 * 7 * (2 * 2) * 7
  assert layer((3, 3), (2, 3)).multiply_adds == 5 * 7 * 9 * 6
  assert layer((1, 1), (4, 6)).multiply_adds_inside == 5 * 7 * 24
  # A kernel longer than the map sees all of it from every place.
  assert layer((11, 1), (3, 1)).multiply_adds_inside == 5 * 7 * 9
