"""Temperature, reliability and abstaining, on made-up tests."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.optimize
import scipy.special

from sernet_jax.results.confidence import (
  abstaining,
  of_run,
  reliability,
  temperature,
)


@pytest.fixture(scope='module')
def sure():
  """A model that is right as often as it says, and its sharpened copy.

  Returns:
    (probabilities, three times too sharp logits' probabilities, labels).
  """
  random = np.random.default_rng(0)
  logits = 2 * random.normal(size=(4000, 5))
  honest = scipy.special.softmax(logits, axis=1)
  labels = np.array([random.choice(5, p=row) for row in honest])
  return honest, scipy.special.softmax(3 * logits, axis=1), labels


def test_the_temperature_of_sharpened_logits_is_what_sharpened_them(sure):
  honest, sharp, labels = sure
  assert temperature.temperature(honest, labels) == pytest.approx(1, abs=0.05)
  found = temperature.temperature(sharp, labels)
  assert found == pytest.approx(3, rel=0.05)
  assert np.allclose(temperature.temper(sharp, 3.0), honest, atol=1e-9)


def test_the_temperature_is_scipys(sure):
  _, sharp, labels = sure
  best = scipy.optimize.minimize_scalar(
    lambda t: temperature.nll(temperature.temper(sharp, t), labels),
    bounds=(0.05, 20),
    method='bounded',
    options={'xatol': 1e-6},
  )
  found = temperature.temperature(sharp, labels)
  assert found == pytest.approx(best.x, rel=1e-3)


def test_a_temperature_changes_no_label_and_takes_certainty(sure):
  _, sharp, _ = sure
  certain = np.vstack([np.eye(5), sharp])
  for one in (0.3, 4.0):
    tempered = temperature.temper(certain, one)
    assert np.isfinite(tempered).all()
    assert np.allclose(tempered.sum(1), 1)
    assert np.array_equal(tempered.argmax(1), certain.argmax(1))


def test_each_speaker_is_tempered_by_the_others(sure):
  honest, sharp, labels = sure
  # One speaker is too sure, the other is not: each gets the other's cure.
  probabilities = np.concatenate([sharp[:2000], honest[2000:]])
  speakers = ['a'] * 2000 + ['b'] * 2000
  found = temperature.cross_fitted(probabilities, labels, speakers)
  of_b = temperature.temperature(honest[2000:], labels[2000:])
  of_a = temperature.temperature(sharp[:2000], labels[:2000])
  assert np.allclose(found[:2000], temperature.temper(sharp[:2000], of_b))
  assert np.allclose(found[2000:], temperature.temper(honest[2000:], of_a))
  alone = temperature.cross_fitted(sharp, labels, ['a'] * 4000)
  assert np.array_equal(alone, sharp)


def test_the_error_of_a_worked_example():
  """Four tests in two bins: |0.5 - 0.65| half, |1 - 0.9| the other half."""
  first = np.array([0.6, 0.7, 0.9, 0.9])
  probabilities = np.stack([first, 1 - first], axis=1)
  labels = np.array([0, 1, 0, 0])
  bins = reliability.bins_of(probabilities, labels, bins=4)
  assert [one.count for one in bins] == [0, 0, 2, 2]
  assert bins[2].accuracy == 0.5
  assert bins[2].confidence == pytest.approx(0.65)
  found = reliability.ece(probabilities, labels, bins=4)
  assert found == pytest.approx(0.5 * 0.15 + 0.5 * 0.1)


def test_confidence_on_an_edge_belongs_to_the_bin_below():
  probabilities = np.array([[0.75, 0.25], [1.0, 0.0]])
  bins = reliability.bins_of(probabilities, np.array([0, 0]), bins=4)
  assert [one.count for one in bins] == [0, 0, 1, 1]


def test_an_honest_model_has_a_small_error_and_a_sharp_one_a_large(sure):
  honest, sharp, labels = sure
  assert reliability.ece(honest, labels) < 0.02
  assert reliability.ece(sharp, labels) > 0.1


def test_abstaining_on_a_worked_example():
  """Two tests of one confidence are kept or dropped together."""
  first = np.array([0.9, 0.8, 0.8, 0.6])
  probabilities = np.stack([first, 1 - first], axis=1)
  labels = np.array([0, 0, 1, 1])
  found = abstaining.coverage(probabilities, labels)
  assert np.allclose(found['threshold'], [0.9, 0.8, 0.6])
  assert np.allclose(found['coverage'], [0.25, 0.75, 1])
  assert np.allclose(found['accuracy'], [1, 2 / 3, 0.5])
  assert abstaining.threshold(probabilities, labels, 0.6) == 0.8
  assert abstaining.threshold(probabilities, labels, 1.0) == 0.9
  wrong = 1 - labels
  assert abstaining.threshold(probabilities[:2], wrong[:2], 0.5) is None


def test_the_rows_of_one_selection_are_gathered(sure):
  _, sharp, labels = sure
  classes = tuple('abcde')
  rows = [
    {
      'selection': name,
      'weights_dtype': 'float16',
      'speaker': 'x' if index % 2 else 'y',
      'label': classes[label],
      'probabilities': list(row),
    }
    for name in ('last', 'average')
    for index, (row, label) in enumerate(
      zip(sharp[:300], labels[:300], strict=True)
    )
  ]
  tests = of_run.tests_of(rows, classes, 'average', 'float16')
  assert np.array_equal(tests[0], sharp[:300])
  assert np.array_equal(tests[1], labels[:300])
  measured = of_run.measure(*tests)
  assert measured.temperature == pytest.approx(3, rel=0.25)
  assert measured.ece_tempered < measured.ece
  assert measured.accuracy == np.mean(sharp[:300].argmax(1) == labels[:300])
  kept = measured.curve['threshold'] >= measured.threshold
  assert measured.coverage == measured.curve['coverage'][kept][-1]
  assert measured.curve['accuracy'][kept][-1] >= of_run.ACCURACY
  # Nobody else's tests temper those of a single speaker.
  alone = of_run.measure(*tests[:2], ['x'] * 300)
  assert (alone.ece, alone.temperature) == (measured.ece, measured.temperature)
  assert alone.ece_tempered is alone.threshold is alone.coverage is None
  assert not alone.bins_tempered
  none = of_run.tests_of(rows, classes, 'best', 'float16')
  assert none[0].shape == (0, 5) and len(none[1]) == 0
