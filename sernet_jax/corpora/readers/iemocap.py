"""IEMOCAP: five sessions of two actors each, emotions by annotators.

The corpus is Busso et al., "IEMOCAP: Interactive emotional dyadic motion
capture database", 2008; its licence is closed, so users bring their copy.
"""

from __future__ import annotations

import collections
import dataclasses
import math
import pathlib
import re
from collections.abc import Sequence

from sernet_jax.common import files
from sernet_jax.common.errors import InputError, require, require_choice
from sernet_jax.common.text import listing
from sernet_jax.corpora import dimensions as dimensions_lib
from sernet_jax.corpora.readers.entry import (
  CorpusEntry,
  PathLike,
  Phonemes,
  Published,
  Source,
  compared,
)
from sernet_jax.corpora.readers.tables import alignments
from sernet_jax.corpora.utterances import Corpus, Utterance

PARTS = ('all', 'improvised', 'scripted')
LABELS = {
  'ang': 'anger',
  'hap': 'happiness',
  'neu': 'neutral',
  'sad': 'sadness',
}
EXCITED = 'exc'
OTHER_LABELS = ('dis', 'exc', 'fea', 'fru', 'oth', 'sur', 'xxx')
PUBLISHED = Published(
  title='IEMOCAP, four classes, excited counted as happiness',
  language='English',
  speakers=10,
  classes={
    'anger': 1103,
    'happiness': 1636,
    'neutral': 1708,
    'sadness': 1084,
  },
  hours=7.0,
  licence='on request, research only',
  source='https://sail.usc.edu/iemocap/',
  paper='Busso et al., Language Resources and Evaluation 42, 2008',
)

_TURN_LINE = re.compile(
  r'\[\s*[\d.]+\s*-\s*[\d.]+\s*\]\s+'  # [6.2901 - 8.2357]
  r'(?P<turn>\S+)\s+(?P<label>[A-Za-z]+)\b'
  # [2.5000, 2.5000, 2.5000]: valence, activation, dominance
  r'(?:\s*\[(?P<values>[-\d.,\s]+)\])?'
)
# The order of the numbers of a turn, each the mean of its annotators', and
# their scale.
DIMENSIONS = ('valence', 'arousal', 'dominance')
SCALE = (1.0, 5.0)
_TURN = re.compile(r'(?P<session>Ses\d\d).*_(?P<letter>[FM])[\dA-Z]{3,4}')
# What single annotators wrote stands below each turn: C-E2:, A-M1:, ...
_ANNOTATOR_LINE = re.compile(r'[AC]-\w+\s*:')


@dataclasses.dataclass(frozen=True)
class Turn:
  """One turn of a dialog as its EmoEvaluation file has it.

  Attributes:
    name: of the turn.
    label: of the annotators together, three letters.
    speaker: session and letter.
    values: of `DIMENSIONS`; () if the line has none.
  """

  name: str
  label: str
  speaker: str
  values: tuple[float, ...] = ()


def parse_evaluation(text: str) -> tuple[list[Turn], list[int]]:
  """Reads the turns of an EmoEvaluation file.

  Args:
    text: the file; of lines that start with '[' it needs
      `[start - end] <turn> <label>`, separated by tabs or spaces.

  Returns:
    The turns in the order of the file, and the numbers (from 1) of lines that
    are neither a turn nor anything else known: blank, a comment (%), or an
    annotator's line.
  """
  turns, odd = [], []
  for number, line in enumerate(text.splitlines(), 1):
    line = line.lstrip('\ufeff').strip()
    match = _TURN_LINE.match(line)
    name = _TURN.fullmatch(match['turn']) if match else None
    if match and name:
      speaker = name['session'] + name['letter']
      turns.append(
        Turn(
          match['turn'],
          match['label'].lower(),
          speaker,
          _numbers(match['values']),
        )
      )
    elif line and line[0] != '%' and not _ANNOTATOR_LINE.match(line):
      odd.append(number)
  return turns, odd


def _numbers(text: str | None) -> tuple[float, ...]:
  """Reads the numbers of a turn; () where they are not three."""
  try:
    values = tuple(map(float, (text or '').split(',')))
  except ValueError:
    return ()
  return values if len(values) == len(DIMENSIONS) else ()


def iemocap(
  root: PathLike,
  part: str = 'all',
  excited: bool | None = None,
  dimensions: str = '',
) -> Corpus:
  """Reads anger, happiness, neutral and sadness of IEMOCAP.

  The speaker is the session and the letter before the number of the turn:
  `Ses01F_impro01_M000` is spoken by Ses01M (the letter after the session only
  says who wore the markers). `group` is the dialog.

  Args:
    root: the folder that holds Session1 to Session5.
    part: 'all', 'improvised' or 'scripted' dialogs.
    excited: whether turns labelled excited count as happiness; None for the
      published choice: yes, except in the improvised part.
    dimensions: some of `DIMENSIONS`, see `dimensions.parse`.

  Raises:
    InputError: if there is no such corpus or nothing of it can be used.
  """
  require_choice('data.part', part, PARTS)
  published = part != 'improvised'
  excited = published if excited is None else excited
  name = f'iemocap-{part}'
  if excited != published:
    name += '-excited' if excited else '-without-excited'
  wanted = dimensions_lib.parse(dimensions)
  for one in wanted:
    require_choice('data.dimensions', one.name, DIMENSIONS)
  folder = _find_root(root)
  labels = LABELS | ({EXCITED: 'happiness'} if excited else {})
  found = _Found([DIMENSIONS.index(one.name) for one in wanted])
  for path in _evaluation_files(folder, part, found):
    _read_dialog(path, labels, found)
  require(
    bool(found.utterances),
    f'{folder} has no usable turn in its dialogs ({part}: '
    f'{listing(found.problems()).rstrip(".") or "no dialogs"}); complete '
    'Session*/dialog/EmoEvaluation and Session*/sentences/wav',
  )
  scales: tuple[dimensions_lib.Dimension, ...] = ()
  if wanted:
    scales, _ = dimensions_lib.settle(
      wanted,
      [u.values for u in found.utterances.values()],
      dict.fromkeys(DIMENSIONS, SCALE),
    )
  return Corpus(
    name,
    tuple(sorted(LABELS.values())),
    tuple(found.utterances[name] for name in sorted(found.utterances)),
    problems=tuple(found.problems()),
    expected_speakers=tuple(sorted(found.speakers)),
    dimensions=scales,
  )


class _Found:
  """Content of the dialogs read so far, and what was odd about them."""

  def __init__(self, columns: Sequence[int] = ()) -> None:
    self.columns = columns  # of the values of a turn
    self.utterances: dict[str, Utterance] = {}
    self.speakers: set[str] = set()
    self.other_labels: collections.Counter[str] = collections.Counter()
    self.unknown_labels: list[str] = []
    self.odd_lines: list[str] = []
    self.missing: list[str] = []
    self.repeated: list[str] = []
    self.unplaced: list[str] = []
    self.absent_sessions: list[str] = []

  def problems(self) -> list[str]:
    """Returns one sentence for each kind of problem there is."""
    others = ', '.join(f'{k} {n}' for k, n in sorted(self.other_labels.items()))
    kinds = (
      (self.absent_sessions, '{n} of 5 sessions are missing: {which}.'),
      (self.missing, '{n} turns have no recording: {which}.'),
      (
        self.repeated,
        '{n} turns are listed again, the first is used: {which}.',
      ),
      (self.unknown_labels, '{n} turns have unknown labels: {which}.'),
      (self.odd_lines, '{n} lines could not be understood: {which}.'),
      (self.unplaced, '{n} dialogs are neither impro nor script: {which}.'),
    )
    sentences = [
      sentence.format(n=len(items), which=listing(items, 5))
      for items, sentence in kinds
      if items
    ]
    if self.other_labels:
      count = sum(self.other_labels.values())
      sentences.append(f'{count} turns have other labels: {others}.')
    return sentences


def _find_root(root: PathLike) -> pathlib.Path:
  """Finds the folder with the sessions: `root`, or up to two below it."""
  where = (
    f'request the corpus at {PUBLISHED.source} and name the folder '
    'that holds Session1 to Session5 with --config.data.root='
  )
  require(bool(root), f'data.root is empty and IEMOCAP is not free; {where}')
  root = files.absolute(root)
  for pattern in ('Session[1-5]', '*/Session[1-5]', '*/*/Session[1-5]'):
    found = sorted({path.parent for path in root.glob(pattern)})
    if found:
      require(
        len(found) == 1,
        f'{root} holds the sessions more than once '
        f'({listing(map(str, found), 3)}); name one of these folders with '
        '--config.data.root=',
      )
      return found[0]
  raise InputError(f'{root} holds no Session1 to Session5; {where}')


def _evaluation_files(
  folder: pathlib.Path, part: str, found: _Found
) -> list[pathlib.Path]:
  """Lists the EmoEvaluation files of a part, by session and name."""
  word = {'improvised': 'impro', 'scripted': 'script'}.get(part, '')
  chosen = []
  for number in range(1, 6):
    session = folder / f'Session{number}'
    if not session.is_dir():
      found.absent_sessions.append(session.name)
    for path in sorted(session.glob('dialog/EmoEvaluation/*.txt')):
      if path.name.startswith('.'):  # written beside a file by macOS
        continue
      if 'impro' not in path.stem and 'script' not in path.stem:
        found.unplaced.append(path.stem)
      if word in path.stem:
        chosen.append(path)
  return chosen


def _read_dialog(
  path: pathlib.Path, labels: dict[str, str], found: _Found
) -> None:
  """Adds the turns of one EmoEvaluation file to `found`."""
  dialog = path.stem
  recordings = path.parents[2] / 'sentences' / 'wav' / dialog
  there = {file.name for file in recordings.glob('*.wav')}
  turns, odd = parse_evaluation(
    path.read_text(encoding='utf-8-sig', errors='replace')
  )
  found.odd_lines += [f'{dialog}.txt line {number}' for number in odd]
  seen = set()
  for turn in turns:
    found.speakers.add(turn.speaker)
    if turn.name in seen or turn.name in found.utterances:
      found.repeated.append(turn.name)
      continue
    seen.add(turn.name)
    if turn.label in labels:
      if f'{turn.name}.wav' not in there:
        found.missing.append(turn.name)
        continue
      found.utterances[turn.name] = Utterance(
        turn.name,
        str(recordings / f'{turn.name}.wav'),
        labels[turn.label],
        turn.speaker,
        dialog,
        values=tuple(
          turn.values[k] if turn.values else math.nan for k in found.columns
        ),
      )
    elif turn.label in (*LABELS, *OTHER_LABELS):
      found.other_labels[turn.label] += 1
    else:
      found.unknown_labels.append(f'{turn.name} {turn.label}')


def _read(source: Source) -> Corpus:
  corpus = iemocap(source.root, source.part, source.excited, source.dimensions)
  if corpus.name == 'iemocap-all':  # the published choice of turns
    corpus = compared(corpus, PUBLISHED, files.absolute(source.root))
  return corpus


ENTRY = CorpusEntry(
  'iemocap',
  _read,
  published=PUBLISHED,
  phonemes=Phonemes(alignments.SYMBOLS, alignments.SILENT, alignments.read),
)
