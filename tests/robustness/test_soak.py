"""Long sound through `stream`: no estimate is missing, memory stays."""

from __future__ import annotations

import os
import sys

import mutations
import pytest
import small_model
import soaked

from sernet_jax.predict import bundle

GROWN_MIB = 10


@pytest.mark.skipif(sys.platform != 'linux', reason='/proc tells the memory')
def test_memory_of_a_stream_stays(tmp_path):
  """A minute; with `SERNET_FUZZ=large` 24 hours by the weights in the package."""
  minutes = mutations.how_many(1, large=24 * 60)
  arguments, hop_s = [], 1.0
  if 'SERNET_FUZZ' not in os.environ:
    bundle.save(tmp_path / 'a.safetensors', small_model.make())
    arguments, hop_s = [f'--model={tmp_path / "a.safetensors"}'], 0.25
  soak = soaked.run(minutes, arguments, hop_s)
  print(soak)
  windows = round(60 * minutes / hop_s)
  # The first one may be later than a hop.
  assert windows - 3 <= soak.lines <= windows + 1
  assert 0 <= soak.silent < soak.lines
  assert soak.grown_mib < GROWN_MIB
