"""The type of a corpus, and the checks it must pass."""

from __future__ import annotations

import collections
import dataclasses
import pathlib
import unicodedata
from collections.abc import Collection, Sequence

import numpy as np

from sernet_jax.audio.part import Part, is_among
from sernet_jax.common.errors import require
from sernet_jax.common.text import listing
from sernet_jax.corpora.dimensions import Dimension

SYNTHETIC_NOTE = (
  'Synthetic speech made by a program: it shows that the code works, not how '
  'people sound.'
)

# Classes that may be called by numbers; a scale has more of them.
MOST_NUMBERED = 20

MOST_CHARACTERS = 100  # of a label and of a speaker

# The speaker of utterances of which nobody knows who speaks.
UNKNOWN_SPEAKER = 'unknown'


def is_unknown(speaker: str) -> bool:
  """Tells whether a speaker stands for nobody knows whom.

  In a joined corpus its name has the corpus in front.
  """
  return speaker.rpartition('/')[2] == UNKNOWN_SPEAKER


@dataclasses.dataclass(frozen=True)
class Utterance:
  """One recording.

  Attributes:
    name: unique in the corpus and stable, e.g. '03a01Fa'.
    path: absolute path of the recording.
    label: the class, e.g. 'anger'.
    speaker: who speaks, e.g. '03'.
    group: what else belongs together: text, dialog, part; '' if nothing.
    corpus: where it comes from if several corpora were joined, else ''.
    text: which sentence is spoken, e.g. 'a01'; '' if that is not known.
    start_s: where it begins in its file.
    end_s: where it ends in its file; None for the end of the file.
    sound: the same for utterances of equal sound; '' if no other is equal.
    values: of the corpus's dimensions, NaN where one has none.
    phonemes: what is said, by the numbers of `corpora.phonemes`; () unless a
      network reads them.
  """

  name: str
  path: str
  label: str
  speaker: str
  group: str = ''
  corpus: str = ''
  text: str = ''
  start_s: float = 0.0
  end_s: float | None = None
  sound: str = ''
  values: tuple[float, ...] = ()
  phonemes: tuple[int, ...] = ()

  @property
  def is_part(self) -> bool:
    """Other utterances may be in the same file."""
    return self.start_s > 0 or self.end_s is not None

  @property
  def recording(self) -> str | Part:
    """Its file, or the part of it."""
    if self.is_part:
      return Part(self.path, self.start_s, self.end_s)
    return self.path


@dataclasses.dataclass(frozen=True)
class Corpus:
  """Utterances and the classes that a network tells apart.

  Attributes:
    name: e.g. 'emodb', 'iemocap-improvised', or the stem of a manifest.
    classes: in the order of the network's outputs, which is alphabetical.
    utterances: sorted by name.
    synthetic: the recordings were computed, nobody spoke.
    problems: what was left out or looks wrong, one sentence each.
    expected_speakers: speakers that `check` misses if they have no utterance.
    remarks: what was noticed and is right, one sentence each.
    cautions: those problems that change what figures mean.
    dimensions: what utterances have numbers for beside their class.
  """

  name: str
  classes: tuple[str, ...]
  utterances: tuple[Utterance, ...]
  synthetic: bool = False
  problems: tuple[str, ...] = ()
  expected_speakers: tuple[str, ...] = ()
  remarks: tuple[str, ...] = ()
  cautions: tuple[str, ...] = ()
  dimensions: tuple[Dimension, ...] = ()

  def __post_init__(self) -> None:
    names = [utterance.name for utterance in self.utterances]
    assert names == sorted(set(names)), 'names must be unique and sorted'
    assert {u.label for u in self.utterances} <= set(self.classes)
    width = len(self.dimensions)
    assert all(len(u.values) == width for u in self.utterances)

  @property
  def speakers(self) -> tuple[str, ...]:
    """All speakers, sorted."""
    return tuple(sorted({u.speaker for u in self.utterances}))

  @property
  def labels(self) -> np.ndarray:
    """Index of each utterance's class, int32 (utterances,)."""
    indices = {label: index for index, label in enumerate(self.classes)}
    return np.array([indices[u.label] for u in self.utterances], np.int32)

  @property
  def values(self) -> np.ndarray:
    """Values of the dimensions, float32 (utterances, dimensions).

    Each is mapped from its scale to [-1, 1]; NaN where there is none.
    """
    columns = zip(*(u.values for u in self.utterances), strict=True)
    mapped = [
      dimension.to_unit(column)
      for dimension, column in zip(self.dimensions, columns, strict=True)
    ]
    return np.stack(mapped, axis=1)

  @property
  def firsts(self) -> np.ndarray:
    """Index of the first utterance that sounds the same, int32 (utterances,).

    It is an utterance's own index where no other before it does.
    """
    seen: dict[str, int] = {}
    return np.array(
      [
        seen.setdefault(utterance.sound, index) if utterance.sound else index
        for index, utterance in enumerate(self.utterances)
      ],
      np.int32,
    )


def check(corpus: Corpus) -> None:
  """Raises `InputError` if a class or an expected speaker has no utterance."""
  require(
    len(corpus.classes) >= 2,
    f'{corpus.name} has the classes {list(corpus.classes)}; a classifier needs '
    'at least two',
  )
  require(
    bool(corpus.utterances),
    f'{corpus.name} holds no utterances; point --config.data.root= at the '
    'whole corpus',
  )
  _require_shown('label', corpus.classes, corpus.name)
  _require_shown('speaker', corpus.speakers, corpus.name)
  counts = collections.Counter(u.label for u in corpus.utterances)
  without = [f'class {c!r}' for c in corpus.classes if not counts[c]]
  speakers = corpus.speakers
  without += [
    f'speaker {s!r}' for s in corpus.expected_speakers if s not in speakers
  ]
  require(
    not without,
    f'{corpus.name} in {pathlib.Path(corpus.utterances[0].path).parent} has no '
    f'utterance of {listing(without)}; complete the recordings, or list those '
    'you want in a manifest (--config.data.manifest=)',
  )


def _require_shown(what: str, names: Sequence[str], corpus: str) -> None:
  """Refuses names that tables and files cannot show."""
  for name in names:
    controls = any(unicodedata.category(one) == 'Cc' for one in name)
    require(
      len(name) <= MOST_CHARACTERS and not controls,
      f'{corpus} has the {what} {name[:40]!r} '
      + (
        'with control characters' if controls else f'of {len(name)} characters'
      )
      + f'; give at most {MOST_CHARACTERS} characters that can be seen',
    )


def require_names(corpus: Corpus) -> Corpus:
  """Refuses numbers of a scale for classes, and remarks on whole numbers.

  Raises:
    InputError: if all classes are numbers, and some have a fraction or there
      are more than `MOST_NUMBERED`.
  """
  try:
    numbers = sorted(map(float, corpus.classes))
  except ValueError:
    return corpus
  shown = listing([f'{number:g}' for number in numbers], 4)
  fraction = any(
    not number.is_integer() for number in numbers if number == number
  )
  require(
    not fraction and len(numbers) <= MOST_NUMBERED,
    f'{corpus.name} has {len(numbers)} labels that are numbers ({shown}), each '
    'of which would be a class of its own; learn them with data.dimensions '
    '(data.columns=arousal=COLUMN names their column), or merge them into '
    'classes with data.classes=low=1+1.5,high=4+4.5',
  )
  return dataclasses.replace(
    corpus,
    remarks=(
      *corpus.remarks,
      f'The labels are numbers ({shown}), and each is taken for a class; '
      'data.classes=NAME=NUMBER names them, data.dimensions learns a scale.',
    ),
  )


def cautioned(corpus: Corpus, sentences: Sequence[str]) -> Corpus:
  """Adds problems that change what figures mean."""
  return dataclasses.replace(
    corpus,
    problems=(*corpus.problems, *sentences),
    cautions=(*corpus.cautions, *sentences),
  )


def keep(corpus: Corpus, skipped: Collection[str]) -> Corpus:
  """Removes the recordings whose paths (or parts, as text) are in `skipped`.

  Raises:
    InputError: if a class or a speaker is left with no utterance.
  """
  if not skipped:
    return corpus
  skipped = set(skipped)
  kept = tuple(
    u for u in corpus.utterances if not is_among(u.recording, skipped)
  )
  lost = len(corpus.utterances) - len(kept)
  after = dataclasses.replace(
    corpus,
    utterances=kept,
    problems=(*corpus.problems, f'{lost} recordings could not be used.'),
    expected_speakers=corpus.speakers,
  )
  check(after)
  return after
