"""A StableHLO file is a program of JAX."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from exportable import BOUND, expected, heard


@pytest.mark.parametrize('precision', ['fp32', 'fp16'])
def test_stablehlo_runs_without_this_package(exported_file, precision):
  content = exported_file('stablehlo', precision).read_bytes()
  program = jax.export.deserialize(bytearray(content))
  assert set(program.platforms) == {'cpu', 'cuda', 'tpu'}
  found = program.call(heard().raw[:3])
  np.testing.assert_allclose(found, expected()[:3], atol=BOUND[precision])
