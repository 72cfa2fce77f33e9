"""Finished runs as a comparison reads them, one entry for each seed.

A run that trained several seeds in one program is taken apart, so it stands
in a comparison as separate runs of its seeds would.
"""

from __future__ import annotations

import collections
import dataclasses
import functools
import itertools
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from sernet_jax.common import trees
from sernet_jax.common.errors import require
from sernet_jax.corpora import joined
from sernet_jax.results.run_folder import MADE, RunFolder
from sernet_jax.results.run_results import Results, SelectionResult
from sernet_jax.runs import defaults, differences
from sernet_jax.sweep.comparison.comparable import Tested
from sernet_jax.sweep.settings import REPEATS

ROOT, CORPORA = 'data.root', 'data.corpora'
# Fields that begin so decide which features a run computes.
_SHAPING = ('data.', 'features.', 'model.name', 'model.pooling')
# Change of features that other machines may make; white noise 40 dB below six
# recordings of EMO-DB changed log-mel bands by 4 to 7 %, MFCCs by 19 to 28 %.
_ALIKE = 0.01


@dataclasses.dataclass(frozen=True)
class Run:
  """One seed of a finished run, read from its folder.

  Attributes:
    folder: of the run.
    results: of the run, or what they would be had the seed run alone.
    settings: field -> value, flat.
    environment: of environment.json.
    of_several: whether other seeds trained beside it, in the same run.
  """

  folder: RunFolder
  results: Results
  settings: dict[str, Any]
  environment: dict[str, Any]
  of_several: bool = False

  @property
  def seed(self) -> int:
    """Seed of training and of the random protocols."""
    return self.results.seed

  def changes(self, fields: Sequence[str]) -> dict[str, Any]:
    """Returns the values of `fields`, None of those of another network."""
    return {field: self.settings.get(field) for field in fields}

  def tested(self, setting: str) -> Tested:
    """Returns the tests of the run, from its predictions."""
    rows = [row for row in self._rows() if row['selection'] == 'last']
    return Tested(
      run=str(self.folder.path),
      setting=setting,
      seed=self.seed,
      corpus=self.results.corpus,
      protocol=self.results.protocol,
      classes=self.results.classes,
      utterances=collections.Counter(
        (row['utterance'], row['speaker'], row['label']) for row in rows
      ),
    )

  @functools.cached_property
  def by_fold(self) -> dict[str, np.ndarray]:
    """Selection -> counts of its tests, (folds, speakers, C, C).

    Both are in the order of their names; a fold has 0 for speakers that it
    does not test.
    """
    last = self.results.last
    folds, speakers = (
      {name: index for index, name in enumerate(sorted(one.name for one in of))}
      for of in (last.folds, last.speakers)
    )
    classes = {name: k for k, name in enumerate(self.results.classes)}
    shape = len(folds), len(speakers), len(classes), len(classes)
    found = {name: np.zeros(shape, int) for name in self.results.selections}
    for row in self._rows():
      if row['selection'] in found:
        place = folds[row['fold']], speakers[row['speaker']]
        cell = classes[row['label']], classes[row['predicted']]
        found[row['selection']][place + cell] += 1
    return found

  def _rows(self) -> Iterator[Mapping[str, Any]]:
    """Yields the predictions of this seed, with the weights of the results."""
    for row in self.folder.read_predictions():
      if (
        row['weights_dtype'] == self.results.weights_dtype
        and row.get('seed', self.seed) == self.seed
      ):
        yield row


def _usual(config: Mapping[str, Any]) -> dict[str, Any]:
  """Returns the fields that a run may lack, with their defaults.

  Of a network that nobody has imported here they are not known.
  """
  network = defaults.network_of(config)
  fields = defaults.fields(network)
  if trees.flatten(config).get('model.name', network) == network:
    return fields
  return {k: v for k, v in fields.items() if not k.startswith('model.')}


def read_all(path: pathlib.Path) -> list[Run]:
  """Reads a finished run, taken apart into its seeds.

  Returns:
    One for each seed of the run, as if it had trained alone.

  Raises:
    InputError: if it is not a run, or has no results.
  """
  folder = RunFolder(path, MADE)
  require(path.is_dir(), f'{path} is not a folder; name the folder of a run')
  require(
    folder.results.exists(),
    f'{path} has no results.json; finish the run first, or name the folder of '
    'a finished one',
  )
  results = folder.read_results()
  config = folder.read_config()
  settings = {
    **_usual(config),
    **trees.flatten(config),
    'train.epochs': results.epochs,
  }
  settings = {
    field: tuple(value) if isinstance(value, list) else value
    for field, value in settings.items()
  }
  environment = folder.read_environment()
  if results.seeds is None:
    return [Run(folder, results, settings, environment)]
  return [
    Run(
      folder,
      _of_seed(results, index),
      {**settings, 'seed': seed, 'train.seeds': 1},
      environment,
      of_several=True,
    )
    for index, seed in enumerate(results.seeds)
  ]


def _of_seed(results: Results, index: int) -> Results:
  """Returns what the results of one seed of several would be alone."""
  assert results.seeds is not None

  def alone(
    selections: Mapping[str, SelectionResult],
  ) -> dict[str, SelectionResult]:
    found = {}
    for name, selection in selections.items():
      assert selection.over_seeds is not None
      found[name] = selection.over_seeds.seeds[index]
    return found

  float32 = results.selections_float32
  return dataclasses.replace(
    results,
    seed=results.seeds[index],
    seeds=None,
    selections=alone(results.selections),
    selections_float32=float32 and alone(float32),
    seconds=results.seconds / len(results.seeds),
  )


def fields_that_differ(runs: Sequence[Run]) -> list[str]:
  """Returns the fields in which the settings of runs differ, but the seed.

  The folder of the corpus is one only if it is known to hold other recordings:
  each machine may keep the same ones elsewhere.
  """
  ignored = (differences.FREE - {'train.epochs'}) | {'name', *REPEATS}
  others = _hear_others(runs)
  if others:
    ignored -= {ROOT}
  order = list(defaults.fields())
  names = dict.fromkeys(order)
  for run in runs:
    names.update(dict.fromkeys(run.settings))
  return [
    field
    for field in names
    if field not in ignored
    and len({repr(_told(run, field, others)) for run in runs}) > 1
  ]


def _told(run: Run, field: str, places: bool) -> Any:
  """Returns the value of a field, with or without the folders of corpora."""
  value = run.settings.get(field)
  if field == CORPORA and value and not places:
    return joined.without_roots(value)
  return value


def _hear_others(runs: Sequence[Run]) -> bool:
  """Tells whether runs of two folders are known to have other recordings.

  Known it is of runs that compute the same features, by the examples of each
  class that they keep.
  """
  # What shapes the features -> folder of the corpus -> a run of it.
  alike: dict[str, dict[Any, Run]] = collections.defaultdict(dict)
  for run in runs:
    shaping = {
      field: _told(run, field, places=False)
      for field in run.settings
      if field.startswith(_SHAPING) and field not in differences.FREE
    }
    key = repr(sorted(shaping.items()))
    place = run.changes((ROOT, CORPORA))
    alike[key].setdefault(repr(place), run)
  return any(
    _unlike(one.folder, other.folder)
    for them in alike.values()
    for one, other in itertools.combinations(them.values(), 2)
  )


def _unlike(one: RunFolder, other: RunFolder) -> bool:
  """Tells whether two runs keep unlike examples; False if one keeps none."""
  if not (one.examples.exists() and other.examples.exists()):
    return False
  first, second = one.read_examples(), other.read_examples()
  if first['names'].tolist() != second['names'].tolist():
    return True
  a, b = first['features'], second['features']
  if a.shape != b.shape:
    return False  # of another length, perhaps for the sake of others
  change, size = (np.linalg.norm(x, axis=(1, 2)) for x in (a - b, a))
  return bool((change > _ALIKE * size).any())
