"""The learning rate of every epoch, the L2 term and Adam."""

from __future__ import annotations

import json
import math

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from sernet_jax.nn import model
from sernet_jax.nn.spec import ModelSpec
from sernet_jax.training import optim
from sernet_jax.training.specs import OptimSpec

SPEC = OptimSpec()

pytestmark = pytest.mark.usefixtures('strict_ranks')


def rates(spec, epochs):
  """The learning rate of epochs 0 to `epochs` - 1, float32."""
  return np.asarray(jax.jit(jax.vmap(optim.learning_rate(spec)))(epochs))


def test_the_learning_rate_is_tensorflows_in_every_epoch(data_dir):
  schedule = json.loads((data_dir / 'schedule.json').read_text())
  expected = schedule['learning_rate_per_epoch']
  assert len(expected) == 300
  # TensorFlow multiplies in float32, which is 1.3e-6 off after 12 decays.
  actual = rates(SPEC, jnp.arange(300))
  np.testing.assert_allclose(actual, expected, rtol=2e-6)
  assert f'{actual[-1]:.3e}' == '1.653e-05'


def test_the_learning_rate_falls_at_60_80_100():
  epochs = jnp.arange(0, 320)
  actual = rates(SPEC, epochs)
  falls = np.flatnonzero(np.diff(actual)) + 1
  np.testing.assert_array_equal(falls, np.arange(60, 320, 20))
  np.testing.assert_allclose(
    actual[falls] / actual[falls - 1], math.exp(-0.15), rtol=1e-6
  )


@pytest.mark.parametrize(
  ('start', 'every', 'falls'),
  [
    (50, 20, [60, 80]),
    (40, 20, [40, 60, 80]),
    (41, 20, [60, 80]),
    (7, 30, [30, 60, 90]),
    (85, 100, []),
  ],
)
def test_another_schedule_falls_where_it_says(start, every, falls):
  spec = OptimSpec(
    decay_start_epochs=start, decay_every_epochs=every, decay_factor=0.5
  )
  actual = rates(spec, jnp.arange(99))
  np.testing.assert_array_equal(np.flatnonzero(np.diff(actual)) + 1, falls)
  np.testing.assert_allclose(actual[-1], 1e-4 * 0.5 ** len(falls), rtol=1e-6)


def test_the_l2_term_is_on_the_kernels_of_the_five_blocks_alone():
  params, _ = jax.eval_shape(
    lambda key: model.init(key, ModelSpec()), jax.random.key(0)
  )
  used = {
    (layer, array)
    for layer, arrays in optim.decayed(ModelSpec(), params).items()
    for array, decays in arrays.items()
    if decays
  }
  assert used == {(f'block{number}', 'kernel') for number in range(1, 6)}


@pytest.fixture
def params():
  """A tree with the names of the network's and arrays of a few numbers."""
  return {
    'joint': {'kernel': jnp.array([1.0, 2.0]), 'bias': jnp.array([3.0])},
    'block1': {'kernel': jnp.array([[3.0, -4.0]]), 'scale': jnp.ones(2)},
    'block5': {'kernel': jnp.array([0.5]), 'offset': jnp.array([7.0])},
    'head': {'kernel': jnp.array([[5.0]]), 'bias': jnp.array([6.0])},
  }


def test_the_penalty_is_a_sum_of_squares_without_a_half(params):
  value, gradient = jax.jit(
    jax.value_and_grad(optim.l2_penalty), static_argnums=(1, 2)
  )(params, SPEC, ModelSpec())
  np.testing.assert_allclose(value, 1e-6 * (9 + 16 + 0.25), rtol=1e-6)
  for layer, arrays in params.items():
    for array, weights in arrays.items():
      decays = layer in ('block1', 'block5') and array == 'kernel'
      np.testing.assert_allclose(
        gradient[layer][array], 2e-6 * weights * decays, rtol=1e-6
      )
  assert optim.l2_penalty(params, OptimSpec(l2=0.0), ModelSpec()) == 0


def keras_adam(weights, gradients, rates, spec):
  """Adam in float64 as Keras computes it.

  Keras adds epsilon to the root of the uncorrected second moment.
  """
  m = v = np.zeros_like(weights)
  for step, (gradient, rate) in enumerate(
    zip(gradients, rates, strict=True), start=1
  ):
    m = spec.beta1 * m + (1 - spec.beta1) * gradient
    v = spec.beta2 * v + (1 - spec.beta2) * gradient**2
    rate = rate * np.sqrt(1 - spec.beta2**step) / (1 - spec.beta1**step)
    weights = weights - rate * m / (np.sqrt(v) + spec.epsilon)
  return weights


@pytest.mark.parametrize('epsilon', [1e-7, 1e-3])
def test_adam_by_hand(params, epsilon):
  """Three steps, with gradients about as small as epsilon among them.

  A rate of 0.1 instead of 1e-4 lets float32 weights show their moves.
  """
  spec = OptimSpec(learning_rate=0.1, epsilon=epsilon, l2=0.0)
  epochs = [0, 59, 60]
  sizes = [1.0, 1e-3, 1e-6, 1e-7]
  weights = {'head': {'kernel': jnp.zeros(4)}}
  gradients = [np.array(sizes) * factor for factor in (1.0, -0.5, 2.0)]
  optimizer = optim.optimizer(spec, ModelSpec())
  state = optimizer.init(weights)
  update = jax.jit(optimizer.update)
  for gradient, epoch in zip(gradients, epochs, strict=True):
    tree = {'head': {'kernel': jnp.asarray(gradient)}}
    updates, state = update(tree, state, weights, epoch=epoch)
    weights = optax.apply_updates(weights, updates)
  expected = keras_adam(
    np.zeros(4), gradients, [0.1, 0.1, 0.1 * math.exp(-0.15)], spec
  )
  np.testing.assert_allclose(weights['head']['kernel'], expected, rtol=1e-4)


def test_the_chain_adds_the_gradient_of_the_penalty(params):
  """Without a loss, what moves is what carries the L2 term."""
  spec = OptimSpec(l2=0.5, learning_rate=0.1)
  optimizer = optim.optimizer(spec, ModelSpec())
  half = jax.tree.map(lambda array: array / 2, params)

  @jax.jit
  def compute(params):
    zeros = jax.tree.map(jnp.zeros_like, params)
    start = optimizer.init(params)
    updates, _ = optimizer.update(zeros, start, params, epoch=0)
    _, state = optimizer.update(half, start, params, epoch=0)
    return updates, state, jax.grad(optim.l2_penalty)(params, spec, ModelSpec())

  updates, state, gradient = compute(params)
  for layer, arrays in params.items():
    for array in arrays:
      expected = keras_adam(
        np.zeros(arrays[array].shape),
        [np.asarray(gradient[layer][array], np.float64)],
        [0.1],
        spec,
      )
      np.testing.assert_allclose(updates[layer][array], expected, rtol=1e-4)
  # Adam alone cannot tell the size of a first gradient, its moments can.
  np.testing.assert_allclose(
    optax.tree_utils.tree_get(state, 'mu')['block1']['kernel'],
    0.1 * (half['block1']['kernel'] + params['block1']['kernel']),
    rtol=1e-6,
  )


def test_the_epoch_may_be_traced(params):
  optimizer = optim.optimizer(OptimSpec(learning_rate=1.0, l2=0.0), ModelSpec())
  ones = jax.tree.map(jnp.ones_like, params)
  state = optimizer.init(params)

  @jax.jit
  def size(epoch):
    updates, _ = optimizer.update(ones, state, params, epoch=epoch)
    return updates['head']['bias'][0]

  np.testing.assert_allclose(size(60) / size(0), math.exp(-0.15), rtol=1e-6)


@pytest.mark.parametrize('schedule', ['cosine', 'one_cycle'])
def test_a_cycle_ends_near_0_and_stays_there(schedule):
  spec = OptimSpec(learning_rate=1e-3, schedule=schedule, cycle_epochs=20)
  found = rates(spec, jnp.arange(25))
  peak = int(found.argmax())
  assert peak in ((0,) if schedule == 'cosine' else (4, 5))  # 5 of 20 rise
  assert 0.9e-3 < found[peak] <= 1e-3
  assert (np.diff(found[peak:20]) < 0).all()
  assert found[19] < 1e-5 and (found[20:] <= found[19]).all()


def small_params():
  return {
    'block1': {'kernel': jnp.array([2.0]), 'scale': jnp.array([3.0])},
    'head': {'kernel': jnp.array([4.0]), 'bias': jnp.array([5.0])},
  }


def test_weight_decay_shrinks_kernels_beside_adam():
  params = small_params()
  gradients = jax.tree.map(jnp.zeros_like, params)
  spec = OptimSpec(learning_rate=0.1, weight_decay=0.01, l2=0.0)
  adam = optim.optimizer(spec, ModelSpec())
  updates, _ = adam.update(
    gradients, adam.init(params), params, epoch=jnp.array(0)
  )
  after = optax.apply_updates(params, updates)
  np.testing.assert_allclose(after['block1']['kernel'], 2.0 * (1 - 1e-3))
  np.testing.assert_allclose(after['head']['kernel'], 4.0 * (1 - 1e-3))
  assert after['block1']['scale'] == 3.0 and after['head']['bias'] == 5.0


def test_the_moving_average_follows_the_weights():
  params = small_params()
  spec = OptimSpec(learning_rate=0.1, average=0.75)
  adam = optim.optimizer(spec, ModelSpec())
  state, expected = adam.init(params), 5.0
  for _ in range(3):
    gradients = jax.tree.map(jnp.ones_like, params)
    updates, state = adam.update(gradients, state, params, epoch=jnp.array(0))
    params = optax.apply_updates(params, updates)
    expected = 0.75 * expected + 0.25 * float(params['head']['bias'][0])
  np.testing.assert_allclose(
    optim.averaged(state)['head']['bias'], [expected], rtol=1e-6
  )
  plain = optim.optimizer(SPEC, ModelSpec())
  assert optim.averaged(plain.init(params)) is None
