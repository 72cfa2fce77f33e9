"""Openly licensed corpora by the names of their files.

JL-Corpus (English), SUBESCO (Bangla), MESD (Spanish), emoUERJ (Portuguese) and
Oréau (French): weights trained on them may be given away, with attribution
where the license asks for it.
"""

from __future__ import annotations

import pathlib
import re

from sernet_jax.corpora.readers import by_filename
from sernet_jax.corpora.readers.archives import ARCHIVES
from sernet_jax.corpora.readers.by_filename import Parsed
from sernet_jax.corpora.readers.entry import (
  CorpusEntry,
  PathLike,
  Published,
  each,
)
from sernet_jax.corpora.utterances import Corpus, Utterance

JL_LABELS = {
  'angry': 'anger',
  'excited': 'excitement',
  'happy': 'happiness',
  'neutral': 'neutral',
  'sad': 'sadness',
}
JL_SECONDARY = (
  'anxious',
  'apologetic',
  'assertive',
  'concerned',
  'encouraging',
)
_JL = re.compile(r'((?:fe)?male[12])_([a-z]+)_(\d+[ab])_([12])')


def jl(root: PathLike) -> Corpus:
  """JL-Corpus: 1200 recordings of five primary emotions, 4 speakers.

  `female1_angry_10a_1.wav` is speaker, emotion, sentence and repetition. The
  five secondary emotions (anxious, apologetic, assertive, concerned,
  encouraging), as many recordings again, are left out. `group` and `text` are
  the sentence.

  Source: https://www.kaggle.com/datasets/tli725/jl-corpus (James, Tian and
  Watson, 2018); CC0.

  Args:
    root: the folder that holds the recordings, or one above it.

  Raises:
    InputError: if there is no such recording.
  """

  def parse(path: pathlib.Path) -> Parsed:
    match = _JL.fullmatch(path.stem)
    if match is None:
      return None
    speaker, emotion, text, _ = match.groups()
    if emotion in JL_SECONDARY:
      return 'have a secondary emotion'
    if emotion not in JL_LABELS:
      return None
    label = JL_LABELS[emotion]
    return Utterance(path.stem, str(path), label, speaker, text, text=text)

  return by_filename.collect(JL, root, parse)


JL = CorpusEntry(
  name='jl',
  read=lambda source: jl(source.root),
  folder='jl',
  published=Published(
    title='JL-Corpus, five primary emotions',
    language='English (New Zealand)',
    speakers=4,
    classes=each(240, 'anger excitement happiness neutral sadness'),
    hours=None,
    licence='CC0',
    source='https://www.kaggle.com/datasets/tli725/jl-corpus',
    paper='James, Tian and Watson, Interspeech 2018',
  ),
)

SUBESCO_LABELS = {
  'ANGRY': 'anger',
  'DISGUST': 'disgust',
  'FEAR': 'fear',
  'HAPPY': 'happiness',
  'NEUTRAL': 'neutral',
  'SAD': 'sadness',
  'SURPRISE': 'surprise',
}
# One file of the archive ends in "3].wav".
_SUBESCO = re.compile(r'([FM]_\d\d)_([A-Z]+)_S_(\d+)_([A-Z]+)_([1-5])\]?')


def subesco(root: PathLike) -> Corpus:
  """SUBESCO: 7000 recordings, 20 actors, 7 classes, in Bangla.

  `F_02_MONIKA_S_1_NEUTRAL_5.wav` is sex and number of the speaker, a name,
  sentence, emotion and take. `group` and `text` are the sentence.

  Source: https://zenodo.org/records/4526477 (Sultana et al., 2021); CC BY 4.0.

  Args:
    root: the folder that holds the recordings, or one above it.

  Raises:
    InputError: if there is no such recording.
  """

  def parse(path: pathlib.Path) -> Parsed:
    match = _SUBESCO.fullmatch(path.stem)
    label = match and SUBESCO_LABELS.get(match[4])
    if match is None or label is None:
      return None
    speaker, text = match[1], match[3]
    name = path.stem.rstrip(']')
    return Utterance(name, str(path), label, speaker, text, text=text)

  return by_filename.collect(SUBESCO, root, parse)


SUBESCO = CorpusEntry(
  name='subesco',
  read=lambda source: subesco(source.root),
  folder='subesco',
  published=Published(
    title='SUST Bangla Emotional Speech Corpus (SUBESCO)',
    language='Bangla',
    speakers=20,
    classes=each(1000, 'anger disgust fear happiness neutral sadness surprise'),
    hours=7.7,
    licence='CC BY 4.0',
    source='https://zenodo.org/records/4526477',
    paper='Sultana et al., PLoS ONE 16(4), 2021',
  ),
  archive=ARCHIVES['subesco'],
)

_MESD_VOICES = {'F': 'women', 'M': 'men', 'C': 'children'}
_MESD = re.compile(
  r'(Anger|Disgust|Fear|Happiness|Neutral|Sadness)_([FMC])_([AB])_(.+)'
)


def mesd(root: PathLike) -> Corpus:
  """MESD: 864 single words, 6 classes, in Mexican Spanish.

  `Anger_F_A_abajo.wav` is emotion, kind of voice (F, M, C for children), list
  of words and word. The 3 women, 2 men and 6 children are not told apart, so
  the kind of voice is the speaker: no fold of `loso` tests a person whom it
  trains on, and there are three. `group` and `text` are the word; those of
  list B belong to one emotion each.

  Source: https://data.mendeley.com/datasets/cy34mh68j9/5 (Duville,
  Alonso-Valerdi and Ibarra-Zarate, 2021); CC BY 4.0.

  Args:
    root: the folder that holds the recordings, or one above it.

  Raises:
    InputError: if there is no such recording.
  """

  def parse(path: pathlib.Path) -> Parsed:
    match = _MESD.fullmatch(path.stem)
    if match is None:
      return None
    emotion, voice, _, word = match.groups()
    return Utterance(
      path.stem,
      str(path),
      emotion.lower(),
      _MESD_VOICES[voice],
      word.lower(),
      text=word.lower(),
    )

  return by_filename.collect(MESD, root, parse)


MESD = CorpusEntry(
  name='mesd',
  read=lambda source: mesd(source.root),
  folder='mesd',
  published=Published(
    title='Mexican Emotional Speech Database (MESD)',
    language='Spanish (Mexican)',
    speakers=3,
    classes=each(144, 'anger disgust fear happiness neutral sadness'),
    hours=None,
    licence='CC BY 4.0',
    source='https://data.mendeley.com/datasets/cy34mh68j9/5',
    paper='Duville, Alonso-Valerdi and Ibarra-Zarate, Data 6(12), 2021',
  ),
)

EMOUERJ_LABELS = {
  'a': 'anger',
  'h': 'happiness',
  'n': 'neutral',
  's': 'sadness',
}
_EMOUERJ = re.compile(r'([mw]0[1-4])([ahns])(\d\d)')


def emouerj(root: PathLike) -> Corpus:
  """emoUERJ: 377 recordings, 8 actors, 4 classes, in Brazilian Portuguese.

  `w04a11.wav` is sex and number of the speaker, emotion (a, h, n, s) and the
  number of the recording. Which of ten sentences is spoken is not in the name.

  Source: https://zenodo.org/records/5427549 (Germano, Tcheou, da Rocha Henriques
  and Gomes Junior, 2021); CC BY 4.0.

  Args:
    root: the folder that holds the recordings, or one above it.

  Raises:
    InputError: if there is no such recording.
  """

  def parse(path: pathlib.Path) -> Parsed:
    match = _EMOUERJ.fullmatch(path.stem)
    if match is None:
      return None
    return Utterance(path.stem, str(path), EMOUERJ_LABELS[match[2]], match[1])

  return by_filename.collect(EMOUERJ, root, parse)


EMOUERJ = CorpusEntry(
  name='emouerj',
  read=lambda source: emouerj(source.root),
  folder='emouerj',
  published=Published(
    title='emoUERJ',
    language='Portuguese (Brazilian)',
    speakers=8,
    classes={'anger': 94, 'happiness': 91, 'neutral': 92, 'sadness': 100},
    hours=None,
    licence='CC BY 4.0',
    source='https://zenodo.org/records/5427549',
    paper='Germano et al., 2021 (the data set)',
  ),
)

OREAU_LABELS = {
  'C': 'anger',  # colère
  'D': 'disgust',
  'J': 'happiness',  # joie
  'N': 'neutral',
  'P': 'fear',  # peur
  'S': 'surprise',
  'T': 'sadness',  # tristesse
}
_OREAU = re.compile(r'(\d\d)(\w{3})([CDJNPST])\w?')


def oreau(root: PathLike) -> Corpus:
  """Oréau: 502 recordings, 32 speakers, 7 classes, in French.

  A name is two digits of the speaker, three characters of the sentence, the
  emotion (C, D, J, N, P, S, T) and perhaps a letter. OréauFR_02 is the part of
  OréauFR_01, 434 recordings, whose emotion listeners recognized; where both
  are there, each recording counts once. `group` and `text` are the sentence;
  each was written for one emotion.

  Source: https://zenodo.org/records/4405783 (Kerkeni et al., 2020); CC BY 4.0.

  Args:
    root: the folder that holds OréauFR_01 or OréauFR_02, or one of them.

  Raises:
    InputError: if there is no such recording.
  """

  def parse(path: pathlib.Path) -> Parsed:
    match = _OREAU.fullmatch(path.stem)
    if match is None:
      return None
    speaker, text, letter = match.groups()
    label = OREAU_LABELS[letter]
    return Utterance(path.stem, str(path), label, speaker, text, text=text)

  return by_filename.collect(OREAU, root, parse)


OREAU = CorpusEntry(
  name='oreau',
  read=lambda source: oreau(source.root),
  folder='oreau',
  published=Published(
    title='French emotional speech database Oréau',
    language='French',
    speakers=32,
    classes=each(0, 'anger disgust fear happiness neutral sadness surprise'),
    stated=502,
    hours=None,
    licence='CC BY 4.0',
    source='https://zenodo.org/records/4405783',
    paper='Kerkeni et al., 2020 (the data set)',
  ),
)

ENTRIES = (JL, SUBESCO, MESD, EMOUERJ, OREAU)
