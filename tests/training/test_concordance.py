"""The concordance loss against its formula, without values and over devices."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sernet_jax.training import concordance

RANDOM = np.random.default_rng(0)
VALUES = RANDOM.uniform(-1, 1, (12, 2)).astype(np.float32)
OUTPUTS = (0.5 * VALUES + RANDOM.normal(size=VALUES.shape) / 3 + 0.2).astype(
  np.float32
)
MASK = np.ones(12, np.float32)

loss = jax.jit(concordance.loss, static_argnums=3)


def ccc(x, y):
  """Lin's coefficient as its definition has it."""
  covariance = np.mean((x - x.mean()) * (y - y.mean()))
  return 2 * covariance / (x.var() + y.var() + (x.mean() - y.mean()) ** 2)


def expected(outputs, values):
  return np.mean(
    [1 - ccc(*pair) for pair in zip(outputs.T, values.T, strict=True)]
  )


def test_it_is_one_minus_the_coefficient():
  np.testing.assert_allclose(
    loss(OUTPUTS, VALUES, MASK), expected(OUTPUTS, VALUES), rtol=1e-4
  )
  assert loss(VALUES, VALUES, MASK) == pytest.approx(0, abs=1e-4)
  assert loss(-VALUES, VALUES - VALUES.mean(axis=0), MASK) > 1.5


def test_another_mean_or_spread_costs():
  """What a correlation would not see."""
  assert loss(VALUES + 1, VALUES, MASK) > 0.3
  assert loss(VALUES / 4, VALUES, MASK) > 0.3


def test_examples_without_a_value_or_of_padding_take_no_part():
  values, mask = VALUES.copy(), MASK.copy()
  values[3, 0] = values[7, 1] = np.nan
  mask[11] = 0
  known = np.isfinite(values) & (mask[:, None] > 0)
  found = np.mean(
    [1 - ccc(OUTPUTS[known[:, k], k], VALUES[known[:, k], k]) for k in range(2)]
  )
  np.testing.assert_allclose(loss(OUTPUTS, values, mask), found, rtol=1e-4)
  gradient = jax.grad(concordance.loss)(OUTPUTS, values, mask)
  assert np.isfinite(gradient).all()
  assert not gradient[~known].any()
  assert gradient[known].all()


@pytest.mark.parametrize('count', [0, 1])
def test_too_few_values_cost_nothing(count):
  mask = np.arange(12) < count
  value, gradient = jax.value_and_grad(concordance.loss)(
    OUTPUTS, VALUES, mask.astype(np.float32)
  )
  assert value == 0 and not gradient.any()


def test_outputs_that_do_not_vary_have_a_gradient():
  flat = np.full_like(OUTPUTS, 0.1)
  gradient = jax.grad(concordance.loss)(flat, VALUES, MASK)
  assert np.isfinite(gradient).all() and gradient.any()


def test_devices_that_share_a_batch_have_the_whole_s_gradient():
  """The sum over devices of each one's share, as `steps` sums them."""
  values = VALUES.copy()
  values[5, 1] = np.nan

  def of_share(outputs, values, mask):
    return jax.value_and_grad(concordance.loss)(outputs, values, mask, 'd')

  shares = [part.reshape(3, 4, *part.shape[1:]) for part in (OUTPUTS, values)]
  found, gradients = jax.vmap(of_share, axis_name='d')(
    *map(jnp.asarray, shares), MASK.reshape(3, 4)
  )
  whole, gradient = jax.value_and_grad(concordance.loss)(OUTPUTS, values, MASK)
  np.testing.assert_allclose(found, np.full(3, whole), rtol=1e-6)
  np.testing.assert_allclose(
    gradients.reshape(gradient.shape), gradient, rtol=1e-5, atol=1e-7
  )
