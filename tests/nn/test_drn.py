"""The dilated residual network: counts, and a step against a twin in numpy."""

from __future__ import annotations

import drn_twin
import jax
import numpy as np
import pytest
import slopes
import small_networks

from sernet_jax.common.errors import InputError
from sernet_jax.nn import network, networks
from sernet_jax.training import losses
from sernet_jax.training.specs import LossSpec


@pytest.mark.parametrize(
  ('classes', 'expected'), [(4, 5_741_780), (7, 5_742_383)]
)
def test_parameters_are_those_of_the_layer_table(classes, expected):
  spec = networks.make('drn', num_classes=classes)
  sizes = {layer.name: layer.num_weights for layer in spec.layers()}
  assert sum(sizes.values()) == expected
  convolutions = ('conv', 'widen', 'stage')
  assert sum(sizes[n] for n in sizes if n.startswith(convolutions)) == 4_547_552


def test_a_step_is_that_of_an_independent_twin():
  """Loss, and its slopes, of utterances of several lengths side by side."""
  spec = small_networks.settings('drn')
  params, stats = small_networks.weights(spec)
  random = np.random.default_rng(6)
  lengths, labels = (31, 26, 17, 22), np.array([0, 2, 1, 2])
  utterances = [random.normal(1.0, 2.0, (n, spec.width)) for n in lengths]
  x = np.full((4, 37, spec.width, 1), 7.0, np.float32)  # padding, not 0
  for row, utterance in zip(x, utterances, strict=True):
    row[: len(utterance), :, 0] = utterance

  def ours(params):
    logits, _ = network.apply(
      spec, params, stats, x, train=True, frames=np.array(lengths)
    )
    return losses.per_example(logits, labels, LossSpec()).mean()

  value, gradient = jax.jit(jax.value_and_grad(ours))(params)

  def theirs(params):
    return drn_twin.loss(params, utterances, labels, spec.heads)

  exact = slopes.as_float64(params)
  assert value == pytest.approx(theirs(exact), rel=1e-5)
  slopes.check(gradient, exact, theirs)


@pytest.mark.parametrize(
  ('fields', 'match'),
  [
    ({'heads': 7}, r'model\.heads is 7, which does not divide'),
    ({'heads': 0}, r'model\.heads'),
    ({'channels': (1, 2)}, r'model\.channels .* four whole numbers'),
    ({'channels': (8, 8, 8, 0)}, r'model\.channels'),
  ],
)
def test_settings_that_make_no_sense_are_one_sentence(fields, match):
  with pytest.raises(InputError, match=match):
    networks.make('drn', **fields)
