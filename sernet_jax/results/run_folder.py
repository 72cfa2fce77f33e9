"""The files of one run, written so that a kill at any moment leaves them whole.

A file that is rewritten (JSON, CSV, arrays) is written beside itself, forced
to the disk and renamed; `metrics.jsonl` only grows, a line per fold and
epoch, and a line broken by a kill is dropped by the next reader. What a run
did can be read from its folder alone.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from sernet_jax.common import files, locks
from sernet_jax.common.errors import InputError, require
from sernet_jax.results.formats import (
  array_file,
  json_records,
  metric_lines,
  predictions_csv,
  results_json,
)
from sernet_jax.results.run_results import Results

# What to do about a file of a run.
RUN = files.Cure(
  '--workdir', 'run the training command with this --workdir again'
)
# The same for commands that only read it.
MADE = files.Cure('', 'run the training command of that run again')
# Fields of a config that readers of a run use as they are.
_TEXTS = (
  ('data', 'root'),
  ('data', 'corpus'),
  ('data', 'corpora'),
  ('features', 'preset'),
  ('features', 'kind'),
)
# Statistics that BatchNorm keeps of each block.
_MOMENTS = ('mean', 'variance')


class RunFolder:
  """Paths of a run and the reading and writing of its files.

  Readers raise `InputError` for a file that is missing or damaged, writers
  for a folder that cannot be written (a full disk, no permission).
  """

  def __init__(self, path: str | os.PathLike[str], cure: files.Cure = RUN):
    self._cure = cure
    self.path = pathlib.Path(path)
    self.config = self.path / 'config.json'
    self.environment = self.path / 'environment.json'
    self.folds = self.path / 'folds.json'
    self.metrics = self.path / 'metrics.jsonl'
    self.results = self.path / 'results.json'
    self.predictions = self.path / 'predictions.csv'
    self.examples = self.path / 'examples.npz'
    self.statistics = self.path / 'statistics.npz'
    self.average_statistics = self.path / 'average_statistics.npz'
    self.report = self.path / 'report.html'
    self.figures = self.path / 'figures'
    self.checkpoints = self.path / 'checkpoints'
    self.lock_file = self.path / 'run.lock'

  def __repr__(self) -> str:
    return f'RunFolder({str(self.path)!r})'

  @contextlib.contextmanager
  def lock(self) -> Iterator[None]:
    """Holds the folder for this process; makes the folder if need be.

    What killed processes left half written in it is removed.

    Raises:
      InputError: if another run holds it.
    """
    files.make_folder(self.path, self._cure)
    with contextlib.ExitStack() as stack:
      with files.writing(self.lock_file, self._cure):
        try:
          stack.enter_context(locks.hold(self.lock_file))
        except locks.Held as held:
          raise InputError(
            f'{self.path} is in use by {held.holder}; wait for it or choose '
            'another --workdir'
          ) from None
        except locks.NoLocks as error:
          raise InputError(
            f'{self.lock_file} cannot be locked ({error.strerror}); choose a '
            '--workdir on a file system with locks, such as a local disk'
          ) from error
      for folder in (self.path, self.figures):
        files.remove_leftovers(folder)
      yield

  def write_config(self, config: Mapping[str, Any]) -> None:
    """Writes config.json."""
    files.write_json(self.config, config, self._cure)

  def read_config(self) -> dict[str, Any]:
    """Returns the nested dict of the config.

    Raises:
      InputError: if the file is missing or damaged.
    """
    sections = ('data', 'features', 'protocol', 'train')
    config = files.read_json(
      self.config, dict.fromkeys(sections, dict), self._cure
    )
    for section, field in _TEXTS:
      value = config[section].get(field, '')
      require(
        isinstance(value, str),
        f'{self.config} is damaged ({section}.{field} is {value!r:.40}); '
        'write there what the training command sets',
      )
    return config

  def write_environment(self, environment: Mapping[str, Any]) -> None:
    """Writes environment.json; see `environment`."""
    files.write_json(self.environment, environment, self._cure)

  def read_environment(self) -> dict[str, Any]:
    """Returns hardware, versions and command; see `environment`."""
    entries = {'command': str, 'packages': dict, 'date': str}
    return files.read_json(self.environment, entries, self._cure)

  def read_folds(self) -> list[dict[str, Any]]:
    """Returns the folds: `name`, and the utterances of each part.

    Raises:
      InputError: if the file is missing or damaged.
    """
    folds = files.read_json(self.folds, {'folds': list}, self._cure)['folds']
    whole = all(
      isinstance(fold, dict)
      and isinstance(fold.get('name'), str)
      and all(
        isinstance(fold.get(part), list)
        and all(isinstance(name, str) for name in fold[part])
        for part in ('train', 'validation', 'test')
      )
      for fold in folds
    )
    require(
      whole and bool(folds),
      f'{self.folds} is damaged (it names no folds); {self._cure.again}',
    )
    return folds

  def write_results(self, results: Results) -> None:
    """Writes results.json."""
    files.write_json(self.results, results.to_json(), self._cure)

  def read_results(self) -> Results:
    """Reads results.json, also of older versions.

    Raises:
      InputError: if the file is missing or damaged.
    """
    content = files.read_json(
      self.results, json_records.required(Results), self._cure
    )
    try:
      return results_json.decode(content)
    except json_records.MismatchError as error:
      raise InputError(
        f'{self.results} is damaged ({error}); delete it and {self._cure.again}'
      ) from error

  def append_metrics(self, rows: Iterable[Mapping[str, Any]]) -> None:
    """Adds lines to metrics.jsonl; on return they are on the disk."""
    text = ''.join(files.json_line(row) for row in rows)
    files.make_folder(self.path, self._cure)
    if self.metrics.exists() and not metric_lines.is_whole(self.metrics):
      self._rewrite_metrics(self.read_metrics())  # Drops a broken last line.
    with (
      files.writing(self.metrics, self._cure),
      self.metrics.open('a', encoding='utf-8') as f,
    ):
      f.write(text)
      f.flush()
      os.fsync(f.fileno())

  def read_metrics(self) -> list[dict[str, Any]]:
    """Returns the lines of metrics.jsonl; a broken last one is left out."""
    content = files.read_bytes(self.metrics, self._cure)
    return metric_lines.decode(content, self.metrics)

  def truncate_metrics(self, epochs_done: Mapping[str, int]) -> None:
    """Drops the rows that a resumed run is going to repeat.

    Args:
      epochs_done: trial -> epochs completed at the checkpoint, see
        `trial_of`. Later rows and rows of other trials go; of rows with the
        same trial and epoch the last stays.
    """
    if not self.metrics.exists():
      return
    rows = {
      (trial_of(row), row['epoch']): row
      for row in self.read_metrics()
      if row['epoch'] <= epochs_done.get(trial_of(row), 0)
    }
    self._rewrite_metrics(rows.values())

  def _rewrite_metrics(self, rows: Iterable[Mapping[str, Any]]) -> None:
    text = ''.join(files.json_line(row) for row in rows)
    files.write_bytes(self.metrics, text.encode(), self._cure)

  def write_predictions(
    self,
    rows: Iterable[Mapping[str, Any]],
    classes: Sequence[str],
    dimensions: Sequence[str] = (),
  ) -> None:
    """Writes predictions.csv; see `predictions_csv.encode`."""
    content = predictions_csv.encode(rows, classes, dimensions)
    files.write_bytes(self.predictions, content, self._cure)

  def read_predictions(self) -> list[dict[str, Any]]:
    """Returns rows as `write_predictions` takes them."""
    content = files.read_bytes(self.predictions, self._cure)
    return predictions_csv.decode(content, self.predictions, self._cure)

  def write_examples(
    self, features: npt.ArrayLike, names: Sequence[str], labels: Sequence[str]
  ) -> None:
    """Writes examples.npz: the features of one utterance of each class.

    Args:
      features: (C, frames, coefficients).
      names: C utterances.
      labels: C class names.
    """
    array_file.write(
      self.examples,
      self._cure,
      features=np.asarray(features, np.float32),
      names=np.asarray(names, np.str_),
      labels=np.asarray(labels, np.str_),
    )

  def read_examples(self) -> dict[str, np.ndarray]:
    """Returns `features` (C, frames, coefficients), `names` and `labels`.

    Raises:
      InputError: if the file is missing or damaged.
    """
    found = array_file.read(
      self.examples, ('features', 'names', 'labels'), self._cure
    )
    features, names, labels = found.values()
    require(
      features.ndim == 3
      and 0 not in features.shape
      and features.dtype == np.float32
      and bool(np.isfinite(features).all())
      and names.shape == labels.shape == features.shape[:1],
      f'{self.examples} is damaged; delete it and {self._cure.again}',
    )
    return found

  def write_statistics(
    self,
    blocks: Mapping[str, Any],
    epochs_done: npt.ArrayLike,
    averaged: bool = False,
  ) -> None:
    """Writes statistics.npz: recomputed statistics of BatchNorm.

    Args:
      blocks: block -> `mean` and `variance`, (trials, channels).
      epochs_done: (trials,), of the weights they belong to.
      averaged: whether they belong to the moving average of the weights, and
        to average_statistics.npz.
    """
    parts = {
      f'{block}/{name}': np.asarray(values, np.float32)
      for block, found in blocks.items()
      for name, values in found.items()
    }
    epochs = np.asarray(epochs_done, np.int32)
    path = self.average_statistics if averaged else self.statistics
    array_file.write(path, self._cure, epochs_done=epochs, **parts)

  def read_statistics(
    self, blocks: Sequence[str], averaged: bool = False
  ) -> tuple[dict[str, dict[str, np.ndarray]], np.ndarray]:
    """Returns (blocks, epochs_done) as `write_statistics` was given them.

    Raises:
      InputError: if the file is missing or damaged.
    """
    names = [f'{block}/{name}' for block in blocks for name in _MOMENTS]
    path = self.average_statistics if averaged else self.statistics
    arrays = array_file.read(path, (*names, 'epochs_done'), self._cure)
    require(
      all(np.issubdtype(array.dtype, np.number) for array in arrays.values()),
      f'{path} is damaged; delete it and {self._cure.again}',
    )
    found = {
      block: {name: arrays[f'{block}/{name}'] for name in _MOMENTS}
      for block in blocks
    }
    return found, arrays['epochs_done']


def trial_of(row: Mapping[str, Any]) -> str:
  """Returns the name of a trial: its fold, and its seed if there are several.

  Args:
    row: of metrics.jsonl or predictions.csv; it has a `seed` in runs of
      several.
  """
  return f'{row["fold"]}, seed {row["seed"]}' if 'seed' in row else row['fold']
