"""Predictions of all tests with the weights of every selection."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np

from sernet_jax.corpora.utterances import Corpus, Utterance
from sernet_jax.results.selections import (
  AVERAGED,
  CHOSEN_ON,
  LAST,
  SELECTIONS,
)
from sernet_jax.runs.config import Experiment
from sernet_jax.runs.data import Data
from sernet_jax.training import adaptation, evaluation, keys, trial_state
from sernet_jax.training.adaptation import AdaptationSpec
from sernet_jax.training.recipes import Recipe, Weights
from sernet_jax.training.trial_state import TrialState

# Types that weights are rounded to before a test.
DTYPES = ('float16', 'float32')


def of_tests(
  experiment: Experiment,
  recipe: Recipe,
  data: Data,
  states: TrialState,
  recomputed: Weights | None = None,
  averaged: tuple[Weights, Weights] | None = None,
) -> list[dict[str, Any]]:
  """Predicts every test of every selection, with fp16-rounded weights too.

  Args:
    experiment: the settings.
    recipe: of the training.
    data: features, folds and arrays of the trials.
    states: numpy arrays stacked over the trials.
    recomputed: statistics of the selections that recompute them, stacked;
      None leaves these selections out.
    averaged: moving average of the weights and its statistics, stacked; None
      if the run has none.

  Returns:
    Rows of predictions.csv, see `RunFolder.write_predictions`.
  """
  predict = evaluation.compile_predict(recipe)
  corpus = data.features.corpus
  rows = []
  names = experiment.trials([fold.name for fold in data.folds])
  assert len(names) == len(data.fold_arrays)
  for index, trial in enumerate(names):
    # All folds of the first seed, then of the next.
    fold = data.folds[index % len(data.folds)]
    # The test set alone: the whole corpus may be too large for one device.
    test = data.fold_arrays[index].test
    features = jax.device_put(data.heard(test.segments))
    test = test._replace(segments=np.arange(len(test.segments), dtype=np.int32))
    state, own, average = trial_state.unstack(
      (states, recomputed, averaged), index
    )
    adapt = _adaptation(experiment, recipe, data, index)
    for selection, epoch, params, stats in _weights(state, own, average):
      if adapt is not None:
        stats = adapt(params, stats)
      for dtype in DTYPES:
        used = {'params': params, 'stats': stats}
        if dtype == 'float16':
          used = evaluation.round_to_fp16(used)
        # (slots, outputs); the slots of padding come last.
        outputs = np.asarray(predict(features, test, **used))
        for tested, row in zip(fold.test, outputs, strict=False):
          shares, numbers = np.split(row, [len(corpus.classes)])
          utterance = corpus.utterances[tested]
          rows.append(
            {
              'selection': selection,
              'weights_dtype': dtype,
              **trial,
              'epoch': epoch,
              'utterance': utterance.name,
              'speaker': utterance.speaker,
              'label': utterance.label,
              'predicted': corpus.classes[int(np.argmax(shares))],
              'probabilities': shares,
              **_numbers(corpus, utterance, numbers),
            }
          )
  return rows


def _numbers(
  corpus: Corpus, utterance: Utterance, numbers: np.ndarray
) -> dict[str, Any]:
  """Returns annotations and outputs on their scales, {} without dimensions."""
  if not corpus.dimensions:
    return {}
  return {
    'values': list(utterance.values),
    'outputs': [
      float(dimension.from_unit(number))
      for dimension, number in zip(corpus.dimensions, numbers, strict=True)
    ],
  }


def _adaptation(
  experiment: Experiment, recipe: Recipe, data: Data, index: int
) -> Callable[[Weights, Weights], Weights] | None:
  """Returns what adapts statistics to the speaker of a test, if anything does.

  The draw of the recordings depends on the seed and the fold alone.
  """
  if not experiment.protocol.entry.adapts:
    return None
  spec = AdaptationSpec(experiment.protocol.enrolled, experiment.protocol.prior)
  fold, arrays = data.folds[index % len(data.folds)], data.fold_arrays[index]
  key = keys.derive(arrays.seed, 'enroll', fold.index)
  chosen = adaptation.enrolled(key, fold.test, spec.recordings)
  heard = data.heard_of(chosen)
  return lambda params, stats: adaptation.adapted(
    recipe, heard, params, stats, spec.prior, len(chosen)
  )


def _weights(
  state: TrialState,
  recomputed: Weights | None,
  averaged: tuple[Weights, Weights] | None,
) -> Iterator[tuple[str, int | None, Weights, Weights]]:
  """Yields selection, epoch (None: the last), params and stats."""
  for name in LAST:
    if not SELECTIONS[name].recomputed:
      yield name, None, state.params, state.stats
    elif recomputed is not None:
      yield name, None, state.params, recomputed
  if averaged is not None:
    for name in AVERAGED:
      yield name, None, *averaged
  for part, best in sorted(state.best.items()):
    yield CHOSEN_ON[part], int(best.epoch), best.params, best.stats
