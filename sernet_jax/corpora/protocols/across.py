"""Folds across corpora, of who trains and who tests.

A fold has the classes that both of its sides have; utterances of other
classes are left out of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from sernet_jax.common.errors import require
from sernet_jax.corpora.protocols.pairs import Pair
from sernet_jax.corpora.utterances import Corpus, is_unknown

# Name of a fold; training, validation and test set: int32, ascending indices.
Split = tuple[str, np.ndarray, np.ndarray, np.ndarray]


def splits(
  corpus: Corpus,
  protocol: str,
  pairs: Callable[[Sequence[str]], list[Pair]],
  hold_out: bool,
) -> list[Split]:
  """Makes the training, validation and test set of each fold.

  Args:
    corpus: joined from several, see `joined`.
    protocol: its name, for messages.
    pairs: from the names of the corpora to who trains and who tests.
    hold_out: whether the first speaker of each training corpus validates, so
      that the test corpus has no part in choosing an epoch.

  Raises:
    InputError: if there are fewer than two corpora, if two share fewer than
      two classes, or if a speaker to hold out is the only one or unknown.
  """
  owner = np.array([utterance.corpus for utterance in corpus.utterances])
  speakers = np.array([utterance.speaker for utterance in corpus.utterances])
  labels = corpus.labels
  names = sorted(set(owner.tolist()) - {''})
  require(
    len(names) >= 2,
    f'protocol.name is {protocol!r}, which needs at least two corpora, and '
    f'{corpus.name} is one; name several with --config.data.corpora=',
  )
  if hold_out:
    _require_known(corpus, names)
  has = {name: set(labels[owner == name].tolist()) for name in names}
  first = {name: min(speakers[owner == name].tolist()) for name in names}
  made = []
  for fold, train, test in pairs(names):
    both = set.union(*(has[name] for name in train)) & has[test]
    require(
      len(both) >= 2,
      f'fold {fold!r} of {protocol!r} has the classes '
      f'{[corpus.classes[k] for k in sorted(both)]} on both sides, and a '
      'classifier needs two; merge classes with data.classes or leave a '
      'corpus out',
    )
    # Masks over all utterances, bool (utterances,).
    usable = np.isin(labels, sorted(both))
    of_train = np.isin(owner, train) & usable
    held_out = np.zeros(len(owner), bool)
    if hold_out:
      held_out = of_train & np.isin(speakers, [first[name] for name in train])
      _require_both(fold, first[train[0]], held_out, of_train & ~held_out)
    masks = (of_train & ~held_out, held_out, (owner == test) & usable)
    parts = [np.flatnonzero(mask).astype(np.int32) for mask in masks]
    made.append((fold, parts[0], parts[1], parts[2]))
  return made


def _require_known(corpus: Corpus, names: Sequence[str]) -> None:
  """Refuses corpora of which nobody knows everywhere who speaks."""
  for name in names:
    speakers = [u.speaker for u in corpus.utterances if u.corpus == name]
    unknown = sum(map(is_unknown, speakers))
    require(
      not unknown,
      f"protocol.validation is 'speaker', but nobody knows who speaks in "
      f'{unknown} of {len(speakers)} recordings of {name}, so no speaker of it '
      "can be held out; leave it at 'none', or say who speaks",
    )


def _require_both(
  fold: str, speaker: str, held_out: np.ndarray, train: np.ndarray
) -> None:
  """Refuses an empty validation or training set; masks (utterances,)."""
  require(
    bool(np.any(held_out)),
    f"protocol.validation is 'speaker', but {speaker!r} says none of the "
    f"classes that fold {fold!r} has on both sides; leave it at 'none'",
  )
  require(
    bool(np.any(train)),
    f"protocol.validation is 'speaker', but {speaker!r} is the only "
    f"speaker that fold {fold!r} could train on; leave it at 'none'",
  )
