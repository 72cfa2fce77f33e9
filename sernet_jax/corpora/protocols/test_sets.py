"""Test sets within one corpus; whatever is not tested trains.

Each function takes a corpus, a seed, which only the random ones use, and a
number of groups of sentences, which only `by_speaker_and_text` uses.
Recordings that sound the same are never parted.
"""

from __future__ import annotations

import importlib.resources
import itertools
import json
from typing import NamedTuple

import numpy as np

from sernet_jax.common.errors import require
from sernet_jax.common.text import listing
from sernet_jax.corpora.protocols.table import NUM_PAIRS
from sernet_jax.corpora.utterances import Corpus, is_unknown

NUM_PARTS = 10
NUM_GROUPS = 4


class TestSet(NamedTuple):
  """The tests of one fold.

  Attributes:
    name: of the fold.
    tests: int32 (tests,), ascending indices into `corpus.utterances`.
    texts: sentences that nobody may speak in training.
  """

  name: str
  tests: np.ndarray
  texts: frozenset[str] = frozenset()


def by_speaker(corpus: Corpus, seed: int, text_groups: int) -> list[TestSet]:
  """Tests each speaker once."""
  del seed, text_groups
  _require_speakers(corpus, 'loso')
  everyone = np.array([u.speaker for u in corpus.utterances])
  return [
    TestSet(name, np.flatnonzero(everyone == name).astype(np.int32))
    for name in corpus.speakers
  ]


def by_speaker_group(
  corpus: Corpus, seed: int, text_groups: int
) -> list[TestSet]:
  """Tests each speaker once, a quarter of the speakers at a time.

  In one corpus these are neighbors in the sorted list of speakers. Of several
  corpora each gives its speakers to all groups.

  Raises:
    InputError: if speakers are unknown, or fewer than two for each group.
  """
  del seed, text_groups
  _require_known(corpus, 'speaker_groups')
  speakers = corpus.speakers
  require(
    len(speakers) >= 2 * NUM_GROUPS,
    f"protocol.name is 'speaker_groups' but {corpus.name} has {len(speakers)} "
    f'speakers; {NUM_GROUPS} groups need at least {2 * NUM_GROUPS}, so choose '
    "'loso'",
  )
  everyone = np.array([u.speaker for u in corpus.utterances])
  if len({u.corpus for u in corpus.utterances}) > 1:
    groups = {f'group{i + 1}': g for i, g in enumerate(_dealt(corpus))}
  else:
    parts = np.array_split(np.array(speakers), NUM_GROUPS)
    groups = {f'{part[0]}-{part[-1]}': part.tolist() for part in parts}
  return [
    TestSet(name, np.flatnonzero(np.isin(everyone, them)).astype(np.int32))
    for name, them in groups.items()
  ]


def _dealt(corpus: Corpus) -> list[list[str]]:
  """Deals out the speakers of each corpus to the groups, back and forth.

  So names that begin with the sex, and those that have it in turn, both end up
  mixed. The last ones of a corpus go to the smallest groups, so that groups
  differ by at most one speaker.
  """
  by_corpus: dict[str, set[str]] = {}
  for utterance in corpus.utterances:
    by_corpus.setdefault(utterance.corpus, set()).add(utterance.speaker)
  groups: list[list[str]] = [[] for _ in range(NUM_GROUPS)]
  for _, them in sorted(by_corpus.items()):
    order, speakers = sorted(groups, key=len), sorted(them)
    starts = range(0, len(speakers), NUM_GROUPS)
    if len(starts) % 2 == 0:  # so that the last lap begins at the smallest
      order.reverse()
    for start in starts:
      lap = speakers[start : start + NUM_GROUPS]
      for group, speaker in zip(order, lap, strict=False):
        group.append(speaker)
      order.reverse()
  return groups


def by_speaker_and_text(
  corpus: Corpus, seed: int, text_groups: int
) -> list[TestSet]:
  """Tests each speaker once, a group of sentences at a time.

  The sentences, sorted, are dealt out to the groups in turn. A speaker who
  says nothing of a group has no fold for it.

  Raises:
    InputError: if speakers or sentences are unknown, or are too few.
  """
  del seed
  _require_speakers(corpus, 'loso_text')
  without = [u.name for u in corpus.utterances if not u.text]
  require(
    not without,
    f"protocol.name is 'loso_text', which must know who says which sentence, "
    f'and {corpus.name} does not say it of {len(without)} utterances (such as '
    f"{listing(without, 1)}); choose 'loso', or give a manifest the column text",
  )
  spoken = np.array([u.text for u in corpus.utterances])
  texts = sorted(set(spoken.tolist()))
  require(
    len(texts) >= text_groups,
    f'protocol.text_groups is {text_groups} but {corpus.name} has {len(texts)} '
    "sentences; give fewer groups, or choose 'loso'",
  )
  everyone = np.array([u.speaker for u in corpus.utterances])
  sets = []
  for speaker in corpus.speakers:
    for group in range(text_groups):
      chosen = texts[group::text_groups]
      tests = np.flatnonzero((everyone == speaker) & np.isin(spoken, chosen))
      if tests.size:
        name = f'{speaker}_text{group + 1}'
        sets.append(TestSet(name, tests.astype(np.int32), frozenset(chosen)))
  return sets


def _require_known(corpus: Corpus, protocol: str) -> None:
  """Refuses a corpus of which nobody knows everywhere who speaks."""
  total = len(corpus.utterances)
  unknown = sum(is_unknown(u.speaker) for u in corpus.utterances)
  part = f'{unknown} of {total} recordings of ' if unknown < total else ''
  require(
    not unknown,
    f'protocol.name is {protocol!r} but the speakers of {part}{corpus.name} are '
    "unknown, so nobody can be left out; choose 'random10', whose figures hold "
    'for voices that were trained on, or say who speaks',
  )


def _require_speakers(corpus: Corpus, protocol: str) -> None:
  """Refuses a corpus of fewer than three speakers, or of unknown ones."""
  _require_known(corpus, protocol)
  speakers = corpus.speakers
  require(
    len(speakers) >= 3,
    f'protocol.name is {protocol!r} but {corpus.name} has {len(speakers)} '
    'speakers; leaving one out to test needs at least 3, so add speakers or '
    "choose 'random10'",
  )


def stratified(corpus: Corpus, seed: int, text_groups: int) -> list[TestSet]:
  """Deals out every class evenly to ten random parts; tests each once.

  Recordings that sound the same are dealt out as one, of the first's class.

  Raises:
    InputError: if a class or the corpus has too few utterances.
  """
  del text_groups
  first = corpus.firsts
  dealt = np.flatnonzero(first == np.arange(len(first)))
  labels = corpus.labels[dealt]
  counts = np.bincount(labels, minlength=len(corpus.classes))
  rarest = int(np.argmin(counts))
  require(
    counts[rarest] >= 2 and len(labels) >= NUM_PARTS,
    f'{corpus.name} has {counts[rarest]} utterances of '
    f"{corpus.classes[rarest]} and {len(labels)} in all; 'random10' needs 2 "
    f'of each class and {NUM_PARTS} in all',
  )
  # Class after class, each in random order, dealt out like cards: parts then
  # differ by at most one utterance, in every class and in all.
  random = np.random.default_rng([seed, 10])
  order = np.lexsort((random.permutation(len(labels)), labels))
  part = np.empty(len(first), np.int32)
  part[dealt[order]] = np.arange(len(labels)) % NUM_PARTS
  part = part[first]  # copies go with their first
  return [
    TestSet(f'{index + 1}', np.flatnonzero(part == index).astype(np.int32))
    for index in range(NUM_PARTS)
  ]


def random_pairs(corpus: Corpus, seed: int, text_groups: int) -> list[TestSet]:
  """Cuts the shuffled corpus into ten; tests ten random pairs of parts.

  This is the scheme whose pooled counts the tables published in 2021 show:
  each test set is 20 % of the corpus, and the test sets overlap.

  Raises:
    InputError: if there are fewer than two utterances for each part.
  """
  del text_groups
  first = corpus.firsts
  dealt = np.flatnonzero(first == np.arange(len(first)))
  count = len(dealt)
  require(
    count >= 2 * NUM_PARTS,
    f"{corpus.name} has {count} utterances; 'paper2021' cuts them into "
    f'{NUM_PARTS} parts and needs at least {2 * NUM_PARTS}',
  )
  random = np.random.default_rng([seed, 2021])
  parts = np.array_split(dealt[random.permutation(count)], NUM_PARTS)
  pairs = list(itertools.combinations(range(NUM_PARTS), 2))  # 45
  chosen = sorted(random.choice(len(pairs), NUM_PAIRS, replace=False))
  return [
    TestSet(
      f'{one + 1}+{other + 1}',
      # Ascending, copies with their first.
      np.flatnonzero(
        np.isin(first, np.concatenate([parts[one], parts[other]]))
      ).astype(np.int32),
    )
    for one, other in (pairs[index] for index in chosen)
  ]


def emobox(corpus: Corpus, seed: int, text_groups: int) -> list[TestSet]:
  """Tests the five fixed folds of the EmoBox benchmark for EMO-DB.

  Raises:
    InputError: if the corpus is not the whole of EMO-DB.
  """
  del seed, text_groups
  lists = json.loads(
    importlib.resources.files('sernet_jax.corpora')
    .joinpath('data/emobox_folds.json')
    .read_text()
  )
  indices = {u.name: index for index, u in enumerate(corpus.utterances)}
  listed = [name for names in lists.values() for name in names]
  unknown = sorted(set(indices) - set(listed))
  missing = sorted(set(listed) - set(indices))
  require(
    not unknown and not missing,
    f"protocol.name is 'emobox', whose folds name the {len(listed)} "
    f'utterances of EMO-DB, but {corpus.name} lacks {len(missing)} of them '
    f'and has {len(unknown)} others; use the whole corpus, or another '
    'protocol',
  )
  return [
    TestSet(name, np.array(sorted(indices[n] for n in names), np.int32))
    for name, names in lists.items()
  ]


def everything(corpus: Corpus, seed: int, text_groups: int) -> list[TestSet]:
  """Makes one fold that tests what it trains on."""
  del seed, text_groups
  return [TestSet('all', np.arange(len(corpus.utterances), dtype=np.int32))]


# Those that the table of protocols names.
FUNCTIONS = {
  function.__name__: function
  for function in (
    by_speaker,
    by_speaker_group,
    by_speaker_and_text,
    stratified,
    random_pairs,
    emobox,
    everything,
  )
}
