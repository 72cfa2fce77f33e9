"""Sentences and recordings that weights have heard, of which tests are to be others.

`loso_text` promises that nobody said the tested sentences in training, and so
must the weights that a training begins with or learns from. The folder of a run
names the utterances that trained it; of files nobody knows. By the same names recordings
are found again whose speakers were renamed since.
"""

from __future__ import annotations

from collections.abc import Sequence

from sernet_jax.common.errors import require
from sernet_jax.common.text import listing
from sernet_jax.corpora.protocols import Fold
from sernet_jax.corpora.utterances import Corpus
from sernet_jax.results.run_folder import RunFolder
from sernet_jax.runs.config import Experiment
from sernet_jax.runs.data import Data
from sernet_jax.runs.weights import history
from sernet_jax.runs.weights.history import Prior, Trained


def of_run(folder: RunFolder, corpus: str) -> list[Trained | None]:
  """Returns what trained each fold of a run.

  Args:
    folder: of the run.
    corpus: its name.

  Returns:
    None for all folds if other weights, of which no names are kept, had a part.
  """
  folds = folder.read_folds()
  before = history.read(folder)
  if before.get('start') or before.get('teachers'):
    return [None] * len(folds)
  return [Trained(corpus, fold['train']) for fold in folds]


def told(prior: Prior, experiment: Experiment, data: Data) -> list[str]:
  """Says what is to be known of figures that owe something to trained weights.

  Args:
    prior: the weights.
    experiment: the settings of the run.
    data: of the same.

  Raises:
    InputError: if they have heard the tests of a protocol that promises that
      nobody has.
  """
  corpus, folds = data.features.corpus, data.folds
  protocol = experiment.protocol.entry
  apart = not protocol.mixes_speakers
  return [
    *history.cautions(prior, experiment.data, corpus, folds, apart),
    *again(prior, corpus, folds, apart),
    *(cautions(prior, corpus, folds) if protocol.new_texts else ()),
  ]


def cautions(prior: Prior, corpus: Corpus, folds: Sequence[Fold]) -> list[str]:
  """Says what is to be known of tests of sentences that nobody has said.

  Args:
    prior: the weights.
    corpus: of the run.
    folds: of the run.

  Raises:
    InputError: if they have heard sentences that the same fold tests.
  """
  text_of = {u.name: u.text for u in corpus.utterances}
  leaks: set[str] = set()
  unlike, unsure = [], []
  for fold in folds:
    tested = {corpus.utterances[index].text for index in fold.test}
    heard: set[str | None] = set()
    for one in prior.trained[fold.name]:
      if one is None or one.corpus != corpus.name:
        heard.add(None)
      else:
        heard.update(map(text_of.get, one.utterances))
    known = {text for text in heard if text in tested and text is not None}
    leaks |= known
    if known:
      unlike.append(fold.name)
    elif None in heard:
      unsure.append(fold.name)
  require(
    not leaks,
    f'{prior.setting}={prior.name} has heard sentences that are tested '
    f'({listing(sorted(leaks), 3)}; in {len(unlike)} of {len(folds)} folds, such '
    f'as {listing(unlike, 1)}), so the figures would not be of unknown ones; name '
    'a run of the same protocol.name and protocol.text_groups, or use '
    "protocol.name='loso'",
  )
  if not unsure:
    return []
  return [
    f'Training {prior.did} {prior.name}, weights that do not say which sentences they have '
    f'heard (in {len(unsure)} of {len(folds)} folds): nobody checked whether the '
    'tested ones are among them.'
  ]


def again(
  prior: Prior, corpus: Corpus, folds: Sequence[Fold], apart: bool
) -> list[str]:
  """Says of how many tests weights have heard a recording of that name.

  Args:
    prior: the weights.
    corpus: of the run.
    folds: of the run.
    apart: whether the protocol keeps tested speakers out of training.

  Raises:
    InputError: if they have, and the protocol keeps speakers apart.
  """
  found: set[str] = set()
  for fold in folds:
    tested = {corpus.utterances[index].name for index in fold.test}
    for one in prior.trained[fold.name]:
      if one is not None and one.corpus == corpus.name:
        found |= tested & set(one.utterances)
  require(
    not found or not apart,
    f'{prior.setting}={prior.name} was trained on recordings that are tested, whoever was said '
    f'to speak ({len(found)}, such as {listing(sorted(found), 2)}), so the figures '
    'would not be of unknown voices; name others, or give the list another name if '
    'these are not the same',
  )
  if not found:
    return []
  return [
    f'Training {prior.did} {prior.name}, weights that were trained on {len(found)} of the tested '
    'recordings, or others of their names: the figures say little about new ones.'
  ]
