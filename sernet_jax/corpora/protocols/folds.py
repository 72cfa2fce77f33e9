"""Makes the folds of a protocol and checks what they promise."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np

from sernet_jax.common.errors import InputError, nearest, require
from sernet_jax.common.text import listing
from sernet_jax.corpora.protocols import across, test_sets
from sernet_jax.corpora.protocols.spec import ProtocolSpec
from sernet_jax.corpora.protocols.table import PROTOCOLS
from sernet_jax.corpora.protocols.test_sets import TestSet
from sernet_jax.corpora.utterances import Corpus


@dataclasses.dataclass(frozen=True, eq=False)
class Fold:
  """Indices of utterances in the corpus, ascending.

  Attributes:
    name: the test speaker, or the name of the part.
    index: of the fold in its protocol; it seeds the fold's randomness.
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
  """Makes the folds of a protocol and checks them.

  Args:
    corpus: the utterances.
    spec: which protocol, whether to hold out a validation speaker, and which
      folds to run.
    seed: of the random protocols and of `shots`; else nothing uses it.

  Returns:
    The folds asked for, in the protocol's order.

  Raises:
    InputError: if the corpus is too small or not the one the protocol is for,
      if a fold is unknown, or if a class would have no training utterance, a
      dimension no values to learn from, or a tested speaker fewer recordings
      than are heard first.
  """
  hold_out = spec.validation == 'speaker'
  if hold_out:
    _require_speakers_apart(spec)
  protocol = spec.entry
  if protocol.pairs is not None:
    parts = across.splits(corpus, spec.name, protocol.pairs, hold_out)
    folds = [
      Fold(name, index, *sets) for index, (name, *sets) in enumerate(parts)
    ]
  else:
    tests = test_sets.FUNCTIONS[protocol.test_sets](
      corpus, seed, spec.text_groups
    )
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
  if spec.shots:
    folds = [_few(corpus, spec.shots, fold, seed) for fold in folds]
  codes = _Codes(corpus)
  for fold in folds:
    _check(corpus, spec, fold, codes)
  return folds


def _require_speakers_apart(spec: ProtocolSpec) -> None:
  """Refuses a validation speaker where speakers are on both sides."""
  apart = [p for p in PROTOCOLS.values() if not p.mixes_speakers]
  apart.sort(key=lambda p: not p.crosses_corpora)
  *names, last = [repr(p.name) for p in apart]
  require(
    not spec.entry.mixes_speakers,
    f'protocol.validation is {spec.validation!r}, which only '
    f'{", ".join(names)} and {last} keep apart; {spec.name!r} has speakers on '
    "both sides, so leave it at 'none'",
  )


def _fold(
  corpus: Corpus, spec: ProtocolSpec, tests: list[TestSet], index: int
) -> Fold:
  """Makes fold `index` within one corpus: what is not tested trains."""
  name, test, texts = tests[index]
  validation = np.array([], np.int32)
  if spec.validation == 'speaker':
    # The next speaker in order, with the same sentences if they matter.
    same = [each.tests for each in tests if each.texts == texts]
    place = [each is test for each in same].index(True)
    validation = same[(place + 1) % len(same)]
  held_out = np.zeros(len(corpus.utterances), bool)
  held_out[test] = True
  held_out[validation] = True
  if texts:  # nobody in training says them, and the speakers say nothing else
    speakers = {corpus.utterances[i].speaker for i in (*test, *validation)}
    held_out |= [
      u.text in texts or u.speaker in speakers for u in corpus.utterances
    ]
  if spec.entry.trains_on_tests:
    held_out[:] = False
  train = np.flatnonzero(~held_out).astype(np.int32)
  return Fold(name, index, train, validation, test)


def _few(corpus: Corpus, shots: int, fold: Fold, seed: int) -> Fold:
  """Draws the same number of training utterances of each class.

  The draw depends on the seed and the fold alone.
  """
  random = np.random.default_rng([seed, fold.index, 25])
  labels = corpus.labels[fold.train]
  drawn = []
  for k in np.unique(labels):
    own = fold.train[labels == k]
    require(
      len(own) >= shots,
      f'protocol.shots is {shots}, but fold {fold.name!r} trains on only '
      f'{len(own)} utterances of {corpus.classes[k]}; give fewer, or 0 for all',
    )
    drawn.append(random.choice(own, shots, replace=False))
  return dataclasses.replace(fold, train=np.sort(np.concatenate(drawn)))


class _Codes:
  """Recordings, sounds, speakers and labels as integers, int32 (utterances,).

  Comparing 100,000 names for each of many folds would be slow.
  """

  def __init__(self, corpus: Corpus):
    self.recordings = _coded(str(u.recording) for u in corpus.utterances)
    self.sounds = _coded(u.sound or u.name for u in corpus.utterances)
    self.speakers = _coded(u.speaker for u in corpus.utterances)
    self.labels = corpus.labels


def _coded(names: Iterable[str]) -> np.ndarray:
  """Replaces each distinct name by an integer, int32 (names,)."""
  codes: dict[str, int] = {}
  return np.array([codes.setdefault(n, len(codes)) for n in names], np.int32)


def _disjoint(codes: np.ndarray, parts: Iterable[np.ndarray]) -> bool:
  """Tells whether no code is in two of the parts."""
  seen = np.zeros(codes.max(initial=0) + 1, bool)
  for part in parts:
    here = codes[part]
    if seen[here].any():
      return False
    seen[here] = True
  return True


def _check(
  corpus: Corpus, spec: ProtocolSpec, fold: Fold, codes: _Codes
) -> None:
  """Checks that nothing leaks and that every tested class is trained."""
  protocol = spec.entry
  parts: tuple[np.ndarray, ...] = (fold.train, fold.validation, fold.test)
  if protocol.trains_on_tests:
    parts = (fold.train,)
  assert _disjoint(codes.recordings, parts), (
    f'fold {fold.name} shares a file between its parts'
  )
  if not protocol.mixes_speakers:
    assert _disjoint(codes.speakers, parts), (
      f'fold {fold.name} shares a speaker'
    )
  _require_no_copies(corpus, spec, fold, codes.sounds, parts)
  count = len(corpus.classes)
  trained = np.bincount(codes.labels[fold.train], minlength=count) > 0
  needed = np.ones(count, bool)
  if protocol.crosses_corpora:  # such a fold may have fewer classes
    needed = np.bincount(codes.labels[fold.test], minlength=count) > 0
  missing = [corpus.classes[k] for k in np.flatnonzero(needed & ~trained)]
  require(
    not missing,
    f'fold {fold.name!r} of {spec.name!r} has no training utterance of '
    f'{", ".join(missing)}; add recordings of it by other speakers or leave '
    'the class out with a manifest',
  )
  if corpus.dimensions:
    _require_values(corpus, spec, fold)
  require(
    not protocol.adapts or spec.enrolled <= len(fold.test),
    f'protocol.enrolled is {spec.enrolled}, but speaker {fold.name!r} has only '
    f'{len(fold.test)} recordings; give fewer, 0 for all, or leave the speaker '
    'out of protocol.folds',
  )


def _require_values(corpus: Corpus, spec: ProtocolSpec, fold: Fold) -> None:
  """Refuses a fold whose outputs for a dimension nothing would have trained."""
  values = corpus.values[fold.train]  # (utterances, dimensions)
  for dimension, column in zip(corpus.dimensions, values.T, strict=True):
    known = column[np.isfinite(column)]
    require(
      len(np.unique(known)) > 1,
      f'fold {fold.name!r} of {spec.name!r} trains on {len(known)} values of '
      f'{dimension.name}, none different from another; annotate recordings of '
      f'other speakers, or leave {dimension.name} out of data.dimensions',
    )


def _require_no_copies(
  corpus: Corpus,
  spec: ProtocolSpec,
  fold: Fold,
  sounds: np.ndarray,
  parts: Sequence[np.ndarray],
) -> None:
  """Refuses a fold that tests a copy of what it trains on.

  Protocols that draw their tests keep copies together; here are those whose
  tests are given, and copies under two speakers.
  """
  if _disjoint(sounds, parts):
    return
  heard = dict(zip(sounds[fold.train].tolist(), fold.train, strict=True))
  twice = []
  for index in (*fold.validation, *fold.test):
    if int(sounds[index]) in heard:
      one = corpus.utterances[heard[int(sounds[index])]]
      other = corpus.utterances[index]
      twice.append(
        f'{one.name} ({one.speaker}) and {other.name} ({other.speaker})'
      )
  raise InputError(
    f'fold {fold.name!r} of {spec.name!r} would test copies of recordings it '
    f'trains on: {listing(twice, 3, "; ")}; keep one of each'
  )
