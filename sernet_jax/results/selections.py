"""The selections: which weights of a training a result belongs to.

Each is one entry of one table, which training, results, pages and commands
read; nothing else knows more of a selection than its entry says.
"""

from __future__ import annotations

import dataclasses
from typing import Literal

from sernet_jax.corpora.protocols import ProtocolSpec


@dataclasses.dataclass(frozen=True)
class Selection:
  """One choice of weights.

  Attributes:
    name: in files and flags.
    title: two or three words for tables and figures.
    meaning: one phrase for the report; `{whom}` stands for what the tests
      are made of (speakers, corpora, utterances), `{held_out}` for who chooses
      the epoch, `{score}` by what.
    part: of a fold, whose score chooses the epoch; None for the weights
      after the last epoch.
    recomputed: whether the BatchNorm statistics are taken once more over the
      training set.
    averaged: whether the weights are their moving average (optim.average).
    optimistic: whether the choice saw the answers of the tests.
  """

  name: str
  title: str
  meaning: str
  part: Literal['validation', 'test'] | None = None
  recomputed: bool = False
  averaged: bool = False
  optimistic: bool = False


# In the order of tables.
SELECTIONS = {
  selection.name: selection
  for selection in (
    Selection(
      'last',
      'last epoch',
      'the weights after the last epoch; nothing was chosen',
    ),
    Selection(
      'last_recomputed',
      'last epoch, statistics recomputed',
      'the same weights with BatchNorm statistics taken once more over the '
      'training set, where those of the training lag behind; nothing was '
      'chosen, and the paper does not do it',
      recomputed=True,
    ),
    Selection(
      'average',
      'moving average',
      'the moving average of the weights after the last epoch, with BatchNorm '
      'statistics taken once more over the training set; nothing was chosen',
      recomputed=True,
      averaged=True,
    ),
    Selection(
      'validation',
      'chosen on validation',
      'the epoch with the best {score} on {held_out}, held out for this; '
      'the test fold had no part in it',
      part='validation',
    ),
    Selection(
      'best_on_test',
      'best on test',
      'optimistic: epoch with the best {score} on the test {whom}; '
      'nobody could choose it without the answers, and it is here because '
      'published figures used it',
      part='test',
      optimistic=True,
    ),
  )
}
# Weights after the last epoch: nothing was chosen.
LAST = tuple(
  s.name for s in SELECTIONS.values() if s.part is None and not s.averaged
)
# The same of runs that follow their weights with a moving average.
AVERAGED = tuple(s.name for s in SELECTIONS.values() if s.averaged)
# Part of a fold -> the selection whose epoch it chooses.
CHOSEN_ON: dict[str, str] = {
  s.part: s.name for s in SELECTIONS.values() if s.part
}
# The tests chose the epoch.
OPTIMISTIC = tuple(s.name for s in SELECTIONS.values() if s.optimistic)
# Figures of these may be compared: the tests chose nothing.
HONEST = tuple(s.name for s in SELECTIONS.values() if not s.optimistic)


def choosing(protocol: ProtocolSpec) -> tuple[str, ...]:
  """Names of the selections that choose an epoch under a protocol."""
  if protocol.entry.trains_on_tests:
    return ()
  return tuple(
    selection.name
    for selection in SELECTIONS.values()
    if (selection.part == 'test' and protocol.best_on_test)
    or (selection.part == 'validation' and protocol.validation != 'none')
  )


def tracked(protocol: ProtocolSpec) -> tuple[str, ...]:
  """Parts of a fold that choose an epoch under a protocol."""
  chosen = choosing(protocol)
  return tuple(part for part, name in CHOSEN_ON.items() if name in chosen)


def reported(
  protocol: ProtocolSpec, averaging: bool = False
) -> tuple[str, ...]:
  """Names of the selections that a run reports, `last` first.

  Args:
    protocol: of the run.
    averaging: whether it has a moving average of the weights.
  """
  return (*LAST, *(AVERAGED if averaging else ()), *choosing(protocol))
