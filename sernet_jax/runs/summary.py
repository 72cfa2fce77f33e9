"""From trained states to what a run reports."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import Any

import jax
import numpy as np

from sernet_jax.common import files
from sernet_jax.common.errors import require
from sernet_jax.corpora.feature_cache import CorpusFeatures
from sernet_jax.corpora.protocols import Fold
from sernet_jax.corpora.utterances import Corpus
from sernet_jax.nn import cost
from sernet_jax.results import (
  crossed,
  json_records,
  metrics,
  run_folder,
  selections,
  summaries,
)
from sernet_jax.results.run_folder import RUN, RunFolder
from sernet_jax.results.run_results import (
  Cost,
  Crossed,
  Results,
  SelectionResult,
)
from sernet_jax.runs.config import Experiment
from sernet_jax.training import evaluation, mapping, optim
from sernet_jax.training.batching import FoldArrays
from sernet_jax.training.recipes import Recipe
from sernet_jax.training.specs import OptimSpec

DTYPES = ('float16', 'float32')


def recipe(experiment: Experiment, corpus: Corpus) -> Recipe:
  """What training compiles, with the corpus' number of classes."""
  return Recipe(
    model=experiment.model_for(len(corpus.classes)),
    loss=experiment.loss,
    optim=experiment.optim,
    batch_size=experiment.train.batch_size,
    selections=selections.choosing(experiment.protocol),
    precision=experiment.train.precision,
  )


def check_folds(
  folder: RunFolder, corpus: Corpus, folds: Sequence[Fold]
) -> None:
  """Writes folds.json, or compares with the one of the run that goes on.

  Raises:
    InputError: if utterances, labels or folds are not those of the run.
  """

  def names(places):
    return [corpus.utterances[place].name for place in places]

  labels = [[u.name, u.label, u.speaker] for u in corpus.utterances]
  content = {
    'corpus': corpus.name,
    'fingerprint': hashlib.sha256(json.dumps(labels).encode()).hexdigest(),
    'folds': [
      {
        'name': fold.name,
        'index': fold.index,
        'train': names(fold.train),
        'validation': names(fold.validation),
        'test': names(fold.test),
      }
      for fold in folds
    ],
  }
  path = folder.path / 'folds.json'
  if path.exists():
    require(
      files.read_json(path, ('folds',), RUN) == content,
      f'{path} names other utterances, labels or folds than '
      f'{corpus.name} has now ({len(corpus.utterances)} utterances); restore '
      'the recordings or choose another --workdir',
    )
  else:
    files.write_json(path, content, RUN)


def trials(
  experiment: Experiment, folds: Sequence[Fold]
) -> list[dict[str, Any]]:
  """What names each trial in the files, in the order of their arrays.

  Returns:
    `fold`, and `seed` if the run has several: all folds of the first seed,
    then of the next.
  """
  several = len(experiment.seeds) > 1
  return [
    {'fold': fold.name, 'seed': seed} if several else {'fold': fold.name}
    for seed in experiment.seeds
    for fold in folds
  ]


def metrics_row(
  trial: dict[str, Any], epoch: int, spec: OptimSpec, values: dict[str, Any]
) -> dict[str, Any]:
  """One line of metrics.jsonl; `trial` from `trials`, `epoch` from 0."""
  row: dict[str, Any] = {
    **trial,
    'epoch': epoch + 1,
    # Through text: the shortest decimal that means this float32.
    'learning_rate': float(str(np.float32(optim.learning_rate(spec)(epoch)))),
  }
  for part, found in values.items():
    counts = np.asarray(found['confusion'])
    scores = metrics.scores(counts)
    row[part] = {
      **{k: float(found[k]) for k in ('loss', 'l2') if k in found},
      'confusion': counts.tolist(),
      'wa': scores['wa'],
      'uar': scores['uar'],
    }
  return row


def predictions(
  experiment: Experiment,
  recipe: Recipe,
  data: CorpusFeatures,
  arrays: Sequence[FoldArrays],
  folds: Sequence[Fold],
  states: Any,
) -> list[dict[str, Any]]:
  """Every test of every selection, with fp16-rounded and float32 weights.

  Args:
    experiment: the settings.
    recipe: of the training.
    data: features and corpus.
    arrays: one per trial.
    folds: of the protocol.
    states: numpy arrays stacked over the trials; `recomputed`, if it is
      there, holds statistics for `last_recomputed`.
  """
  predict = evaluation.compile_predict(recipe)
  classes = data.corpus.classes
  rows = []
  names = trials(experiment, folds)
  assert len(names) == len(arrays)
  for place, trial in enumerate(names):
    fold = folds[place % len(folds)]
    # The test set alone: the whole corpus may be too large for one device.
    test = arrays[place].test
    features = jax.device_put(np.asarray(data.features)[test.segments])
    test = test._replace(segments=np.arange(len(features), dtype=np.int32))
    state = mapping.unstack(states, place)
    for selection, epoch, params, stats in _weights(state):
      for dtype in DTYPES:
        used = {'params': params, 'stats': stats}
        if dtype == 'float16':
          used = evaluation.round_to_fp16(used)
        found = np.asarray(predict(features, test, **used))
        for tested, shares in zip(fold.test, found, strict=False):
          utterance = data.corpus.utterances[tested]
          rows.append(
            {
              'selection': selection,
              'weights_dtype': dtype,
              **trial,
              'epoch': epoch,
              'utterance': utterance.name,
              'speaker': utterance.speaker,
              'label': utterance.label,
              'predicted': classes[int(np.argmax(shares))],
              'probabilities': shares,
            }
          )
  return rows


def _weights(state) -> Iterator[tuple[str, int | None, Any, Any]]:
  yield 'last', None, state['params'], state['stats']
  if 'recomputed' in state:
    yield 'last_recomputed', None, state['params'], state['recomputed']
  for name, best in state['best'].items():
    yield name, int(best['epoch']), best['params'], best['stats']


def make(
  experiment: Experiment,
  recipe: Recipe,
  data: CorpusFeatures,
  tests: list[dict[str, Any]],
  done: np.ndarray,
  folder: RunFolder,
) -> Results:
  """Writes predictions.csv, examples.npz and results.json.

  Args:
    experiment: the settings.
    recipe: of the training.
    data: features and corpus.
    tests: from `predictions`.
    done: (trials,), epochs completed.
    folder: of the run.

  Returns:
    The results.
  """
  corpus = data.corpus
  names = dict.fromkeys(run_folder.trial_of(row) for row in tests)
  epochs_done = dict(zip(names, np.asarray(done).tolist(), strict=True))

  def summary(selection: str, dtype: str) -> SelectionResult:
    rows = [
      {**row, 'epoch': row['epoch'] or epochs_done[run_folder.trial_of(row)]}
      for row in tests
      if (row['selection'], row['weights_dtype']) == (selection, dtype)
    ]
    return summaries.from_trials(rows, corpus.classes, experiment.seeds)

  reported = selections.reported(experiment.protocol)
  frames, coefficients = data.features.shape[1:]
  results = Results(
    corpus=corpus.name,
    synthetic=corpus.synthetic,
    protocol=experiment.protocol.name,
    validation=experiment.protocol.validation,
    classes=tuple(corpus.classes),
    epochs=min(epochs_done.values()),
    seed=experiment.seed,
    seeds=tuple(experiment.seeds) if experiment.train.seeds > 1 else None,
    num_utterances=len(corpus.utterances),
    num_segments=len(data.features),
    skipped_files=data.skipped,
    weights_dtype=DTYPES[0],
    selections={name: summary(name, DTYPES[0]) for name in reported},
    selections_float32={name: summary(name, DTYPES[1]) for name in reported},
    cost=json_records.decode(
      Cost, cost.cost(recipe.model, frames, coefficients)
    ),
    seconds=sum(row['seconds'] for row in folder.read_metrics()),
    crossed=_crossed(experiment, corpus, tests, reported),
  )
  folder.write_predictions(tests, corpus.classes)
  _write_examples(data, folder)
  folder.write_results(results)
  return results


def _crossed(
  experiment: Experiment,
  corpus: Corpus,
  tests: Sequence[dict[str, Any]],
  reported: Sequence[str],
) -> Crossed | None:
  """The matrix of corpora, under the protocols that have one."""
  if not experiment.protocol.entry.crosses_corpora:
    return None
  return crossed.summary(
    experiment.protocol.name,
    sorted({u.corpus for u in corpus.utterances}),
    corpus.classes,
    [
      row
      for row in tests
      if row['weights_dtype'] == DTYPES[0] and row['selection'] in reported
    ],
  )


def _write_examples(data: CorpusFeatures, folder: RunFolder) -> None:
  """The first segment of the first utterance of every class."""
  labels = data.corpus.labels
  firsts = [int(np.flatnonzero(labels == k)[0]) for k in np.unique(labels)]
  segments = [
    int(np.flatnonzero(data.segment_utterances == place)[0]) for place in firsts
  ]
  utterances = [data.corpus.utterances[place] for place in firsts]
  folder.write_examples(
    np.stack([data.features[segment] for segment in segments]),
    [utterance.name for utterance in utterances],
    [utterance.label for utterance in utterances],
  )
