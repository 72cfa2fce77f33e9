"""Tests across corpora: who trains and who tests.

`loco`   each corpus is the test set once, all others train.
`cross`  each ordered pair: one corpus trains, another is the test set; its
         folds are called 'TRAIN>TEST'.

A fold has the classes that both of its sides have; what else a side holds is
left out of it.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from sernet_jax.common.errors import require
from sernet_jax.corpora.specs import ProtocolSpec
from sernet_jax.corpora.utterances import Corpus

PROTOCOLS = ('loco', 'cross')
ARROW = '>'


def pairs(
  protocol: str, names: Sequence[str]
) -> list[tuple[str, tuple[str, ...], str]]:
  """Folds of a protocol: its name, the training corpora, the test corpus."""
  names = sorted(names)
  if protocol == 'loco':
    return [
      (test, tuple(name for name in names if name != test), test)
      for test in names
    ]
  return [
    (f'{train}{ARROW}{test}', (train,), test)
    for train, test in itertools.permutations(names, 2)
  ]


def splits(
  corpus: Corpus, spec: ProtocolSpec
) -> list[tuple[str, np.ndarray, np.ndarray, np.ndarray]]:
  """Name, training, validation and test set of each fold.

  With `spec.validation` 'speaker' the first speaker of each training corpus
  is held out, so that the test corpus chooses no epoch.

  Args:
    corpus: joined from several, see `joined`.
    spec: of a protocol of `PROTOCOLS`.

  Returns:
    Places of utterances, int32 and ascending.

  Raises:
    InputError: if there are fewer than two corpora, if two share fewer than
      two classes, or if a speaker to hold out is the only one.
  """
  owner = np.array([utterance.corpus for utterance in corpus.utterances])
  speakers = np.array([utterance.speaker for utterance in corpus.utterances])
  labels = corpus.labels
  names = sorted(set(owner.tolist()) - {''})
  require(
    len(names) >= 2,
    f'protocol.name is {spec.name!r}, which needs at least two corpora, and '
    f'{corpus.name} is one; name several with --config.data.corpora=',
  )
  has = {name: set(labels[owner == name].tolist()) for name in names}
  first = {name: min(speakers[owner == name].tolist()) for name in names}
  found = []
  for fold, train, test in pairs(spec.name, names):
    both = set.union(*(has[name] for name in train)) & has[test]
    require(
      len(both) >= 2,
      f'fold {fold!r} of {spec.name!r} has the classes '
      f'{[corpus.classes[k] for k in sorted(both)]} on both sides, and a '
      'classifier needs two; merge classes with data.classes or leave a '
      'corpus out',
    )
    usable = np.isin(labels, sorted(both))
    of_train = np.isin(owner, train) & usable
    held_out = np.zeros(len(owner), bool)
    if spec.validation == 'speaker':
      chosen = [first[name] for name in train]
      held_out = of_train & np.isin(speakers, chosen)
      require(
        bool(np.any(held_out)),
        f"protocol.validation is 'speaker', but {chosen[0]!r} says none of the "
        f"classes that fold {fold!r} has on both sides; leave it at 'none'",
      )
      require(
        bool(np.any(of_train & ~held_out)),
        f"protocol.validation is 'speaker', but {chosen[0]!r} is the only "
        f"speaker that fold {fold!r} could train on; leave it at 'none'",
      )
    parts = (of_train & ~held_out, held_out, (owner == test) & usable)
    places = [np.flatnonzero(part).astype(np.int32) for part in parts]
    found.append((fold, places[0], places[1], places[2]))
  return found
