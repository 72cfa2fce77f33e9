"""The types of the table of corpora: an entry, its source, its facts."""

from __future__ import annotations

import collections
import dataclasses
import os
import pathlib
from collections.abc import Callable, Sequence

from sernet_jax.corpora.readers.archives import Archive
from sernet_jax.corpora.utterances import Corpus, Utterance

PathLike = str | os.PathLike


@dataclasses.dataclass(frozen=True)
class Source:
  """Location and choice of what to read; each reader takes what it needs.

  Attributes:
    root: folder of the recordings; '' for none.
    manifest: the CSV file of 'manifest'.
    part: 'all', 'improvised' or 'scripted' of IEMOCAP.
    excited: see `iemocap`.
    columns: other names of the columns of a manifest, see `manifest_lines`.
    speaker_from: who speaks where no column says it, see `speakers`.
    pattern: how files and folders are named, see `folders`.
    table: of an audformat database, see `audformat_tables`.
    emotion: likewise.
    speaker: likewise.
    dimensions: `config.data.dimensions`, see `dimensions.parse`.
  """

  root: PathLike = ''
  manifest: PathLike = ''
  part: str = 'all'
  excited: bool | None = None
  columns: str = ''
  speaker_from: str = ''
  pattern: str = ''
  table: str = ''
  emotion: str = ''
  speaker: str = ''
  dimensions: str = ''


@dataclasses.dataclass(frozen=True)
class Published:
  """Facts about the official release, to compare with what lies on a disk.

  Attributes:
    title: its name in full or as it is known.
    language: what is spoken.
    speakers: how many.
    classes: class -> utterances; 0 where the source does not say how many.
    hours: of speech, as exactly as the source has them; None if it has none.
    licence: in short; the source has the binding text.
    source: where to get it.
    paper: to cite.
    stated: utterances in all, where the source does not count the classes.
  """

  title: str
  language: str
  speakers: int
  classes: dict[str, int]
  hours: float | None
  licence: str
  source: str
  paper: str
  stated: int = 0

  @property
  def utterances(self) -> int:
    """All classes together."""
    return self.stated or sum(self.classes.values())


@dataclasses.dataclass(frozen=True)
class Phonemes:
  """The phonemes of a corpus, and how to read them; see `corpora.phonemes`.

  Attributes:
    symbols: kinds of them, in the order of their numbers, which begin at 1.
    silent: what stands for no phoneme: pauses, laughter, breath.
    read: utterances -> the symbols of each, () where nobody knows them; raises
      `InputError` for what cannot be used.
    remark: what whoever reads figures should know of them; '' for nothing.
  """

  symbols: tuple[str, ...]
  silent: tuple[str, ...]
  read: Callable[[Sequence[Utterance]], list[tuple[str, ...]]]
  remark: str = ''


@dataclasses.dataclass(frozen=True)
class CorpusEntry:
  """A corpus that `data.corpus` can name.

  Attributes:
    name: the value of `data.corpus`.
    read: reads it; raises `InputError` for what cannot be used.
    folder: its folder in the user's cache, the default of `data.root`; '' if
      there is no default.
    published: facts about the official release; None where there is none.
    archive: what `download` fetches; None where its address or its sum is not
      known.
    phonemes: where they come from; None where there is neither text nor
      alignment.
  """

  name: str
  read: Callable[[Source], Corpus]
  folder: str = ''
  published: Published | None = None
  archive: Archive | None = None
  phonemes: Phonemes | None = None


def each(count: int, names: str, **others: int) -> dict[str, int]:
  """Returns the same count for each of `names`, and some that differ."""
  return dict(sorted({**dict.fromkeys(names.split(), count), **others}.items()))


def compared(
  corpus: Corpus, published: Published, folder: pathlib.Path
) -> Corpus:
  """Adds a sentence on how the counts compare to the published ones.

  Args:
    corpus: as it was read.
    published: the facts.
    folder: where it was read.

  Returns:
    The corpus with one more remark (all counts agree) or one more problem
    (the counts that differ).
  """
  counts = collections.Counter(u.label for u in corpus.utterances)
  speakers = len(corpus.speakers)
  if published.stated:
    return _compared_in_all(corpus, published, folder)
  if dict(counts) == published.classes and speakers == published.speakers:
    remark = (
      f'{published.utterances} utterances, {speakers} speakers and the count '
      f'of each of {len(counts)} classes are as published.'
    )
    return dataclasses.replace(corpus, remarks=(*corpus.remarks, remark))
  differ = [
    f'{label} {counts[label]} of {published.classes.get(label, 0)}'
    for label in sorted(counts.keys() | published.classes.keys())
    if counts[label] != published.classes.get(label, 0)
  ]
  if speakers != published.speakers:
    differ.append(f'speakers {speakers} of {published.speakers}')
  problem = (
    f'{folder} holds {len(corpus.utterances)} recordings, the whole corpus has '
    f'{published.utterances} ({", ".join(differ)}).'
  )
  return dataclasses.replace(corpus, problems=(*corpus.problems, problem))


def _compared_in_all(
  corpus: Corpus, published: Published, folder: pathlib.Path
) -> Corpus:
  """Compares all utterances and speakers, where classes were not counted."""
  found, speakers = len(corpus.utterances), len(corpus.speakers)
  if (found, speakers) == (published.utterances, published.speakers):
    remark = f'{found} utterances and {speakers} speakers are as published.'
    return dataclasses.replace(corpus, remarks=(*corpus.remarks, remark))
  problem = (
    f'{folder} holds {found} recordings of {speakers} speakers, the whole '
    f'corpus has {published.utterances} of {published.speakers}.'
  )
  return dataclasses.replace(corpus, problems=(*corpus.problems, problem))
