"""Confidence of the tests of a run, by selection."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sernet_jax.results.confidence import abstaining, reliability, temperature

# Of what is right among the labels that are kept, for the table.
ACCURACY = 0.9


@dataclasses.dataclass(frozen=True, eq=False)
class Confidence:
  """Confidence of a selection in its tests, beside how often it is right.

  Attributes:
    accuracy: share of the tests that are right.
    mean: confidence.
    ece: expected calibration error, see `reliability.ece`.
    temperature: that all tests together ask for.
    ece_tempered: the error that is left when each speaker's tests are tempered
      by what the other speakers ask for; None for one speaker, whose tests
      nobody else's can temper.
    threshold: of the tempered confidence, from which on `ACCURACY` of the
      labels are right; None where no threshold does it, and for one speaker.
    coverage: share of the tests that keep their label there; None for one
      speaker.
    bins: of the untempered tests.
    bins_tempered: of the tempered ones; empty for one speaker.
    curve: see `abstaining.coverage`, of the tempered ones; for one speaker of
      the untempered.
  """

  accuracy: float
  mean: float
  ece: float
  temperature: float
  ece_tempered: float | None
  threshold: float | None
  coverage: float | None
  bins: list[reliability.Bin]
  bins_tempered: list[reliability.Bin]
  curve: dict[str, np.ndarray]


def tests_of(
  rows: Sequence[Mapping[str, Any]],
  classes: Sequence[str],
  selection: str,
  weights_dtype: str,
) -> tuple[np.ndarray, np.ndarray, list[str]]:
  """Gathers the tests of one selection from predictions.csv.

  Args:
    rows: as `RunFolder.read_predictions` gives them.
    classes: in the order of the probabilities.
    selection: whose rows.
    weights_dtype: 'float16' or 'float32'.

  Returns:
    (probabilities (tests, classes), labels (tests,), speakers [tests]); all
    empty if there is no such row.
  """
  place = {name: index for index, name in enumerate(classes)}
  own = [
    row
    for row in rows
    if row['selection'] == selection and row['weights_dtype'] == weights_dtype
  ]
  return (
    np.array([row['probabilities'] for row in own]).reshape(-1, len(classes)),
    np.array([place[row['label']] for row in own], int),
    [str(row['speaker']) for row in own],
  )


def measure(
  probabilities: np.ndarray, labels: np.ndarray, speakers: Sequence[str]
) -> Confidence:
  """Measures the confidence of tests, without and with a temperature.

  Args:
    probabilities: (tests, classes).
    labels: (tests,), the truth.
    speakers: [tests].
  """
  confidence, right = reliability.of_labels(probabilities, labels)
  measured = Confidence(
    accuracy=float(right.mean()),
    mean=float(confidence.mean()),
    ece=reliability.ece(probabilities, labels),
    temperature=temperature.temperature(probabilities, labels),
    ece_tempered=None,
    threshold=None,
    coverage=None,
    bins=reliability.bins_of(probabilities, labels),
    bins_tempered=[],
    curve=abstaining.coverage(probabilities, labels),
  )
  if len(set(speakers)) == 1:
    return measured
  tempered = temperature.cross_fitted(probabilities, labels, speakers)
  threshold = abstaining.threshold(tempered, labels, ACCURACY)
  kept = 0.0
  if threshold is not None:
    kept = float((tempered.max(1) >= threshold).mean())
  return dataclasses.replace(
    measured,
    ece_tempered=reliability.ece(tempered, labels),
    threshold=threshold,
    coverage=kept,
    bins_tempered=reliability.bins_of(tempered, labels),
    curve=abstaining.coverage(tempered, labels),
  )
