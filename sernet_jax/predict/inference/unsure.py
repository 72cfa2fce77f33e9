"""Labels that are left out where a model is not sure of them.

A label stands only where its probability reaches a threshold; below it the
answer is that the model is unsure. Probabilities stay as they are. The report
of a run says what share of recordings keeps a label at a threshold, and how
many of those labels are right (`results.confidence`).
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from sernet_jax.common.errors import InputError, is_number, require
from sernet_jax.predict.inference.result import Failure, Recording, Window
from sernet_jax.runs.weights import threshold

if TYPE_CHECKING:
  from sernet_jax.predict.models import Model

NAME = 'unsure'  # in place of a label, for people
OWN = 'own'  # in place of a number: the threshold kept with the weights
_Result = TypeVar('_Result', Recording, Window)


def check(abstain: float | str) -> float | str:
  """Returns a threshold.

  Args:
    abstain: least probability of a label, 0 for a label always; or `OWN`.

  Raises:
    InputError: if it is neither `OWN` nor from 0 to below 1.
  """
  require(
    abstain == OWN
    if isinstance(abstain, str)
    else is_number(abstain) and 0 <= abstain < 1,
    f'--abstain is {f"{abstain:g}" if is_number(abstain) else abstain}; '
    'give the least probability of a label, from 0 to below 1, such as 0.6, or '
    'own for what the weights keep',
  )
  return abstain


def of_model(abstain: float | str, model: Model) -> float:
  """Returns the threshold for a model, in place of `OWN` what it keeps.

  Args:
    abstain: as for `check`.
    model: from `models.load`.

  Raises:
    InputError: if the model keeps none, or it is not a threshold.
  """
  given = check(abstain)
  if not isinstance(given, str):
    return given
  kept = threshold.kept(model.about)
  if kept is None:
    raise InputError(
      f'--abstain=own, but {model.name} keeps no threshold; give a number such '
      f'as 0.6, or all classes of weights that keep one: {_keepers()} of the '
      'package, or weights exported with --temperature=RUN'
    )
  return kept


def _keepers() -> str:
  """Returns the names of weights in the package that keep a threshold."""
  from sernet_jax.predict import bundle

  paths = {name: bundle.release_path(name) for name in bundle.RELEASES}
  return ', '.join(
    f'--model={name}'
    for name, path in paths.items()
    if path.is_file() and threshold.kept(bundle.load(path).about) is not None
  )


def leave_out(
  result: Recording | Failure, abstain: float
) -> Recording | Failure:
  """Leaves out the labels of a recording and of its windows that are unsure.

  Args:
    result: of `recordings.recognize`.
    abstain: least probability of a label; 0 changes nothing.

  Returns:
    The same with label None where the greatest probability is lower.
  """
  if isinstance(result, Failure) or not abstain:
    return result
  return of_recording(result, abstain)


def of_recording(result: Recording, abstain: float) -> Recording:
  """Leaves out the labels of a recording that was recognized."""
  windows = tuple(of_part(window, abstain) for window in result.windows)
  return dataclasses.replace(of_part(result, abstain), windows=windows)


def of_part(result: _Result, abstain: float) -> _Result:
  """Leaves out the label of a window, or of a whole recording alone."""
  shares = result.probabilities
  # float32 on both sides: 0.6 is reached by a probability printed as 0.6.
  if shares is None or shares.max() >= np.float32(abstain):
    return result
  return dataclasses.replace(result, label=None)
