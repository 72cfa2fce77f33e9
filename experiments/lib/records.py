"""Finished runs and settings, as scripts of experiments are given them."""

from __future__ import annotations

import dataclasses
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from sernet_jax.common import files, trees
from sernet_jax.common.errors import InputError, require
from sernet_jax.results import run_folder, summaries
from sernet_jax.results.formats import results_json
from sernet_jax.results.run_results import Results, SelectionResult
from sernet_jax.runs import defaults, differences
from sernet_jax.runs.weights import history


def read(place: str | os.PathLike[str]) -> tuple[dict[str, Any], Results]:
  """Reads the settings and the results of a run.

  Args:
    place: its folder, or the results.json that experiments.collect keeps.
  """
  path = pathlib.Path(place)
  if path.is_file():
    record = files.read_json(path, ('config', 'results'))
    return record['config'], results_json.decode(record['results'])
  folder = run_folder.RunFolder(path)
  return folder.read_config(), folder.read_results()


def joined(places: Sequence[str | os.PathLike[str]]) -> Results:
  """Reads runs that share the folds of one protocol as if they were one.

  Args:
    places: of each, as for `read`.

  Raises:
    InputError: if they differ in more than their folds, also in the weights
      that they began with, one fold is in two of them, or there are several
      seeds.
  """
  (config, first), *others = [read(place) for place in places]
  runs = [first]
  for place, (settings, results) in zip(places[1:], others, strict=True):
    unlike = differences.between(
      config, settings, {*differences.FREE, 'protocol.folds'}
    )
    require(
      not unlike and results.epochs == first.epochs,
      f'{place} differs from {places[0]} in '
      f'{unlike[0][0] if unlike else "train.epochs"}; join runs that differ in '
      'protocol.folds alone',
    )
    require(
      results.selections.keys() == first.selections.keys()
      and (results.selections_float32 is None)
      == (first.selections_float32 is None),
      f'{place} and {places[0]} report different selections; --mode=evaluate '
      'with the --workdir of each adds what one lacks',
    )
    require(
      _began(place) == _began(places[0]),
      f'{place} and {places[0]} began with other weights, though '
      'train.start_from has one name; train the folds of one of them again',
    )
    runs.append(results)
  names = [
    fold.name
    for run in runs
    for fold in next(iter(run.selections.values())).folds
  ]
  twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
  require(
    not twice and not any(run.seeds for run in runs),
    f'{", ".join(map(str, places))} '
    + (f'all have fold {twice[0]}' if twice else 'have several seeds')
    + '; join runs of one seed, each fold in one of them',
  )
  return dataclasses.replace(
    first,
    seconds=sum(run.seconds for run in runs),
    cautions=tuple(dict.fromkeys(c for run in runs for c in run.cautions)),
    selections=_joined([run.selections for run in runs]),
    selections_float32=first.selections_float32
    and _joined([run.selections_float32 or {} for run in runs]),
  )


def _began(place: str | os.PathLike[str]) -> str:
  """Returns the digest of the weights that a run began with; '' for none."""
  if pathlib.Path(place).is_file():
    return ''
  told = history.read(run_folder.RunFolder(place))
  return told.get('start', {}).get('sha256', '')


def _joined(
  parts: Sequence[Mapping[str, SelectionResult]],
) -> dict[str, SelectionResult]:
  """Counts the folds of several runs together, selection by selection."""
  found = {}
  for name in parts[0]:
    folds: list[dict[str, Any]] = []
    speakers: dict[str, Any] = {}
    for part in parts:
      folds += [
        {'name': f.name, 'epoch': f.epoch, 'confusion': f.confusion}
        for f in part[name].folds
      ]
      for speaker in part[name].speakers:
        counts = np.asarray(speaker.confusion)
        speakers[speaker.name] = speakers.get(speaker.name, 0) + counts
    found[name] = summaries.summarize(folds, speakers)
  return found


def change(config: ConfigDict, field: str, value: str, unknown: str) -> None:
  """Changes a field to a value given as text, in the type that it has.

  Args:
    config: of a run.
    field: such as 'train.epochs'.
    value: what --set gives it.
    unknown: what to say where there is no such field.
  """
  known = trees.flatten(config.to_dict())
  require(field in known, unknown)
  kind = type(known[field])
  try:
    config.update_from_flattened_dict({field: _of_text(field, kind, value)})
  except ValueError as error:
    raise InputError(
      f'--set {field}={value}: {field} is a {kind.__name__}'
    ) from error


def _of_text(field: str, kind: type, value: str) -> Any:
  """Reads a value in the type of a field.

  Raises:
    ValueError: if it is of another one.
  """
  if kind is bool:  # bool('false') is True
    if value.lower() not in ('true', 'false'):
      raise ValueError(value)
    return value.lower() == 'true'
  # tuple('(2, 2)') has six characters.
  return defaults.read_tuple(field, value) if kind is tuple else kind(value)
