"""Curves for MLflow, one of its runs for a training.

`MLFLOW_TRACKING_URI` says where they go; without it a database, RUN/mlflow.db,
which `mlflow ui --backend-store-uri sqlite:///RUN/mlflow.db` shows. (Folders of
files, its default of before, are refused since MLflow 3.)
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from sernet_jax.common import extras, trees
from sernet_jax.common.errors import InputError, first_line
from sernet_jax.results import run_folder
from sernet_jax.runs.logs import scalars
from sernet_jax.runs.logs.scalars import Write

EXPERIMENT = 'sernet_jax'
FILE = 'mlflow.db'
_NOT_IN_NAMES = re.compile(r'[^\w./ -]')
_MAX_PARAMETER = 500  # characters


@contextlib.contextmanager
def writer(
  folder: pathlib.Path, settings: Mapping[str, Any]
) -> Iterator[Write]:
  """Begins a run; each fold (and seed) has curves of its own over the epochs.

  Args:
    folder: of the training.
    settings: its config, kept as parameters.

  Raises:
    InputError: if mlflow is not installed, or its store cannot be used.
  """
  try:
    import mlflow
    from mlflow import exceptions
  except ImportError as error:
    raise extras.missing(
      'train.loggers=mlflow needs', 'mlflow', 'leave it out'
    ) from error
  place = os.environ.get('MLFLOW_TRACKING_URI') or (
    f'sqlite:///{folder.absolute() / FILE}'
  )
  try:
    client = mlflow.MlflowClient(tracking_uri=place)
    found = client.get_experiment_by_name(EXPERIMENT)
    number = (
      found.experiment_id if found else client.create_experiment(EXPERIMENT)
    )
    run = client.create_run(number, run_name=folder.absolute().name)
    for field, value in trees.flatten(settings).items():
      client.log_param(run.info.run_id, field, str(value)[:_MAX_PARAMETER])
  except (exceptions.MlflowException, OSError) as error:
    raise InputError(
      f'MLflow cannot keep a run in {place} ({first_line(error)}); correct '
      'MLFLOW_TRACKING_URI, or leave mlflow out of train.loggers'
    ) from error

  def write(row: Mapping[str, Any]) -> None:
    trial = _NOT_IN_NAMES.sub('_', run_folder.trial_of(row))
    for name, value in scalars.of_row(row).items():
      client.log_metric(
        run.info.run_id, f'{trial}/{name}', value, step=row['epoch']
      )

  status = 'FAILED'
  try:
    yield write
    status = 'FINISHED'
  finally:
    client.set_terminated(run.info.run_id, status)
