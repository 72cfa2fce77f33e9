"""Speakers that weights have heard, by corpus: listed, joined, compared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from sernet_jax.corpora import joined
from sernet_jax.corpora.specs import DataSpec
from sernet_jax.corpora.utterances import UNKNOWN_SPEAKER, Corpus

ALL = '*'  # in place of speakers: nobody wrote down which
OWN = joined.OWN

# Corpus -> the speakers of it that were heard, sorted.
Heard = dict[str, tuple[str, ...]]


def speakers(
  data: DataSpec, corpus: Corpus, utterances: Iterable[int] | np.ndarray
) -> Heard:
  """Lists the speakers of some utterances by their corpus.

  Args:
    data: the settings that the corpus was loaded with.
    corpus: of the run, perhaps several joined.
    utterances: indices.
  """
  kind_of = kinds(data)
  found: dict[str, set[str]] = {}
  for index in utterances:
    one = corpus.utterances[index]
    kind, name = kind_of[one.corpus], one.corpus or corpus.name
    speaker = one.speaker.removeprefix(f'{one.corpus}/')
    found.setdefault(name if kind in OWN else kind, set()).add(speaker)
  return {name: tuple(sorted(them)) for name, them in sorted(found.items())}


def kinds(data: DataSpec) -> dict[str, str]:
  """Maps `Utterance.corpus` to which of `registry.NAMES` it is."""
  return joined.kinds(data.corpora, data.corpus)


def both(*parts: Mapping[str, Sequence[str]]) -> Heard:
  """Joins what several have heard."""
  found: dict[str, set[str]] = {}
  for part in parts:
    for corpus, them in part.items():
      found.setdefault(corpus, set()).update(them)
  return {
    corpus: (ALL,) if ALL in them else tuple(sorted(them))
    for corpus, them in sorted(found.items())
  }


def known(
  heard: Mapping[str, Sequence[str]], tested: Mapping[str, Sequence[str]]
) -> list[str]:
  """Lists the tested speakers that were heard, as CORPUS/SPEAKER.

  An unknown speaker may be any of the corpus, so whoever may have been heard is
  listed too.
  """
  return [
    f'{corpus}/{speaker}'
    for corpus, them in tested.items()
    for speaker in them
    if corpus in heard
    and (
      speaker in (UNKNOWN_SPEAKER, *heard[corpus]) or may_be_any(heard[corpus])
    )
  ]


def may_be_any(them: Sequence[str]) -> bool:
  """Tells whether any speaker of a corpus may be among them."""
  return ALL in them or UNKNOWN_SPEAKER in them


def is_guess(heard: Mapping[str, Sequence[str]], leaks: Iterable[str]) -> bool:
  """Tells whether some of the `known` are so because speakers are unknown."""
  pairs = [leak.partition('/')[::2] for leak in leaks]
  return any(
    UNKNOWN_SPEAKER in (speaker, *heard.get(corpus, ()))
    for corpus, speaker in pairs
  )
