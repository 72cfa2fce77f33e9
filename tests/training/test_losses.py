"""Losses of hand-computed probabilities, and means under masks."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sernet_jax.training import losses
from sernet_jax.training.specs import LossSpec

CROSS_ENTROPY = LossSpec()
FOCAL = LossSpec(name='focal')
BALANCED = LossSpec(class_weights='balanced')

from_probability = jax.jit(losses.from_probability, static_argnums=1)
per_example = jax.jit(losses.per_example, static_argnums=2)
masked_mean = jax.jit(losses.masked_mean)
class_weights = jax.jit(losses.class_weights, static_argnums=(2, 3))

pytestmark = pytest.mark.usefixtures('strict_ranks')


@pytest.mark.parametrize(
  ('spec', 'expected'),
  [
    (CROSS_ENTROPY, [math.log(2), math.log(4), -math.log(0.9)]),
    (
      FOCAL,  # gamma 2
      [0.25 * math.log(2), 0.5625 * math.log(4), -0.01 * math.log(0.9)],
    ),
    (
      LossSpec(name='focal', gamma=1.0),
      [0.5 * math.log(2), 0.75 * math.log(4), -0.1 * math.log(0.9)],
    ),
  ],
)
def test_by_hand(spec, expected):
  values = from_probability(jnp.array([0.5, 0.25, 0.9]), spec)
  np.testing.assert_allclose(values, expected, rtol=1e-6)


def test_logits_are_turned_into_the_label_s_probability():
  probabilities = np.array([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]])
  labels = jnp.array([1, 2])
  for shift in (0, 30):  # a softmax does not see a common term
    logits = jnp.asarray(np.log(probabilities) + shift)
    np.testing.assert_allclose(
      per_example(logits, labels, CROSS_ENTROPY),
      [-math.log(0.3), -math.log(0.8)],
      rtol=3e-6,
    )
  np.testing.assert_allclose(
    per_example(jnp.asarray(np.log(probabilities)), labels, FOCAL),
    [-0.49 * math.log(0.3), -0.04 * math.log(0.8)],
    rtol=3e-6,
  )


def test_focal_with_gamma_0_is_the_cross_entropy():
  spec = LossSpec(name='focal', gamma=0.0)
  p = jnp.array([0.0, 1e-8, 1e-3, 0.5, 0.999, 1.0])
  both = [
    jax.vmap(jax.value_and_grad(lambda p, s=s: from_probability(p, s)))(p)
    for s in (spec, CROSS_ENTROPY)
  ]
  np.testing.assert_allclose(both[0], both[1], rtol=1e-6)
  assert np.all(np.isfinite(both))


@pytest.mark.parametrize('spec', [CROSS_ENTROPY, FOCAL])
def test_probabilities_are_clipped_and_give_no_gradient_outside(spec):
  value_and_gradient = jax.jit(
    jax.value_and_grad(lambda p: from_probability(p, spec))
  )
  floor = -math.log(1e-7)
  for p in (0.0, 5e-8):
    value, gradient = value_and_gradient(p)
    np.testing.assert_allclose(value, floor, rtol=1e-6)
    assert gradient == 0
  value, gradient = value_and_gradient(2e-7)
  np.testing.assert_allclose(value, -math.log(2e-7), rtol=1e-6)
  assert gradient < -1e6
  value, gradient = value_and_gradient(1.0)
  assert 0 <= value < 2e-7 and gradient == 0


def test_hopeless_logits_stay_finite():
  def mean(logits):
    labels = jnp.array([0, 1])
    return jnp.mean(per_example(logits, labels, CROSS_ENTROPY))

  logits = jnp.array([[-1e4, 1e4], [-1e4, 1e4]])
  value, gradient = jax.jit(jax.value_and_grad(mean))(logits)
  np.testing.assert_allclose(value, -math.log(1e-7) / 2, rtol=1e-6)
  np.testing.assert_array_equal(gradient, 0)


@pytest.mark.parametrize('name', ['cross_entropy', 'focal'])
def test_without_a_floor_hopeless_logits_have_the_gradient_of_the_softmax(name):
  spec = LossSpec(name=name, floor=0.0)
  labels = jnp.array([0, 1])

  def mean(logits):
    return jnp.mean(per_example(logits, labels, spec))

  logits = jnp.array([[-400.0, 400.0], [-400.0, 400.0]])
  value, gradient = jax.jit(jax.value_and_grad(mean))(logits)
  # -ln softmax of the first is 800 to the last digit, of the second 0.
  assert value == 400.0
  np.testing.assert_array_equal(gradient, [[-0.5, 0.5], [0, 0]])
  one_hot = jax.nn.one_hot(labels, 2)
  np.testing.assert_array_equal(
    losses.soft(logits, one_hot, spec), per_example(logits, labels, spec)
  )


@pytest.mark.parametrize('gamma', [0.0, 0.5, 1.0])
def test_a_focal_weight_without_a_floor_is_finite_where_all_is_sure(gamma):
  spec = LossSpec(name='focal', gamma=gamma, floor=0.0)
  logits = jnp.array([[-400.0, 400.0], [400.0, -400.0]])
  gradient = jax.grad(lambda x: per_example(x, jnp.array([0, 0]), spec).sum())
  np.testing.assert_array_equal(gradient(logits), [[-1, 1], [0, 0]])
  slopes = jax.vmap(jax.grad(lambda p: from_probability(p, spec)))
  assert np.all(np.isfinite(slopes(jnp.array([0.5, 1.0]))))


@pytest.mark.parametrize('name', ['cross_entropy', 'focal'])
def test_the_floor_changes_nothing_within_it(name):
  logits = jax.random.normal(jax.random.key(0), (20, 5))
  labels = jnp.arange(20) % 5
  clipped, free = (
    per_example(logits, labels, LossSpec(name=name, floor=floor))
    for floor in (1e-7, 0.0)
  )
  np.testing.assert_allclose(free, clipped, rtol=2e-6)
  assert np.isfinite(from_probability(jnp.array(0.0), LossSpec(floor=0.0)))


def test_margins_are_those_of_the_capsules_authors():
  """Sabour et al. 2017, equation 4, of smoothed labels, class by class."""
  spec = LossSpec(name='margin', label_smoothing=0.1)
  p = np.array([[0.05, 0.95, 0.0], [0.5, 0.2, 0.3]])
  labels = jnp.array([1, 0])
  # max(0, 0.9 - p)^2 of the label, half of max(0, p - 0.1)^2 of each other.
  whole = [0, 0.4**2 + 0.5 * (0.1**2 + 0.2**2)]
  np.testing.assert_allclose(
    losses.of_labels(jnp.asarray(p), labels, spec), whole, atol=1e-7
  )
  logits = jnp.log(jnp.asarray(p) + 1e-20)
  np.testing.assert_allclose(
    per_example(logits, labels, spec), whole, atol=1e-6
  )
  one_hot = jax.nn.one_hot(labels, 3)
  targets = 0.9 * np.asarray(one_hot) + 0.1 / 3
  expected = targets * np.maximum(0, 0.9 - p) ** 2
  expected += 0.5 * (1 - targets) * np.maximum(0, p - 0.1) ** 2
  np.testing.assert_allclose(
    losses.soft(logits, one_hot, spec), expected.sum(axis=1), atol=1e-6
  )


def test_masked_mean_leaves_out_what_is_masked():
  values = jnp.array([1.0, 2.0, 1e6, 6.0])
  assert masked_mean(values, jnp.array([1.0, 1.0, 0.0, 1.0])) == 3
  assert masked_mean(values, jnp.zeros(4)) == 0


def test_class_weights_are_1_unless_balanced():
  labels = jnp.array([0, 0, 0, 2])
  weights = class_weights(labels, jnp.ones(4), 3, CROSS_ENTROPY)
  np.testing.assert_array_equal(weights, np.ones(3))


def test_balanced_class_weights_by_hand():
  labels = jnp.array([0, 0, 0, 1, 2, 2])
  weights = class_weights(labels, jnp.ones(6), 3, BALANCED)
  # N / (K * N_k): 6 / (3 * 3), 6 / (3 * 1), 6 / (3 * 2)
  np.testing.assert_allclose(weights, [2 / 3, 2, 1], rtol=1e-6)
  np.testing.assert_allclose(jnp.mean(weights[labels]), 1, rtol=1e-6)


def test_balanced_class_weights_do_not_count_padding():
  labels = jnp.array([0, 0, 0, 1, 0, 0])
  mask = jnp.array([1.0, 1.0, 1.0, 1.0, 0.0, 0.0])
  weights = class_weights(labels, mask, 2, BALANCED)
  np.testing.assert_allclose(weights, [4 / 6, 4 / 2], rtol=1e-6)


def test_a_class_that_is_absent_has_no_weight():
  weights = class_weights(jnp.array([0, 0]), jnp.ones(2), 2, BALANCED)
  np.testing.assert_allclose(weights, [0.5, 0])


def test_soft_targets_weigh_the_losses_of_the_classes():
  logits = jnp.log(jnp.array([[0.5, 0.25, 0.25], [0.1, 0.2, 0.7]]))
  targets = jnp.array([[1.0, 0.0, 0.0], [0.5, 0.0, 0.5]])
  soft = jax.jit(losses.soft, static_argnums=2)
  expected = [math.log(2), -0.5 * (math.log(0.1) + math.log(0.7))]
  np.testing.assert_allclose(
    soft(logits, targets, CROSS_ENTROPY), expected, rtol=1e-6
  )
  one_hot = jax.nn.one_hot(jnp.array([0, 2]), 3)
  np.testing.assert_allclose(
    soft(logits, one_hot, FOCAL),
    per_example(logits, jnp.array([0, 2]), FOCAL),
    rtol=1e-6,
  )


def test_label_smoothing_mixes_with_the_uniform_distribution():
  logits = jnp.log(jnp.array([[0.5, 0.25, 0.25]]))
  spec = LossSpec(label_smoothing=0.3)
  found = losses.soft(logits, jnp.array([[1.0, 0.0, 0.0]]), spec)
  expected = 0.8 * math.log(2) + 0.2 * math.log(4)  # 0.7 + 0.1, 0.1, 0.1
  np.testing.assert_allclose(found, [expected], rtol=1e-6)


def test_distillation_is_the_divergence_at_a_temperature():
  """T^2 KL of Hinton, Vinyals and Dean 2015; p and q by hand."""
  logits = jnp.log(jnp.array([[0.64, 0.16, 0.04], [0.2, 0.3, 0.5]]))
  answers = jnp.array([[0.5, 0.25, 0.25], [0.0, 0.0, 1.0]])
  # Square roots, normalized: 0.8, 0.4, 0.2 of 1.4.
  q = np.array([4, 2, 1]) / 7
  first = 0.5 * np.log(0.5 / q[0]) + 0.25 * np.log(0.25**2 / (q[1] * q[2]))
  roots = np.sqrt([0.2, 0.3, 0.5])
  second = -np.log(roots[2] / roots.sum())
  found = losses.distilled(logits, answers, 2.0)
  np.testing.assert_allclose(found, [4 * first, 4 * second], rtol=1e-5)
  own = jax.nn.softmax(logits / 3.0)
  np.testing.assert_allclose(losses.distilled(logits, own, 3.0), 0, atol=1e-5)
