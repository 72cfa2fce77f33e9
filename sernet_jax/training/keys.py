"""Randomness as a function of (seed, purpose, fold, counter).

Nothing random is stored: a run that was killed asks for the same key again
and gets the same bits, and a fold draws the same numbers whichever other
folds are trained beside it.
"""

from __future__ import annotations

import jax

PURPOSES = {'init': 0, 'shuffle': 1, 'dropout': 2, 'augment': 3, 'enroll': 4}


def derive(
  seed: int | jax.Array,
  purpose: str,
  fold: int | jax.Array,
  counter: int | jax.Array = 0,
) -> jax.Array:
  """Derives the key for one purpose.

  Args:
    seed: of the experiment.
    purpose: one of `PURPOSES`.
    fold: index of the fold in its protocol (not among the folds run).
    counter: epoch for 'shuffle', step since the start for 'dropout' and
      'augment'.
  """
  key = jax.random.key(seed)
  for part in (PURPOSES[purpose], fold, counter):
    key = jax.random.fold_in(key, part)
  return key
