"""A window computed from the last one is the window computed whole."""

from __future__ import annotations

import jax
import numpy as np
import pytest
import small_model

from sernet_jax.nn import folded, incremental
from sernet_jax.nn.spec import Block, ModelSpec

# The pools of the paper's network; a block of 3 columns, one of a 1 x 1 kernel.
PAPER_LIKE = (
  Block(4, (3, 3), (2, 2)),
  Block(5, (1, 1), (2, 2)),
  Block(4, (3, 1), (2, 1)),
  Block(6, (3, 3), (2, 1)),
  Block(8, (1, 1), None),
)
THREES = (Block(4, (5, 3), (3, 2)), Block(8, (3, 3), None))


def spec_of(blocks, pooling='mean'):
  return ModelSpec(num_classes=3, filters=6, blocks=blocks, pooling=pooling)


@pytest.mark.parametrize(
  ('blocks', 'pooling', 'frames', 'hop', 'stages'),
  [
    (PAPER_LIKE, 'mean', 184, 16, 4),
    (PAPER_LIKE, 'statistics', 97, 8, 3),
    (PAPER_LIKE, 'attention', 60, 3, 0),
    (THREES, 'masked', 91, 6, 2),
    (THREES, 'mean', 40, 36, 0),  # too far for anything to be kept
  ],
)
def test_every_window_is_that_computed_whole(
  blocks, pooling, frames, hop, stages
):
  spec = spec_of(blocks, pooling)
  plan = incremental.plan(spec, frames, hop)
  assert len(plan.stages) == stages
  weights = folded.fold(spec, *small_model.weights(spec))
  windows = 4
  random = np.random.default_rng(0)
  stream = random.normal(size=(1, frames + windows * hop, 8, 1))
  # Ever louder, so that windows differ by more than rounding.
  stream *= np.linspace(1, 5, stream.shape[1])[:, None, None]
  stream = stream.astype(np.float32)
  whole = jax.jit(lambda x: folded.logits(spec, weights, x))
  logits, maps = jax.jit(lambda x: incremental.whole(plan, weights, x))(
    stream[:, :frames]
  )
  advance = jax.jit(lambda *a: incremental.advance(plan, weights, *a))
  for window in range(windows):
    start = window * hop
    expected = whole(stream[:, start : start + frames])
    np.testing.assert_allclose(logits, expected, rtol=1e-5, atol=1e-5)
    if not window:
      first = expected
    new = stream[:, start + frames : start + frames + hop]
    logits, maps = advance(maps, new)
  assert np.abs(first - expected).max() > 1e-3


def test_the_papers_network_computes_a_third():
  spec = ModelSpec()
  shares = [
    incremental.share(incremental.plan(spec, 184, hop), 184)
    for hop in (16, 32, 1)
  ]
  assert 0.2 < shares[0] < 0.33
  assert shares[0] < shares[1] < shares[2] == 1.0
