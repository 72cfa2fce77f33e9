"""A finished run judged on segments of other lengths than it was trained on.

The network ends in an average over its whole map, so the same weights read a
segment of any length. Every fold's weights judge the fold's own tests.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from experiments.lib import cost_measured, cost_probe
from sernet_jax.audio.spec import AudioSpec
from sernet_jax.common import progress_bar
from sernet_jax.common.errors import require, require_choice
from sernet_jax.corpora.utterances import Corpus
from sernet_jax.nn import cost
from sernet_jax.predict import run_bundles
from sernet_jax.results import (
  caveats,
  metrics,
  run_folder,
  statistics,
  summaries,
)
from sernet_jax.results.selections import AVERAGED, LAST, SELECTIONS
from sernet_jax.runs import data as data_lib, predictions
from sernet_jax.runs.config import Experiment
from sernet_jax.training import batch_norm_statistics, trial_state
from sernet_jax.training.trial_state import TrialState

SEGMENTS = ('center', 'all')
DTYPE = 'float16'


def evaluate(
  workdir: str | os.PathLike[str],
  durations_s: Sequence[float],
  root: str = '',
  cache: str | os.PathLike[str] = '',
  selection: str = 'last',
) -> dict[str, Any]:
  """UAR, WA and F1 of a run at other lengths, with one segment and with all.

  Only reads the folder.

  Args:
    workdir: of a finished run with one seed.
    durations_s: lengths of a segment.
    root: of the corpus; '' for where the run found it.
    cache: folder for features; '' for the run's.
    selection: 'last', or one with BatchNorm statistics of the training set,
      then cut as the setting cuts it, so that they belong to its length.

  Returns:
    `run`: what was trained, on what, with its notes; `settings`: for each
    length and way of cutting `duration_s`, `segments`, `trained` (whether it
    is the run's own), `segments_per_utterance`, `summary` (as a selection in
    results.json) and `against_trained`: the difference from the run's own
    setting with its interval and p, Holm-corrected.

  Raises:
    InputError: if the folder is not a finished run of one seed, or the corpus is
      not there or not the one of the run.
  """
  folder = run_folder.RunFolder(workdir)
  require_choice('selection', selection, (*LAST, *AVERAGED))
  spec, weights = run_bundles.weights_of_run(folder.path, selection)
  experiment = _elsewhere(run_bundles.settings_of(folder), root, cache)
  results = folder.read_results()
  require(
    len(experiment.seeds) == 1,
    f'{workdir} has {len(experiment.seeds)} seeds; give a run of one seed',
  )
  trained, own = experiment.audio, experiment.test_audio
  asked = dict.fromkeys(
    [
      trained,
      own,
      *(
        dataclasses.replace(
          own, duration_s=float(duration_s), segments=segments
        )
        for segments in (SEGMENTS[:1] if experiment.sound else SEGMENTS)
        for duration_s in durations_s
      ),
    ]
  )
  corpus = data_lib.load_corpus(experiment)
  assert spec.num_classes == len(corpus.classes)
  states = _stacked(weights)
  epochs = {fold.name: fold.epoch for fold in weights}
  found = {
    audio: _judge(experiment, audio, corpus, folder, states, epochs, selection)
    for audio in progress_bar.make(list(asked), desc='lengths')
  }
  theirs = results.selections[selection].pooled.confusion
  ours = found[own]['summary']['pooled']['confusion']
  _compare(found, trained)
  return {
    'run': {
      'corpus': results.corpus,
      'synthetic': results.synthetic,
      'protocol': results.protocol,
      'selection': selection,
      'weights_dtype': DTYPE,
      'seeds': list(experiment.seeds),
      'epochs': results.epochs,
      'loss': experiment.loss.name,
      'duration_s': trained.duration_s,
      'test_duration_s': own.duration_s,
      'segments': own.segments,
      'command': folder.read_environment()['command'],
      'notes': caveats.notes(results),
      # Of its tests at its own length; 0 but for rounding elsewhere.
      'tests_unlike_the_run': int(
        np.abs(np.array(ours) - np.array(theirs)).sum()
      ),
    },
    'settings': list(found.values()),
  }


def costs(
  workdir: str | os.PathLike[str],
  durations_s: Sequence[float],
  repeats: int = 100,
) -> list[dict[str, Any]]:
  """Returns the cost of a segment of each length: counted, by XLA, measured.

  Args:
    workdir: as for `evaluate`.
    durations_s: lengths of a segment.
    repeats: runs that are timed.
  """
  first = run_bundles.from_run(workdir)[0]
  found = []
  for duration_s in progress_bar.make(durations_s, desc='cost'):
    model = cost_probe.at_duration(first, duration_s)
    programs = cost_measured.programs(model)
    shape = programs['network'].shape.shape
    found.append(
      {
        'duration_s': duration_s,
        'counted': cost.cost(model.model, shape[1], shape[2]),
        'xla': cost_measured.analyze(programs['plain']),
        'measured': cost_probe.probe(model, 1, repeats),
      }
    )
  return found


def _elsewhere(
  experiment: Experiment, root: str, cache: str | os.PathLike[str]
) -> Experiment:
  data = dataclasses.replace(
    experiment.data,
    root=root or experiment.data.root,
    cache_dir=os.fspath(cache) or experiment.data.cache_dir,
  )
  return dataclasses.replace(experiment, data=data)


def _stacked(weights: Sequence[run_bundles.FoldWeights]) -> TrialState:
  """Stacks the weights as a checkpoint has them, without chosen epochs."""
  return TrialState(
    best={},
    optimizer=(),
    params=trial_state.stack([fold.params for fold in weights]),
    stats=trial_state.stack([fold.stats for fold in weights]),
    step=jnp.zeros(len(weights), jnp.int32),
  )


def _judge(
  experiment: Experiment,
  audio: AudioSpec,
  corpus: Corpus,
  folder: run_folder.RunFolder,
  states: TrialState,
  epochs: dict[str, int],
  selection: str,
) -> dict[str, Any]:
  """One setting: features, probabilities, votes, scores."""
  changed = {'audio': audio}
  if experiment.sound is not None:  # what training hears stays
    changed = {'test_duration_s': audio.duration_s}
  data = data_lib.Data(dataclasses.replace(experiment, **changed), corpus)
  corpus = data.features.corpus
  data_lib.check_folds(folder, corpus, data.folds)
  recipe = experiment.recipe(len(corpus.classes))
  if SELECTIONS[selection].recomputed and audio != experiment.test_audio:
    stats = batch_norm_statistics.recompute(
      recipe,
      data.source,
      data.fold_arrays,
      states.params,
      states.stats,
      [epochs[fold.name] for fold in data.folds],
    )
    states = states._replace(stats=stats)
  rows = predictions.of_tests(experiment, recipe, data, states)
  return {
    'duration_s': audio.duration_s,
    'segments': audio.segments,
    'trained': audio == experiment.audio,
    'segments_per_utterance': len(data.features.features)
    / len(corpus.utterances),
    'summary': summaries.from_predictions(
      [row for row in rows if row['weights_dtype'] == DTYPE],
      corpus.classes,
      epochs,
    ).to_json(),
  }


def _compare(found: dict[AudioSpec, dict[str, Any]], own: AudioSpec) -> None:
  """Adds to each setting what it gains over the run's own."""
  theirs = _counts(found[own])
  others = [entry for audio, entry in found.items() if audio != own]
  for entry in _with_differences(others, theirs):
    entry['against_trained']['p_holm'] = None
  tested = [e for e in others if e['against_trained']['p'] is not None]
  corrected = statistics.holm([e['against_trained']['p'] for e in tested])
  for entry, p in zip(tested, corrected, strict=True):
    entry['against_trained']['p_holm'] = p
  found[own]['against_trained'] = None


def _with_differences(
  entries: Sequence[dict[str, Any]], theirs: np.ndarray
) -> Iterator[dict[str, Any]]:
  before = statistics.scores(theirs)
  for entry in entries:
    ours = _counts(entry)
    after = statistics.scores(ours)
    entry['against_trained'] = {
      'difference': {k: after[k] - before[k] for k in metrics.SCORES},
      'ci95': statistics.ci95(ours, theirs),
      'p': statistics.permutation_test(ours, theirs),
    }
    yield entry


def _counts(entry: dict[str, Any]) -> np.ndarray:
  """(1, speakers, C, C)."""
  return np.array([[s['confusion'] for s in entry['summary']['speakers']]])
