"""Summary of a run: results.json, predictions.csv and examples.npz."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from sernet_jax.audio import quality
from sernet_jax.common import text
from sernet_jax.corpora import joined
from sernet_jax.corpora.cache.feature_cache import CorpusFeatures
from sernet_jax.corpora.utterances import Corpus, is_unknown
from sernet_jax.nn import network
from sernet_jax.results import crossed, run_folder, summaries
from sernet_jax.results.caveats import times
from sernet_jax.results.dimensions import of_tests
from sernet_jax.results.formats import json_records
from sernet_jax.results.run_folder import RunFolder
from sernet_jax.results.run_results import (
  Cost,
  Crossed,
  Results,
  SelectionResult,
)
from sernet_jax.runs.config import Experiment
from sernet_jax.runs.predictions import DTYPES
from sernet_jax.runs.weights import history
from sernet_jax.training.optim import learning_rate
from sernet_jax.training.recipes import Recipe
from sernet_jax.training.specs import OptimSpec

# Epochs after which a network that answers with one class has learnt nothing.
_MUST_LEARN = 5
# Share of weights from before training that a moving average may have.
_BEFORE = 0.05


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
    tests: from `predictions.of_tests`.
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
    found = summaries.from_trials(rows, corpus.classes, experiment.seeds)
    names = [one.name for one in corpus.dimensions]
    return dataclasses.replace(found, dimensions=of_tests.measure(rows, names))

  reported = experiment.selections
  if recipe.model.phoneme_kinds:  # what follows is about the sound
    data = dataclasses.replace(data, features=data.features[..., :-1])
  frames, coefficients = data.features.shape[1:]
  metrics = folder.read_metrics()
  results = Results(
    corpus=corpus.name,
    synthetic=corpus.synthetic,
    protocol=experiment.protocol.name,
    validation=experiment.protocol.validation,
    choose_by=experiment.protocol.choose_by,
    classes=tuple(corpus.classes),
    epochs=min(epochs_done.values()),
    published_epochs=recipe.model.published_epochs,
    seed=experiment.seed,
    seeds=tuple(experiment.seeds) if experiment.train.seeds > 1 else None,
    num_utterances=len(corpus.utterances),
    num_segments=len(data.features),
    skipped_files=data.skipped,
    cautions=(
      *corpus.cautions,
      *quality.summary(data.notes, len(corpus.utterances)),
      *history.read(folder)['cautions'],
      *_of_shots(experiment.protocol.shots),
      *_of_joins(experiment, corpus.speakers),
      *_of_idle(experiment),
      *_of_learning(metrics),
      *_of_schedule(experiment.optim, min(epochs_done.values())),
      *_of_average(experiment.optim.average, metrics, recipe.batch_size),
    ),
    weights_dtype=DTYPES[0],
    selections={name: summary(name, DTYPES[0]) for name in reported},
    selections_float32={name: summary(name, DTYPES[1]) for name in reported},
    cost=json_records.decode(
      Cost, network.cost(recipe.model, frames, coefficients)
    ),
    seconds=sum(row['seconds'] for row in metrics),
    crossed=_crossed(experiment, corpus, tests, reported),
    dimensions=corpus.dimensions,
  )
  folder.write_predictions(
    tests, corpus.classes, [one.name for one in corpus.dimensions]
  )
  _write_examples(data, folder)
  folder.write_results(results)
  return results


def _of_shots(shots: int) -> list[str]:
  """Says that training was cut short of recordings, if it was."""
  if not shots:
    return []
  return [
    f'Each fold was trained on {shots} recordings of each class alone, drawn at '
    'random (protocol.shots), so another draw may end elsewhere.'
  ]


def _of_joins(experiment: Experiment, speakers: Sequence[str]) -> list[str]:
  """Says that no utterances were joined, if no batch had two speakers."""
  join, batches = experiment.augment.join, experiment.train.batches
  if not join:
    return []
  if batches == 'speaker':
    why = f'train.batches={batches} fills each batch from one'
  elif len(speakers) > 1:
    return []
  elif is_unknown(speakers[0]):
    why = 'nobody knows who speaks'
  else:
    why = 'there is only one'
  return [
    f'No utterances were joined, though augment.join is {join:g}: the second '
    f'is of another speaker, and {why}.'
  ]


def _of_idle(experiment: Experiment) -> list[str]:
  """Names the settings that were changed and have no part in the training."""
  made, protocol = experiment, experiment.protocol
  masks = made.augment.time_masks, made.augment.band_masks
  corpora = joined.kinds(made.data.corpora, made.data.corpus)
  iemocap = 'iemocap' in corpora.values()
  needed = {  # what the fields of a section are for, and whether it is there
    'loss.gamma': ("loss.name='focal'", made.loss.name == 'focal'),
    'loss.distillation': ('train.teachers', made.train.teacher_runs),
    'loss.temperature': ('train.teachers', made.train.teacher_runs),
    'loss.dimensions': ('data.dimensions', made.data.dimensions),
    'augment.time_mask_frames': ('augment.time_masks', masks[0]),
    'augment.band_mask_bands': ('augment.band_masks', masks[1]),
    'protocol.enrolled': (
      "protocol.name='loso_adapted'",
      protocol.entry.adapts,
    ),
    'protocol.text_groups': (
      "protocol.name='loso_text'",
      protocol.entry.new_texts,
    ),
    **{
      f'optim.decay_{name}': (
        "optim.schedule='exponential'",
        made.optim.schedule == 'exponential',
      )
      for name in ('start_epochs', 'every_epochs', 'factor')
    },
    **dict.fromkeys(('data.part', 'data.excited'), ('IEMOCAP', iemocap)),
    'loss.floor': ('losses with a logarithm', made.loss.name != 'margin'),
    'optim.cycle_epochs': (
      "optim.schedule='cosine' or 'one_cycle'",
      made.optim.schedule != 'exponential',
    ),
    'optim.l2': (
      'networks whose kernels carry it',
      any(layer.l2 for layer in made.model.layers()),
    ),
  }
  for field, what in made.model.idle().items():
    needed[f'model.{field}'] = what, False
  idle = []
  for field, (what, there) in needed.items():
    section, _, name = field.partition('.')
    spec = getattr(made, section)
    value = getattr(spec, name)
    if not there and value != getattr(type(spec), name):
      idle.append(f'{field}={value}, which is for {what}')
  if not idle:
    return []
  return [f'Settings that changed nothing: {"; ".join(idle)}.']


def _of_learning(metrics: Sequence[dict[str, Any]]) -> list[str]:
  """Says of how many folds the network answers its training with one class.

  Args:
    metrics: of each epoch of each trial, in order.
  """
  last = {run_folder.trial_of(row): row for row in metrics}
  stuck = 0
  for row in last.values():
    counts = np.asarray(row['train']['confusion'])
    answers, labels = (np.count_nonzero(counts.sum(axis)) for axis in (0, 1))
    stuck += row['epoch'] >= _MUST_LEARN and answers == 1 < labels
  if not stuck:
    return []
  return [
    f'{stuck} of {times(len(last), "training")} learnt nothing: the network gives '
    'every training example the same class after the last epoch. Lower '
    'optim.learning_rate, or set loss.floor to 0: the loss then sees how wrong '
    'the most confident answers are.'
  ]


def _of_schedule(optim: OptimSpec, epochs: int) -> list[str]:
  """Says that a training was longer or shorter than the cycle of its rate.

  Args:
    optim: the settings.
    epochs: completed.
  """
  cycle = optim.cycle_epochs
  if optim.schedule == 'exponential' or epochs == cycle:
    return []
  rate = float(learning_rate(optim)(epochs - 1))
  first = f'optim.schedule={optim.schedule} has {times(cycle, "epoch")}'
  if epochs > cycle:
    return [
      f'{first}, after which the learning rate is {rate:.1g}: the other '
      f'{epochs - cycle} of {times(epochs, "epoch")} changed next to nothing. Set '
      f'optim.cycle_epochs={epochs} to use them all.'
    ]
  return [
    f'{first}, and training ended after {epochs} of them, at a learning rate of '
    f'{rate:.1g}; train on, or set optim.cycle_epochs={epochs}.'
  ]


def _of_average(
  keep: float, metrics: Sequence[dict[str, Any]], batch_size: int
) -> list[str]:
  """Says how much of a moving average are weights from before training.

  Args:
    keep: share of the old average after a step; 0 for no average.
    metrics: of each epoch of each trial.
    batch_size: of a step.
  """
  if not keep:
    return []
  steps: collections.Counter[str] = collections.Counter()
  for row in metrics:
    examples = int(np.sum(row['train']['confusion']))
    steps[run_folder.trial_of(row)] += -(-examples // batch_size)
  fewest = min(steps.values())
  left = keep**fewest
  if left < _BEFORE:
    return []
  return [
    f'The moving average (optim.average={keep:g}) followed {times(fewest, "step")}, '
    f'so that {text.percent(left, 0)} % of it are the weights from before training; '
    'train for more steps, or set optim.average lower.'
  ]


def _crossed(
  experiment: Experiment,
  corpus: Corpus,
  tests: Sequence[dict[str, Any]],
  reported: Sequence[str],
) -> Crossed | None:
  """Returns the matrix of corpora, under the protocols that have one."""
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
  """Writes the first segment of the first utterance of every class."""
  labels = data.corpus.labels
  firsts = [int(np.flatnonzero(labels == k)[0]) for k in np.unique(labels)]
  segments = [
    int(np.flatnonzero(data.segment_utterances == first)[0]) for first in firsts
  ]
  utterances = [data.corpus.utterances[first] for first in firsts]
  folder.write_examples(
    np.stack([data.features[segment] for segment in segments]),
    [utterance.name for utterance in utterances],
    [utterance.label for utterance in utterances],
  )
