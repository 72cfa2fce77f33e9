"""Finds recordings that two speakers share, by path or by content."""

from __future__ import annotations

import collections
import concurrent.futures
import dataclasses
import hashlib
import os
import pathlib
from collections.abc import Iterable

from sernet_jax.common import files
from sernet_jax.common.errors import InputError
from sernet_jax.common.text import listing
from sernet_jax.corpora.utterances import Corpus, Utterance

_READERS = 8
_CHUNK_BYTES = 1 << 20


def require_distinct(utterances: Iterable[Utterance]) -> None:
  """Refuses a recording that two speakers share.

  Raises:
    InputError: naming the first such recordings.
  """
  twice = shared_paths(utterances) or shared_contents(utterances)
  if twice:
    pairs = [
      f'{one.path} and {other.path} ({one.speaker}, {other.speaker})'
      for one, other in twice
    ]
    raise InputError(
      f'{len(twice)} recordings belong to two speakers: '
      f'{listing(pairs, 3, "; ")}; a test would see what was trained on, so '
      'keep one of each'
    )


def with_copies_noted(corpus: Corpus) -> Corpus:
  """Adds a problem to the corpus if equal recordings have two speakers."""
  twice = shared_contents(corpus.utterances)
  if not twice:
    return corpus
  pairs = [
    f'{one.name} ({one.speaker}) and {other.name} ({other.speaker})'
    for one, other in twice
  ]
  problem = (
    f'{len(twice)} recordings are equal byte for byte to one of another '
    f'speaker: {listing(pairs, 5, "; ")}.'
  )
  return dataclasses.replace(corpus, problems=(*corpus.problems, problem))


def shared_paths(
  utterances: Iterable[Utterance],
) -> list[tuple[Utterance, Utterance]]:
  """Finds pairs of utterances of one file and two speakers."""
  first: dict[str, Utterance] = {}
  twice = []
  for utterance in utterances:
    one = first.setdefault(os.path.realpath(utterance.path), utterance)
    if one.speaker != utterance.speaker:
      twice.append((one, utterance))
  return twice


def shared_contents(
  utterances: Iterable[Utterance],
) -> list[tuple[Utterance, Utterance]]:
  """Finds pairs of utterances of equal files and two speakers.

  Only files of the same size are read, and those of a size that belongs to
  one speaker alone are not; empty and missing files are passed over.
  """
  utterances = list(utterances)
  by_size = collections.defaultdict(list)
  states = files.states([utterance.path for utterance in utterances])
  for utterance, state in zip(utterances, states, strict=True):
    if state is not None and state.st_size:
      by_size[state.st_size].append(utterance)
  suspects = [
    utterance
    for group in by_size.values()
    if len({u.speaker for u in group}) > 1
    for utterance in group
  ]
  with concurrent.futures.ThreadPoolExecutor(_READERS) as pool:
    digests = pool.map(_digest, (u.path for u in suspects))
    first: dict[bytes, Utterance] = {}
    twice = []
    for utterance, digest in zip(suspects, digests, strict=True):
      one = first.setdefault(digest, utterance)
      if digest and one.speaker != utterance.speaker:
        twice.append((one, utterance))
  return twice


def _digest(path: str) -> bytes:
  digest = hashlib.blake2b(digest_size=16)
  try:
    with pathlib.Path(path).open('rb') as file:
      while chunk := file.read(_CHUNK_BYTES):
        digest.update(chunk)
  except OSError:
    return b''
  return digest.digest()
