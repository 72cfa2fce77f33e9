"""Maps share the arena without overlapping while both live."""

from __future__ import annotations

import itertools

import c_sources
import numpy as np
import pytest

from sernet_jax.export.device import memory_plan, micro_folder
from sernet_jax.export.device.memory_plan import Life
from sernet_jax.nn import sizes

pytest.importorskip('ai_edge_litert')


def require_apart(lives, offsets):
  for (one, a), (other, b) in itertools.combinations(
    zip(lives, offsets, strict=True), 2
  ):
    if one.first <= other.last and other.first <= one.last:
      assert a + one.size <= b or b + other.size <= a, (one, other)


def top(lives, offsets):
  return max(a + life.size for life, a in zip(lives, offsets, strict=True))


def test_maps_of_random_graphs_lie_apart():
  random = np.random.default_rng(0)
  for _ in range(20):
    firsts = np.sort(random.integers(-1, 12, size=15))
    lives = [
      Life(k, 16 * int(random.integers(1, 40)), int(first), int(first + more))
      for k, (first, more) in enumerate(
        zip(firsts, random.integers(0, 5, size=15), strict=True)
      )
    ]
    offsets = memory_plan.plan(lives)
    require_apart(lives, offsets)
    bound = memory_plan.least(lives)
    assert bound <= top(lives, offsets) <= 1.3 * bound


def test_a_hole_is_not_left_where_the_largest_come_first():
  # Three large maps, one after the other, each with a small one that stays.
  lives = []
  for k in range(3):
    lives += [
      Life(2 * k, 64, 2 * k, 2 * k + 1),
      Life(2 * k + 1, 16, 2 * k + 1, 6),
    ]
  lives += [Life(6, 48, 6, 7), Life(7, 64, 7, 8)]
  offsets = memory_plan.plan(lives)
  require_apart(lives, offsets)
  assert top(lives, offsets) == memory_plan.least(lives) == 112


@pytest.mark.parametrize('size', sizes.SIZES)
def test_no_size_needs_more_than_lives_at_once(size, monkeypatch):
  seen = []
  plan = memory_plan.plan

  def kept(lives):
    seen.append((lives, plan(lives)))
    return seen[-1][1]

  monkeypatch.setattr(memory_plan, 'plan', kept)
  micro_folder.convert(c_sources.bundle_of_size(size))
  ((lives, offsets),) = seen
  require_apart(lives, offsets)
  assert top(lives, offsets) == memory_plan.least(lives)


def test_the_file_says_where_maps_lie_and_leaves_tables_alone():
  from ai_edge_litert import schema_py_generated as schema

  content, _ = micro_folder.convert(c_sources.small_bundle())
  model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
  (found,) = [
    model.buffers[one.buffer].data
    for one in model.metadata
    if one.name == memory_plan.NOTE.encode()
  ]
  version, subgraph, count, *offsets = np.frombuffer(bytes(found), '<i4')
  tensors = model.subgraphs[0].tensors
  assert (version, subgraph, count) == (1, 0, len(tensors))
  for tensor, offset in zip(tensors, offsets, strict=True):
    data = model.buffers[tensor.buffer].data
    assert (offset == -1) == (data is not None and len(data) > 0)
    assert offset == -1 or offset % 16 == 0
