"""Runs whose examples are cut and changed anew in every epoch."""

from __future__ import annotations

import dataclasses
import json
import shutil

import numpy as np
import pytest
import soundfile
import tiny
import tiny_runs

from sernet_jax.common.errors import InputError
from sernet_jax.predict import models, recordings, run_bundles
from sernet_jax.results import run_folder
from sernet_jax.runs import config as config_lib, predictions, run
from sernet_jax.runs.data import Data, load_corpus
from sernet_jax.training import adaptation

pytestmark = pytest.mark.usefixtures('blank_figures')

CHANGES = {
  'data__crop': 'random',
  'data__test_duration_s': 0.5,
  'model__pooling': 'masked',
  'augment__speed': 0.1,
  'augment__warp': 0.1,
  'augment__mixup': 0.2,
  'loss__label_smoothing': 0.1,
  'optim__schedule': 'one_cycle',
  'optim__cycle_epochs': 4,
  'optim__weight_decay': 0.01,
  'optim__average': 0.8,
  'protocol__best_on_test': False,
}


def settings(place, **changes):
  return tiny_runs.settings(place, **CHANGES, **changes)


@pytest.fixture(scope='module')
def recipe(place, blank_figures):
  workdir = place / 'recipe'
  run.train(settings(place, train__epochs=4), workdir)
  return workdir


def test_a_stopped_run_ends_with_the_same_bits(place, recipe, tmp_path):
  workdir = tmp_path / 'again'
  run.train(settings(place, train__epochs=1), workdir)
  run.train(settings(place, train__epochs=4), workdir)
  assert (workdir / 'predictions.csv').read_text() == (
    recipe / 'predictions.csv'
  ).read_text()


def test_batches_of_one_speaker_resume_to_the_same_bits(place, tmp_path):
  fields = {
    'train__batches': 'speaker',
    'data__crop': 'random',
    'augment__join': 0.5,
  }
  whole, again = tmp_path / 'whole', tmp_path / 'again'
  run.train(tiny_runs.settings(place, train__epochs=2, **fields), whole)
  for epochs in (1, 2):
    run.train(tiny_runs.settings(place, train__epochs=epochs, **fields), again)
  one, other = (
    (folder / 'predictions.csv').read_text() for folder in (whole, again)
  )
  assert one == other
  results = run_folder.RunFolder(whole).read_results()
  note = 'No utterances were joined, though augment.join is 0.5: the second'
  assert [c.startswith(note) for c in results.cautions] == [True]
  mixed = tmp_path / 'mixed'
  fields['train__batches'] = 'mixed'
  run.train(tiny_runs.settings(place, train__epochs=2, **fields), mixed)
  assert (mixed / 'predictions.csv').read_text() != one
  assert not run_folder.RunFolder(mixed).read_results().cautions


@pytest.mark.parametrize(
  ('way', 'why'),
  [('unknown', 'nobody knows who speaks'), ('folder', 'there is only one')],
)
def test_without_another_speaker_nothing_is_joined(place, tmp_path, way, why):
  """All recordings lie in one folder."""
  changes = {
    'data__crop': 'random',
    'augment__join': 0.5,
    'data__speaker_from': way,
    'protocol__name': 'random10',
    'protocol__folds': ('1',),
    'train__epochs': 1,
  }
  results = run.train(tiny_runs.settings(place, **changes), tmp_path / 'run')
  note = 'augment.join is 0.5: the second is of another speaker, and '
  assert [c.partition(note)[2] for c in results.cautions] == [f'{why}.']


@pytest.mark.parametrize('name', ['unknown', 'list/unknown'])
def test_batches_of_one_speaker_need_speakers(place, name):
  made = config_lib.experiment(
    tiny_runs.settings(
      place, train__batches='speaker', protocol__name='random10'
    )
  )
  corpus = load_corpus(made)
  first = dataclasses.replace(corpus.utterances[0], speaker=name)
  corpus = dataclasses.replace(
    corpus, utterances=(first, *corpus.utterances[1:])
  )
  with pytest.raises(InputError, match=r'1 of 24 recordings .* data\.speaker'):
    Data(made, corpus)


def test_nothing_is_chosen_on_the_tests(recipe):
  results = json.loads((recipe / 'results.json').read_text())
  names = ['last', 'last_recomputed', 'average']
  assert list(results['selections']) == names
  rows = run_folder.RunFolder(recipe).read_metrics()
  assert all('test' not in row for row in rows)
  rates = [row['learning_rate'] for row in rows if row['fold'] == 'ann']
  assert np.argmax(rates) == 1 and rates[-1] < rates[0]


def test_it_learns(recipe):
  rows = run_folder.RunFolder(recipe).read_metrics()
  found = [row['train']['loss'] for row in rows if row['fold'] == 'bob']
  assert found[-1] < found[0]


def test_predict_gives_what_the_run_tested(place, recipe):
  """Of a whole utterance, through the windows of `predict`."""
  with (recipe / 'predictions.csv').open() as file:
    header, *lines = [line.strip().split(',') for line in file]
  tested = [dict(zip(header, line, strict=True)) for line in lines]
  (row,) = [
    r
    for r in tested
    if (r['selection'], r['weights_dtype']) == ('average', 'float32')
    and r['utterance'].startswith('ann_high_0')
  ]
  model = models.load(recipe, 'average', 'ann')
  assert model.audio.duration_s == 0.5
  path = place / 'corpus' / 'ann_high_0.wav'
  (found,) = recordings.recognize([path], model, hop_s=0)
  expected = [float(row[f'p_{name}']) for name in model.classes]
  np.testing.assert_allclose(found.probabilities, expected, atol=1e-4)


def test_predict_cuts_longer_utterances_as_the_tests_did(place, tmp_path):
  """The loudest part lies outside of what is heard, so sets no scale."""
  shutil.copytree(place / 'corpus', tmp_path / 'corpus')
  for path in (tmp_path / 'corpus').glob('*.wav'):
    samples, rate_hz = soundfile.read(path)
    samples[: len(samples) // 12] *= 3
    soundfile.write(path, samples, rate_hz)
  changes = {**CHANGES, 'data__test_duration_s': 0.22}
  workdir = tmp_path / 'run'
  run.train(tiny_runs.settings(tmp_path, **changes, train__epochs=1), workdir)
  rows = [
    row
    for row in run_folder.RunFolder(workdir).read_predictions()
    if (row['selection'], row['weights_dtype'], row['fold'])
    == ('last', 'float32', 'ann')
  ]
  model = models.load(workdir, 'last', 'ann')
  paths = [tmp_path / 'corpus' / row['utterance'] for row in rows]
  for row, found in zip(
    rows, recordings.recognize(paths, model, hop_s=0), strict=True
  ):
    np.testing.assert_allclose(
      found.probabilities, row['probabilities'], atol=1e-4
    )


def test_the_average_has_weights_and_statistics_of_its_own(recipe):
  (last, *_), (average, *_) = (
    run_bundles.from_run(recipe, name) for name in ('last', 'average')
  )
  assert (
    np.abs(
      last.folded['head']['kernel'] - average.folded['head']['kernel']
    ).max()
    > 1e-5
  )


@pytest.mark.parametrize('heard_s', [0.5, 0.22])
def test_what_is_odd_about_whole_recordings_is_told(place, tmp_path, heard_s):
  """Whether tests hear all of them or what was cut out of their middle."""
  shutil.copytree(place / 'corpus', tmp_path / 'corpus')
  path = tmp_path / 'corpus' / 'ann_high_0.wav'
  samples, _ = soundfile.read(path)
  soundfile.write(path, samples[::2], 8000)
  made = config_lib.experiment(
    tiny_runs.settings(
      tmp_path, **{**CHANGES, 'data__test_duration_s': heard_s}
    )
  )
  ((where, found),) = Data(made, load_corpus(made)).features.notes.items()
  assert where == str(path) and 'has no sound above 4.0 kHz' in found[0]


def test_tests_hear_whole_utterances_from_their_first_frame(place):
  experiment = config_lib.experiment(settings(place))
  data = Data(experiment, load_corpus(experiment))
  # Recordings of 0.3 s have 15 frames, and no room is kept for more.
  assert data.features.features.shape[1:] == (15, 8)
  assert set(data.features.frames.tolist()) == {15}
  shorter = settings(place)
  shorter.data.test_duration_s = 0.25
  experiment = config_lib.experiment(shorter)
  data = Data(experiment, load_corpus(experiment))
  assert data.features.features.shape[1] == 12
  assert set(data.features.frames.tolist()) == {12}


@pytest.mark.parametrize(
  ('changes', 'words'),
  [
    ({'loss__name': 'focal'}, 'loss.name'),
    ({'data__segments': 'all'}, 'data.segments'),
    ({'features__kind': 'spectrogram'}, 'features.kind'),
    ({'features__preset': 'librosa'}, 'features.preset'),
    ({'data__crop': 'left'}, 'data.crop'),
    ({'data__test_duration_s': -1.0}, 'data.test_duration_s'),
    ({'optim__schedule': 'steps'}, 'optim.schedule'),
    ({'optim__average': 1.0}, 'optim.average'),
    ({'loss__label_smoothing': 1.0}, 'loss.label_smoothing'),
    ({'model__pooling': 'max'}, 'pooling'),
    ({'train__batches': 'voices'}, 'train.batches'),
  ],
)
def test_settings_that_do_not_go_together_are_refused(place, changes, words):
  with pytest.raises(InputError, match=words.replace('.', r'\.')):
    config_lib.experiment(tiny_runs.settings(place, **{**CHANGES, **changes}))


def test_a_length_of_tests_needs_examples_that_are_cut(place):
  fixed = tiny_runs.settings(place, data__test_duration_s=1.0)
  with pytest.raises(InputError, match=r'data\.test_duration_s'):
    config_lib.experiment(fixed)


def test_the_published_network_can_be_cut_at_random_too(place, tmp_path):
  fields = {'data__crop': 'random', 'augment__time_masks': 1}
  short = tiny_runs.settings(place, train__epochs=1, **fields)
  results = run.train(short, tmp_path / 'run')
  assert list(results.selections) == ['last', 'last_recomputed', 'best_on_test']


def test_the_configs_of_the_recipe_are_experiments():
  for corpus in ('emodb', 'ravdess', 'nemo'):
    config = tiny.load_config('recipe', corpus)
    made = config_lib.experiment(config)
    assert made.data.corpus == corpus
    assert made.sound is not None and made.model.masked
    assert made.optim.cycle_epochs == made.train.epochs


def test_an_adapted_run_is_not_a_loso_run(place, recipe, tmp_path):
  """The training is the same to the bit; only the tests differ."""
  adapted = tmp_path / 'adapted'
  results = run.train(
    settings(
      place, train__epochs=4, protocol__name='loso_adapted', protocol__prior=2.0
    ),
    adapted,
  )
  assert results.protocol == 'loso_adapted'
  rows = [
    [row['train']['loss'] for row in run_folder.RunFolder(w).read_metrics()]
    for w in (recipe, adapted)
  ]
  assert rows[0] == rows[1]
  texts = [(w / 'predictions.csv').read_text() for w in (recipe, adapted)]
  assert texts[0] != texts[1]
  report = (adapted / 'report.html').read_text()
  assert 'the network adapted to the voice' in report


def test_enrolling_more_than_there_is_ends_before_training(place, tmp_path):
  with pytest.raises(InputError, match=r'protocol\.enrolled'):
    run.train(
      settings(
        place,
        train__epochs=1,
        protocol__name='loso_adapted',
        protocol__enrolled=99,
      ),
      tmp_path / 'run',
    )
  assert not (tmp_path / 'run' / 'metrics.jsonl').exists()


@pytest.mark.parametrize('enrolled', [2, 0])
def test_segments_are_heard_first_as_recordings(
  place, tmp_path, monkeypatch, enrolled
):
  """Recordings of 0.3 s in segments of 0.1 s count once each."""
  settings = tiny_runs.settings(
    place,
    data__duration_s=0.1,
    data__segments='all',
    protocol__name='loso_adapted',
    protocol__enrolled=enrolled,
  )
  experiment = config_lib.experiment(settings)
  data = Data(experiment, load_corpus(experiment))
  called = []

  def keep(recipe, heard, params, stats, prior, recordings=0):
    called.append((len(heard), prior, recordings))
    return stats

  monkeypatch.setattr(adaptation, 'adapted', keep)
  recipe = experiment.recipe(len(data.features.corpus.classes))
  for fold in range(len(data.folds)):
    predictions._adaptation(experiment, recipe, data, fold)({}, {})
  count = enrolled or 8
  assert called == [(3 * count, 20.0, count)] * 3
