"""Convolutions of one channel equal numpy loops."""

from __future__ import annotations

import hypothesis
import jax
from hypothesis import strategies as st
from kernels import check, draw, numpy_conv

from sernet_jax.nn.kernels import shifted


@hypothesis.settings(max_examples=6)
@hypothesis.given(
  shape=st.tuples(*map(st.integers, (1, 1, 1), (3, 9, 9))),
  size=st.tuples(st.sampled_from([1, 3, 5]), st.sampled_from([1, 3, 9])),
)
def test_taps_equal_numpy_loops(shape, size):
  arrays = draw(10, (*shape, 1), (*size, 1, 3), (*shape, 3))
  fast = jax.jit(shifted.conv)
  check(fast(*arrays[:2]), numpy_conv(*arrays)[0])
