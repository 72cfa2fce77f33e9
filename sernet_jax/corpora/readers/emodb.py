"""EMO-DB, the Berlin Database of Emotional Speech."""

from __future__ import annotations

import pathlib
import re

from sernet_jax.common import files
from sernet_jax.common.errors import InputError, require
from sernet_jax.corpora.readers import by_filename
from sernet_jax.corpora.readers.entry import (
  CorpusEntry,
  PathLike,
  Published,
  compared,
)
from sernet_jax.corpora.utterances import Corpus, Utterance

SPEAKERS = ('03', '08', '09', '10', '11', '12', '13', '14', '15', '16')
LABELS = {
  'W': 'anger',
  'L': 'boredom',
  'E': 'disgust',
  'A': 'fear',
  'F': 'happiness',
  'N': 'neutral',
  'T': 'sadness',
}
PUBLISHED = Published(
  title='Berlin Database of Emotional Speech (EMO-DB)',
  language='German',
  speakers=len(SPEAKERS),
  classes={
    'anger': 127,
    'boredom': 81,
    'disgust': 46,
    'fear': 69,
    'happiness': 71,
    'neutral': 79,
    'sadness': 62,
  },
  hours=0.4,
  licence='free to use, cite the paper',
  source='http://emodb.bilderbar.info',
  paper='Burkhardt et al., Interspeech 2005',
)

_NAME = re.compile(r'([0-9]{2})([a-z][0-9]{2})([^\W\d_])([a-z])')


def emodb(root: PathLike) -> Corpus:
  """Reads EMO-DB: 535 utterances, 7 classes.

  A file name such as `03a01Fa.wav` holds speaker, text, emotion letter and
  version (Burkhardt et al., Interspeech 2005); `group` and `text` are the
  text.

  Args:
    root: the folder that holds `wav/`, `wav/` itself, or one above them.

  Raises:
    InputError: if there is no recording, or a name does not fit.
  """
  folder = files.absolute(root)
  paths = by_filename.wav_files(folder)
  require(
    bool(paths),
    f'{folder} holds no EMO-DB recordings; get them with '
    '`python -m sernet_jax.download emodb`, or name the folder that holds '
    'their wav/ with --config.data.root=',
  )
  corpus = Corpus(
    'emodb',
    tuple(sorted(LABELS.values())),
    tuple(parse(path) for path in paths),
    expected_speakers=SPEAKERS,
  )
  return compared(corpus, PUBLISHED, folder)


def parse(path: pathlib.Path) -> Utterance:
  """Reads the file name of a recording.

  Raises:
    InputError: if the name does not fit.
  """
  name = path.stem
  match = _NAME.fullmatch(name)
  if match is None:
    raise InputError(
      f'{path} is not named like an EMO-DB recording (03a01Fa.wav: speaker, '
      'text, emotion letter, version); remove it, or describe your own corpus '
      'by a manifest (--config.data.manifest=)'
    )
  speaker, text, letter, _ = match.groups()
  letters = ', '.join(f'{k} {v}' for k, v in sorted(LABELS.items()))
  require(
    letter in LABELS,
    f'{path} has the emotion letter {letter!r}, which EMO-DB does not know; '
    f'rename it to one of {letters}, or remove it',
  )
  return Utterance(name, str(path), LABELS[letter], speaker, text, text=text)


ENTRY = CorpusEntry(
  name='emodb',
  read=lambda source: emodb(source.root),
  folder='emodb',
  published=PUBLISHED,
)
