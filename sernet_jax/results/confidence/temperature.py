"""The temperature: one number that makes a model as sure as it is right.

It divides the logits and changes no label. Guo et al. 2017, "On calibration
of modern neural networks", arXiv 1706.04599, section 4.2.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

# Temperatures that are searched, as logarithms, and how finely at the end.
_LOWEST, _HIGHEST = np.log(0.05), np.log(20.0)
_TOLERANCE = 1e-4
_TINY = 1e-40  # what a probability of 0 counts as in a logarithm


def temper(
  probabilities: npt.ArrayLike, temperature: float | npt.ArrayLike
) -> np.ndarray:
  """Divides the logits behind probabilities by a temperature.

  Args:
    probabilities: (..., classes).
    temperature: above 0; one, or (...) one for each row.

  Returns:
    float64 (..., classes).
  """
  logits = np.log(np.maximum(np.asarray(probabilities, np.float64), _TINY))
  logits = logits / np.asarray(temperature, np.float64)[..., None]
  shares = np.exp(logits - logits.max(-1, keepdims=True))
  return shares / shares.sum(-1, keepdims=True)


def nll(probabilities: npt.ArrayLike, labels: npt.ArrayLike) -> float:
  """Returns the mean negative log likelihood of the truth, in nats.

  Args:
    probabilities: (tests, classes).
    labels: (tests,), the true classes.
  """
  shares = np.take_along_axis(
    np.asarray(probabilities, np.float64), np.asarray(labels)[:, None], 1
  )
  return float(-np.log(np.maximum(shares, _TINY)).mean())


def temperature(probabilities: npt.ArrayLike, labels: npt.ArrayLike) -> float:
  """Finds the temperature under which the truth is the most likely.

  The likelihood has one maximum in 1/T, so a golden-section search finds it;
  0.05 or 20 where it lies beyond.

  Args:
    probabilities: of utterances that training did not hear.
    labels: their truth.
  """
  assert len(np.asarray(labels)) > 0

  def loss(exponent: float) -> float:
    return nll(temper(probabilities, np.exp(exponent)), labels)

  low, high = float(_LOWEST), float(_HIGHEST)
  golden = (np.sqrt(5) - 1) / 2
  while high - low > _TOLERANCE:
    left, right = high - golden * (high - low), low + golden * (high - low)
    if loss(left) < loss(right):
      high = right
    else:
      low = left
  return float(np.exp((low + high) / 2))


def cross_fitted(
  probabilities: npt.ArrayLike,
  labels: npt.ArrayLike,
  groups: Sequence[str],
) -> np.ndarray:
  """Tempers each speaker's utterances by a temperature that the others set.

  Args:
    probabilities: of tests.
    labels: their truth.
    groups: (utterances,), the speaker of each.

  Returns:
    float64 (utterances, classes); as given where there is one speaker only.
  """
  probabilities = np.asarray(probabilities, np.float64)
  labels, names = np.asarray(labels), np.asarray(groups)
  result = probabilities.copy()
  for name in np.unique(names):
    own = names == name
    if own.all():
      break
    found = temperature(probabilities[~own], labels[~own])
    result[own] = temper(probabilities[own], found)
  return result
