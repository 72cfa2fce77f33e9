"""Phonemes of what is said, for networks that read them beside the sound.

A phoneme is a number from 1, its place among the symbols of its corpus; 0 stands
behind the last. Where they come from is a field of the table of corpora.
"""

from __future__ import annotations

import collections
import dataclasses
import itertools

import numpy as np

from sernet_jax.common.errors import InputError, require
from sernet_jax.common.text import listing
from sernet_jax.corpora import registry
from sernet_jax.corpora.readers.entry import Phonemes
from sernet_jax.corpora.utterances import Corpus, cautioned


def require_known(name: str, kinds: int) -> Phonemes:
  """Returns where the phonemes of a corpus come from.

  Args:
    name: as `config.data.corpus` has it.
    kinds: that a network tells apart.

  Raises:
    InputError: if nobody knows them, or they are more than the network's kinds.
  """
  source = registry.CORPORA[name].phonemes
  if source is None:
    known = [entry for entry, e in registry.CORPORA.items() if e.phonemes]
    raise InputError(
      f'data.corpus is {name!r}, whose phonemes are not known; set '
      f'model.phonemes=0 to read sound alone, or take {" or ".join(known)}'
    )
  require(
    len(source.symbols) <= kinds,
    f'model.phonemes is {kinds}, but {name} has {len(source.symbols)} of them; '
    'set model.phonemes=47, as many as either corpus needs',
  )
  return source


def with_phonemes(corpus: Corpus, name: str, kinds: int) -> Corpus:
  """Reads what each utterance says, and tells what should be known of it.

  Args:
    corpus: of the run.
    name: as `config.data.corpus` has it.
    kinds: that the network tells apart.

  Returns:
    The corpus with `Utterance.phonemes`.

  Raises:
    InputError: as `require_known`, or if no utterance has any.
  """
  source = require_known(name, kinds)
  found = source.read(corpus.utterances)
  without = [
    u.name for u, s in zip(corpus.utterances, found, strict=True) if not s
  ]
  require(
    len(without) < len(found),
    f'no recording of {corpus.name} has phonemes; put the alignments beside the '
    'recordings, or set model.phonemes=0 to read sound alone',
  )
  number = {symbol: n for n, symbol in enumerate(source.symbols, 1)}
  others = collections.Counter(
    symbol
    for symbol in itertools.chain.from_iterable(found)
    if symbol not in number and symbol not in source.silent
  )
  sentences = []
  if without:
    sentences.append(
      f'{len(without)} of {len(found)} recordings have no phonemes '
      f'({listing(without, 3)}), and the network hears their sound alone.'
    )
  if others:
    sentences.append(
      f'{others.total()} symbols are none of the {len(number)} phonemes '
      f'({listing(sorted(others), 5)}) and are left out.'
    )
  said = dataclasses.replace(
    corpus,
    utterances=tuple(
      dataclasses.replace(
        u, phonemes=tuple(number[s] for s in x if s in number)
      )
      for u, x in zip(corpus.utterances, found, strict=True)
    ),
    remarks=(*corpus.remarks, *([source.remark] if source.remark else [])),
  )
  return cautioned(said, sentences)


def rows(corpus: Corpus, places: int) -> np.ndarray:
  """Returns the phonemes of all utterances, int32 (utterances, places).

  Args:
    corpus: from `with_phonemes`.
    places: for them; what is said behind them is left out.
  """
  made = np.zeros((len(corpus.utterances), places), np.int32)
  for row, utterance in zip(made, corpus.utterances, strict=True):
    said = utterance.phonemes[:places]
    row[: len(said)] = said
  return made
