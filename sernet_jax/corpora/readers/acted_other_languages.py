"""Acted corpora in Italian (EMOVO), Persian (ShEMO) and Polish (nEMO).

Each has its labels and names, a function from a root folder to a `Corpus`, and
its entry of the table of corpora.
"""

from __future__ import annotations

import dataclasses
import pathlib
import re

from sernet_jax.common import files
from sernet_jax.common.text import listing
from sernet_jax.corpora.readers import by_filename
from sernet_jax.corpora.readers.by_filename import Parsed
from sernet_jax.corpora.readers.entry import (
  CorpusEntry,
  PathLike,
  Published,
  each,
)
from sernet_jax.corpora.readers.tables import published_list
from sernet_jax.corpora.utterances import Corpus, Utterance

EMOVO_LABELS = {
  'dis': 'disgust',
  'gio': 'happiness',
  'neu': 'neutral',
  'pau': 'fear',
  'rab': 'anger',
  'sor': 'surprise',
  'tri': 'sadness',
}
_EMOVO = re.compile(r'([a-z]{3})[-_]([fm][123])[-_]([a-z]\d)', re.IGNORECASE)


def emovo(root: PathLike) -> Corpus:
  """EMOVO: 588 recordings, 6 actors, 7 classes, in Italian.

  `f1/dis-f1-b1.wav` is emotion, speaker and sentence; 48 kHz, stereo.
  `group` and `text` are the sentence.

  Source: http://voice.fub.it/activities/corpora/emovo/index.html (Costantini
  et al., 2014), which states no licence.

  Args:
    root: the folder that holds f1 to m3.

  Raises:
    InputError: if there is no such recording.
  """

  def parse(path: pathlib.Path) -> Parsed:
    match = _EMOVO.fullmatch(path.stem)
    label = match and EMOVO_LABELS.get(match[1].lower())
    if match is None or label is None:
      return None
    name = '-'.join(match.groups()).lower()
    speaker, sentence = match[2].lower(), match[3].lower()
    return Utterance(name, str(path), label, speaker, sentence, text=sentence)

  return by_filename.collect(EMOVO, root, parse)


EMOVO = CorpusEntry(
  name='emovo',
  read=lambda source: emovo(source.root),
  folder='emovo',
  published=Published(
    title='EMOVO',
    language='Italian',
    speakers=6,
    classes=each(84, 'anger disgust fear happiness neutral sadness surprise'),
    hours=0.5,
    licence='none stated by its source; ask the authors',
    source='http://voice.fub.it/activities/corpora/emovo/index.html',
    paper='Costantini et al., LREC 2014',
  ),
)

SHEMO_LABELS = {
  'A': 'anger',
  'F': 'fear',
  'H': 'happiness',
  'N': 'neutral',
  'S': 'sadness',
  'W': 'surprise',
}
_SHEMO = re.compile(r'([FM]\d\d)([AFHNSW])\d+')


def shemo(root: PathLike) -> Corpus:
  """ShEMO: 3000 recordings from radio plays, 87 speakers, 6 classes.

  `F03S02.wav` is sex and number of the speaker (F03), emotion (A, F, H, N, S,
  W) and count; mostly 44.1 kHz. The classes are far from even: 38 of fear.

  Source: https://github.com/mansourehk/ShEMO, female.zip and male.zip
  (Mohamad Nezami et al., 2019); free for academic purposes.

  Args:
    root: the folder that holds female and male.

  Raises:
    InputError: if there is no such recording.
  """

  def parse(path: pathlib.Path) -> Parsed:
    match = _SHEMO.fullmatch(path.stem)
    if match is None:
      return None
    return Utterance(path.stem, str(path), SHEMO_LABELS[match[2]], match[1])

  return by_filename.collect(SHEMO, root, parse)


SHEMO = CorpusEntry(
  name='shemo',
  read=lambda source: shemo(source.root),
  folder='shemo',
  published=Published(
    title='Sharif Emotional Speech Database (ShEMO)',
    language='Persian',
    speakers=87,
    classes={
      'anger': 1059,
      'fear': 38,
      'happiness': 201,
      'neutral': 1028,
      'sadness': 449,
      'surprise': 225,
    },
    hours=3.4,
    licence='free for academic purposes',
    source='https://github.com/mansourehk/ShEMO',
    paper='Mohamad Nezami et al., Language Resources and Evaluation 53, 2019',
  ),
)

NEMO_LABELS = {
  'anger': 'anger',
  'fear': 'fear',
  'happiness': 'happiness',
  'neutral': 'neutral',
  'sadness': 'sadness',
  'surprised': 'surprise',
}
_NEMO = re.compile(r'([A-Z]{2}\d)_([a-z]+)_(\d+)')
_NEMO_SOURCE = 'https://github.com/amu-cai/nEMO'


def nemo(root: PathLike) -> Corpus:
  """nEMO: 4481 recordings, 9 actors, 6 classes, in Polish.

  data.tsv names files, emotions and speakers (with blanks in front of these);
  the recordings, `samples/SB0_anger_1.wav`, are at 24 kHz. Without the list
  their names say the same: speaker, emotion, sentence. `group` and `text` are
  the sentence.

  Source: https://github.com/amu-cai/nEMO (Christop, 2024); CC BY-NC-SA 4.0.

  Args:
    root: the folder that holds data.tsv and samples, samples itself, or the
      one above them.

  Raises:
    InputError: if the list is damaged or there is no such recording.
  """
  folder = files.absolute(root)
  places = [folder, folder.parent] if folder.name == 'samples' else [folder]
  lists = [place / 'data.tsv' for place in places] + sorted(
    folder.glob('*/data.tsv')
  )
  listing_path = next((path for path in lists if path.exists()), None)
  if listing_path is None:
    return by_filename.collect(NEMO, folder, _nemo_by_name)
  listed: dict[str, tuple[str, str]] = {}
  odd = []
  rows = published_list.rows(
    listing_path,
    ('file_id', 'emotion', 'speaker_id'),
    _NEMO_SOURCE,
    separator='\t',
    quoted=False,
  )
  for number, row in rows:
    label = NEMO_LABELS.get(row['emotion'].lower())
    if label and row['speaker_id'] and row['file_id']:
      listed[row['file_id']] = (label, row['speaker_id'])
    else:
      odd.append(f'line {number}')

  def parse(path: pathlib.Path) -> Parsed:
    label, speaker = listed.get(path.name, ('', ''))
    if not label:
      return None
    sentence = path.stem.rpartition('_')[2]
    return Utterance(
      path.stem, str(path), label, speaker, sentence, text=sentence
    )

  corpus = by_filename.collect(NEMO, folder, parse)
  problems = list(corpus.problems)
  there = {f'{utterance.name}.wav' for utterance in corpus.utterances}
  missing = sorted(listed.keys() - there)
  if missing:
    problems.append(
      f'{len(missing)} recordings of data.tsv are missing: '
      f'{listing(missing, 5)}.'
    )
  if odd:
    problems.append(
      f'{len(odd)} lines of data.tsv could not be understood: '
      f'{listing(odd, 5)}.'
    )
  return dataclasses.replace(corpus, problems=tuple(problems))


NEMO = CorpusEntry(
  name='nemo',
  read=lambda source: nemo(source.root),
  folder='nemo',
  published=Published(
    title='nEMO',
    language='Polish',
    speakers=9,
    classes={
      'anger': 749,
      'fear': 736,
      'happiness': 749,
      'neutral': 809,
      'sadness': 769,
      'surprise': 669,
    },
    hours=3.1,
    licence='CC BY-NC-SA 4.0',
    source=_NEMO_SOURCE,
    paper='Christop, LREC-COLING 2024',
  ),
)


def _nemo_by_name(path: pathlib.Path) -> Parsed:
  match = _NEMO.fullmatch(path.stem)
  label = match and NEMO_LABELS.get(match[2])
  if match is None or label is None:
    return None
  speaker, _, sentence = match.groups()
  return Utterance(
    path.stem, str(path), label, speaker, sentence, text=sentence
  )


ENTRIES = (EMOVO, NEMO, SHEMO)
