"""Bundles from the folder of a run, one for each of its folds."""

from __future__ import annotations

import os
from collections.abc import Callable

import sernet_jax
from sernet_jax.nn import network
from sernet_jax.predict.bundle import Bundle
from sernet_jax.results import caveats, run_folder
from sernet_jax.results.selections import LAST, SELECTIONS
from sernet_jax.runs.weights import history
from sernet_jax.runs.weights.of_run import (
  FoldWeights as FoldWeights,
  settings_of as settings_of,
  trial_names as trial_names,
  weights_of_run as weights_of_run,
)
from sernet_jax.training.recipes import Weights


def warning(workdir: str | os.PathLike[str], selection: str = LAST[0]) -> str:
  """Returns the sentence that stands above whatever a run's weights say, or ''.

  Args:
    workdir: as for `weights_of_run`.
    selection: likewise.
  """
  if selection != LAST[0]:
    return ''
  return caveats.stale(
    run_folder.RunFolder(workdir, run_folder.MADE).read_results()
  )


def from_run(
  workdir: str | os.PathLike[str],
  selection: str = LAST[0],
  adapt: Callable[[Weights, Weights], Weights] | None = None,
) -> list[Bundle]:
  """Makes a bundle of every fold from the newest checkpoint of a run.

  Args:
    workdir: as for `weights_of_run`.
    selection: likewise.
    adapt: from (params, stats) of a network to stats of a voice, see
      `inference.enrolment`.

  Returns:
    Bundles in the order of the folds; `about['fold']` names each. The weights
    are the checkpoint's float32 ones.

  Raises:
    InputError: as `weights_of_run`.
  """
  spec, folds = weights_of_run(workdir, selection)
  folder = run_folder.RunFolder(workdir, run_folder.MADE)
  experiment, results = settings_of(folder), folder.read_results()
  names = [fold['name'] for fold in folder.read_folds()]
  about = {
    'name': experiment.name,
    'corpus': results.corpus,
    'synthetic': 'yes' if results.synthetic else 'no',
    'protocol': results.protocol,
    'selection': selection,
    'loss': experiment.loss.name,
    'sernet_jax': sernet_jax.__version__,
    **({'adapted': 'to recordings of one speaker'} if adapt else {}),
  }
  return [
    Bundle(
      model=spec,
      mfcc=experiment.mfcc,
      feature_kind=experiment.feature_kind,
      audio=experiment.test_audio,
      classes=results.classes,
      folded=network.fold(
        spec,
        fold.params,
        adapt(fold.params, fold.stats) if adapt else fold.stats,
      ),
      dimensions=results.dimensions,
      about={
        **about,
        # All folds of the first seed come first.
        'seed': str(experiment.seeds[k // len(names)]),
        'fold': fold.name,
        'epoch': str(fold.epoch),
        'heard': history.to_text(
          history.of_fold(
            folder,
            # A selection that looked at the tests has heard all of the corpus.
            '' if SELECTIONS[selection].optimistic else names[k % len(names)],
            results.corpus,
          )
        ),
      },
    )
    for k, fold in enumerate(folds)
  ]
