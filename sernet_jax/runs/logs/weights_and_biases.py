"""Curves for Weights & Biases, one of its runs for a training.

Where the figures go is left to its own settings: `WANDB_MODE=offline` keeps
them in RUN/wandb, for `wandb sync`, and `WANDB_PROJECT` names the project.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

from sernet_jax.common import extras
from sernet_jax.common.errors import InputError, first_line
from sernet_jax.results import run_folder
from sernet_jax.runs.logs import scalars
from sernet_jax.runs.logs.scalars import Write

PROJECT = 'sernet_jax'


@contextlib.contextmanager
def writer(
  folder: pathlib.Path, settings: Mapping[str, Any]
) -> Iterator[Write]:
  """Begins a run; each fold (and seed) has curves of its own over the epochs.

  Args:
    folder: of the training.
    settings: its config, which is kept with the curves.

  Raises:
    InputError: if wandb is not installed, or cannot begin.
  """
  try:
    import wandb
  except ImportError as error:
    raise extras.missing(
      'train.loggers=wandb needs', 'wandb', 'leave it out'
    ) from error
  try:
    run = wandb.init(
      project=os.environ.get('WANDB_PROJECT', PROJECT),
      name=folder.absolute().name,
      dir=str(folder),
      config=dict(settings),
    )
  except (wandb.Error, OSError) as error:
    raise InputError(
      f'wandb cannot begin a run ({first_line(error)}); run wandb login, set '
      'WANDB_MODE=offline, or leave it out of train.loggers'
    ) from error
  run.define_metric('epoch')
  run.define_metric('*', step_metric='epoch')

  def write(row: Mapping[str, Any]) -> None:
    trial = run_folder.trial_of(row)
    named = {
      f'{trial}/{name}': value for name, value in scalars.of_row(row).items()
    }
    run.log({**named, 'epoch': row['epoch']})

  try:
    yield write
  finally:
    run.finish()
