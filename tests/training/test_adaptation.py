"""BatchNorm statistics that follow a tested voice."""

from __future__ import annotations

import jax
import numpy as np
import pytest
import two_blocks

from sernet_jax.common.errors import InputError
from sernet_jax.nn import model
from sernet_jax.nn.spec import ModelSpec
from sernet_jax.training import adaptation, batch_norm_statistics, recipes
from sernet_jax.training.sound.corpus import Heard
from sernet_jax.training.specs import LossSpec, OptimSpec


def recipe_of(pooling):
  return recipes.Recipe(
    model=ModelSpec(num_classes=3, blocks=two_blocks.BLOCKS, pooling=pooling),
    loss=LossSpec(),
    optim=OptimSpec(),
    batch_size=4,
  )


@pytest.fixture(scope='module')
def heard():
  return np.random.default_rng(0).normal(size=(6, 9, 8)).astype(np.float32)


@pytest.fixture(scope='module')
def weights():
  return model.init(jax.random.key(0), recipe_of('mean').model)


def one_batch(recipe, heard, params, stats, frames=None):
  """The statistics of all recordings in one batch."""
  compute = batch_norm_statistics.compile_moments(recipe)
  mask = np.ones(len(heard), np.float32)
  return compute(params, stats, heard, mask, frames)


def leaves(tree):
  return [np.asarray(leaf) for leaf in jax.tree.leaves(tree)]


@pytest.mark.parametrize('prior', [0.0, 3.0, float('inf')])
def test_recordings_and_training_set_weigh_as_their_numbers(
  heard, weights, prior
):
  recipe = recipe_of('mean')
  found = adaptation.adapted(recipe, heard, *weights, prior)
  own = one_batch(recipe, heard, *weights)
  share = 0.0 if np.isinf(prior) else 6 / (6 + prior)
  name = 'spectral'  # deeper maps depend on how batches are cut
  before = weights[1][name]
  mean = share * own[name]['mean'] + (1 - share) * before['mean']
  np.testing.assert_allclose(found[name]['mean'], mean, atol=1e-5)
  second = share * (own[name]['variance'] + own[name]['mean'] ** 2)
  second += (1 - share) * (before['variance'] + before['mean'] ** 2)
  np.testing.assert_allclose(
    found[name]['variance'], second - mean**2, atol=1e-4
  )


def test_segments_of_a_recording_count_as_one_together(heard, weights):
  recipe = recipe_of('mean')
  found = adaptation.adapted(recipe, heard, *weights, 20.0, recordings=2)
  own = adaptation.adapted(recipe, heard, *weights, 0.0)
  before = weights[1]
  for name in before:
    mean = 2 / 22 * own[name]['mean'] + 20 / 22 * before[name]['mean']
    np.testing.assert_allclose(found[name]['mean'], mean, atol=1e-6)


def test_padding_takes_no_part(heard, weights):
  recipe = recipe_of('masked')
  frames = np.array([9, 5, 7, 3, 9, 4], np.int32)
  other = heard.copy()
  for one, count in zip(other, frames, strict=True):
    one[count:] = 50.0
  one, two = (
    adaptation.adapted(recipe, Heard(x, frames), *weights, 2.0)
    for x in (heard, other)
  )
  for found, expected in zip(leaves(one), leaves(two), strict=True):
    np.testing.assert_array_equal(found, expected)
  exact = one_batch(recipe, heard, *weights, frames)
  alone = adaptation.adapted(recipe, Heard(heard, frames), *weights, 0.0)
  # Two batches of 4 and 2; paths see them weighted by their frames.
  np.testing.assert_allclose(
    alone['spectral']['mean'], exact['spectral']['mean'], atol=1e-5
  )


def test_the_draw_of_recordings_is_that_of_its_key():
  candidates = np.arange(10, 30)
  keys = [jax.random.key(seed) for seed in (0, 0, 1)]
  one, same, other = (
    adaptation.enrolled(key, candidates, 5).tolist() for key in keys
  )
  assert one == same != other
  assert one == sorted(set(one)) and set(one) <= set(candidates.tolist())
  everything = adaptation.enrolled(keys[0], candidates, 0)
  assert everything.tolist() == candidates.tolist()


def test_more_recordings_than_there_are_is_a_sentence():
  with pytest.raises(InputError, match=r'protocol\.enrolled is 9.*only 4'):
    adaptation.enrolled(jax.random.key(0), np.arange(4), 9)


@pytest.mark.parametrize('field', ['recordings', 'prior'])
def test_negative_numbers_are_refused(field):
  with pytest.raises(InputError, match=r'protocol\.'):
    adaptation.AdaptationSpec(**{field: -1})
