"""Curves for TensorBoard, in RUN/tensorboard."""

from __future__ import annotations

import contextlib
import pathlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sernet_jax.common import extras, files
from sernet_jax.results import run_folder
from sernet_jax.runs.logs import scalars
from sernet_jax.runs.logs.scalars import Write


def writer(
  folder: pathlib.Path, settings: Mapping[str, Any]
) -> contextlib.AbstractContextManager[Write]:
  """Opens one event file per fold (and seed) under RUN/tensorboard.

  Args:
    folder: of the run.
    settings: of the run, which event files do not keep.

  Raises:
    InputError: if tensorboardX is not installed.
  """
  try:
    import tensorboardX
  except ImportError as error:
    raise extras.missing(
      'train.loggers=tensorboard or train.tensorboard=True needs',
      'tensorboard',
      'leave it out',
    ) from error
  return _writing(folder / 'tensorboard', tensorboardX.SummaryWriter)


@contextlib.contextmanager
def _writing(folder: pathlib.Path, make: Callable[..., Any]) -> Iterator[Write]:
  writers: dict[str, Any] = {}

  def write(row: Mapping[str, Any]) -> None:
    trial = run_folder.trial_of(row)
    if trial not in writers:
      writers[trial] = make(str(folder / files.file_name(trial, kept=' ')))
    for name, value in scalars.of_row(row).items():
      writers[trial].add_scalar(name, value, row['epoch'])

  try:
    yield write
  finally:
    for one in writers.values():
      one.close()
