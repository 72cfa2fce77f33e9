"""The separable network: counts, and a step against a twin in numpy."""

from __future__ import annotations

import jax
import numpy as np
import pytest
import separable_twin
import slopes
import small_networks

from sernet_jax.common.errors import InputError
from sernet_jax.nn import network, networks
from sernet_jax.training import losses
from sernet_jax.training.specs import LossSpec


@pytest.mark.parametrize(
  ('fields', 'expected'),
  [
    ({'num_classes': 4}, 948_806),
    ({'num_classes': 7}, 949_001),
    ({'num_classes': 4, 'shared': False}, 1_784_774),
    ({'num_classes': 7, 'shared': False}, 1_784_969),
  ],
)
def test_parameters_are_those_of_the_layer_table(fields, expected):
  spec = networks.make('separable', **fields)
  assert sum(layer.num_weights for layer in spec.layers()) == expected


def test_the_convolutions_are_a_tenth_of_it():
  spec = networks.make('separable')
  sizes = {layer.name: layer.num_weights for layer in spec.layers()}
  blocks = ('conv', 'expand', 'depthwise', 'project')
  assert sum(sizes[n] for n in sizes if n.startswith(blocks)) == 95_808
  assert sizes['ahead'] == 835_968


@pytest.mark.parametrize(
  ('fields', 'match'),
  [({'blocks': 0}, r'model\.blocks'), ({'shared': 1}, r'model\.shared')],
)
def test_settings_that_make_no_sense_are_one_sentence(fields, match):
  with pytest.raises(InputError, match=match):
    networks.make('separable', **fields)


@pytest.mark.parametrize('shared', [True, False])
def test_a_step_is_that_of_an_independent_twin(shared):
  """Loss, and its slopes, of utterances of several lengths side by side."""
  spec = small_networks.settings('separable', shared=shared)
  params, stats = small_networks.weights(spec)
  random = np.random.default_rng(6)
  lengths, labels = (17, 12, 9, 14), np.array([0, 2, 1, 2])
  utterances = [random.normal(1.0, 2.0, (n, spec.width)) for n in lengths]
  x = np.full((4, 20, spec.width, 1), 7.0, np.float32)  # padding, not 0
  for row, utterance in zip(x, utterances, strict=True):
    row[: len(utterance), :, 0] = utterance

  def ours(params):
    logits, _ = network.apply(
      spec, params, stats, x, train=True, frames=np.array(lengths)
    )
    return losses.per_example(logits, labels, LossSpec(name='focal')).mean()

  value, gradient = jax.jit(jax.value_and_grad(ours))(params)

  def theirs(params):
    return separable_twin.loss(params, utterances, labels, spec.blocks)

  exact = slopes.as_float64(params)
  assert value == pytest.approx(theirs(exact), rel=1e-5)
  slopes.check(gradient, exact, theirs)
