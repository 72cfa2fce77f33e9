"""The synthetic corpus of the quickstart, and its two halves."""

from __future__ import annotations

import dataclasses
import functools

from sernet_jax.common import files
from sernet_jax.corpora.readers import by_filename
from sernet_jax.corpora.readers.entry import CorpusEntry, PathLike, Source
from sernet_jax.corpora.synthetic import speech
from sernet_jax.corpora.utterances import Corpus, Utterance

_FOLDER = f'embedded-{speech.VERSION}'
# Halves of the corpus, to try joining and crossing offline.
_HALVES = {
  'embedded_high': ('04', '05', '06'),
  'embedded_low': ('01', '02', '03'),
}


def embedded(root: PathLike) -> Corpus:
  """Reads the synthetic corpus and writes it on first use.

  Args:
    root: the folder where its recordings are or will be.
  """
  folder = files.absolute(root)
  speech.generate(folder)
  utterances = []
  for path in by_filename.wav_files(folder):
    speaker, label = speech.parse_name(path.stem)
    text = path.stem[2:5]
    utterances.append(
      Utterance(path.stem, str(path), label, speaker, text=text)
    )
  classes = tuple(sorted(speech.CLASSES))
  return Corpus('embedded', classes, tuple(utterances), synthetic=True)


def _half(source: Source, name: str) -> Corpus:
  corpus = embedded(source.root)
  utterances = tuple(u for u in corpus.utterances if u.speaker in _HALVES[name])
  return dataclasses.replace(corpus, name=name, utterances=utterances)


ENTRIES = (
  CorpusEntry('embedded', lambda source: embedded(source.root), folder=_FOLDER),
  *(
    CorpusEntry(name, functools.partial(_half, name=name), folder=_FOLDER)
    for name in _HALVES
  ),
)
