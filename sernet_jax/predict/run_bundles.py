"""Bundles from the folder of a run, one for each of its folds."""

from __future__ import annotations

import os

import sernet_jax
from sernet_jax.nn import folded
from sernet_jax.predict.bundle import Bundle
from sernet_jax.results import run_folder
from sernet_jax.runs.weights.of_run import (
  FoldWeights as FoldWeights,
  settings_of as settings_of,
  trial_names as trial_names,
  weights_of_run as weights_of_run,
)


def from_run(
  workdir: str | os.PathLike[str], selection: str = 'last'
) -> list[Bundle]:
  """Makes a bundle of every fold from the newest checkpoint of a run.

  Args:
    workdir: as for `weights_of_run`.
    selection: likewise.

  Returns:
    Bundles in the order of the folds; `about['fold']` names each. The weights
    are the checkpoint's float32 ones.

  Raises:
    InputError: as `weights_of_run`.
  """
  spec, folds = weights_of_run(workdir, selection)
  folder = run_folder.RunFolder(workdir)
  experiment, results = settings_of(folder), folder.read_results()
  about = {
    'name': experiment.name,
    'corpus': results.corpus,
    'synthetic': 'yes' if results.synthetic else 'no',
    'protocol': results.protocol,
    'selection': selection,
    'seed': str(experiment.seed),
    'loss': experiment.loss.name,
    'sernet_jax': sernet_jax.__version__,
  }
  return [
    Bundle(
      model=spec,
      mfcc=experiment.mfcc,
      feature_kind=experiment.feature_kind,
      audio=experiment.test_audio,
      classes=results.classes,
      folded=folded.fold(spec, fold.params, fold.stats),
      about={**about, 'fold': fold.name, 'epoch': str(fold.epoch)},
    )
    for fold in folds
  ]
