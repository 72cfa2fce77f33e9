"""Curves for TensorBoard, an optional extra."""

from __future__ import annotations

import contextlib
import pathlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sernet_jax.common import files
from sernet_jax.common.errors import InputError
from sernet_jax.results import run_folder

_SCALARS = ('loss', 'wa', 'uar')

# Takes rows of metrics.jsonl.
Write = Callable[[Mapping[str, Any]], None]


def writer(
  folder: pathlib.Path, wanted: bool
) -> contextlib.AbstractContextManager[Write]:
  """Opens one event file per fold (and seed) under RUN/tensorboard.

  Args:
    folder: of the run.
    wanted: False drops the rows.

  Raises:
    InputError: if logs are wanted and tensorboardX is not installed.
  """
  if not wanted:
    return contextlib.nullcontext(lambda row: None)
  try:
    import tensorboardX
  except ImportError as error:
    raise InputError(
      'train.tensorboard is True but tensorboardX is not installed; run '
      "pip install tensorboardX, or in a clone pip install -e '.[tensorboard]' or leave it False"
    ) from error
  return _writing(folder / 'tensorboard', tensorboardX.SummaryWriter)


@contextlib.contextmanager
def _writing(folder: pathlib.Path, make: Callable[..., Any]) -> Iterator[Write]:
  writers: dict[str, Any] = {}

  def write(row: Mapping[str, Any]) -> None:
    trial = run_folder.trial_of(row)
    if trial not in writers:
      writers[trial] = make(str(folder / files.file_name(trial, kept=' ')))
    add, epoch = writers[trial].add_scalar, row['epoch']
    for part in ('train', 'validation', 'test'):
      for name in _SCALARS:
        if part in row:
          add(f'{part}/{name}', row[part][name], epoch)
    add('learning_rate', row['learning_rate'], epoch)

  try:
    yield write
  finally:
    for one in writers.values():
      one.close()
