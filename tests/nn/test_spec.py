"""The network as data: one walk of layers, blocks that may differ."""

from __future__ import annotations

import functools
import json

import jax
import numpy as np
import pytest
import two_blocks

from sernet_jax.common.errors import InputError
from sernet_jax.nn import folded, model
from sernet_jax.nn.spec import PAPER_BLOCKS, PATHS, ModelSpec

SMALL = ModelSpec(
  num_classes=3, paths=('joint', 'temporal'), filters=6,
  blocks=two_blocks.BLOCKS,
)  # fmt: skip


@pytest.mark.parametrize('spec', [ModelSpec(), SMALL], ids=['paper', 'small'])
def test_layers_are_those_of_the_model(spec):
  params, stats = jax.eval_shape(
    lambda key: model.init(key, spec), jax.random.key(0)
  )
  layers = spec.layers()
  assert params.keys() == {layer.name for layer in layers}
  for layer in layers:
    arrays = params[layer.name]
    assert arrays['kernel'].shape == layer.kernel_shape
    assert arrays['kernel'].size == layer.num_weights
    assert ('bias' in arrays) == layer.bias
    assert (layer.name in stats) == layer.batch_norm == ('scale' in arrays)


def test_layers_are_listed_from_the_features_to_the_logits():
  names = [layer.name for layer in SMALL.layers()]
  assert names == ['temporal', 'joint', 'block1', 'block2', 'head']
  paths = ModelSpec().layers('path')
  assert tuple(layer.name for layer in paths) == PATHS
  assert [layer.name for layer in SMALL.layers('block', 'dense')] == names[2:]
  assert [layer.name for layer in SMALL.layers() if layer.l2] == names[2:4]


def test_other_blocks_are_computed_folded_or_not():
  init = jax.jit(model.init, static_argnums=1)
  params, stats = init(jax.random.key(1), SMALL)
  x = np.random.default_rng(0).normal(size=(2, 9, 8, 1)).astype(np.float32)
  compute = jax.jit(functools.partial(model.apply, SMALL, train=False))
  logits, _ = compute(params, stats, x)
  assert logits.shape == (2, 3)
  compute = jax.jit(functools.partial(folded.logits, SMALL))
  weights = folded.fold(SMALL, params, stats)
  np.testing.assert_allclose(compute(weights, x), logits, rtol=1e-4, atol=1e-5)


def test_fields_as_json_name_blocks_only_if_they_are_not_the_papers():
  assert 'blocks' not in ModelSpec().to_dict()
  fields = json.loads(json.dumps(SMALL.to_dict()))
  assert fields['blocks'] == [[32, [3, 3], [2, 2]], [32, [1, 1], None]]
  assert ModelSpec(**fields) == SMALL
  assert hash(ModelSpec(**fields)) == hash(SMALL)
  assert ModelSpec(blocks=json.loads(json.dumps(PAPER_BLOCKS))) == ModelSpec()


@pytest.mark.parametrize(
  ('blocks', 'message'),
  [
    ((), r'blocks is \(\); give a tuple of'),
    (5, 'blocks is 5; give a tuple of'),
    (((8, (3, 3), (2, 2)),), 'block 1 is .* and the pool None'),
    (((8, (3, 3), None), (8, (1, 1), None)), r'block 1 .* such as \(2, 2\)'),
    (((8, (2, 3), None),), 'the kernel odd'),
    (((8, (3, 65), None),), 'at most 64'),
    (((8, 3, None),), 'give .filters, kernel, pool.'),
    (((8, (3, 3)),), 'give .filters, kernel, pool.'),
    (((0, (3, 3), None),), r'block 1 is \(0'),
    (((8.0, (3, 3), None),), r'block 1 is \(8.0'),
    (((True, (3, 3), None),), r'block 1 is \(True'),
    (([['8', [3, 3], None]]), r'block 1 is'),
  ],
)
def test_blocks_check_themselves(blocks, message):
  with pytest.raises(InputError, match=message):
    ModelSpec(blocks=blocks)
