"""State of a trial: laid out as the dicts that checkpoints hold."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from sernet_jax.training import trial_state


@pytest.mark.parametrize('kind', [trial_state.TrialState, trial_state.Best])
def test_leaves_stand_in_the_order_of_a_dict(kind):
  """So programs and sums are those of the dicts that older versions had."""
  values = kind(*range(len(kind._fields)))
  assert jax.tree.leaves(values) == jax.tree.leaves(values._asdict())


def test_what_is_stacked_comes_apart_again():
  trees = [{'a': np.full(3, k), 'b': (np.float32(k),)} for k in range(4)]
  stacked = trial_state.stack(trees)
  assert stacked['a'].shape == (4, 3)
  assert stacked['b'][0].dtype == np.float32
  for trial, tree in enumerate(trees):
    one = trial_state.unstack(stacked, trial)
    jax.tree.map(np.testing.assert_array_equal, one, tree)
