"""EMO-DB, the Berlin Database of Emotional Speech."""

from __future__ import annotations

import functools
import pathlib
import re
from collections.abc import Sequence

from sernet_jax.common import extras, files
from sernet_jax.common.errors import InputError, require
from sernet_jax.corpora.readers import by_filename
from sernet_jax.corpora.readers.entry import (
  CorpusEntry,
  PathLike,
  Phonemes,
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
# As the corpus' documentation has them (Burkhardt et al., Interspeech 2005), but for
# two hyphens: over these borders eSpeak NG reads on, as if it were Eissch-rank.
SENTENCES = {
  'a01': 'Der Lappen liegt auf dem Eis-Schrank.',
  'a02': 'Das will sie am Mittwoch abgeben.',
  'a04': 'Heute abend könnte ich es ihm sagen.',
  'a05': (
    'Das schwarze Stück Papier befindet sich da oben neben dem Holzstück.'
  ),
  'a07': 'In sieben Stunden wird es soweit sein.',
  'b01': 'Was sind denn das für Tüten, die da unter dem Tisch stehen?',
  'b02': (
    'Sie haben es gerade hochgetragen und jetzt gehen sie wieder runter.'
  ),
  'b03': (
    'An den Wochenenden bin ich jetzt immer nach Hause gefahren und habe Agnes '
    'besucht.'
  ),
  'b09': 'Ich will das eben weg-bringen und dann mit Karl was trinken gehen.',
  'b10': 'Die wird auf dem Platz sein, wo wir sie immer hinlegen.',
}
# What eSpeak NG gives for them.
_SOUNDS = (
  'a aɪ aʊ b d eː f h iː j k l m n oː p r s t ts uː v x yː z ç ŋ œ ɑː ɔ ɔø ə ɛ '
  'ɜ ɡ ɪ ɾ ʃ ʊ ʏ'
)
SYMBOLS = tuple(_SOUNDS.split())

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


def read_phonemes(utterances: Sequence[Utterance]) -> list[tuple[str, ...]]:
  """Returns the phonemes of each utterance; none for an eleventh sentence.

  Raises:
    InputError: if the library is not installed.
  """
  spoken = pronounced()
  return [spoken.get(utterance.text, ()) for utterance in utterances]


@functools.cache
def pronounced() -> dict[str, tuple[str, ...]]:
  """Returns text -> phonemes, by eSpeak NG through phonemizer."""
  try:
    import espeakng_loader
    from phonemizer.backend.espeak import wrapper
    from phonemizer.phonemize import phonemize
    from phonemizer.separator import Separator
  except ImportError as error:
    raise extras.missing(
      'phonemes of EMO-DB need',
      'phonemes',
      'set model.phonemes=0 to read sound alone',
    ) from error
  # The library comes in a package of its own, with the data that belong to it.
  wrapper.EspeakWrapper.set_library(espeakng_loader.get_library_path())
  wrapper.EspeakWrapper.set_data_path(espeakng_loader.get_data_path())
  lines = phonemize(
    list(SENTENCES.values()),
    language='de',
    separator=Separator(phone=' ', word='|', syllable=''),
    strip=True,
    language_switch='remove-flags',  # a name may be read as one of English
  )
  return {
    text: tuple(line.replace('|', ' ').split())
    for text, line in zip(SENTENCES, lines, strict=True)
  }


ENTRY = CorpusEntry(
  name='emodb',
  read=lambda source: emodb(source.root),
  folder='emodb',
  published=PUBLISHED,
  phonemes=Phonemes(
    symbols=SYMBOLS,
    silent=(),
    read=read_phonemes,
    remark=(
      'phonemes tell which of ten sentences is said, and EMO-DB has each in every '
      'emotion by design, so that they carry no emotion.'
    ),
  ),
)
