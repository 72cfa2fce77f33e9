"""Gradients against the slopes of an independent loss."""

from __future__ import annotations

import jax
import numpy as np
import pytest
import small_networks

from sernet_jax.nn import network
from sernet_jax.training import losses
from sernet_jax.training.specs import LossSpec


def as_float64(params):
  return jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), params)


def check(gradient, params, loss, seed=5):
  """Each layer's gradient has the slope of `loss` along a random direction.

  Args:
    gradient: layer -> array -> values.
    params: likewise, float64.
    loss: of params, in float64.
    seed: of the directions.
  """
  random = np.random.default_rng(seed)
  for layer in params:
    direction = {
      name: random.normal(size=values.shape)
      for name, values in params[layer].items()
    }

    def at(step, layer=layer, direction=direction):
      moved = {k: v + step * direction[k] for k, v in params[layer].items()}
      return loss({**params, layer: moved})

    slope = (at(1e-6) - at(-1e-6)) / 2e-6
    found = sum(np.sum(gradient[layer][k] * direction[k]) for k in direction)
    np.testing.assert_allclose(
      found, slope, rtol=2e-3, atol=2e-5, err_msg=layer
    )


def check_step(
  spec, theirs, lengths, frames, seed, loss=None, weights=None, said=None
):
  """A step of four padded utterances is that of each in an independent twin.

  Args:
    spec: of a small network.
    theirs: (params, utterances, labels) to the loss, in float64.
    lengths: frames of each of the four utterances.
    frames: of the batch, padded with numbers that are not 0.
    seed: of the utterances.
    loss: `LossSpec`; None for its default.
    weights: (params, stats); None for `small_networks.weights`.
    said: phonemes of each utterance, a column behind the features; None for
      networks without.
  """
  params, stats = weights or small_networks.weights(spec)
  random = np.random.default_rng(seed)
  labels = np.array([0, 2, 1, 2])
  utterances = [random.normal(1.0, 2.0, (n, spec.width)) for n in lengths]
  x = np.full((4, frames, spec.width, 1), 7.0, np.float32)
  for row, utterance in zip(x, utterances, strict=True):
    row[: len(utterance), :, 0] = utterance
  if said is not None:
    column = np.zeros((4, frames, 1, 1), np.float32)
    for row, phonemes in zip(column, said, strict=True):
      row[: len(phonemes), 0, 0] = phonemes
    x = np.concatenate([x, column], axis=2)

  def ours(params):
    logits, _ = network.apply(
      spec, params, stats, x, train=True, frames=np.array(lengths)
    )
    return losses.per_example(logits, labels, loss or LossSpec()).mean()

  value, gradient = jax.jit(jax.value_and_grad(ours))(params)

  def twin(params):
    return theirs(params, utterances, labels)

  exact = as_float64(params)
  assert value == pytest.approx(twin(exact), rel=1e-5)
  check(gradient, exact, twin)
