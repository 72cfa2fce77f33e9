"""Several corpora in one, their speakers kept apart.

`config.data.corpora` lists them with commas: a name of `registry.NAMES` or a
manifest (a path that ends in .csv), then a colon and its folder if needed. A
name of your own and = in front keep two apart that would be named the same:

  emodb,ravdess:/data/ravdess,home=/data/mine/list.csv
"""

from __future__ import annotations

import collections
import dataclasses
import os
import pathlib
from collections.abc import Iterable, Mapping, Sequence

from sernet_jax.common import files
from sernet_jax.common.errors import InputError, nearest, require
from sernet_jax.common.text import listing
from sernet_jax.corpora import registry, vocabulary
from sernet_jax.corpora.utterances import Corpus, Utterance


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


# Corpora that say nothing of whose recordings they are.
OWN = ('manifest', 'folders', 'audformat')
# Corpora that are told apart by the names of their folders alone.
NAMED_BY_FOLDER = ('audformat', 'folders')


def folder_name(root: str) -> str:
  """Returns the name of a folder, which is that of a corpus of one's own."""
  return files.folder_name(root) if root else ''


def own(text: str, corpus: str) -> set[str]:
  """Returns those of `Utterance.corpus` that are one's own.

  Args:
    text: `config.data.corpora`.
    corpus: `config.data.corpus`, which counts where nothing is joined.
  """
  return {name for name, kind in kinds(text, corpus).items() if kind in OWN}


def kinds(text: str, corpus: str) -> dict[str, str]:
  """Maps `Utterance.corpus` to which of `registry.NAMES` it is; see `own`."""
  return {entry.name: entry.corpus for entry in parse(text)} or {'': corpus}


def without_roots(text: str) -> str:
  """Returns `config.data.corpora` without places, which change no result."""

  def what(entry: Entry) -> str:
    if entry.corpus in NAMED_BY_FOLDER:
      return f'{entry.corpus}:{folder_name(entry.root)}'
    return entry.manifest or entry.corpus

  return ','.join(f'{entry.name}={what(entry)}' for entry in parse(text))


def load(
  text: str,
  classes: str = '',
  part: str = 'all',
  excited: bool | None = None,
  **ways: str,
) -> Corpus:
  """Reads all corpora of `config.data.corpora` as one.

  Args:
    text: `config.data.corpora`.
    classes: `config.data.classes`; labels it names stay as they are, all
      others become those of the vocabulary.
    part: see `registry.load`; for IEMOCAP.
    excited: see `iemocap`.
    **ways: see `registry.load`; for manifests, folders and audformat.

  Raises:
    InputError: as `parse`, `vocabulary.unify` and `join`; one sentence for all
      corpora that `registry.load` refuses.
  """
  entries, parts = parse(text), []
  refused: dict[str, InputError] = {}
  for entry in entries:
    try:
      corpus = registry.load(
        entry.corpus, entry.root, entry.manifest, part, excited, **ways
      )
    except InputError as error:
      refused[entry.name] = error
      continue
    corpus = dataclasses.replace(corpus, name=entry.name)
    parts.append(vocabulary.unify(corpus, classes))
  if len(entries) > 1 and any(not entry.manifest for entry in entries):
    _require_all(text, entries, refused)
  for reason in refused.values():
    raise reason
  return join(parts)


def _require_all(
  text: str, entries: Sequence[Entry], refused: Mapping[str, InputError]
) -> None:
  """Refuses a list some of whose corpora are not where they are looked for."""
  without = [
    entry.name
    for entry in entries
    if entry.name in refused and not entry.manifest
  ]
  if not without:
    return
  items = [part.strip() for part in text.split(',') if part.strip()]
  rest = [
    item
    for item, entry in zip(items, entries, strict=True)
    if entry.name not in without
  ]
  cure = ''
  if rest:
    cure = f', or leave them out: --config.data.corpora={",".join(rest)}'
  reason = str(refused[without[0]]).partition('; ')[0]
  raise InputError(
    f'data.corpora: {len(without)} of {len(entries)} corpora cannot be read '
    f'({", ".join(without)}); of the first one {reason}; get them as '
    'docs/corpora.md says and give each folder as NAME:FOLDER there' + cure
  )


def join(parts: Sequence[Corpus]) -> Corpus:
  """Joins corpora; names, speakers and groups become `corpus/...`.

  Args:
    parts: of different names.

  Raises:
    InputError: if a file belongs to two speakers; copies of files are found
      by `duplicates.with_sounds`.
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
    problems=_prefixed(parts, 'problems'),
    expected_speakers=tuple(
      f'{part.name}/{speaker}'
      for part in parts
      for speaker in part.expected_speakers
    ),
    remarks=_prefixed(parts, 'remarks'),
    cautions=_prefixed(parts, 'cautions'),
  )


def require_distinct(utterances: Iterable[Utterance]) -> None:
  """Refuses a file that two speakers share.

  Raises:
    InputError: naming the first such files.
  """
  twice = shared_paths(utterances)
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


def shared_paths(
  utterances: Iterable[Utterance],
) -> list[tuple[Utterance, Utterance]]:
  """Finds pairs of utterances of one file, or part of it, and two speakers."""
  first: dict[tuple[str, float, float | None], Utterance] = {}
  twice = []
  for utterance in utterances:
    place = os.path.realpath(utterance.path), utterance.start_s, utterance.end_s
    one = first.setdefault(place, utterance)
    if one.speaker != utterance.speaker:
      twice.append((one, utterance))
  return twice


def names(corpus: Corpus) -> tuple[str, ...]:
  """Returns the corpora that were joined, sorted; () if none were."""
  return tuple(sorted({u.corpus for u in corpus.utterances} - {''}))


def only_shared(corpus: Corpus) -> Corpus:
  """Keeps the classes that every joined corpus has.

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
  return vocabulary.relabeled(corpus, {name: name for name in common})


def _moved(utterance: Utterance, corpus: str) -> Utterance:
  return dataclasses.replace(
    utterance,
    name=f'{corpus}/{utterance.name}',
    speaker=f'{corpus}/{utterance.speaker}',
    group=f'{corpus}/{utterance.group}' if utterance.group else '',
    text=f'{corpus}/{utterance.text}' if utterance.text else '',
    corpus=corpus,
  )


def _prefixed(parts: Sequence[Corpus], kind: str) -> tuple[str, ...]:
  return tuple(
    f'{part.name}: {sentence}'
    for part in parts
    for sentence in getattr(part, kind)
  )
