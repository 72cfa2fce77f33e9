"""Labels that are left out where a model is not sure of them.

A label stands only where its probability reaches a threshold; below it the
answer is that the model is unsure. Probabilities stay as they are. The report
of a run says what share of recordings keeps a label at a threshold, and how
many of those labels are right (`results.confidence`).
"""

from __future__ import annotations

import dataclasses
from typing import TypeVar

import numpy as np

from sernet_jax.common.errors import require
from sernet_jax.predict.inference.result import Failure, Recording, Window

NAME = 'unsure'  # in place of a label, for people
_Result = TypeVar('_Result', Recording, Window)


def check(abstain: float) -> float:
  """Returns a threshold.

  Args:
    abstain: least probability of a label, 0 for a label always.

  Raises:
    InputError: if it is not from 0 to below 1.
  """
  require(
    0 <= abstain < 1,
    f'--abstain is {abstain:g}; give the least probability of a label, from 0 '
    'to below 1, such as 0.6',
  )
  return abstain


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
