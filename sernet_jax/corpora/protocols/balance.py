"""Takes part of a corpus, so that no speaker and no corpus outweighs others.

Which utterances are taken follows from their names alone, so that it is the
same for every seed and on every machine.
"""

from __future__ import annotations

import collections
import dataclasses
import hashlib
from collections.abc import Iterable, Sequence

from sernet_jax.corpora.utterances import Corpus, Utterance


def limited(
  corpus: Corpus, most_per_speaker: int = 0, most_per_corpus: int = 0
) -> Corpus:
  """Takes a limited number of utterances of each speaker and each corpus.

  Speakers of a corpus give one utterance each, in turn: of the class that the
  speaker has given the least of, among several of the one that the corpus has
  the least of so far. So what is taken is as even as it can be over speakers,
  over classes, and over both.

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
    taken += _in_turn(
      part, most_per_speaker or len(part), most_per_corpus or len(part)
    )
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
  utterances: Sequence[Utterance], most_per_speaker: int, most: int
) -> list[Utterance]:
  """Takes one utterance of each speaker in turn, of the rarest class so far.

  Args:
    utterances: of one corpus, in an order by chance.
    most_per_speaker: of each speaker.
    most: in all.
  """
  left = {
    speaker: _grouped(mine, 'label')
    for speaker, mine in _grouped(utterances, 'speaker').items()
  }
  order = sorted(left, key=_chance)
  given: collections.Counter[tuple[str, str]] = collections.Counter()
  total: collections.Counter[str] = collections.Counter()
  taken: list[Utterance] = []
  for _ in range(most_per_speaker):
    for speaker in order[: most - len(taken)]:
      classes = left[speaker]
      label = min(
        classes,
        key=lambda name: (given[speaker, name], total[name], _chance(name)),
      )
      taken.append(classes[label].pop())
      given[speaker, label] += 1
      total[label] += 1
      if not classes[label]:
        del classes[label]
    order = [name for name in order if left[name]]
    if not order or len(taken) == most:
      break
  return taken


def _chance(name: str) -> bytes:
  return hashlib.sha256(name.encode('utf-8', 'surrogateescape')).digest()
