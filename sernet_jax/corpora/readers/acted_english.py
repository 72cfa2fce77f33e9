"""Acted corpora in English: RAVDESS, CREMA-D, SAVEE and TESS.

Each has its labels and names, a function from a root folder to a `Corpus`, and
its entry of the table of corpora.
"""

from __future__ import annotations

import pathlib
import re

from sernet_jax.corpora.readers import by_filename
from sernet_jax.corpora.readers.by_filename import Parsed
from sernet_jax.corpora.readers.entry import (
  CorpusEntry,
  PathLike,
  Published,
  each,
)
from sernet_jax.corpora.utterances import Corpus, Utterance

RAVDESS_LABELS = {
  '01': 'neutral',
  '02': 'calm',
  '03': 'happiness',
  '04': 'sadness',
  '05': 'anger',
  '06': 'fear',
  '07': 'disgust',
  '08': 'surprise',
}
_RAVDESS = re.compile(r'(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)')


def ravdess(root: PathLike) -> Corpus:
  """RAVDESS: 1440 spoken recordings, 24 actors, 8 classes.

  `03-01-06-01-02-01-12.wav` is modality (03 sound alone), channel (01 speech,
  02 song), emotion, strength, statement, repetition, actor. Songs and the
  sound of videos are left out. 48 kHz; a few are stereo, which reading
  averages. `group` and `text` are the statement.

  Source: https://zenodo.org/records/1188976 (Livingstone and Russo, 2018),
  Audio_Speech_Actors_01-24.zip; CC BY-NC-SA 4.0.

  Args:
    root: the folder that holds Actor_01 to Actor_24, or one above it.

  Raises:
    InputError: if there is no such recording.
  """

  def parse(path: pathlib.Path) -> Parsed:
    match = _RAVDESS.fullmatch(path.stem)
    if match is None:
      return None
    modality, channel, emotion, _, statement, _, actor = match.groups()
    if modality != '03':
      return 'belong to videos'
    if channel == '02':
      return 'are songs'
    label = RAVDESS_LABELS.get(emotion)
    if label is None or channel != '01' or not 1 <= int(actor) <= 24:
      return None
    return Utterance(
      path.stem, str(path), label, actor, statement, text=statement
    )

  return by_filename.collect(RAVDESS, root, parse)


RAVDESS = CorpusEntry(
  name='ravdess',
  read=lambda source: ravdess(source.root),
  folder='ravdess',
  published=Published(
    title='RAVDESS, speech, sound alone',
    language='English (North American)',
    speakers=24,
    classes=each(
      192, 'anger calm disgust fear happiness sadness surprise', neutral=96
    ),
    hours=1.5,
    licence='CC BY-NC-SA 4.0',
    source='https://zenodo.org/records/1188976',
    paper='Livingstone and Russo, PLoS ONE 13(5), 2018',
  ),
)

CREMAD_LABELS = {
  'ANG': 'anger',
  'DIS': 'disgust',
  'FEA': 'fear',
  'HAP': 'happiness',
  'NEU': 'neutral',
  'SAD': 'sadness',
}
_CREMAD = re.compile(r'(1\d{3})_([A-Z]{3})_([A-Z]{3})_(?:LO|MD|HI|XX?)')


def cremad(root: PathLike) -> Corpus:
  """CREMA-D: 7442 recordings, 91 actors, 6 classes.

  `1001_DFA_ANG_XX.wav` is actor, sentence, emotion and level (LO, MD, HI, or
  XX for none; one file has a single X); 16 kHz. `group` and `text` are the
  sentence. Its authors say of 1076_MTI_SAD_XX that it has no sound and of 1064_IEO_DIS_MD
  that it holds other takes too.

  Source: https://github.com/CheyneyComputerScience/CREMA-D, AudioWAV/, by
  git-lfs (Cao et al., 2014); Open Database License 1.0.

  Args:
    root: the clone, or its AudioWAV.

  Raises:
    InputError: if there is no such recording.
  """

  def parse(path: pathlib.Path) -> Parsed:
    match = _CREMAD.fullmatch(path.stem)
    if match is None or match[3] not in CREMAD_LABELS:
      return None
    label = CREMAD_LABELS[match[3]]
    return Utterance(
      path.stem, str(path), label, match[1], match[2], text=match[2]
    )

  return by_filename.collect(CREMAD, root, parse)


CREMAD = CorpusEntry(
  name='cremad',
  read=lambda source: cremad(source.root),
  folder='cremad',
  published=Published(
    title='CREMA-D',
    language='English (United States)',
    speakers=91,
    classes=each(1271, 'anger disgust fear happiness sadness', neutral=1087),
    hours=5.3,
    licence='ODbL 1.0',
    source='https://github.com/CheyneyComputerScience/CREMA-D',
    paper='Cao et al., IEEE Transactions on Affective Computing 5(4), 2014',
  ),
)

SAVEE_SPEAKERS = ('DC', 'JE', 'JK', 'KL')
SAVEE_LABELS = {
  'a': 'anger',
  'd': 'disgust',
  'f': 'fear',
  'h': 'happiness',
  'n': 'neutral',
  'sa': 'sadness',
  'su': 'surprise',
}
_SAVEE = re.compile(r'(?:([A-Z]{2})_)?(a|d|f|h|n|sa|su)(\d\d)')


def savee(root: PathLike) -> Corpus:
  """SAVEE: 480 recordings, 4 men, 7 classes.

  `AudioData/DC/sa01.wav` is speaker, emotion (a, d, f, h, n, sa, su) and
  number; some copies have all in one folder as `DC_sa01.wav`. 44.1 kHz.

  Source: http://kahlan.eps.surrey.ac.uk/savee/ after registration (Haq and
  Jackson, 2010); free for research.

  Args:
    root: the folder that holds AudioData, or one inside it.

  Raises:
    InputError: if there is no such recording.
  """

  def parse(path: pathlib.Path) -> Parsed:
    match = _SAVEE.fullmatch(path.stem)
    speaker = match and (match[1] or path.parent.name.upper())
    if match is None or speaker not in SAVEE_SPEAKERS:
      return None
    name = f'{speaker}_{match[2]}{match[3]}'
    return Utterance(name, str(path), SAVEE_LABELS[match[2]], speaker)

  return by_filename.collect(SAVEE, root, parse)


SAVEE = CorpusEntry(
  name='savee',
  read=lambda source: savee(source.root),
  folder='savee',
  published=Published(
    title='SAVEE',
    language='English (British)',
    speakers=4,
    classes=each(
      60, 'anger disgust fear happiness sadness surprise', neutral=120
    ),
    hours=0.5,
    licence='free for research, after registration',
    source='http://kahlan.eps.surrey.ac.uk/savee/',
    paper='Haq and Jackson, in: Machine Audition, IGI Global, 2010',
  ),
)

TESS_LABELS = {
  'angry': 'anger',
  'disgust': 'disgust',
  'fear': 'fear',
  'happy': 'happiness',
  'neutral': 'neutral',
  'ps': 'surprise',  # pleasant surprise
  'sad': 'sadness',
}
_TESS = re.compile(r'(OAF?|YAF)_([a-z]+)_([a-z]+)', re.IGNORECASE)


def tess(root: PathLike) -> Corpus:
  """TESS: 2800 recordings, an older and a younger woman, 7 classes.

  `OAF_back_ps.wav` is speaker, word and emotion (ps: pleasant surprise). The
  folders are named in many ways (OAF_Pleasant_surprise,
  YAF_pleasant_surprised, OAF_Sad) and in one copy hold everything twice, so
  only the names of the files count; one of them, OA_bite_neutral, lacks its
  F. 24.4 kHz. `group` and `text` are the word.

  Source: https://doi.org/10.5683/SP2/E8H2MF (Pichora-Fuller and Dupuis,
  University of Toronto); CC BY-NC-ND 4.0.

  Args:
    root: the folder that holds the folders.

  Raises:
    InputError: if there is no such recording.
  """

  def parse(path: pathlib.Path) -> Parsed:
    match = _TESS.fullmatch(path.stem)
    label = match and TESS_LABELS.get(match[3].lower())
    if match is None or label is None:
      return None
    speaker = match[1].upper()
    speaker = 'OAF' if speaker == 'OA' else speaker
    word = match[2].lower()
    name = f'{speaker}_{word}_{match[3].lower()}'
    return Utterance(name, str(path), label, speaker, word, text=word)

  return by_filename.collect(TESS, root, parse)


TESS = CorpusEntry(
  name='tess',
  read=lambda source: tess(source.root),
  folder='tess',
  published=Published(
    title='Toronto emotional speech set (TESS)',
    language='English (Canadian)',
    speakers=2,
    classes=each(400, 'anger disgust fear happiness neutral sadness surprise'),
    hours=1.6,
    licence='CC BY-NC-ND 4.0',
    source='https://doi.org/10.5683/SP2/E8H2MF',
    paper='Pichora-Fuller and Dupuis, 2020 (the data set)',
  ),
)

ENTRIES = (CREMAD, RAVDESS, SAVEE, TESS)
