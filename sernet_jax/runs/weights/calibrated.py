"""Weights that are as sure as they are right: a temperature inside the head.

Logits divided by a temperature are logits of a head whose kernel and bias are
divided by it, so every format that a model is exported to gives calibrated
probabilities and needs to know nothing of it. Labels stay the same.
"""

from __future__ import annotations

import dataclasses
import os
from typing import NamedTuple

import numpy as np

from sernet_jax.common.errors import InputError, require, require_choice
from sernet_jax.corpora.protocols import PROTOCOLS
from sernet_jax.results import run_folder
from sernet_jax.results.confidence import of_run
from sernet_jax.results.selections import SELECTIONS
from sernet_jax.runs.weights import of_run as weights_of
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


def parse(text: str, selection: str, but_not: str = '') -> Calibration:
  """Returns the temperature that a command was asked for.

  Args:
    text: a number, or the folder of a run whose tests set it.
    selection: of that run.
    but_not: speakers' fold whose tests are left out, as it is going to be
      tested with the temperature; '' for none.

  Raises:
    InputError: if it is neither, or the run's tests do not show what a new
      speaker would.
  """
  try:
    number = float(text)
  except ValueError:
    return of_tests(text, selection, but_not)
  require(
    _LOWEST <= number <= _HIGHEST,
    f'--temperature is {text}; give a number from {_LOWEST} to {_HIGHEST:g}, '
    'or the folder of a run',
  )
  return Calibration(number, 'as given')


def of_tests(
  workdir: str | os.PathLike[str], selection: str, but_not: str = ''
) -> Calibration:
  """Finds the temperature that the tests of a run ask for.

  Args:
    workdir: folder of a run whose tests are of speakers it never heard.
    selection: whose tests.
    but_not: fold whose tests are left out; '' for none.

  Raises:
    InputError: if there is no such run or selection, its training heard the
      test speakers or saw their answers, or no test is left.
  """
  folder = run_folder.RunFolder(workdir)
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
  rows = [
    row
    for row in folder.read_predictions()
    if not but_not or row['fold'] != but_not
  ]
  found = None
  for dtype in ('float16', 'float32'):
    tests = of_run.tests_of(rows, results.classes, selection, dtype)
    if len(tests[1]):
      found = of_run.measure(*tests)
      break
  if found is None:
    raise InputError(
      f'--temperature={workdir} has no tests of {selection}'
      + f' beside those of the fold {but_not}' * bool(but_not)
      + '; give a run that has tested speakers it never heard'
    )
  source = f'{len(tests[1])} tests of {len(set(tests[2]))} speakers never heard'
  return Calibration(found.temperature, source, found.threshold, found.coverage)


def calibrate(bundle: Bundle, calibration: Calibration) -> Bundle:
  """Divides the logits of a model by a temperature, inside its head.

  Args:
    bundle: the model, without a temperature.
    calibration: from `parse`.

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
  (head,) = bundle.model.layers('dense')
  arrays = {
    name: np.float32(np.float64(array) / temperature)
    for name, array in bundle.folded[head.name].items()
  }
  ranges = dict(bundle.ranges)
  if head.name in ranges:
    low, high = ranges[head.name]
    ranges[head.name] = low / temperature, high / temperature
  about = {
    **bundle.about,
    'temperature': f'{temperature:.4g}',
    'temperature_from': calibration.source,
  }
  if calibration.threshold is not None:
    about['abstain'] = (
      f'{calibration.threshold:.3f}: {of_run.ACCURACY:.0%} of the labels from '
      f'there on were right, for {calibration.coverage:.0%} of the tests'
    )
  return dataclasses.replace(
    bundle,
    folded={**bundle.folded, head.name: arrays},
    ranges=ranges,
    about=about,
  )
