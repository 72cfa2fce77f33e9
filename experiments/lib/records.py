"""Finished runs and settings, as scripts of experiments are given them."""

from __future__ import annotations

import os
import pathlib
from typing import Any

from ml_collections import ConfigDict

from sernet_jax.common import files, trees
from sernet_jax.common.errors import InputError, require
from sernet_jax.results import run_folder
from sernet_jax.results.formats import results_json
from sernet_jax.results.run_results import Results


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
    config.update_from_flattened_dict({field: kind(value)})
  except ValueError as error:
    raise InputError(
      f'--set {field}={value}: {field} is a {kind.__name__}'
    ) from error
