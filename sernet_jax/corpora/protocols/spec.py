"""The protocol that a config asks for."""

from __future__ import annotations

import dataclasses

from sernet_jax.common.errors import require, require_choice, require_whole
from sernet_jax.corpora.protocols.table import PROTOCOLS, Protocol

# Scores that an epoch can be chosen by -> their names in sentences.
SCORES = {'wa': 'accuracy (WA)', 'uar': 'recall (UAR)'}


@dataclasses.dataclass(frozen=True)
class ProtocolSpec:
  """Choice of a protocol, its validation and its folds.

  Attributes:
    name: a key of `PROTOCOLS`.
    validation: 'none', or 'speaker' to hold out the next training speaker
      ('speaker_groups': the next quarter; across corpora: the first of each
      training corpus).
    folds: names of the folds to run; empty runs all.
    best_on_test: whether the tests are judged after every epoch and the best
      epoch is kept, for comparison with figures published so.
    choose_by: score of the best epoch, on the tests or on those held out; one of
      `SCORES`.
    enrolled: recordings of a tested speaker, without labels, that 'loso_adapted'
      hears first; 0 for all.
    prior: recordings that the training set counts as beside them.
    text_groups: groups of sentences of 'loso_text'.
    shots: training utterances of each class, drawn at random; 0 for all.
  """

  name: str = 'loso'
  validation: str = 'none'
  folds: tuple[str, ...] = ()
  best_on_test: bool = True
  choose_by: str = 'wa'
  enrolled: int = 0
  prior: float = 20.0
  text_groups: int = 2
  shots: int = 0

  def __post_init__(self) -> None:
    object.__setattr__(self, 'folds', tuple(str(name) for name in self.folds))
    require_choice('protocol.name', self.name, PROTOCOLS)
    require_choice('protocol.validation', self.validation, ('none', 'speaker'))
    require_choice('protocol.choose_by', self.choose_by, SCORES)
    require_whole('protocol.text_groups', self.text_groups)
    require(
      self.shots >= 0,
      f'protocol.shots is {self.shots}; give the training utterances of each '
      'class, such as 5, or 0 for all',
    )
    require(
      not self.shots or not self.entry.trains_on_tests,
      f'protocol.shots is {self.shots}, but {self.name!r} trains on all that it '
      "tests; leave it at 0, or choose another protocol such as 'loso'",
    )
    require(
      self.text_groups >= 2,
      f'protocol.text_groups is {self.text_groups}; give 2 or more, since '
      'training needs sentences that are not tested',
    )

  @property
  def entry(self) -> Protocol:
    """The protocol's entry in the table."""
    return PROTOCOLS[self.name]
