"""Which utterances of which corpora a run uses, and how they are split."""

from __future__ import annotations

import dataclasses

from sernet_jax.common.errors import require_choice

PROTOCOLS = (
  'loso',
  'random10',
  'emobox',
  'paper2021',
  'all',
  'loco',
  'cross',
)


@dataclasses.dataclass(frozen=True)
class ProtocolSpec:
  """Which utterance is train, validation or test in which fold.

  Attributes:
    name: 'loso', 'random10', 'emobox', 'paper2021'; 'loco' and 'cross' for
      several corpora; or 'all' to train on everything and test nothing.
    validation: 'none', or 'speaker' to hold out the next training speaker
      (across corpora: the first of each training corpus).
    folds: names of the folds to run; empty runs all.
  """

  name: str = 'loso'
  validation: str = 'none'
  folds: tuple[str, ...] = ()

  def __post_init__(self):
    object.__setattr__(self, 'folds', tuple(str(name) for name in self.folds))
    require_choice('protocol.name', self.name, PROTOCOLS)
    require_choice('protocol.validation', self.validation, ('none', 'speaker'))
