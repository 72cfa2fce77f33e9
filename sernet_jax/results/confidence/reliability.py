"""Confidence beside accuracy, and the distance between the two.

Guo et al. 2017, "On calibration of modern neural networks", arXiv 1706.04599,
section 2.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

BINS = 10


@dataclasses.dataclass(frozen=True)
class Bin:
  """Utterances whose confidence lies in one interval.

  Attributes:
    low: of the interval, which it does not contain unless it is 0.
    high: of the interval, which it contains.
    count: of the utterances.
    confidence: mean; 0 where there are none.
    accuracy: share of them that are right; 0 where there are none.
  """

  low: float
  high: float
  count: int
  confidence: float
  accuracy: float


def of_labels(
  probabilities: npt.ArrayLike, labels: npt.ArrayLike
) -> tuple[np.ndarray, np.ndarray]:
  """Confidence of each utterance, and whether its label is right.

  Args:
    probabilities: (tests, classes).
    labels: (tests,), the true classes.

  Returns:
    float64 (tests,) and bool (tests,).
  """
  shares = np.asarray(probabilities, np.float64)
  assert shares.ndim == 2 and len(shares) == len(np.asarray(labels)) > 0
  return shares.max(1), shares.argmax(1) == np.asarray(labels)


def bins_of(
  probabilities: npt.ArrayLike, labels: npt.ArrayLike, bins: int = BINS
) -> list[Bin]:
  """Counts utterances by confidence, in intervals of equal width.

  Args:
    probabilities: (tests, classes).
    labels: (tests,), the true classes.
    bins: how many intervals from 0 to 1.
  """
  confidence, right = of_labels(probabilities, labels)
  edges = np.linspace(0, 1, bins + 1)
  # Confidence 0.3 belongs to (0.2, 0.3], as in the paper's equation 2.
  places = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
  found = []
  for place in range(bins):
    own = places == place
    count = int(own.sum())
    found.append(
      Bin(
        low=float(edges[place]),
        high=float(edges[place + 1]),
        count=count,
        confidence=float(confidence[own].mean()) if count else 0.0,
        accuracy=float(right[own].mean()) if count else 0.0,
      )
    )
  return found


def ece(
  probabilities: npt.ArrayLike, labels: npt.ArrayLike, bins: int = BINS
) -> float:
  """Returns the expected calibration error, equation 3 of Guo et al.

  The mean over the utterances of the distance between the confidence and the
  accuracy of their bin, from 0 to 1.
  """
  found = bins_of(probabilities, labels, bins)
  total = sum(one.count for one in found)
  return sum(
    one.count / total * abs(one.accuracy - one.confidence) for one in found
  )
