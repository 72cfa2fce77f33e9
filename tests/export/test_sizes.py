"""Each size of the network fits the memory that it is meant for."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import small_model

from sernet_jax.audio.spec import AudioSpec
from sernet_jax.export.device import arena, micro_folder
from sernet_jax.features.spec import MfccSpec
from sernet_jax.nn import sizes

pytest.importorskip('ai_edge_litert')
pytest.importorskip('tflite_micro')
# What tflite-micro 0.dev20261023182759 needs on 64 bits, rounded up, and what was
# aimed at.
ARENAS_KIB = {'paper': (414, 450), 'small': (109, 150), 'tiny': (57, 64)}


def bundle_of(size):
  """Three seconds of sound and seven classes; no weight is as if trained."""
  spec = sizes.spec(size)
  random = np.random.default_rng(0)
  weights = {
    layer: {
      name: random.normal(size=shape).astype(np.float32)
      for name, shape in arrays.items()
    }
    for layer, arrays in spec.shapes().items()
  }
  ranges = dict.fromkeys(weights, (0.0, 1.0))
  return dataclasses.replace(
    small_model.make(),
    model=spec,
    mfcc=MfccSpec(),
    audio=AudioSpec(16_000, 3.0),
    classes=tuple('abcdefg'),
    folded=weights,
    ranges=ranges | {f'{layer}_input': (0.0, 1.0) for layer in weights},
  )


@pytest.mark.parametrize('size', sizes.SIZES)
def test_the_arena_is_small_enough(size, tmp_path):
  content, _ = micro_folder.convert(bundle_of(size))
  path = tmp_path / 'model.tflite'
  path.write_bytes(content)
  kib = arena.measured(path) / 1024
  needed, aimed_at = ARENAS_KIB[size]
  assert needed - 1 < kib <= needed < aimed_at
