"""From trained states to what a run reports."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import Any

import jax
import numpy as np

from sernet_jax import cost, crossing, files, metrics, optim, training
from sernet_jax.batching import FoldArrays
from sernet_jax.config import Experiment
from sernet_jax.corpora import Corpus
from sernet_jax.feature_cache import CorpusFeatures
from sernet_jax.protocols import Fold
from sernet_jax.records import RunFolder
from sernet_jax.spec import OptimSpec, require
from sernet_jax.training import Recipe

DTYPES = ('float16', 'float32')


def recipe(experiment: Experiment, corpus: Corpus) -> Recipe:
  """What training compiles, with the corpus' number of classes."""
  return Recipe(
    model=experiment.model_for(len(corpus.classes)),
    loss=experiment.loss,
    optim=experiment.optim,
    batch_size=experiment.train.batch_size,
    seed=experiment.seed,
    selections=selections(experiment)[1:],
  )


def selections(experiment: Experiment) -> tuple[str, ...]:
  """Names of the selections a run reports, `last` first."""
  if experiment.protocol.name == 'all':
    return ('last',)
  if experiment.protocol.validation == 'none':
    return ('last', 'best_on_test')
  return ('last', 'validation', 'best_on_test')


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
      files.read_json(path, ('folds',)) == content,
      f'{path} names other utterances, labels or folds than '
      f'{corpus.name} has now ({len(corpus.utterances)} utterances); restore '
      'the recordings or choose another --workdir',
    )
  else:
    files.write_json(path, content)


def metrics_row(
  fold: Fold, epoch: int, spec: OptimSpec, values: dict[str, Any]
) -> dict[str, Any]:
  """One line of metrics.jsonl; `epoch` is counted from 0."""
  row: dict[str, Any] = {
    'fold': fold.name,
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
  recipe: Recipe,
  features: jax.Array,
  data: CorpusFeatures,
  arrays: Sequence[FoldArrays],
  folds: Sequence[Fold],
  states: Sequence[Any],
) -> list[dict[str, Any]]:
  """Every test of every selection, with fp16-rounded and float32 weights."""
  predict = training.compile_predict(recipe)
  classes = data.corpus.classes
  rows = []
  for fold, fold_arrays, state in zip(folds, arrays, states, strict=True):
    for selection, epoch, params, stats in _weights(state):
      for dtype in DTYPES:
        used = {'params': params, 'stats': stats}
        if dtype == 'float16':
          used = training.round_to_fp16(used)
        found = np.asarray(predict(features, fold_arrays.test, **used))
        for place, shares in zip(fold.test, found, strict=False):
          utterance = data.corpus.utterances[place]
          rows.append(
            {
              'selection': selection,
              'weights_dtype': dtype,
              'fold': fold.name,
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
  for name, best in state['best'].items():
    yield name, int(best['epoch']), best['params'], best['stats']


def make(
  experiment: Experiment,
  recipe: Recipe,
  data: CorpusFeatures,
  tests: list[dict[str, Any]],
  done: np.ndarray,
  folder: RunFolder,
) -> dict[str, Any]:
  """Writes predictions.csv, examples.npz and results.json.

  Args:
    experiment: the settings.
    recipe: of the training.
    data: features and corpus.
    tests: from `predictions`, folds in the protocol's order.
    done: (folds,), epochs completed.
    folder: of the run.

  Returns:
    The content of results.json.
  """
  corpus = data.corpus
  folds = dict.fromkeys(row['fold'] for row in tests)
  epochs_done = dict(zip(folds, np.asarray(done).tolist(), strict=True))

  def summary(selection: str, dtype: str) -> dict[str, Any]:
    rows = [
      row
      for row in tests
      if (row['selection'], row['weights_dtype']) == (selection, dtype)
    ]
    epochs = {
      row['fold']: row['epoch'] or epochs_done[row['fold']] for row in rows
    }
    return metrics.selection_from_predictions(rows, corpus.classes, epochs)

  reported = selections(experiment)
  frames, coefficients = data.features.shape[1:]
  results = {
    'corpus': corpus.name,
    'synthetic': corpus.synthetic,
    'protocol': experiment.protocol.name,
    'validation': experiment.protocol.validation,
    'classes': list(corpus.classes),
    'epochs': min(epochs_done.values()),
    'seed': experiment.seed,
    'num_utterances': len(corpus.utterances),
    'num_segments': len(data.features),
    'skipped_files': data.skipped,
    'weights_dtype': DTYPES[0],
    'selections': {name: summary(name, DTYPES[0]) for name in reported},
    'selections_float32': {name: summary(name, DTYPES[1]) for name in reported},
    'cost': cost.cost(recipe.model, frames, coefficients),
    'seconds': sum(row['seconds'] for row in folder.read_metrics()),
  }
  if experiment.protocol.name in crossing.PROTOCOLS:
    results['crossed'] = crossing.summary(
      experiment.protocol.name,
      sorted({u.corpus for u in corpus.utterances}),
      corpus.classes,
      [
        row
        for row in tests
        if row['weights_dtype'] == DTYPES[0] and row['selection'] in reported
      ],
    )
  folder.write_predictions(tests, corpus.classes)
  _write_examples(data, folder)
  folder.write_results(results)
  return results


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
