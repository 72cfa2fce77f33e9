"""A step of each published network against one in PyTorch.

The figures are those of `tests/golden/make_networks.py`, which has each network
once more from PyTorch's own layers, in float64, with the gradients of autograd.
"""

from __future__ import annotations

import json
import pathlib

import jax
import numpy as np
import pytest
import small_networks

from sernet_jax.nn import network, networks
from sernet_jax.training import losses
from sernet_jax.training.specs import LossSpec

FILE = pathlib.Path(__file__).parents[1] / 'data' / 'networks.npz'
with np.load(FILE) as _arrays:
  FIGURES = dict(_arrays)
HOW = json.loads(str(FIGURES.pop('how')))
LABELS = np.array(HOW['labels'])
LOSSES = {
  'margin': LossSpec(name='margin', label_smoothing=HOW['smoothing']),
  'focal': LossSpec(name='focal'),
  'smoothed': LossSpec(label_smoothing=HOW['smoothing']),
  None: LossSpec(),
}


def tree(name, part, order):
  """Layer -> array of a part, as the list of its layers has them."""
  values, found, at = FIGURES[f'{name}/{part}'], {}, 0
  for layer, key, shape in HOW['arrays'][name][order]:
    size = int(np.prod(shape))
    found.setdefault(layer, {})[key] = values[at : at + size].reshape(shape)
    at += size
  assert at == len(values)
  return found


def shapes(arrays):
  return jax.tree.map(np.shape, arrays)


def batch(name):
  """Features (utterances, frames, width, 1), 7 behind an utterance, and frames."""
  lengths = FIGURES[f'{name}/lengths']
  utterances = FIGURES[f'{name}/utterances']
  ends = np.cumsum(lengths)[:-1]
  padding = 5 if len(set(lengths)) > 1 else 0
  x = np.full(
    (len(lengths), max(lengths) + padding, utterances.shape[1], 1), 7.0
  )
  for row, one in zip(x, np.split(utterances, ends), strict=True):
    row[: len(one), :, 0] = one
  return x.astype(np.float32), lengths


def test_every_published_network_has_figures():
  assert set(HOW['fields']) == set(small_networks.NAMES)


@pytest.mark.parametrize('name', HOW['fields'])
def test_a_step_is_that_of_pytorch(name):
  """Logits of a test; loss, gradients, statistics and the next loss of a step."""
  spec = networks.make(
    name,
    num_classes=3,
    batch_norm_momentum=HOW['momentum'],
    **{
      field: tuple(value) if isinstance(value, list) else value
      for field, value in HOW['fields'][name].items()
    },
  )
  weights = tree(name, 'weights', 'weights')
  stats = tree(name, 'statistics', 'statistics')
  assert shapes((weights, stats)) == shapes(
    network.init(jax.random.key(0), spec)
  )
  x, lengths = batch(name)
  kind = LOSSES[HOW['losses'].get(name)]
  targets = jax.nn.one_hot(LABELS, 3)

  def step(params):
    logits, moved = network.apply(
      spec, params, stats, x, train=True, frames=lengths
    )
    return losses.soft(logits, targets, kind).mean(), moved

  @jax.jit
  def figures(params):
    (loss, moved), gradient = jax.value_and_grad(step, has_aux=True)(params)
    after = jax.tree.map(lambda w, g: w - HOW['rate'] * g, params, gradient)
    logits, _ = network.apply(
      spec, params, stats, x, train=False, frames=lengths
    )
    return (
      {
        'logits': logits,
        'loss': loss,
        'loss_after': step(after)[0],
      },
      moved,
      gradient,
    )

  found, moved, gradient = figures(weights)
  for key, values in found.items():
    expected = FIGURES[f'{name}/{key}']
    np.testing.assert_allclose(
      values, expected, rtol=1e-4, atol=1e-5, err_msg=key
    )
  for ours, part, order in (
    (moved, 'moved', 'statistics'),
    (gradient, 'gradient', 'weights'),
  ):
    for layer, own in tree(name, part, order).items():
      for key, expected in own.items():
        limit = 1e-4 * np.abs(expected).max() + 1e-6
        np.testing.assert_allclose(
          ours[layer][key], expected, rtol=0, atol=limit, err_msg=(layer, key)
        )
