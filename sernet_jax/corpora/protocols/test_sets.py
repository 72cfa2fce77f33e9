"""Test sets within one corpus; whatever is not tested trains.

Each function takes a corpus and a seed, which only the random ones use, and
returns the name and the utterances of each test set.
"""

from __future__ import annotations

import importlib.resources
import itertools
import json

import numpy as np

from sernet_jax.common.errors import require
from sernet_jax.corpora.utterances import Corpus

# Name of a fold; int32 (tests,), ascending indices into `corpus.utterances`.
TestSet = tuple[str, np.ndarray]

NUM_PARTS = 10
NUM_PAIRS = 10
NUM_GROUPS = 4


def by_speaker(corpus: Corpus, seed: int) -> list[TestSet]:
  """Tests each speaker once."""
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


def by_speaker_group(corpus: Corpus, seed: int) -> list[TestSet]:
  """Tests each speaker once, a quarter of the speakers at a time."""
  del seed
  speakers = corpus.speakers
  require(
    len(speakers) >= 2 * NUM_GROUPS,
    f"protocol.name is 'speaker_groups' but {corpus.name} has {len(speakers)} "
    f'speakers; {NUM_GROUPS} groups need at least {2 * NUM_GROUPS}, so choose '
    "'loso'",
  )
  everyone = np.array([u.speaker for u in corpus.utterances])
  return [
    (
      f'{group[0]}-{group[-1]}',
      np.flatnonzero(np.isin(everyone, group)).astype(np.int32),
    )
    for group in np.array_split(np.array(speakers), NUM_GROUPS)
  ]


def stratified(corpus: Corpus, seed: int) -> list[TestSet]:
  """Deals out every class evenly to ten random parts; tests each once."""
  labels = corpus.labels
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
  part = np.empty(len(labels), np.int32)
  part[order] = np.arange(len(labels)) % NUM_PARTS
  return [
    (f'{index + 1}', np.flatnonzero(part == index).astype(np.int32))
    for index in range(NUM_PARTS)
  ]


def random_pairs(corpus: Corpus, seed: int) -> list[TestSet]:
  """Cuts the shuffled corpus into ten; tests ten random pairs of parts.

  This is the scheme whose pooled counts the tables published in 2021 show:
  each test set is 20 % of the corpus, and the test sets overlap.
  """
  count = len(corpus.utterances)
  require(
    count >= 2 * NUM_PARTS,
    f"{corpus.name} has {count} utterances; 'paper2021' cuts them into "
    f'{NUM_PARTS} parts and needs at least {2 * NUM_PARTS}',
  )
  random = np.random.default_rng([seed, 2021])
  parts = np.array_split(random.permutation(count), NUM_PARTS)
  pairs = list(itertools.combinations(range(NUM_PARTS), 2))  # 45
  chosen = sorted(random.choice(len(pairs), NUM_PAIRS, replace=False))
  return [
    (
      f'{one + 1}+{other + 1}',
      np.sort(np.concatenate([parts[one], parts[other]])).astype(np.int32),
    )
    for one, other in (pairs[index] for index in chosen)
  ]


def emobox(corpus: Corpus, seed: int) -> list[TestSet]:
  """Tests the five fixed folds of the EmoBox benchmark for EMO-DB."""
  del seed
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
    (name, np.array(sorted(indices[n] for n in names), np.int32))
    for name, names in lists.items()
  ]


def everything(corpus: Corpus, seed: int) -> list[TestSet]:
  """Makes one fold that tests what it trains on."""
  del seed
  return [('all', np.arange(len(corpus.utterances), dtype=np.int32))]
