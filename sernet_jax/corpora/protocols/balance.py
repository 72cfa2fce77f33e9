"""Takes part of a corpus, so that no speaker and no corpus outweighs others.

Which utterances are taken follows from their names alone, so that it is the
same for every seed and on every machine.
"""

from __future__ import annotations

import collections
import dataclasses
import hashlib
import itertools
from collections.abc import Iterable, Mapping, Sequence

from sernet_jax.corpora.utterances import Corpus, Utterance


def limited(
  corpus: Corpus, most_per_speaker: int = 0, most_per_corpus: int = 0
) -> Corpus:
  """Takes a limited number of utterances of each speaker and each corpus.

  A speaker's are taken class after class in turn, a corpus's speaker after
  speaker in turn, so that what is taken is as even as it can be.

  Args:
    corpus: the utterances, of one corpus or joined.
    most_per_speaker: utterances of a speaker; 0 for all.
    most_per_corpus: utterances of a corpus; 0 for all.

  Returns:
    The corpus with a remark on how many were taken, if not all were.
  """
  if not most_per_speaker and not most_per_corpus:
    return corpus
  taken: list[Utterance] = []
  for part in _grouped(corpus.utterances, 'corpus').values():
    by_speaker = {
      speaker: _in_turn(_grouped(mine, 'label'))[: most_per_speaker or None]
      for speaker, mine in _grouped(part, 'speaker').items()
    }
    taken += _in_turn(by_speaker)[: most_per_corpus or None]
  if len(taken) == len(corpus.utterances):
    return corpus
  limits = [
    f'at most {most} of a {what}'
    for most, what in (
      (most_per_speaker, 'speaker'),
      (most_per_corpus, 'corpus'),
    )
    if most
  ]
  remark = (
    f'{len(taken)} of {len(corpus.utterances)} utterances take part: '
    f'{" and ".join(limits)}.'
  )
  return dataclasses.replace(
    corpus,
    utterances=tuple(sorted(taken, key=lambda u: u.name)),
    remarks=(*corpus.remarks, remark),
  )


def _grouped(
  utterances: Iterable[Utterance], field: str
) -> dict[str, list[Utterance]]:
  """Sorts utterances by a field, each group in an order by chance."""
  groups = collections.defaultdict(list)
  for utterance in sorted(utterances, key=lambda u: _chance(u.name)):
    groups[getattr(utterance, field)].append(utterance)
  return dict(groups)


def _in_turn(
  groups: Mapping[str, Sequence[Utterance]],
) -> list[Utterance]:
  """Takes the first of each group, then the second of each, and so on."""
  order = sorted(groups, key=_chance)
  rounds = itertools.zip_longest(*(groups[key] for key in order))
  return [u for each in rounds for u in each if u is not None]


def _chance(name: str) -> bytes:
  return hashlib.sha256(name.encode('utf-8', 'surrogateescape')).digest()
