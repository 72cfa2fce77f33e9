"""A temperature inside the head, from the tests of a run."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import small_networks
import tiny_runs
from exportable import bundle, recordings

from sernet_jax.audio import segments
from sernet_jax.audio.spec import AudioSpec
from sernet_jax.common.errors import InputError
from sernet_jax.export import __main__ as export
from sernet_jax.features.spec import MfccSpec
from sernet_jax.nn import network
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


def test_the_tests_are_read_once_for_all_folds(finished, tmp_path, monkeypatch):
  reads = []
  read = run_folder.RunFolder.read_predictions

  def counted(folder):
    reads.append(folder)
    return read(folder)

  monkeypatch.setattr(run_folder.RunFolder, 'read_predictions', counted)
  code = export.main(
    [
      f'--workdir={finished}',
      '--all_folds',
      f'--temperature={finished}',
      '--precision=fp32',
      f'--output={tmp_path}',
    ]
  )
  assert code == 0 and len(reads) == 1
  found = [bundle_lib.load(path) for path in tmp_path.rglob('*.safetensors')]
  assert len(found) > 1
  for one in found:
    expected = calibrated.of_tests(finished, 'last', one.about['fold'])
    assert float(one.about['temperature']) == pytest.approx(
      expected.temperature, rel=1e-3
    )


def _changed(run_folder_, tmp_path, change):
  """A copy of a run whose predictions.csv has other rows."""
  copy = tiny_runs.copy_of(run_folder_, tmp_path)
  folder = run_folder.RunFolder(copy)
  rows = [new for row in folder.read_predictions() for new in change(row)]
  folder.write_predictions(rows, folder.read_results().classes)
  return copy


def test_no_seed_of_a_fold_sets_its_own_temperature(finished, tmp_path):
  """Nor does another fold of the same speakers, as `loso_text` has them."""
  folder = run_folder.RunFolder(finished)
  fold = folder.read_predictions()[0]['fold']
  alone = calibrated.of_tests(finished, 'last', fold)
  seeds = _changed(
    finished, tmp_path / 'a', lambda row: [{**row, 'seed': s} for s in (0, 1)]
  )
  found = calibrated.of_tests(seeds, 'last', f'{fold}, seed 1')
  assert found.temperature == pytest.approx(alone.temperature)
  texts = _changed(
    finished,
    tmp_path / 'b',
    lambda row: [
      {**row, 'fold': f'{row["fold"]}_text{1 + int(row["utterance"][-5]) % 2}'}
    ],
  )
  found = calibrated.of_tests(texts, 'last', f'{fold}_text1')
  assert found.temperature == pytest.approx(alone.temperature)


def test_one_speaker_alone_says_nothing_of_a_threshold(finished, tmp_path):
  """The tempered confidence of a speaker is what the others' tests make it."""
  one = _changed(
    finished, tmp_path, lambda row: [row] if row['speaker'] == 'ann' else []
  )
  found = calibrated.of_tests(one, 'last')
  assert (found.threshold, found.coverage) == (None, 0.0)
  assert found.source == '8 tests of 1 speaker never heard'


def test_who_is_unknown_is_not_counted_as_one_speaker(finished, tmp_path):
  """As in tests across corpora, of which nobody knows who speaks."""

  def unknown(name, rows):
    return lambda row: [{**row, 'speaker': name}] if rows(row) else [row]

  whole = _changed(finished, tmp_path / 'a', unknown('unknown', lambda _: True))
  told = calibrated.of_tests(whole, 'last').source
  assert told.endswith(' tests of unknown speakers never heard')
  some = unknown('x/unknown', lambda row: row['speaker'] != 'ann')
  part = _changed(finished, tmp_path / 'b', some)
  told = calibrated.of_tests(part, 'last').source
  assert told.endswith(' tests of 1 speaker and unknown ones never heard')


def test_a_run_of_another_task_or_network_sets_none(finished):
  (one, *_) = run_bundles.from_run(finished, 'last')
  assert calibrated.of_tests(finished, 'last', bundle=one).temperature > 0
  swapped = dataclasses.replace(one, classes=one.classes[::-1])
  with pytest.raises(InputError, match='with the classes high, low, and the'):
    calibrated.of_tests(finished, 'last', bundle=swapped)
  with pytest.raises(InputError, match='of another network than the model'):
    calibrated.of_tests(finished, 'last', bundle=bundle())
  higher = dataclasses.replace(one.mfcc, lower_edge_hz=100.0)
  with pytest.raises(InputError, match='with other features than the model'):
    calibrated.of_tests(
      finished, 'last', bundle=dataclasses.replace(one, mfcc=higher)
    )


@pytest.mark.parametrize('name', small_networks.NAMES)
def test_networks_with_several_dense_layers(name):
  spec = small_networks.settings(name)
  folded = network.fold(spec, *small_networks.weights(spec))
  (kind, *_) = spec.takes
  bands, coefficients = {
    'mfcc': (max(20, spec.width), spec.width),
    'log_mel': (spec.width, 1),
    'log_mel_deltas': (spec.width // 3, 1),
  }[kind]
  made = bundle_lib.Bundle(
    spec,
    MfccSpec(num_mel_bands=bands, num_coefficients=coefficients),
    kind,
    AudioSpec(16_000, 1.0),
    bundle().classes,
    folded,
  )
  found = calibrated.calibrate(made, calibrated.Calibration(2.5)).folded
  for layer, arrays in folded.items():
    for array, values in arrays.items():
      expected = values / 2.5 if layer == 'head' else values
      np.testing.assert_allclose(found[layer][array], expected, rtol=1e-6)


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
    calibrated.source(text, 'last')


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
