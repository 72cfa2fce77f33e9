"""Each size of the network fits the memory that it is meant for."""

from __future__ import annotations

import c_sources
import pytest

from sernet_jax.export.device import arena, micro_folder
from sernet_jax.nn import sizes
from sernet_jax.predict import bundle as bundle_lib

pytest.importorskip('ai_edge_litert')
pytest.importorskip('tflite_micro')
# What tflite-micro 0.dev20261023182759 needs on 64 bits, rounded up, and what was
# aimed at.
ARENAS_KIB = {'paper': (414, 450), 'small': (109, 150), 'tiny': (57, 64)}


@pytest.mark.parametrize(
  ('name', 'size'), [('emodb_small', 'small'), ('emodb_tiny', 'tiny')]
)
def test_so_is_that_of_the_weights_in_the_package(name, size, tmp_path):
  """Their last map is pooled in float32, see `micro_emitter`."""
  bundle = bundle_lib.load(bundle_lib.release_path(name))
  assert bundle.light_sernet.pooling == 'statistics'
  content, _ = micro_folder.convert(bundle)
  path = tmp_path / 'model.tflite'
  path.write_bytes(content)
  needed, aimed_at = ARENAS_KIB[size]
  assert arena.measured(path) / 1024 <= needed + 1 < aimed_at


@pytest.mark.parametrize('size', sizes.SIZES)
def test_the_arena_is_small_enough(size, tmp_path):
  content, _ = micro_folder.convert(c_sources.bundle_of_size(size))
  path = tmp_path / 'model.tflite'
  path.write_bytes(content)
  kib = arena.measured(path) / 1024
  needed, aimed_at = ARENAS_KIB[size]
  assert needed - 1 < kib <= needed < aimed_at
