"""TIM-Net: counts of its code, and a map and a step against twins in numpy."""

from __future__ import annotations

import jax
import numpy as np
import pytest
import slopes
import small_networks
import timnet_twin

from sernet_jax.common.errors import InputError
from sernet_jax.nn import network, networks
from sernet_jax.training import losses
from sernet_jax.training.specs import LossSpec


def test_parameters_are_those_of_the_authors_code():
  card = network.cost(networks.make('timnet'), 188, 39)
  assert card['parameters_trainable'] == 104_496
  assert card['parameters'] == 106_992


def conv(x, arrays, apart):
  """Causal convolution of two frames of (t, c)."""
  before = np.concatenate([np.zeros((apart, x.shape[1])), x])[: len(x)]
  kernel = np.asarray(arrays['kernel'], np.float64)[:, 0]
  return before @ kernel[0] + x @ kernel[1] + arrays['bias']


def test_logits_are_those_of_a_twin_in_numpy():
  spec = small_networks.settings('timnet')
  params, stats = small_networks.weights(spec)
  x = np.random.default_rng(2).normal(size=(2, 12, spec.width, 1))
  found, _ = network.apply(
    spec, params, stats, x.astype(np.float32), train=False
  )
  for example, logits in zip(x[..., 0], found, strict=True):
    means = np.zeros((spec.levels, spec.width))
    for way, y in (('ahead', example), ('back', example[::-1])):
      y = y @ np.asarray(params[way]['kernel'])[0, 0] + params[way]['bias']
      for level in range(1, spec.levels + 1):
        z = y
        for number in (1, 2):
          name = f'{way}{level}_{number}'
          z = conv(z, params[name], 2 ** (level - 1))
          moving, own = stats[f'{name}_norm'], params[f'{name}_norm']
          z = (z - moving['mean']) / np.sqrt(moving['variance'] + 1e-3)
          z = np.maximum(z * own['scale'] + own['offset'], 0)
        y = y / (1 + np.exp(-z))
        means[level - 1] += y.mean(axis=0)
    pooled = params['levels']['values'] @ means
    expected = pooled @ params['head']['kernel'] + params['head']['bias']
    np.testing.assert_allclose(logits, expected, atol=1e-5)


def test_a_step_is_that_of_an_independent_twin():
  """Loss, its slopes, and what the moving statistics become."""
  spec = small_networks.settings('timnet', block_dropout=0.0)
  params, stats = small_networks.weights(spec)
  x = np.random.default_rng(3).normal(size=(4, 9, spec.width))
  labels = np.array([0, 2, 1, 2])

  def ours(params):
    logits, moved = network.apply(
      spec, params, stats, x[..., None].astype(np.float32), train=True
    )
    spec_of_loss = LossSpec(label_smoothing=0.1)
    loss = losses.soft(logits, jax.nn.one_hot(labels, 3), spec_of_loss)
    return loss.mean(), moved

  (value, moved), gradient = jax.jit(jax.value_and_grad(ours, has_aux=True))(
    params
  )

  def theirs(params):
    return timnet_twin.loss(params, x, labels, spec.levels, 0.1)

  exact = slopes.as_float64(params)
  loss, moments = theirs(exact)
  assert value == pytest.approx(loss, rel=1e-5)
  assert set(moments) == set(moved) == set(stats)
  for name, (mean, variance) in moments.items():
    for key, own in (('mean', mean), ('variance', variance)):
      expected = 0.99 * stats[name][key] + 0.01 * own
      np.testing.assert_allclose(moved[name][key], expected, atol=1e-5)
  slopes.check(gradient, exact, lambda params: theirs(params)[0])


def test_levels_begin_mixed_by_small_weights():
  """As in the code; Glorot's, up to 0.8, choose a class before any training."""
  spec = networks.make('timnet')
  init = jax.jit(network.init, static_argnums=1)
  drawn = [
    np.asarray(init(jax.random.key(seed), spec)[0]['levels']['values'])
    for seed in range(4)
  ]
  assert 0.03 < np.abs(drawn).max() <= 0.05
  assert np.std(drawn) > 0.02


def test_channels_are_dropped_in_training_alone():
  spec = small_networks.settings('timnet', block_dropout=0.5)
  params, stats = small_networks.weights(spec)
  x = np.random.default_rng(2).normal(size=(3, 9, spec.width, 1))
  x = x.astype(np.float32)
  one, other, without = (
    network.apply(spec, params, stats, x, train=True, key=key)[0]
    for key in (jax.random.key(0), jax.random.key(1), None)
  )
  assert np.abs(one - other).max() > 1e-3 < np.abs(one - without).max()
  test = network.apply(
    spec, params, stats, x, train=False, key=jax.random.key(0)
  )
  np.testing.assert_array_equal(
    test[0], network.apply(spec, params, stats, x, train=False)[0]
  )


@pytest.mark.parametrize(
  ('fields', 'match'),
  [({'levels': 17}, r'model\.levels'), ({'block_dropout': 1.0}, 'below 1')],
)
def test_settings_that_make_no_sense_are_one_sentence(fields, match):
  with pytest.raises(InputError, match=match):
    networks.make('timnet', **fields)
