"""Work behind a fence stays a piece of its own, and gives the same numbers."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from kernels import draw

from sernet_jax.nn.kernels import fence


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
