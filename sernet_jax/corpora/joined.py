"""Several corpora in one, their speakers kept apart.

`config.data.corpora` lists them with commas: a name of `corpora.NAMES` or a
manifest (a path that ends in .csv), then a colon and its folder if need be,
and a name of one's own and = in front if two would be called the same:

  emodb,ravdess:/data/ravdess,home=/data/mine/list.csv
"""

from __future__ import annotations

import collections
import concurrent.futures
import dataclasses
import hashlib
import os
import pathlib
from collections.abc import Iterable, Sequence

from sernet_jax.common import files
from sernet_jax.common.errors import InputError, nearest, require
from sernet_jax.corpora import registry, vocabulary
from sernet_jax.corpora.utterances import Corpus, Utterance, listing

_READERS = 8
_CHUNK_BYTES = 1 << 20


@dataclasses.dataclass(frozen=True)
class Entry:
  """One item of `config.data.corpora`."""

  name: str
  corpus: str
  root: str
  manifest: str


def parse(text: str) -> list[Entry]:
  """Reads `config.data.corpora`.

  Raises:
    InputError: for an unknown corpus or a name that comes twice.
  """
  entries: list[Entry] = []
  for item in filter(None, (part.strip() for part in text.split(','))):
    name, equals, what = item.partition('=')
    what = what if equals else item
    what, _, root = what.partition(':')
    if what.lower().endswith('.csv'):
      default = pathlib.Path(what).stem
      entry = Entry(name if equals else default, 'manifest', root, what)
    else:
      options = sorted(set(registry.NAMES) - {'manifest'})
      require(
        what in options,
        f'data.corpora names {what!r}, which is neither a corpus nor a '
        f'manifest (a path that ends in .csv): {nearest(what, options)}',
      )
      entry = Entry(name if equals else what, what, root, '')
    require(
      bool(entry.name) and not set(entry.name) & set('/>'),
      f'data.corpora has the item {item!r}; write NAME, NAME:FOLDER or a path '
      'that ends in .csv, with a name of your own and = before it if you like '
      "(no '/' or '>' in it)",
    )
    entries.append(entry)
  for name, count in collections.Counter(e.name for e in entries).items():
    require(
      count == 1,
      f'data.corpora names {name!r} {count} times; a corpus is joined with '
      'others, not with itself, and two of one name are told apart by '
      'NAME=PATH',
    )
  return entries


def database(root: str) -> str:
  """What tells an audformat database from others: the name of its folder."""
  return pathlib.PurePath(root).name


def without_roots(text: str) -> str:
  """`config.data.corpora` without folders, which change no number of a run."""

  def what(entry: Entry) -> str:
    if entry.corpus == 'audformat':
      return f'audformat:{database(entry.root)}'
    return entry.manifest or entry.corpus

  return ','.join(f'{entry.name}={what(entry)}' for entry in parse(text))


def load(
  text: str,
  classes: str = '',
  part: str = 'all',
  excited: bool | None = None,
) -> Corpus:
  """All corpora of `config.data.corpora` as one.

  Args:
    text: `config.data.corpora`.
    classes: `config.data.classes`; labels it names stay as they are, all
      others become those of the vocabulary.
    part: see `corpora.load`; for IEMOCAP.
    excited: see `corpora.iemocap`.

  Raises:
    InputError: as `parse`, `corpora.load`, `emotions.unify` and `join`.
  """
  parts = []
  for entry in parse(text):
    corpus = registry.load(
      entry.corpus, entry.root, entry.manifest, part, excited
    )
    corpus = dataclasses.replace(corpus, name=entry.name)
    parts.append(vocabulary.unify(corpus, classes))
  return join(parts)


def join(parts: Sequence[Corpus]) -> Corpus:
  """Corpora as one; names, speakers and groups are `corpus/...`.

  Args:
    parts: of different names.

  Raises:
    InputError: if a recording belongs to two speakers, by its path or by its
      content.
  """
  utterances = sorted(
    (_moved(u, part.name) for part in parts for u in part.utterances),
    key=lambda u: u.name,
  )
  require_distinct(utterances)
  return Corpus(
    '+'.join(part.name for part in parts),
    tuple(sorted({name for part in parts for name in part.classes})),
    tuple(utterances),
    synthetic=any(part.synthetic for part in parts),
    problems=_told(parts, 'problems'),
    expected_speakers=tuple(
      f'{part.name}/{speaker}'
      for part in parts
      for speaker in part.expected_speakers
    ),
    remarks=_told(parts, 'remarks'),
  )


def names(corpus: Corpus) -> tuple[str, ...]:
  """The corpora that were joined, sorted; () if none were."""
  return tuple(sorted({u.corpus for u in corpus.utterances} - {''}))


def only_shared(corpus: Corpus) -> Corpus:
  """The classes that every joined corpus has.

  Raises:
    InputError: if these are fewer than two.
  """
  has = collections.defaultdict(set)
  for utterance in corpus.utterances:
    has[utterance.corpus].add(utterance.label)
  common = set.intersection(*has.values())
  require(
    len(common) >= 2,
    f'the corpora share the classes {sorted(common)}, and a classifier needs '
    'two ('
    + '; '.join(f'{name}: {", ".join(sorted(has[name]))}' for name in has)
    + '); choose other corpora, or merge with data.classes',
  )
  return vocabulary.relabelled(corpus, {name: name for name in common})


def require_distinct(utterances: Iterable[Utterance]) -> None:
  """Refuses a recording that two speakers have.

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
      f'{len(twice)} recordings are there under two speakers: '
      f'{listing(pairs, 3, "; ")}; a test would hear what was trained on, so '
      'keep one of each'
    )


def with_copies_told(corpus: Corpus) -> Corpus:
  """The corpus with a problem more if equal recordings have two speakers."""
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
  """Pairs of utterances of one file and two speakers."""
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
  """Pairs of utterances of equal files and two speakers.

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


def _moved(utterance: Utterance, corpus: str) -> Utterance:
  return dataclasses.replace(
    utterance,
    name=f'{corpus}/{utterance.name}',
    speaker=f'{corpus}/{utterance.speaker}',
    group=f'{corpus}/{utterance.group}' if utterance.group else '',
    corpus=corpus,
  )


def _told(parts: Sequence[Corpus], kind: str) -> tuple[str, ...]:
  return tuple(
    f'{part.name}: {sentence}'
    for part in parts
    for sentence in getattr(part, kind)
  )
