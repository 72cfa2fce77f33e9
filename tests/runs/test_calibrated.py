"""A temperature inside the head, from the tests of a run."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tiny_runs
from exportable import bundle, recordings

from sernet_jax.audio import segments
from sernet_jax.common.errors import InputError
from sernet_jax.export import __main__ as export
from sernet_jax.predict import bundle as bundle_lib, models, run_bundles
from sernet_jax.predict.recognizer import Recognizer
from sernet_jax.predict.sessions import formats
from sernet_jax.results import run_folder
from sernet_jax.results.confidence import temperature
from sernet_jax.runs import run
from sernet_jax.runs.weights import calibrated


def sounds():
  length = bundle().audio.num_samples
  return np.stack([segments.prepare(x, length) for x in recordings()])


def test_logits_are_divided_and_labels_stay():
  plain = Recognizer([bundle()])(sounds())
  found = calibrated.calibrate(bundle(), calibrated.Calibration(2.5, 'x'))
  shares = Recognizer([found])(sounds())
  np.testing.assert_allclose(
    shares, temperature.temper(plain, 2.5), rtol=2e-4, atol=1e-6
  )
  np.testing.assert_array_equal(shares.argmax(1), plain.argmax(1))
  assert found.about['temperature'] == '2.5'
  with pytest.raises(InputError, match=r'calibrated already \(temperature 2.5'):
    calibrated.calibrate(found, calibrated.Calibration(2.0))


def test_ranges_for_8_bits_follow():
  ranges = {'head': (-4.0, 8.0), 'head_input': (0.0, 2.0)}
  with_ranges = bundle_lib.Bundle(**{**vars(bundle()), 'ranges': ranges})
  found = calibrated.calibrate(with_ranges, calibrated.Calibration(2.0))
  assert found.ranges == {'head': (-2.0, 4.0), 'head_input': (0.0, 2.0)}


def test_every_format_of_an_export_is_calibrated(tmp_path, capsys):
  source = tmp_path / 'source.safetensors'
  bundle_lib.save(source, bundle(), 'float32')
  arguments = [f'--model={source}', '--temperature=3', '--precision=fp32']
  code = export.main([*arguments, '--format=stablehlo,safetensors'])
  assert code == 0
  assert 'temperature 3.000 (as given)' in capsys.readouterr().err
  expected = temperature.temper(Recognizer([bundle()])(sounds()), 3)
  for kind in ('stablehlo', 'safetensors'):
    path = tmp_path / f'source_fp32.{kind}'
    np.testing.assert_allclose(
      models.load(path)(sounds()), expected, rtol=1e-3, atol=1e-5
    )
    report = json.loads(formats.report_path(path).read_text())
    assert report['same_labels'] == 1


def test_the_tests_of_a_run_set_it_and_never_a_folds_own(finished):
  folder = run_folder.RunFolder(finished)
  rows = [
    row
    for row in folder.read_predictions()
    if row['selection'] == 'last' and row['weights_dtype'] == 'float16'
  ]
  classes = folder.read_results().classes

  def fitted(rows):
    labels = np.array([classes.index(row['label']) for row in rows])
    return temperature.temperature(
      np.array([row['probabilities'] for row in rows]), labels
    )

  found = calibrated.of_tests(finished, 'last')
  assert found.temperature == pytest.approx(fitted(rows))
  assert found.source.startswith(f'{len(rows)} tests of ')
  fold = rows[0]['fold']
  others = [row for row in rows if row['fold'] != fold]
  assert 0 < len(others) < len(rows)
  assert calibrated.of_tests(finished, 'last', fold).temperature == (
    pytest.approx(fitted(others))
  )


def test_the_command_calibrates_each_fold_by_the_others(finished, tmp_path):
  (one, *_) = run_bundles.from_run(finished, 'last')
  fold = one.about['fold']
  path = tmp_path / 'x.safetensors'
  code = export.main(
    [
      f'--workdir={finished}',
      f'--fold={fold}',
      f'--temperature={finished}',
      '--precision=fp32',
      f'--output={path}',
    ]
  )
  assert code == 0
  about = bundle_lib.load(path).about
  expected = calibrated.of_tests(finished, 'last', fold).temperature
  assert float(about['temperature']) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize(
  ('text', 'match'),
  [
    ('0', 'give a number from 0.05 to 20'),
    ('nan', 'give a number from 0.05 to 20'),
    ('-1', 'give a number from 0.05 to 20'),
    ('nowhere', 'neither a number nor the folder of a run'),
  ],
)
def test_what_is_no_temperature(text, match):
  with pytest.raises(InputError, match=match):
    calibrated.parse(text, 'last')


def test_tests_that_would_make_it_too_sure(place, finished, blank_figures):
  with pytest.raises(InputError, match='best_on_test'):
    calibrated.of_tests(finished, 'best_on_test')
  with pytest.raises(InputError, match='selection'):
    calibrated.of_tests(finished, 'average')
  workdir = place / 'all'
  run.train(
    tiny_runs.settings(place, train__epochs=1, protocol__name='all'), workdir
  )
  with pytest.raises(InputError, match='not of speakers it had never heard'):
    calibrated.of_tests(workdir, 'last')
