"""Who said what with which emotion: one function per corpus.

Each function turns a root folder into a `Corpus`: sorted utterances with
label and speaker, and the sentences about whatever was left out. `load`
picks one by name and checks it; `keep` drops recordings that turned out bad.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
import re

from sernet_jax.common import files
from sernet_jax.common.errors import InputError, require, require_choice
from sernet_jax.corpora.readers import acted, audformat_tables, catalog
from sernet_jax.corpora.readers.iemocap import iemocap
from sernet_jax.corpora.readers.manifest import manifest
from sernet_jax.corpora.synthetic import speech
from sernet_jax.corpora.utterances import Corpus, Utterance, check, keep

__all__ = [
  'Corpus',
  'Utterance',
  'check',
  'embedded',
  'emodb',
  'iemocap',
  'keep',
  'load',
  'manifest',
]

# By the names of their files, see `acted`.
_ACTED = {
  'cremad': acted.cremad,
  'emovo': acted.emovo,
  'nemo': acted.nemo,
  'ravdess': acted.ravdess,
  'savee': acted.savee,
  'shemo': acted.shemo,
  'tess': acted.tess,
}
# Halves of the synthetic corpus, to try joining and crossing offline.
_HALVES = {
  'embedded_high': ('04', '05', '06'),
  'embedded_low': ('01', '02', '03'),
}
NAMES = (
  'emodb',
  'iemocap',
  'manifest',
  'audformat',
  'embedded',
  *_HALVES,
  *_ACTED,
)
EMODB_FILES = 535
EMODB_SPEAKERS = ('03', '08', '09', '10', '11', '12', '13', '14', '15', '16')
EMODB_LABELS = {
  'W': 'anger',
  'L': 'boredom',
  'E': 'disgust',
  'A': 'fear',
  'F': 'happiness',
  'N': 'neutral',
  'T': 'sadness',
}
_EMODB_NAME = re.compile(r'([0-9]{2})([a-z][0-9]{2})([^\W\d_])([a-z])')

PathLike = str | os.PathLike


def load(
  name: str,
  root: PathLike = '',
  manifest_path: PathLike = '',
  part: str = 'all',
  excited: bool | None = None,
) -> Corpus:
  """A corpus by its name, checked.

  Args:
    name: one of `NAMES`.
    root: its folder; '' for the default of each corpus.
    manifest_path: the CSV file; for 'manifest' only.
    part: 'all', 'improvised' or 'scripted'; for 'iemocap' only.
    excited: see `iemocap`.

  Raises:
    InputError: as the function of the corpus and `check`.
  """
  require_choice('data.corpus', name, NAMES)
  require(
    not manifest_path or name == 'manifest',
    f'data.manifest is {str(manifest_path)!r} but data.corpus is {name!r}; add '
    '--config.data.corpus=manifest or drop the manifest',
  )
  if name in _ACTED:
    corpus = _ACTED[name](root or files.cache_dir() / name)
  elif name in _HALVES:
    corpus = _of_speakers(embedded(root), name, _HALVES[name])
  else:
    corpus = {
      'emodb': lambda: emodb(root),
      'iemocap': lambda: iemocap(root, part, excited),
      'manifest': lambda: manifest(manifest_path, root),
      'audformat': lambda: audformat_tables.load(root),
      'embedded': lambda: embedded(root),
    }[name]()
  if corpus.name == 'iemocap-all':  # the published choice of turns
    corpus = catalog.compared(corpus, 'iemocap', files.absolute(root))
  check(corpus)
  return corpus


def emodb(root: PathLike = '') -> Corpus:
  """The Berlin Database of Emotional Speech: 535 utterances, 7 classes.

  A file name such as `03a01Fa.wav` holds speaker, text, emotion letter and
  version (Burkhardt et al., Interspeech 2005); `group` is the text.

  Args:
    root: the folder that holds `wav/`, or `wav/` itself; '' for the place
      where `python -m sernet_jax.download emodb` puts it.

  Raises:
    InputError: if there is no recording, or a name does not fit.
  """
  folder = files.absolute(root or files.cache_dir() / 'emodb')
  paths = _wav_files(folder)
  require(
    bool(paths),
    f'{folder} holds no EMO-DB recordings; get them with '
    '`python -m sernet_jax.download emodb`, or name the folder that holds '
    'their wav/ with --config.data.root=',
  )
  utterances = tuple(_emodb_utterance(path) for path in paths)
  corpus = Corpus(
    'emodb',
    tuple(sorted(EMODB_LABELS.values())),
    utterances,
    expected_speakers=EMODB_SPEAKERS,
  )
  return catalog.compared(corpus, 'emodb', folder)


def embedded(root: PathLike = '') -> Corpus:
  """The synthetic corpus of the quickstart, written on first use.

  Args:
    root: where its recordings are or shall be; '' for the cache.
  """
  folder = files.absolute(
    root or files.cache_dir() / f'embedded-{speech.VERSION}'
  )
  speech.generate(folder)
  utterances = []
  for path in _wav_files(folder):
    speaker, label = speech.parse_name(path.stem)
    utterances.append(Utterance(path.stem, str(path), label, speaker))
  classes = tuple(sorted(speech.CLASSES))
  return Corpus('embedded', classes, tuple(utterances), synthetic=True)


def _of_speakers(
  corpus: Corpus, name: str, speakers: tuple[str, ...]
) -> Corpus:
  utterances = tuple(u for u in corpus.utterances if u.speaker in speakers)
  return dataclasses.replace(corpus, name=name, utterances=utterances)


def _wav_files(folder: pathlib.Path) -> list[pathlib.Path]:
  """WAV files of `folder`, or of its folder wav/, by name."""
  if (folder / 'wav').is_dir():
    folder = folder / 'wav'
  if not folder.is_dir():
    return []
  try:
    paths = sorted(folder.iterdir())
  except OSError as error:
    raise InputError(
      f'{folder} cannot be read ({error.strerror}); correct its permissions or '
      '--config.data.root='
    ) from error
  by_name = {}
  for path in paths:
    if path.suffix.lower() == '.wav' and not path.name.startswith('.'):
      require(
        path.stem not in by_name,
        f'{folder} holds {path.stem} twice, with different endings; remove one',
      )
      by_name[path.stem] = path
  return list(by_name.values())


def _emodb_utterance(path: pathlib.Path) -> Utterance:
  name = path.stem
  match = _EMODB_NAME.fullmatch(name)
  if match is None:
    raise InputError(
      f'{path} is not named like an EMO-DB recording (03a01Fa.wav: speaker, '
      'text, emotion letter, version); remove it, or describe your own corpus '
      'by a manifest (--config.data.manifest=)'
    )
  speaker, text, letter, _ = match.groups()
  letters = ', '.join(f'{k} {v}' for k, v in sorted(EMODB_LABELS.items()))
  require(
    letter in EMODB_LABELS,
    f'{path} has the emotion letter {letter!r}, which EMO-DB does not know; '
    f'rename it to one of {letters}, or remove it',
  )
  return Utterance(name, str(path), EMODB_LABELS[letter], speaker, text)
