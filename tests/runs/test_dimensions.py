"""A run with arousal beside the classes, from its manifest to predictions."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest
import soundfile
import tiny
import tiny_runs

from sernet_jax.common.errors import InputError
from sernet_jax.corpora.dimensions import Dimension
from sernet_jax.export import __main__ as export
from sernet_jax.predict import (
  __main__ as predict,
  demo,
  live,
  models,
  run_bundles,
  stream,
)
from sernet_jax.predict.inference import predictor
from sernet_jax.predict.inference.prediction import to_frame
from sernet_jax.predict.sessions import formats
from sernet_jax.results import run_folder
from sernet_jax.runs import config as config_lib, run
from sernet_jax.runs.weights import bundle, first_states, start
from sernet_jax.training import trial_state

DIMENSIONS = 'arousal:1:5,valence:0:10'


@pytest.fixture(scope='module')
def place(tmp_path_factory):
  """Recordings whose pitch sets the arousal; valence is known of some."""
  folder = tmp_path_factory.mktemp('dimensions')
  path = tiny.write_corpus(folder / 'corpus')
  with path.open(newline='') as file:
    rows = list(csv.DictReader(file))
  random = np.random.default_rng(0)
  for number, row in enumerate(rows):
    row['arousal'] = f'{1.5 + 2.5 * (row["label"] == "high"):.2f}'
    row['valence'] = '' if number % 3 else f'{random.uniform(0, 10):.3f}'
  with path.open('w', newline='') as file:
    writer = csv.DictWriter(file, rows[0])
    writer.writeheader()
    writer.writerows(rows)
  return folder


def settings(place, **changes):
  return tiny_runs.settings(
    place,
    **{
      'data__dimensions': DIMENSIONS,
      'train__epochs': 16,
      'optim__learning_rate': 3e-3,
      **changes,
    },
  )


@pytest.fixture(scope='module')
def finished(place, blank_figures):
  workdir = place / 'finished'
  results = run.train(settings(place), workdir)
  return run_folder.RunFolder(workdir), results


def test_a_network_learns_what_its_features_tell(finished):
  _, results = finished
  assert results.dimensions == (
    Dimension('arousal', 1, 5),
    Dimension('valence', 0, 10),
  )
  arousal, valence = results.selections['last_recomputed'].dimensions
  assert (arousal.n, valence.n) == (24, 8)
  assert arousal.ccc > 0.6
  assert arousal.ci95[0] <= arousal.ccc <= arousal.ci95[1]
  # Drawn at random, so that nothing says it of an unknown voice.
  assert arousal.ccc > valence.ccc + 0.2
  assert results.last.pooled.uar > 0.9


def test_the_report_and_the_terminal_have_the_figures(finished):
  folder, results = finished
  page = folder.report.read_text()
  assert 'Dimensions against annotations, last' in page
  arousal = results.last.dimensions[0]
  assert f'<b>{arousal.ccc:.3f}</b>' in page
  assert '<td class="number">1 to 5</td>' in page


def test_files_of_the_run_come_back(finished):
  folder, results = finished
  assert folder.read_results() == results
  rows = folder.read_predictions()
  row = next(row for row in rows if row['utterance'] == 'ann_high_0.wav')
  assert row['values'] == [4.0, pytest.approx(6.37, abs=0.01)]
  assert all(1 <= row['outputs'][0] <= 5 for row in rows)
  assert all(0 <= row['outputs'][1] <= 10 for row in rows)


def test_other_annotations_are_another_run(finished, place):
  folder, _ = finished
  csv_path = place / 'corpus' / 'list.csv'
  before = csv_path.read_text()
  csv_path.write_text(before.replace('4.00', '4.25', 1))
  try:
    with pytest.raises(InputError, match='names other utterances, labels'):
      run.train(settings(place, train__epochs=17), folder.path)
  finally:
    csv_path.write_text(before)


def test_a_prediction_is_what_the_run_tested(finished, place, capsys):
  folder, _ = finished
  expected = next(
    row
    for row in folder.read_predictions()
    if (row['selection'], row['weights_dtype'], row['utterance'])
    == ('last', 'float32', 'bob_low_2.wav')
  )
  path = str(place / 'corpus' / 'bob_low_2.wav')
  model = models.load(folder.path, fold='bob')
  (found,) = predictor.Predictor(model).predict_files([path], embed=True)
  np.testing.assert_allclose(
    list(found.dimensions.values()), expected['outputs'], rtol=1e-4
  )
  assert list(found.dimensions) == ['arousal', 'valence']
  assert found.timeline[0].dimensions.keys() == found.dimensions.keys()
  assert found.embedding.shape == (model.embedding_size,)
  code = predict.main([f'--model={folder.path}', '--output=json', path])
  assert code == 0
  entry = json.loads(capsys.readouterr().out)
  assert entry['dimensions'].keys() == found.dimensions.keys()
  # All folds together, so near what one of them says.
  assert 1 <= entry['dimensions']['arousal'] <= 5
  assert entry['timeline'][0]['dimensions'].keys() == found.dimensions.keys()


def test_tables_have_a_column_for_each(finished, place, capsys):
  folder, _ = finished
  path = str(place / 'corpus' / 'bob_low_2.wav')
  assert predict.main([f'--model={folder.path}', path]) == 0
  head, row, *_ = capsys.readouterr().out.splitlines()
  assert head.split()[-2:] == ['arousal', 'valence']
  assert len(row.split()) == len(head.split())
  assert predict.main([f'--model={folder.path}', '--output=csv', path]) == 0
  rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
  assert 1 <= float(rows[0]['d_arousal']) <= 5
  pytest.importorskip('pandas')
  (found,) = predictor.load(folder.path).predict_files([path])
  frame = to_frame([found])
  assert frame['d_arousal'][0] == pytest.approx(float(rows[0]['d_arousal']))


def test_a_stream_and_the_demo_have_them(
  finished, place, tmp_path, monkeypatch, capsys
):
  folder, _ = finished
  path = place / 'corpus' / 'bob_low_2.wav'
  (found,) = predictor.load(folder.path).predict_files([path], hop_s=0.1)
  samples, rate_hz = soundfile.read(path, dtype='int16')
  raw = io.TextIOWrapper(io.BytesIO(samples.tobytes()))
  monkeypatch.setattr('sys.stdin', raw)
  words = [f'--model={folder.path}', f'--rate_hz={rate_hz}', '--hop_s=0.1']
  assert stream.main(words) == 0
  lines = [json.loads(x) for x in capsys.readouterr().out.splitlines()]
  assert len(lines) == len(found.timeline)
  for line, moment in zip(lines, found.timeline, strict=True):
    assert line['dimensions'] == pytest.approx(moment.dimensions, rel=1e-4)
  model = models.load(folder.path)
  _, notes, _, rows = demo.listen(str(path), model, 0.1, tmp_path)
  arousal, valence = found.dimensions.values()
  assert f'- arousal: {round(arousal, 2):g} (1 to 5)' in notes
  assert f'- valence: {round(valence, 2):g} (0 to 10)' in notes
  assert [row[4:] for row in rows] == [
    [round(number, 2) for number in moment.dimensions.values()]
    for moment in found.timeline
  ]
  with pytest.raises(InputError, match='gives numbers beside its classes'):
    live.estimates([], model, rate_hz, 0.032, held_db=3.0)


def test_the_report_of_a_file_has_license_and_scales(finished, tmp_path):
  path = tmp_path / 'x.safetensors'
  words = [f'--workdir={finished[0].path}', '--fold=bob', f'--output={path}']
  words += ['--format=safetensors', '--precision=fp32', '--license=CC-BY-4.0']
  assert export.main(words) == 0
  report = json.loads(formats.report_path(path).read_text())
  assert report['license'] == 'CC-BY-4.0'
  assert report['dimensions'] == [
    {'name': 'arousal', 'low': 1, 'high': 5},
    {'name': 'valence', 'low': 0, 'high': 10},
  ]
  assert bundle.load(path).about['license'] == 'CC-BY-4.0'


def test_chosen_classes_leave_the_numbers(finished, place):
  folder, _ = finished
  path = str(place / 'corpus' / 'bob_low_2.wav')
  (one,) = predictor.load(folder.path).predict_files([path])
  (other,) = predictor.load(folder.path, classes=('low', 'high')).predict_files(
    [path]
  )
  assert other.dimensions == one.dimensions


def test_a_bundle_keeps_them(finished, tmp_path):
  made = run_bundles.from_run(finished[0].path)[0]
  path = tmp_path / 'x.safetensors'
  bundle.save(path, made, 'float32')
  read = bundle.load(path)
  assert read.dimensions == made.dimensions == finished[1].dimensions
  np.testing.assert_array_equal(
    read.folded['dimensions']['kernel'], made.folded['dimensions']['kernel']
  )


def test_training_starts_from_the_dimensions_that_agree(finished, place):
  folder, _ = finished
  changed = settings(
    place,
    data__dimensions='valence:0:10,arousal:1:7',
    train__start_from=f'{folder.path}/ann',
  )
  experiment = config_lib.experiment(changed)
  data = run.Data(experiment, run.load_corpus(experiment))
  recipe = experiment.recipe(2)
  begun = start.load(experiment.train.start_from)
  states = first_states.states(begun, recipe, data, new_head=False)
  kernel = np.asarray(states.params['dimensions']['kernel'])[0]
  learnt = begun.of('ann').weights[0]['dimensions']['kernel']
  np.testing.assert_array_equal(kernel[:, 0], learnt[:, 1])
  # Of another scale, so drawn anew.
  assert np.abs(kernel[:, 1] - learnt[:, 0]).max() > 1e-3
  np.testing.assert_array_equal(
    np.asarray(states.params['block1']['kernel'])[0],
    begun.of('ann').weights[0]['block1']['kernel'],
  )


@pytest.mark.parametrize(
  ('dimensions', 'changes'),
  [
    ('arousal:1:7', {}),  # of another scale
    ('valence:0:11', {}),
    ('arousal:1:5', {'train__new_head': True}),
    ('arousal:1:7,valence:0:11', {}),
  ],
)
def test_dimensions_that_the_weights_do_not_know_are_drawn_anew(
  finished, place, dimensions, changes
):
  """Of as many numbers or fewer, whose layer would fit by its shape or not."""
  changed = settings(
    place,
    data__dimensions=dimensions,
    train__start_from=str(finished[0].path),
    **changes,
  )
  experiment = config_lib.experiment(changed)
  data = run.Data(experiment, run.load_corpus(experiment))
  recipe = experiment.recipe(2)
  arrays = data.fold_arrays[0]
  drawn = trial_state.init_state(recipe, arrays.seed, arrays.index)
  begun = start.load(experiment.train.start_from)
  states = first_states.states(begun, recipe, data, experiment.train.new_head)
  for name, values in drawn.params['dimensions'].items():
    np.testing.assert_allclose(
      states.params['dimensions'][name][0], values, rtol=1e-6
    )
  frozen = config_lib.experiment(
    settings(
      place,
      data__dimensions=dimensions,
      train__start_from=str(finished[0].path),
      train__freeze='dimensions',
      **changes,
    )
  )
  with pytest.raises(InputError, match='leave dimensions out of it'):
    start.record(begun, frozen, data)


@pytest.mark.parametrize(
  ('change', 'match'),
  [
    ({'augment__mixup': 0.2}, r'augment\.mixup puts two utterances into one'),
    ({'augment__join': 0.2}, r'augment\.join puts two utterances into one'),
    ({'loss__dimensions': 1.0}, 'a share above 0 and below 1'),
    ({'train__freeze': 'dimension'}, 'train.freeze is'),
  ],
)
def test_settings_that_do_not_go_together(place, change, match):
  changed = settings(place, **change)
  with pytest.raises(InputError, match=match):
    config_lib.experiment(changed)
