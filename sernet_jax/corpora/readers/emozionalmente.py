"""Emozionalmente: Italian, 431 speakers, recorded at home by many people."""

from __future__ import annotations

import pathlib

from sernet_jax.common import files
from sernet_jax.common.errors import require
from sernet_jax.corpora.readers import by_filename
from sernet_jax.corpora.readers.archives import ARCHIVES
from sernet_jax.corpora.readers.by_filename import Parsed
from sernet_jax.corpora.readers.entry import (
  CorpusEntry,
  PathLike,
  Published,
  each,
)
from sernet_jax.corpora.readers.tables import published_list
from sernet_jax.corpora.utterances import Corpus, Utterance

LABELS = {
  'anger': 'anger',
  'disgust': 'disgust',
  'fear': 'fear',
  'joy': 'happiness',
  'neutrality': 'neutral',
  'sadness': 'sadness',
  'surprise': 'surprise',
}
_COLUMNS = ('file_name', 'actor', 'emotion_expressed', 'sentence')


def emozionalmente(root: PathLike) -> Corpus:
  """Emozionalmente: 6902 recordings, 431 speakers, 7 classes, in Italian.

  `metadata/samples.csv` says of each file in `audio` who speaks which of 18
  sentences and which emotion was to be expressed; 16 kHz. `group` and `text`
  are the sentence. What listeners recognized (`evaluations.csv`) is not used.

  Source: https://zenodo.org/records/12616095 (Catania, Wilke and Garzotto,
  2025); CC BY 4.0.

  Args:
    root: the folder that holds metadata and audio, or one above it.

  Raises:
    InputError: if the list is damaged or there is no such recording.
  """
  folder = files.absolute(root)
  listed: dict[str, dict[str, str]] = {}
  lists = sorted(folder.glob('**/metadata/samples.csv'))
  require(
    bool(lists) or not any(by_filename.below(folder)),
    f'{folder} has no metadata/samples.csv, which says who speaks and how; give '
    'the folder of the whole archive, which holds metadata and audio',
  )
  for path in lists[:1]:
    rows = published_list.rows(path, _COLUMNS, _SOURCE)
    listed = {row['file_name']: row for _, row in rows}
  sentences = sorted({row['sentence'] for row in listed.values()})
  texts = {sentence: f's{i:02}' for i, sentence in enumerate(sentences, 1)}

  def parse(path: pathlib.Path) -> Parsed:
    row = listed.get(path.name)
    label = row and LABELS.get(row['emotion_expressed'].lower())
    if not row or not label or not row['actor']:
      return None
    text = texts[row['sentence']]
    return Utterance(path.stem, str(path), label, row['actor'], text, text=text)

  return by_filename.collect(ENTRY, folder, parse)


_SOURCE = 'https://zenodo.org/records/12616095'
ENTRY = CorpusEntry(
  name='emozionalmente',
  read=lambda source: emozionalmente(source.root),
  folder='emozionalmente',
  published=Published(
    title='Emozionalmente',
    language='Italian',
    speakers=431,
    classes=each(0, 'anger disgust fear happiness neutral sadness surprise'),
    stated=6902,
    hours=7.3,
    licence='CC BY 4.0',
    source=_SOURCE,
    paper='Catania, Wilke and Garzotto, IEEE TASLP 33, 2025',
  ),
  archive=ARCHIVES['emozionalmente'],
)
