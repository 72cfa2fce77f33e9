"""History of weights: the speakers of each corpus that they have heard.

A figure on unknown voices is one only if no weights behind it ever heard them.
So each run writes `history.json`: the speakers that the weights of each fold
were trained on (or chosen on), those of the weights it started from among
them. Bundles carry the same on. Where it was never written, all of a corpus
counts as heard; so it does where nobody knows who spoke.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from sernet_jax.common import files
from sernet_jax.common.errors import InputError, require
from sernet_jax.common.text import listing
from sernet_jax.corpora import duplicates, registry
from sernet_jax.corpora.protocols import Fold
from sernet_jax.corpora.specs import DataSpec
from sernet_jax.corpora.utterances import Corpus
from sernet_jax.results.run_folder import RUN, RunFolder
from sernet_jax.runs.data import Data
from sernet_jax.runs.weights.hearing import (
  ALL,
  OWN,
  Heard,
  both,
  is_guess,
  kinds,
  known,
  may_be_any,
  speakers,
)

FILE = 'history.json'
EMODB = 'emodb'


class Trained(NamedTuple):
  """The utterances that trained weights.

  Those that chose an epoch are not among them: the speaker who does so under
  `loso_text` says the tested sentences.

  Attributes:
    corpus: its name.
    utterances: their names there.
  """

  corpus: str
  utterances: Sequence[str]


class Prior(NamedTuple):
  """Trained weights that a training begins with or learns from.

  Attributes:
    name: for people.
    heard: fold -> what they have heard.
    trained: fold -> what trained each of its weights, None if it is not known.
    setting: that names them.
    did: what the training did with them.
  """

  name: str
  heard: Mapping[str, Heard]
  trained: Mapping[str, Sequence[Trained | None]] = {}
  setting: str = 'train.start_from'
  did: str = 'started from'


def to_text(heard: Mapping[str, Sequence[str]]) -> str:
  """Writes what a bundle says under `heard`."""
  return json.dumps(dict(heard), sort_keys=True)


def of_about(about: Mapping[str, str]) -> Heard:
  """Reads what the weights of a bundle have heard.

  Args:
    about: of the bundle; older ones name the corpus alone.

  Returns:
    Empty if it says nothing.
  """
  try:
    return _checked(json.loads(about['heard']))
  except (KeyError, ValueError):
    names = filter(None, about.get('corpus', '').split('+'))
    return dict.fromkeys(names, (ALL,))


def _checked(value: Any) -> Heard:
  """Raises `ValueError` unless it is corpora with speakers."""
  if not isinstance(value, dict) or not all(
    isinstance(corpus, str)
    and isinstance(them, list)
    and all(isinstance(one, str) for one in them)
    for corpus, them in value.items()
  ):
    raise ValueError('not corpora with speakers')
  return {corpus: tuple(them) for corpus, them in value.items()}


def of_folds(
  data: DataSpec, corpus: Corpus, folds: Sequence[Fold]
) -> dict[str, Heard]:
  """Lists what the training of each fold hears, and what chooses its epoch."""
  return {
    fold.name: speakers(data, corpus, (*fold.train, *fold.validation))
    for fold in folds
  }


def of_run(data: DataSpec, loaded: Data) -> dict[str, Any]:
  """Returns what history.json says of a run that starts from random weights."""
  corpus = loaded.features.corpus
  return {'heard': of_folds(data, corpus, loaded.folds), 'cautions': []}


def read(folder: RunFolder) -> dict[str, Any]:
  """Returns the content of history.json, empty for an older run.

  Returns:
    `heard`: fold -> corpus -> speakers; and in runs that started from weights
    `start`, see `start.record`, and `cautions`, sentences; in runs with
    teachers `teachers`, see `teachers.record`.
  """
  path = folder.path / FILE
  if not path.exists():
    return {'heard': {}, 'cautions': []}
  content = files.read_json(path, {'heard': dict, 'cautions': list}, RUN)
  try:
    for heard in content['heard'].values():
      _checked(heard)
    if not all(isinstance(text, str) for text in content['cautions']):
      raise ValueError('a caution is not a text')
    start, teachers = content.get('start'), content.get('teachers', [])
    if not isinstance(teachers, list):
      raise ValueError('teachers are not a list')
    for one in (*teachers, *([] if start is None else [start])):
      if not isinstance(one, dict) or not isinstance(one.get('sha256'), str):
        raise ValueError('weights have no SHA-256')
  except ValueError as error:
    raise InputError(
      f'{path} is damaged ({error}); delete the run folder and train it again'
    ) from error
  return content


def write(folder: RunFolder, content: Mapping[str, Any]) -> None:
  """Writes history.json."""
  files.write_json(folder.path / FILE, content, RUN)


def of_fold(folder: RunFolder, fold: str, corpus: str) -> Heard:
  """Returns what the weights of a fold have heard.

  Args:
    folder: of the run.
    fold: its name.
    corpus: of the run, for older runs, whose corpus counts as heard whole.
  """
  heard = read(folder)['heard'].get(fold)
  if heard is None:
    return dict.fromkeys(corpus.split('+'), (ALL,))
  return _checked(heard)


def cautions(
  prior: Prior,
  data: DataSpec,
  corpus: Corpus,
  folds: Sequence[Fold],
  apart: bool,
) -> list[str]:
  """Says what is to be known of figures that owe something to trained weights.

  Args:
    prior: the weights.
    data: the settings that the corpus was loaded with.
    corpus: of the run.
    folds: of the run.
    apart: whether the protocol keeps tested speakers out of training.

  Raises:
    InputError: if they have heard speakers of a protocol whose tests are of
      voices never heard.
  """
  total = both(*prior.heard.values())
  # Recordings under other names: index -> their speaker in EMO-DB.
  copies: dict[int, str] = {}
  kind_of = kinds(data)
  if EMODB in total and set(kind_of.values()) != {EMODB}:
    copies = {
      index: speaker
      for index, speaker in duplicates.of_emodb(corpus).items()
      if kind_of[corpus.utterances[index].corpus] != EMODB
    }

  def leaks(fold: Fold, part: np.ndarray) -> list[str]:
    # What the weights of a fold have heard is in question for its own parts.
    same = {EMODB: [copies[i] for i in part if i in copies]}
    return known(
      prior.heard[fold.name], both(speakers(data, corpus, part), same)
    )

  all_leaks = sorted({one for fold in folds for one in leaks(fold, fold.test)})
  guess = is_guess(total, all_leaks)
  require(
    not all_leaks or not apart,
    f'{prior.setting}={prior.name} {"may have" if guess else "has"} heard speakers that '
    f'are tested{" (who spoke is not known)" if guess else ""} '
    f'({listing(all_leaks, 5)}{_copies(copies)}), so the figures would not be of '
    'unknown voices; name others, test other recordings, or use a '
    "protocol that mixes speakers, such as protocol.name='random10'",
  )
  first = f'Training {prior.did} {prior.name}, weights that'
  return [
    _of_tests(data, corpus, first, total, copies, all_leaks),
    *_of_validation([leaks(fold, fold.validation) for fold in folds], first),
  ]


def _of_validation(leaks: Sequence[Sequence[str]], first: str) -> list[str]:
  """Says that weights know those who choose the epoch, if they do.

  No refusal: the tests stay unheard, and weights whose own epoch was chosen on
  these speakers are the usual ones to begin with.

  Args:
    leaks: for each fold the speakers held out for this that were heard.
    first: words of the sentence.
  """
  who = sorted({one for found in leaks for one in found})
  if not who:
    return []
  return [
    f'{first} have heard speakers who choose the epoch ({listing(who, 5)}; in '
    f'{sum(map(bool, leaks))} of {len(leaks)} folds): their scores are not of '
    'unknown voices, and the epoch chosen may not be the best for one.'
  ]


def _of_tests(
  data: DataSpec,
  corpus: Corpus,
  first: str,
  total: Heard,
  copies: Mapping[int, str],
  leaks: Sequence[str],
) -> str:
  """Says what trained weights know of the tests, or might.

  Args:
    data: the settings that the corpus was loaded with.
    corpus: of the run.
    first: words of the sentence.
    total: what the weights of all folds have heard.
    copies: index of a recording that is one of EMO-DB -> its speaker there.
    leaks: tested speakers that were heard.
  """
  them = listing([_counted(corpus, them) for corpus, them in total.items()], 5)
  if not total:
    return (
      f'{first} do not say whom they have heard; nobody knows whether the tests '
      'were among it.'
    )
  first = f'{first} have heard {them}'
  if leaks:
    guess = ' may be' if is_guess(total, leaks) else ''
    return (
      f'{first}: {len(leaks)} of the tested speakers{guess} among them, perhaps '
      'in the very recordings that are tested, so the figures say little about '
      'new ones.'
    )
  # A person's own list may hold recordings of a known corpus, converted.
  tested = set(speakers(data, corpus, range(len(corpus.utterances))))
  own = tested - set(total)
  if own and set(kinds(data).values()) & set(OWN):
    if set(total) == {EMODB}:
      if copies:
        return (
          f'{first}; {len(copies)} recordings are files of EMO-DB, byte for byte, '
          'of speakers that are not; whether converted ones are among the others, '
          'nobody checked.'
        )
      return (
        f'{first}; no file of {listing(sorted(own), 3)} is one of EMO-DB byte '
        'for byte, but whether converted ones are among them, nobody checked.'
      )
    return (
      f'{first}; whether recordings of {listing(sorted(own), 3)} are among it, '
      'under other names, nobody checked.'
    )
  # And so may the one that the weights have heard.
  lists = [name for name in total if name not in registry.CORPORA]
  if own and lists:
    return (
      f'{first}, and none of the tested speakers by name; whether recordings of '
      f'{listing(sorted(own), 3)} are in {listing(lists, 3)}, under other names, '
      'nobody checked.'
    )
  return f'{first}, and none of the tested speakers.'


def _copies(found: Mapping[int, str]) -> str:
  if not found:
    return ''
  are = 'recording is a file' if len(found) == 1 else 'recordings are files'
  return f'; {len(found)} {are} of EMO-DB, byte for byte'


def _counted(corpus: str, them: Sequence[str]) -> str:
  """Writes 'emodb (10 speakers)'."""
  if may_be_any(them):
    return f'{corpus} (any of its speakers)'
  return f'{corpus} ({len(them)} speaker{"" if len(them) == 1 else "s"})'
