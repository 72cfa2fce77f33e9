"""Weights that are as sure as they are right: a temperature inside the head.

Logits divided by a temperature are logits of a head whose kernel and bias are
divided by it, so every format that a model is exported to gives calibrated
probabilities and needs to know nothing of it. Labels stay the same.
"""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from sernet_jax.common.errors import InputError, require, require_choice
from sernet_jax.corpora.protocols import PROTOCOLS
from sernet_jax.corpora.utterances import is_unknown
from sernet_jax.nn.network import Spec
from sernet_jax.nn.networks.settings import HEAD
from sernet_jax.results import run_folder
from sernet_jax.results.confidence import of_run
from sernet_jax.results.selections import SELECTIONS
from sernet_jax.runs.weights import of_run as weights_of, threshold
from sernet_jax.runs.weights.bundle import Bundle

_LOWEST, _HIGHEST = 0.05, 20.0


class Calibration(NamedTuple):
  """A temperature and where it comes from.

  Attributes:
    temperature: by which logits are divided.
    source: for people.
    threshold: of the tempered confidence, from which on
      `of_run.ACCURACY` of the labels are right; None if unknown.
    coverage: share of the tests that keep their label there.
  """

  temperature: float
  source: str = ''
  threshold: float | None = None
  coverage: float = 0.0


# From a trial that is going to be tested with it ('' for none) and the model
# that it is for (None for any) to a temperature; see `Tests`.
Source = Callable[[str, Bundle | None], Calibration]


def source(text: str, selection: str) -> Source:
  """Returns where a command was told to take temperatures from.

  Args:
    text: a number, or the folder of a run whose tests set it, read now.
    selection: of that run.

  Raises:
    InputError: if it is neither, or the run's tests do not show what a new
      speaker would.
  """
  try:
    number = float(text)
  except ValueError:
    return Tests(text, selection)
  require(
    _LOWEST <= number <= _HIGHEST,
    f'--temperature is {text}; give a number from {_LOWEST} to {_HIGHEST:g}, '
    'or the folder of a run',
  )
  return lambda but_not, bundle: Calibration(number, 'as given')


def of_tests(
  workdir: str | os.PathLike[str],
  selection: str,
  but_not: str = '',
  bundle: Bundle | None = None,
) -> Calibration:
  """Finds one temperature that the tests of a run ask for; see `Tests`."""
  return Tests(workdir, selection)(but_not, bundle)


class Tests:
  """The tests of a run of speakers it never heard, and temperatures of them."""

  def __init__(self, workdir: str | os.PathLike[str], selection: str) -> None:
    """Reads a run.

    Args:
      workdir: its folder.
      selection: whose tests.

    Raises:
      InputError: if there is no such run or selection, or its training heard
        the test speakers or saw their answers.
    """
    folder = run_folder.RunFolder(workdir, run_folder.MADE)
    require(
      folder.config.exists(),
      f'--temperature={workdir} is neither a number nor the folder of a run; '
      'give one of them',
    )
    experiment = weights_of.settings_of(folder)
    results = folder.read_results()
    require_choice(
      f'the selection of --temperature={workdir}',
      selection,
      experiment.selections,
    )
    protocol = PROTOCOLS[results.protocol]
    require(
      not protocol.mixes_speakers
      and not protocol.trains_on_tests
      and not protocol.adapts
      and not SELECTIONS[selection].optimistic,
      f'the tests of {selection} in --temperature={workdir} '
      f'({results.protocol}) are not of speakers it had never heard, or chose '
      'its weights, so the model would become too sure; give a run of the '
      'protocol loso, and --selection=last',
    )
    self._workdir, self._selection = workdir, selection
    self._classes = results.classes
    self._model = experiment.recipe(len(results.classes)).model
    self._front_end = experiment.feature_kind, experiment.mfcc
    self._rows = folder.read_predictions()

  def __call__(
    self, but_not: str = '', bundle: Bundle | None = None
  ) -> Calibration:
    """Finds the temperature that the tests ask for.

    Args:
      but_not: trial that is going to be tested with the temperature (a fold,
        or 'FOLD, seed SEED'), so that all tests of its speakers are left out;
        '' for none.
      bundle: the model that it is for, which must be of such a training; None
        for any.

    Raises:
      InputError: if the run is of another task or network, or no test is left.
    """
    workdir, classes = self._workdir, self._classes
    if bundle is not None:
      _require_alike(workdir, self._model, bundle)
      require(
        self._front_end == (bundle.feature_kind, bundle.mfcc),
        f'--temperature={workdir} is of a run with other features than the model '
        '(features.kind, features.preset, features.num_coefficients), and each '
        'needs a temperature of its own; give a run with the same, or a number',
      )
      require(
        classes == bundle.classes,
        f'--temperature={workdir} is of a run with the classes '
        f'{", ".join(classes)}, and the model has '
        f'{", ".join(bundle.classes)}; give a run with the same classes',
      )
    # In every seed, and whatever else these speakers say under `loso_text`.
    own = {
      row['speaker']
      for row in self._rows
      if run_folder.trial_of(row) == but_not
    }
    rows = [row for row in self._rows if row['speaker'] not in own]
    found = None
    for dtype in ('float16', 'float32'):
      tests = of_run.tests_of(rows, classes, self._selection, dtype)
      if len(tests[1]):
        found = of_run.measure(*tests)
        break
    if found is None:
      raise InputError(
        f'--temperature={workdir} has no tests of {self._selection}'
        + f' beside those of speakers in the fold {but_not}' * bool(but_not)
        + '; give a run that has tested speakers it never heard'
      )
    source = f'{len(tests[1])} tests of {_people(tests[2])} never heard'
    if found.coverage is None:  # one speaker, whom nobody else's tests temper
      return Calibration(found.temperature, source)
    return Calibration(
      found.temperature, source, found.threshold, found.coverage
    )


def _people(names: Sequence[str]) -> str:
  """Counts speakers in words; those who are unknown may be any number."""
  known = {name for name in names if not is_unknown(name)}
  told = []
  if known:
    told.append(f'{len(known)} speaker{"s" * (len(known) > 1)}')
  if any(map(is_unknown, names)):
    told.append('unknown ones' if known else 'unknown speakers')
  return ' and '.join(told)


def _require_alike(
  workdir: str | os.PathLike[str], theirs: Spec, bundle: Bundle
) -> None:
  """Refuses a run of another network than the model's."""
  ours = bundle.model
  require(
    theirs.name == ours.name
    and all(getattr(theirs, f) == getattr(ours, f) for f in theirs.shaping),
    f'--temperature={workdir} is of a run of another network than the model '
    f'({theirs.name} of {_count(theirs):,} numbers, and {ours.name} of '
    f'{_count(ours):,}), and each needs a temperature of its own; give a run '
    'with the same model settings, or a number',
  )


def _count(model: Spec) -> int:
  return sum(
    math.prod(shape)
    for arrays in model.shapes().values()
    for shape in arrays.values()
  )


def calibrate(bundle: Bundle, calibration: Calibration) -> Bundle:
  """Divides the logits of a model by a temperature, inside its head.

  Args:
    bundle: the model, without a temperature.
    calibration: from a `Source`.

  Raises:
    InputError: if the model has one already.
  """
  require(
    'temperature' not in bundle.about,
    f'the model was calibrated already (temperature '
    f'{bundle.about.get("temperature")}); leave out --temperature, or take the '
    'model as it was before',
  )
  temperature = calibration.temperature
  arrays = {
    name: np.float32(np.float64(array) / temperature)
    for name, array in bundle.folded[HEAD].items()
  }
  ranges = dict(bundle.ranges)
  if HEAD in ranges:
    low, high = ranges[HEAD]
    ranges[HEAD] = low / temperature, high / temperature
  about = {
    **bundle.about,
    'temperature': f'{temperature:.4g}',
    'temperature_from': calibration.source,
  }
  if calibration.threshold is not None:
    about |= threshold.text(
      calibration.threshold, of_run.ACCURACY, calibration.coverage
    )
  return dataclasses.replace(
    bundle,
    folded={**bundle.folded, HEAD: arrays},
    ranges=ranges,
    about=about,
  )
