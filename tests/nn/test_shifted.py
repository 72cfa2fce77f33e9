"""Convolutions of one channel, and pieces that stay pieces."""

from __future__ import annotations

import hypothesis
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import strategies as st
from kernels import check, draw, numpy_conv

from sernet_jax.nn.kernels import fence, shifted


@hypothesis.settings(max_examples=6)
@hypothesis.given(
  shape=st.tuples(*map(st.integers, (1, 1, 1), (3, 9, 9))),
  size=st.tuples(st.sampled_from([1, 3, 5]), st.sampled_from([1, 3, 9])),
)
def test_taps_equal_numpy_loops(shape, size):
  arrays = draw(10, (*shape, 1), (*size, 1, 3), (*shape, 3))
  fast = jax.jit(shifted.conv)
  check(fast(*arrays[:2]), numpy_conv(*arrays)[0])


def twice(x):
  return jnp.sin(x) * 2


@pytest.mark.parametrize('shape', [(4, 3), (4, 0)], ids=str)
@pytest.mark.parametrize('first', [0.5, np.nan, np.inf], ids=str)
def test_apart_changes_nothing(shape, first):
  """Alone, under vmap, mapped and in gradients, whatever x holds."""
  (x,) = draw(11, shape)
  x[:1, :1] = first

  def apart(x):
    return fence.apart(twice, x)

  for made in (
    lambda f: f,
    jax.vmap,
    lambda f: lambda x: jax.lax.map(f, x),
    lambda f: jax.grad(lambda x: jnp.sum(f(x) ** 2)),
    lambda f: jax.vmap(jax.grad(lambda x: jnp.sum(f(x) ** 2))),
    lambda f: jax.grad(lambda x: jnp.sum(jax.vmap(f)(x) ** 2)),
  ):
    np.testing.assert_allclose(
      jax.jit(made(apart))(x), made(twice)(x), rtol=1e-5, atol=1e-6
    )


@pytest.mark.skipif(jax.default_backend() != 'cpu', reason='for CPUs')
@pytest.mark.parametrize(
  'made',
  [
    lambda f: f,
    jax.vmap,
    lambda f: jax.grad(lambda x: f(x).sum()),
    lambda f: jax.vmap(jax.grad(lambda x: f(x).sum())),
  ],
  ids=['alone', 'vmap', 'grad', 'vmap of grad'],
)
def test_apart_stays_apart(made):
  """XLA cannot decide the condition; if it could, speed would be lost."""
  (x,) = draw(12, (4, 3))
  function = made(lambda x: fence.apart(twice, x))
  program = jax.jit(lambda x: jnp.pad(function(x), 1))
  assert ' conditional(' in program.lower(x).compile().as_text()
