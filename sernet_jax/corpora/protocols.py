"""Which utterance is train, validation or test in which fold.

`loso`       each speaker is the test set once.
`random10`   ten random folds with the classes dealt out evenly; speakers are
             on both sides.
`emobox`     the five fixed folds of the EmoBox benchmark for EMO-DB; speakers
             are on both sides.
`paper2021`  all files shuffled and cut into ten; the test sets are ten random
             pairs of these (20 % each), the scheme whose pooled counts the
             published tables show. Speakers are on both sides.
`loco`       each of several corpora is the test set once.
`cross`      one corpus trains, another tests, in every ordered pair.
`all`        one fold that trains on everything, for weights to give away. Its
             "test" is the training set, so its figures say nothing about
             other recordings; reports say so.
"""

from __future__ import annotations

import dataclasses
import importlib.resources
import itertools
import json
from collections.abc import Iterable

import numpy as np

from sernet_jax.common.errors import nearest, require
from sernet_jax.corpora import cross_protocols
from sernet_jax.corpora.specs import ProtocolSpec
from sernet_jax.corpora.utterances import Corpus

_NUM_PARTS = 10
_NUM_PAIRS = 10


@dataclasses.dataclass(frozen=True, eq=False)
class Fold:
  """Places of utterances in the corpus, ascending.

  Attributes:
    name: the test speaker, or the name of the part.
    index: place of the fold in its protocol; it seeds the fold's randomness.
    train: int32 (utterances,).
    validation: int32, empty where the protocol holds nobody out.
    test: int32.
  """

  name: str
  index: int
  train: np.ndarray
  validation: np.ndarray
  test: np.ndarray


def make(corpus: Corpus, spec: ProtocolSpec, seed: int = 0) -> list[Fold]:
  """The folds of a protocol, checked.

  Args:
    corpus: the utterances.
    spec: which protocol, whether to hold out a validation speaker, and which
      folds to run.
    seed: of the random protocols; `loso` and `emobox` do not use it.

  Returns:
    The folds asked for, in the protocol's order.

  Raises:
    InputError: if the corpus is too small or not the one the protocol is for,
      if a fold is unknown, or if a class would have no training utterance.
  """
  require(
    spec.validation == 'none'
    or spec.name in ('loso', *cross_protocols.PROTOCOLS),
    f"protocol.validation is {spec.validation!r}, which only 'loco', "
    f"'cross' and 'loso' keep apart; {spec.name!r} has speakers on both sides, so "
    "leave it at 'none'",
  )
  if spec.name in cross_protocols.PROTOCOLS:
    folds = [
      Fold(name, index, *parts)
      for index, (name, *parts) in enumerate(
        cross_protocols.splits(corpus, spec)
      )
    ]
  else:
    tests = _TEST_SETS[spec.name](corpus, seed)
    folds = [_fold(corpus, spec, tests, index) for index in range(len(tests))]
  if spec.folds:
    names = [fold.name for fold in folds]
    for name in spec.folds:
      require(
        name in names,
        f'protocol.folds names {name!r}, which {spec.name!r} does not have: '
        f'{nearest(name, names)}',
      )
    folds = [fold for fold in folds if fold.name in spec.folds]
  numbers = _Numbers(corpus)
  for fold in folds:
    _check(corpus, spec, fold, numbers)
  return folds


def _fold(corpus, spec, tests, index) -> Fold:
  name, test = tests[index]
  held_out = np.zeros(len(corpus.utterances), bool)
  held_out[test] = True
  validation = np.array([], np.int32)
  if spec.validation == 'speaker':
    # The test sets of `loso` are the speakers: take the next one in order.
    validation = tests[(index + 1) % len(tests)][1]
    held_out[validation] = True
  if spec.name == 'all':
    held_out[:] = False
  train = np.flatnonzero(~held_out).astype(np.int32)
  return Fold(name, index, train, validation, test)


class _Numbers:
  """Paths, speakers and labels as numbers: 100,000 names compare slowly."""

  def __init__(self, corpus: Corpus):
    self.paths = _numbered(u.path for u in corpus.utterances)
    self.speakers = _numbered(u.speaker for u in corpus.utterances)
    self.labels = corpus.labels


def _numbered(names: Iterable[str]) -> np.ndarray:
  numbers: dict[str, int] = {}
  return np.array(
    [numbers.setdefault(n, len(numbers)) for n in names], np.int32
  )


def _disjoint(numbers: np.ndarray, parts: Iterable[np.ndarray]) -> bool:
  """Whether no number is in two of the parts."""
  seen = np.zeros(numbers.max(initial=0) + 1, bool)
  for part in parts:
    found = numbers[part]
    if seen[found].any():
      return False
    seen[found] = True
  return True


def _check(
  corpus: Corpus, spec: ProtocolSpec, fold: Fold, numbers: _Numbers
) -> None:
  """What a fold promises, whoever made it."""
  parts: tuple[np.ndarray, ...] = (fold.train, fold.validation, fold.test)
  if spec.name == 'all':
    parts = (fold.train,)
  assert _disjoint(numbers.paths, parts), (
    f'fold {fold.name} shares a file between its parts'
  )
  across = spec.name in cross_protocols.PROTOCOLS
  if spec.name == 'loso' or across:
    assert _disjoint(numbers.speakers, parts), (
      f'fold {fold.name} shares a speaker'
    )
  count = len(corpus.classes)
  taught = np.bincount(numbers.labels[fold.train], minlength=count) > 0
  needed = np.ones(count, bool)
  if across:
    needed = np.bincount(numbers.labels[fold.test], minlength=count) > 0
  missing = [corpus.classes[k] for k in np.flatnonzero(needed & ~taught)]
  require(
    not missing,
    f'fold {fold.name!r} of {spec.name!r} has no training utterance of '
    f'{", ".join(missing)}; add recordings of it by other speakers or leave '
    'the class out with a manifest',
  )


def _by_speaker(corpus: Corpus, seed: int):
  del seed
  speakers = corpus.speakers
  require(
    len(speakers) >= 3,
    f"protocol.name is 'loso' but {corpus.name} has {len(speakers)} "
    'speakers; leaving one out to test needs at least 3, so add speakers or '
    "choose 'random10'",
  )
  everyone = np.array([u.speaker for u in corpus.utterances])
  return [
    (name, np.flatnonzero(everyone == name).astype(np.int32))
    for name in speakers
  ]


def _stratified(corpus: Corpus, seed: int):
  labels = corpus.labels
  counts = np.bincount(labels, minlength=len(corpus.classes))
  rarest = int(np.argmin(counts))
  require(
    counts[rarest] >= 2 and len(labels) >= _NUM_PARTS,
    f'{corpus.name} has {counts[rarest]} utterances of '
    f"{corpus.classes[rarest]} and {len(labels)} in all; 'random10' needs 2 "
    f'of each class and {_NUM_PARTS} in all',
  )
  # Class after class, each in random order, dealt out like cards: parts then
  # differ by at most one utterance, in every class and in all.
  random = np.random.default_rng([seed, 10])
  order = np.lexsort((random.permutation(len(labels)), labels))
  part = np.empty(len(labels), np.int32)
  part[order] = np.arange(len(labels)) % _NUM_PARTS
  return [
    (f'{number + 1}', np.flatnonzero(part == number).astype(np.int32))
    for number in range(_NUM_PARTS)
  ]


def _pairs(corpus: Corpus, seed: int):
  count = len(corpus.utterances)
  require(
    count >= 2 * _NUM_PARTS,
    f"{corpus.name} has {count} utterances; 'paper2021' cuts them into "
    f'{_NUM_PARTS} parts and needs at least {2 * _NUM_PARTS}',
  )
  random = np.random.default_rng([seed, 2021])
  parts = np.array_split(random.permutation(count), _NUM_PARTS)
  pairs = list(itertools.combinations(range(_NUM_PARTS), 2))
  chosen = sorted(random.choice(len(pairs), _NUM_PAIRS, replace=False))
  return [
    (
      f'{one + 1}+{other + 1}',
      np.sort(np.concatenate([parts[one], parts[other]])).astype(np.int32),
    )
    for one, other in (pairs[number] for number in chosen)
  ]


def _emobox(corpus: Corpus, seed: int):
  del seed
  lists = json.loads(
    importlib.resources.files('sernet_jax.corpora')
    .joinpath('data/emobox_folds.json')
    .read_text()
  )
  places = {u.name: place for place, u in enumerate(corpus.utterances)}
  listed = [name for names in lists.values() for name in names]
  unknown = sorted(set(places) - set(listed))
  missing = sorted(set(listed) - set(places))
  require(
    not unknown and not missing,
    f"protocol.name is 'emobox', whose folds name the {len(listed)} "
    f'utterances of EMO-DB, but {corpus.name} lacks {len(missing)} of them '
    f'and has {len(unknown)} others; use the whole corpus, or another '
    'protocol',
  )
  return [
    (name, np.array(sorted(places[n] for n in names), np.int32))
    for name, names in lists.items()
  ]


def _everything(corpus: Corpus, seed: int):
  del seed
  return [('all', np.arange(len(corpus.utterances), dtype=np.int32))]


_TEST_SETS = {
  'loso': _by_speaker,
  'random10': _stratified,
  'emobox': _emobox,
  'paper2021': _pairs,
  'all': _everything,
}
