"""CCC and its interval, and what results.json and predictions.csv keep of it."""

from __future__ import annotations

import math
import pathlib

import numpy as np
import pytest

from sernet_jax.common import files
from sernet_jax.common.errors import InputError
from sernet_jax.corpora.dimensions import Dimension
from sernet_jax.results.dimensions import agreement, of_tests, texts
from sernet_jax.results.dimensions.record import DimensionResult
from sernet_jax.results.figures import dimension_plot
from sernet_jax.results.formats import json_records, predictions_csv

RANDOM = np.random.default_rng(1)
TRUE = RANDOM.uniform(1, 5, 60)
SAID = 0.4 * TRUE + RANDOM.normal(size=60) / 2 + 2


def rows_of(values, outputs, seeds=(0,)):
  return [
    {
      'speaker': f's{k % 6}',
      'seed': seed,
      'values': [value],
      'outputs': [output],
    }
    for seed in seeds
    for k, (value, output) in enumerate(zip(values, outputs, strict=True))
  ]


def test_scores_are_those_of_their_definitions():
  found = agreement.scores(agreement.sums(TRUE, SAID))
  covariance = np.cov(TRUE, SAID, bias=True)[0, 1]
  apart = (TRUE.mean() - SAID.mean()) ** 2
  ccc = 2 * covariance / (TRUE.var() + SAID.var() + apart)
  assert found['ccc'] == pytest.approx(ccc, rel=1e-9)
  assert found['pearson'] == pytest.approx(np.corrcoef(TRUE, SAID)[0, 1])
  error = math.sqrt(np.mean((TRUE - SAID) ** 2))
  assert found['rmse'] == pytest.approx(error, rel=1e-9)


def test_an_output_that_never_changes_has_no_agreement():
  found = agreement.scores(agreement.sums(TRUE, np.full(60, TRUE.mean())))
  assert found['ccc'] == pytest.approx(0, abs=1e-9)
  assert found['pearson'] == 0
  same = agreement.scores(agreement.sums(TRUE, TRUE))
  assert same['ccc'] == same['pearson'] == pytest.approx(1)
  assert same['rmse'] == pytest.approx(0, abs=1e-4)


def test_tests_without_a_value_are_left_out():
  values = TRUE.copy()
  values[::3] = np.nan
  (result,) = of_tests.measure(rows_of(values, SAID), ['arousal'])
  kept = np.isfinite(values)
  (other,) = of_tests.measure(rows_of(TRUE[kept], SAID[kept]), ['arousal'])
  assert result.n == other.n == 40
  assert result.ccc == pytest.approx(other.ccc)
  (none,) = of_tests.measure(rows_of(np.full(60, np.nan), SAID), ['arousal'])
  assert (none.n, none.ccc, none.ci95) == (0, None, None)
  assert texts.line((none,)) == 'CCC arousal -'


def test_the_interval_is_over_speakers():
  (result,) = of_tests.measure(rows_of(TRUE, SAID), ['arousal'])
  low, high = result.ci95
  assert low < result.ccc < high
  # The same speakers again bring no more certainty about others.
  twice = [*rows_of(TRUE, SAID), *rows_of(TRUE, SAID)]
  (again,) = of_tests.measure(twice, ['arousal'])
  assert again.ci95 == pytest.approx(result.ci95)
  one = [{**row, 'speaker': 's0'} for row in rows_of(TRUE, SAID)]
  assert of_tests.measure(one, ['arousal'])[0].ci95 is None


def test_seeds_are_averaged():
  rows = rows_of(TRUE, SAID)
  rows += [{**row, 'seed': 1} for row in rows_of(TRUE, SAID + 1)]
  (result,) = of_tests.measure(rows, ['arousal'])
  each = [
    float(agreement.scores(agreement.sums(TRUE, said))['ccc'])
    for said in (SAID, SAID + 1)
  ]
  assert result.ccc == pytest.approx(np.mean(each))
  assert result.n == 120


def test_a_result_goes_to_json_and_back():
  (result,) = of_tests.measure(rows_of(TRUE, SAID), ['arousal'])
  entry = json_records.encode(result)
  assert json_records.decode(DimensionResult, entry) == result
  with pytest.raises(json_records.MismatchError, match='not from -1 to 1'):
    json_records.decode(DimensionResult, {**entry, 'ccc': 1.5})


ROW = {
  'selection': 'last',
  'weights_dtype': 'float16',
  'fold': 'a',
  'utterance': 'one',
  'speaker': 's',
  'label': 'anger',
  'predicted': 'anger',
  'probabilities': [0.25, 0.75],
  'values': [float(np.float32(2.6)), math.nan],
  'outputs': [float(np.float32(3.1)), -0.5],
}
CURE = files.Cure('--workdir', 'run it again')


def test_predictions_keep_annotations_and_outputs():
  content = predictions_csv.encode(
    [ROW], ('anger', 'p_true'), ('arousal', 'valence')
  )
  head = content.decode().splitlines()[0]
  assert head.endswith(
    'p_anger,p_p_true,true_arousal,said_arousal,true_valence,said_valence'
  )
  (row,) = predictions_csv.decode(content, pathlib.Path('x.csv'), CURE)
  assert row['probabilities'] == [0.25, 0.75]
  assert np.float32(row['values'][0]) == np.float32(2.6)
  assert math.isnan(row['values'][1])
  assert [np.float32(value) for value in row['outputs']] == [
    np.float32(3.1),
    np.float32(-0.5),
  ]


@pytest.mark.parametrize(
  ('old', 'new', 'match'),
  [
    ('said_arousal', 'other', 'unknown columns'),
    (',-0.5\n', ',\n', 'damaged at line 2'),
    (',-0.5\n', ',inf\n', 'damaged at line 2'),
    (',-0.5\n', '\n', 'damaged at line 2'),
  ],
)
def test_damaged_predictions_are_refused(old, new, match):
  text = predictions_csv.encode(
    [ROW], ('anger', 'joy'), ('arousal', 'valence')
  ).decode()
  assert old in text
  content = text.replace(old, new).encode()
  with pytest.raises(InputError, match=match):
    predictions_csv.decode(content, pathlib.Path('x.csv'), CURE)


def test_a_panel_for_each_dimension(tmp_path):
  dimensions = [Dimension(f'd{k}', 1, 5) for k in range(4)]
  measured = of_tests.measure(
    [
      {**row, 'values': row['values'] * 4, 'outputs': row['outputs'] * 4}
      for row in rows_of(TRUE, SAID)
    ],
    [one.name for one in dimensions],
  )
  path = tmp_path / 'scatter.png'
  dimension_plot.scatter(
    dimensions, measured, [(TRUE, SAID)] * 4, path, 'last epoch'
  )
  assert path.read_bytes().startswith(b'\x89PNG')
