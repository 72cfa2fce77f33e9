"""Curves for TensorBoard, an optional extra."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping
from typing import Any

from sernet_jax.common.errors import InputError
from sernet_jax.results import run_folder

_SCALARS = ('loss', 'wa', 'uar')


class _Silent:
  """Stands in when no logs are wanted."""

  def __enter__(self):
    return self

  def __exit__(self, *error):
    pass

  def write(self, row: Mapping[str, Any]) -> None:
    """Drops a row of metrics.jsonl."""


class _Writer(_Silent):
  """One event file per fold (and seed) under RUN/tensorboard."""

  def __init__(self, folder: pathlib.Path, make):
    self._folder, self._make = folder, make
    self._writers: dict[str, Any] = {}

  def __exit__(self, *error):
    for writer in self._writers.values():
      writer.close()

  def write(self, row: Mapping[str, Any]) -> None:
    """Adds a row of metrics.jsonl."""
    fold = run_folder.trial_of(row)
    if fold not in self._writers:
      self._writers[fold] = self._make(str(self._folder / fold))
    for part in ('train', 'validation', 'test'):
      for name in _SCALARS:
        if part in row:
          self._writers[fold].add_scalar(
            f'{part}/{name}', row[part][name], row['epoch']
          )
    self._writers[fold].add_scalar(
      'learning_rate', row['learning_rate'], row['epoch']
    )


def writer(folder: pathlib.Path, wanted: bool) -> _Silent:
  """A context manager with `write(row)`.

  Raises:
    InputError: if logs are wanted and tensorboardX is not installed.
  """
  if not wanted:
    return _Silent()
  try:
    import tensorboardX
  except ImportError as error:
    raise InputError(
      'train.tensorboard is True but tensorboardX is not installed; run '
      "pip install 'sernet_jax[tensorboard]' or leave it False"
    ) from error
  return _Writer(folder / 'tensorboard', tensorboardX.SummaryWriter)
