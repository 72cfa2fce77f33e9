"""Corpora whose file names say who speaks with which emotion.

One function for each, from a root folder to a `Corpus`. Folders are walked
through, so that it does not matter how an archive was unpacked; of a
recording that lies there twice, the first counts. What does not fit the names
of a corpus is left out and told. `catalog` has the facts about each.
"""

from __future__ import annotations

import collections
import csv
import os
import pathlib
import re
from collections.abc import Callable, Iterator

from sernet_jax.common.errors import InputError, require
from sernet_jax.corpora.readers import catalog
from sernet_jax.corpora.utterances import Corpus, Utterance, listing

PathLike = str | os.PathLike
# An utterance; why a recording is left out on purpose; None for a name that
# does not fit.
Parsed = Utterance | str | None

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
CREMAD_LABELS = {
  'ANG': 'anger',
  'DIS': 'disgust',
  'FEA': 'fear',
  'HAP': 'happiness',
  'NEU': 'neutral',
  'SAD': 'sadness',
}
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
TESS_LABELS = {
  'angry': 'anger',
  'disgust': 'disgust',
  'fear': 'fear',
  'happy': 'happiness',
  'neutral': 'neutral',
  'ps': 'surprise',  # pleasant surprise
  'sad': 'sadness',
}
EMOVO_LABELS = {
  'dis': 'disgust',
  'gio': 'happiness',
  'neu': 'neutral',
  'pau': 'fear',
  'rab': 'anger',
  'sor': 'surprise',
  'tri': 'sadness',
}
NEMO_LABELS = {
  'anger': 'anger',
  'fear': 'fear',
  'happiness': 'happiness',
  'neutral': 'neutral',
  'sadness': 'sadness',
  'surprised': 'surprise',
}
SHEMO_LABELS = {
  'A': 'anger',
  'F': 'fear',
  'H': 'happiness',
  'N': 'neutral',
  'S': 'sadness',
  'W': 'surprise',
}

_RAVDESS = re.compile(r'(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)')
_CREMAD = re.compile(r'(1\d{3})_([A-Z]{3})_([A-Z]{3})_(?:LO|MD|HI|XX?)')
_SAVEE = re.compile(r'(?:([A-Z]{2})_)?(a|d|f|h|n|sa|su)(\d\d)')
_TESS = re.compile(r'(OAF?|YAF)_([a-z]+)_([a-z]+)', re.IGNORECASE)
_EMOVO = re.compile(r'([a-z]{3})[-_]([fm][123])[-_]([a-z]\d)', re.IGNORECASE)
_SHEMO = re.compile(r'([FM]\d\d)([AFHNSW])\d+')


def ravdess(root: PathLike) -> Corpus:
  """RAVDESS: 1440 spoken recordings, 24 actors, 8 classes.

  `03-01-06-01-02-01-12.wav` is modality (03 sound alone), channel (01 speech,
  02 song), emotion, strength, statement, repetition, actor. Songs and the
  sound of videos are left out. 48 kHz; a few are stereo, which reading
  averages. `group` is the statement.

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
    return Utterance(path.stem, str(path), label, actor, statement)

  return _collect('ravdess', root, parse)


def cremad(root: PathLike) -> Corpus:
  """CREMA-D: 7442 recordings, 91 actors, 6 classes.

  `1001_DFA_ANG_XX.wav` is actor, sentence, emotion and level (LO, MD, HI, or
  XX for none; one file has a single X); 16 kHz. `group` is the sentence. Its
  authors say of 1076_MTI_SAD_XX that it has no sound and of 1064_IEO_DIS_MD
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
    return Utterance(path.stem, str(path), label, match[1], match[2])

  return _collect('cremad', root, parse)


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

  return _collect('savee', root, parse)


def tess(root: PathLike) -> Corpus:
  """TESS: 2800 recordings, an older and a younger woman, 7 classes.

  `OAF_back_ps.wav` is speaker, word and emotion (ps: pleasant surprise). The
  folders are named in many ways (OAF_Pleasant_surprise,
  YAF_pleasant_surprised, OAF_Sad) and in one copy hold everything twice, so
  only the names of the files count; one of them, OA_bite_neutral, lacks its
  F. 24.4 kHz. `group` is the word.

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
    return Utterance(name, str(path), label, speaker, word)

  return _collect('tess', root, parse)


def emovo(root: PathLike) -> Corpus:
  """EMOVO: 588 recordings, 6 actors, 7 classes, in Italian.

  `f1/dis-f1-b1.wav` is emotion, speaker and sentence; 48 kHz, stereo.
  `group` is the sentence.

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
    return Utterance(name, str(path), label, speaker, sentence)

  return _collect('emovo', root, parse)


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

  return _collect('shemo', root, parse)


def nemo(root: PathLike) -> Corpus:
  """nEMO: 4481 recordings, 9 actors, 6 classes, in Polish.

  data.tsv names files, emotions and speakers (with blanks in front of these);
  the recordings, `samples/SB0_anger_1.wav`, are at 24 kHz. `group` is the
  sentence, the last part of the name.

  Source: https://github.com/amu-cai/nEMO (Christop, 2024); CC BY-NC-SA 4.0.

  Args:
    root: the folder that holds data.tsv and samples.

  Raises:
    InputError: if the list or all of its recordings are missing.
  """
  folder = pathlib.Path(root).expanduser().absolute()
  listed: dict[str, tuple[str, str]] = {}
  odd = []
  for number, row in _nemo_rows(folder / 'data.tsv'):
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
    return Utterance(path.stem, str(path), label, speaker, sentence)

  corpus = _collect('nemo', folder, parse)
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
  return Corpus(**{**vars(corpus), 'problems': tuple(problems)})


def _nemo_rows(path: pathlib.Path) -> Iterator[tuple[int, dict[str, str]]]:
  """Line number and fields of the list of nEMO."""
  needed = ('file_id', 'emotion', 'speaker_id')
  try:
    with path.open(encoding='utf-8-sig', newline='') as file:
      rows = csv.DictReader(file, delimiter='\t', quoting=csv.QUOTE_NONE)
      require(
        set(needed) <= set(rows.fieldnames or ()),
        f'{path} does not begin with the columns {", ".join(needed)}; take the '
        f'one of {catalog.CATALOG["nemo"].source}',
      )
      for row in rows:
        yield rows.line_num, {key: (row[key] or '').strip() for key in needed}
  except (OSError, UnicodeDecodeError) as error:
    raise InputError(
      f'{path} cannot be read ({error}); nEMO is its data.tsv and its folder '
      f'samples, to be had at {catalog.CATALOG["nemo"].source}'
    ) from error


def _collect(
  name: str, root: PathLike, parse: Callable[[pathlib.Path], Parsed]
) -> Corpus:
  """All recordings below `root` that `parse` understands."""
  facts = catalog.CATALOG[name]
  folder = pathlib.Path(root).expanduser().absolute()
  found: dict[str, Utterance] = {}
  odd, repeated = [], []
  left_out: collections.Counter[str] = collections.Counter()
  for path in _recordings(folder):
    parsed = parse(path)
    if parsed is None:
      odd.append(str(path.relative_to(folder)))
    elif isinstance(parsed, str):
      left_out[parsed] += 1
    elif parsed.name in found:
      repeated.append(str(path.relative_to(folder)))
    else:
      found[parsed.name] = parsed
  require(
    bool(found),
    f'{folder} holds no recordings of {name}'
    + (f' ({len(odd)} have other names, such as {odd[0]})' if odd else '')
    + f'; get them at {facts.source} and name their folder with '
    f'--config.data.root= (or {name}:FOLDER in data.corpora)',
  )
  problems = [
    f'{n} recordings {why} and count not.'
    for why, n in sorted(left_out.items())
  ]
  for paths, what in (
    (repeated, 'lie there again, the first counts'),
    (odd, f'are not named like {name} and were left out'),
  ):
    if paths:
      problems.append(f'{len(paths)} recordings {what}: {listing(paths, 3)}.')
  corpus = Corpus(
    name,
    tuple(facts.classes),
    tuple(found[key] for key in sorted(found)),
    problems=tuple(problems),
  )
  return catalog.compared(corpus, name, folder)


def _recordings(folder: pathlib.Path) -> Iterator[pathlib.Path]:
  """WAV files below a folder, in order, without what macOS leaves behind."""
  for path, folders, files in os.walk(folder):
    folders[:] = sorted(
      name for name in folders if name[0] != '.' and name != '__MACOSX'
    )
    for name in sorted(files):
      if name.lower().endswith('.wav') and name[0] != '.':
        yield pathlib.Path(path, name)
