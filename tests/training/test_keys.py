"""Keys are a function of (seed, purpose, fold, counter) and nothing else."""

from __future__ import annotations

import itertools

import jax
import numpy as np
import pytest

from sernet_jax.training import keys

INIT = (683029726, 1624662641)  # of (0, 'init', 0, 0)
DROPOUT = (1949767254, 1937576478)  # of (5, 'dropout', 3, 1000)

pytestmark = pytest.mark.usefixtures('strict_ranks')


def bits(*arguments):
  return tuple(np.asarray(jax.random.key_data(keys.derive(*arguments))))


def test_every_purpose_fold_and_counter_has_its_own_key():
  everything = list(
    itertools.product(
      (0, 1, 7), ('init', 'shuffle', 'dropout'), (0, 1, 2), (0, 1, 2, 300)
    )
  )
  assert len({bits(*arguments) for arguments in everything}) == len(everything)


def test_the_same_arguments_have_the_same_key():
  assert bits(3, 'dropout', 2, 5) == bits(3, 'dropout', 2, 5)
  assert bits(3, 'init', 2) == bits(3, 'init', 2, 0)


def test_keys_do_not_change_with_the_version():
  """A run resumes with the keys that it began with, after an update too."""
  assert bits(0, 'init', 0, 0) == INIT
  assert bits(5, 'dropout', 3, 1000) == DROPOUT


def test_whole_numbers_may_be_traced():
  derive = jax.jit(keys.derive, static_argnames='purpose')
  traced = derive(5, 'dropout', 3, 1000)
  assert tuple(np.asarray(jax.random.key_data(traced))) == DROPOUT
  mapped = jax.vmap(lambda fold: keys.derive(5, 'shuffle', fold, 1))
  data = np.asarray(jax.random.key_data(mapped(np.arange(3))))
  assert [tuple(row) for row in data] == [
    bits(5, 'shuffle', fold, 1) for fold in range(3)
  ]


def test_an_unknown_purpose_is_refused():
  with pytest.raises(KeyError, match='shuffel'):
    keys.derive(0, 'shuffel', 0)
