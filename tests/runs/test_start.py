"""Trainings that begin with trained weights."""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import json
import pathlib
import shutil

import numpy as np
import pytest
import tiny
import tiny_runs

from sernet_jax.common.errors import InputError
from sernet_jax.corpora import duplicates, protocols
from sernet_jax.predict import bundle, run_bundles
from sernet_jax.runs import config as config_lib, run
from sernet_jax.runs.data import Data, load_corpus
from sernet_jax.runs.weights import (
  first_states,
  heads,
  hearing,
  history,
  start as start_lib,
)

pytestmark = pytest.mark.usefixtures('blank_figures')


@pytest.fixture(scope='module')
def source(place, blank_figures):
  """A run on ann, bob and cyd, and a file of its first fold."""
  workdir = place / 'source'
  run.train(tiny_runs.settings(place), workdir)
  path = place / 'ann.safetensors'
  first, *_ = run_bundles.from_run(workdir, 'last_recomputed')
  bundle.save(path, first, 'float32')
  return workdir, path


@pytest.fixture(scope='module')
def others(place):
  """Other people's recordings: 'joy' is new, 'high' is known."""
  folder = place / 'others'
  made = tiny.write_corpus(folder)
  with made.open() as file:
    rows = list(csv.reader(file))[1:]
  path = folder / 'others.csv'
  with path.open('w', newline='') as file:
    csv.writer(file).writerows(
      [
        ['path', 'label', 'speaker'],
        *(
          [name, {'low': 'joy'}.get(label, label), f'x{speaker}']
          for name, label, speaker in rows
        ),
      ]
    )
  return path


def settings(place, csv_path, **changes):
  quick = {**tiny.QUICK, **changes}
  return tiny.config(csv_path, place / 'features', **quick)


def begun(config):
  """The states of all trials before the first epoch, and their data."""
  experiment = config_lib.experiment(config)
  data = Data(experiment, load_corpus(experiment))
  start = start_lib.load(experiment.train.start_from)
  start_lib.record(start, experiment, data)
  recipe = experiment.recipe(len(data.features.corpus.classes))
  states = first_states.states(start, recipe, data, experiment.train.new_head)
  return start, recipe, data, states


def first_of(tree, trial=0):
  return {k: {n: a[trial] for n, a in v.items()} for k, v in tree.items()}


@pytest.mark.parametrize('epsilon', [1e-3, 0.1])
def test_a_file_begins_as_the_function_that_it_is(
  place, source, others, tmp_path, epsilon
):
  """BatchNorm was folded away; the kept class has the file's own logit.

  Also of a file whose BatchNorm had another epsilon than trainings have.
  """
  made = bundle.load(source[1])
  path = tmp_path / 'weights.safetensors'
  spec = dataclasses.replace(made.model, batch_norm_epsilon=epsilon)
  bundle.save(path, dataclasses.replace(made, model=spec), 'float32')
  config = settings(place, others, train__start_from=str(path))
  start, recipe, data, states = begun(config)
  part = data.fold_arrays[0].test
  features = np.asarray(data.features.features)
  params, stats = first_of(states.params), first_of(states.stats)
  kept = heads.matches(start.classes, data.features.corpus.classes)
  assert kept == {0: 0}  # high
  from sernet_jax.nn import folded, model

  logits, _ = model.apply(
    recipe.model,
    params,
    stats,
    features[part.segments][..., None],
    train=False,
  )
  expected = folded.logits(
    made.model, made.folded, features[part.segments][..., None]
  )
  np.testing.assert_allclose(logits[:, 0], expected[:, 0], atol=1e-4)
  assert np.abs(logits[:, 1] - expected[:, 1]).max() > 1e-3


def test_a_fold_of_a_run_begins_with_its_arrays(place, source, others):
  config = settings(place, others, train__start_from=f'{source[0]}/bob')
  _, _, _, states = begun(config)
  _, folds = run_bundles.weights_of_run(source[0], 'last_recomputed')
  bob = folds[1]
  assert bob.name == 'bob'
  for trial in range(3):
    params = first_of(states.params, trial)
    for name, arrays in bob.params.items():
      for key, values in arrays.items():
        if name != 'head':
          np.testing.assert_array_equal(params[name][key], values)
    np.testing.assert_array_equal(
      params['head']['kernel'][:, 0], bob.params['head']['kernel'][:, 0]
    )


def test_frozen_parts_stay_to_the_bit(place, source, others, tmp_path):
  changes = {
    'train__start_from': f'{source[0]}/bob',
    'train__freeze': 'paths,block1',
    'optim__weight_decay': 0.1,
  }
  run.train(settings(place, others, **changes), tmp_path / 'run')
  _, (before, *_) = run_bundles.weights_of_run(source[0], 'last_recomputed')
  _, folds = run_bundles.weights_of_run(source[0], 'last_recomputed')
  _, (after, *_) = run_bundles.weights_of_run(
    tmp_path / 'run', 'last_recomputed'
  )
  del before
  for name, arrays in folds[1].params.items():
    same = all((after.params[name][k] == v).all() for k, v in arrays.items())
    assert same == (name in ('joint', 'block1')), name
  for name, block in folds[1].stats.items():
    same = (after.stats[name]['mean'] == block['mean']).all()
    assert same == (name in ('joint', 'block1')), name


def test_a_stopped_run_ends_with_the_same_bits(place, source, others, tmp_path):
  """And needs the weights no more once it has a checkpoint."""
  path = tmp_path / 'weights.safetensors'
  shutil.copy(source[1], path)
  changes = {'train__start_from': str(path), 'train__freeze': 'paths'}
  run.train(settings(place, others, **changes), tmp_path / 'whole')
  workdir = tmp_path / 'twice'
  run.train(settings(place, others, train__epochs=1, **changes), workdir)
  path.unlink()
  run.train(settings(place, others, **changes), workdir)
  tiny_runs.assert_same_run(tmp_path / 'whole', workdir)


def test_other_weights_are_noticed_before_the_first_checkpoint(
  place, source, others, tmp_path
):
  path = tmp_path / 'weights.safetensors'
  shutil.copy(source[1], path)
  config = settings(place, others, train__start_from=str(path))
  workdir = tmp_path / 'run'
  run.train(config, workdir)
  shutil.rmtree(workdir / 'checkpoints')
  (workdir / 'results.json').unlink()
  bundle.save(path, run_bundles.from_run(source[0])[2], 'float32')
  with pytest.raises(InputError, match='began with other weights'):
    run.train(config, workdir)


@pytest.mark.parametrize('joins', [False, True])
def test_copies_of_emodb_are_known_by_their_sums(
  place, others, monkeypatch, joins
):
  """In one list, and in one of several corpora."""
  changes = {'data__corpora': f'others={others}', 'data__classes': 'high,joy'}
  config = settings(place, '', **changes) if joins else settings(place, others)
  experiment = config_lib.experiment(config)
  corpus = load_corpus(experiment)
  given = experiment.data, corpus, protocols.make(corpus, experiment.protocol)

  def cautions(apart, *heard):
    heard = {fold.name: {'emodb': heard} for fold in given[2]}
    return history.cautions(history.Prior('emodb', heard), *given, apart)

  (text,) = cautions(True, '03', '08')
  assert 'no file of others is one of EMO-DB byte for byte' in text
  content = pathlib.Path(corpus.utterances[1].path).read_bytes()
  sums = {'08a01Fa.wav': hashlib.sha256(content).hexdigest()}
  monkeypatch.setattr(duplicates, 'emodb_sums', lambda: sums)
  with pytest.raises(
    InputError, match=r'emodb/08; 1 recording is a file of EM'
  ):
    cautions(True, '03', '08')
  (text,) = cautions(False, '*')
  assert '1 of the tested speakers among them, perhaps in' in text
  (text,) = cautions(True, '03')
  assert 'nobody checked' in text


def test_a_list_may_hold_recordings_of_a_known_corpus(place, others):
  """Weights of a list that test RAVDESS: nobody knows what was in the list."""
  experiment = config_lib.experiment(settings(place, others))
  corpus = load_corpus(experiment)
  folds = protocols.make(corpus, experiment.protocol)
  data = dataclasses.replace(experiment.data, corpus='ravdess', manifest='')
  for heard, words in (
    (
      {'list': ('ann',)},
      'recordings of ravdess are in list, under other names',
    ),
    ({'emodb': ('03',)}, 'and none of the tested speakers.'),
  ):
    every = {fold.name: heard for fold in folds}
    prior = history.Prior('w', every)
    (text,) = history.cautions(prior, data, corpus, folds, True)
    assert words in text


def test_what_weights_have_heard_is_carried_on(place, source, others, tmp_path):
  config = settings(
    place, others, train__start_from=str(source[1]), train__epochs=1
  )
  results = run.train(config, tmp_path / 'run')
  (caution,) = results.cautions
  assert 'weights that have heard list (2 speakers)' in caution
  assert 'nobody checked' in caution  # a corpus of one's own
  first, *_ = run_bundles.from_run(tmp_path / 'run')
  assert json.loads(first.about['heard']) == {
    'list': ['bob', 'cyd'],
    'others': ['xbob', 'xcyd'],
  }
  report = (tmp_path / 'run' / 'report.html').read_text()
  assert 'Training started from' in report


def test_tests_that_were_heard_are_refused_or_named(place, source, tmp_path):
  changes = {'train__start_from': str(source[1]), 'train__epochs': 1}
  with pytest.raises(InputError, match=r'has heard.*list/bob, list/cyd'):
    run.train(tiny_runs.settings(place, **changes), tmp_path / 'run')
  assert not (tmp_path / 'run').exists()
  mixed = tiny_runs.settings(place, protocol__name='random10', **changes)
  results = run.train(mixed, tmp_path / 'mixed')
  assert any('2 of the tested speakers' in text for text in results.cautions)


def test_whoever_is_unknown_may_be_anybody(place):
  """Weights that learnt from a list before anybody wrote down who speaks."""
  unknown = tiny_runs.settings(
    place, data__speaker_from='unknown', protocol__name='all'
  )
  first = config_lib.experiment(unknown)
  corpus = load_corpus(first)
  folds = protocols.make(corpus, first.protocol)
  heard = history.of_folds(first.data, corpus, folds)['all']
  assert heard == {'list': ('unknown',)}
  second = config_lib.experiment(tiny_runs.settings(place))
  corpus = load_corpus(second)
  folds = protocols.make(corpus, second.protocol)
  every = {fold.name: heard for fold in folds}
  given = second.data, corpus, folds
  words = r'w may have heard .* \(who spoke is not known\) \(list/ann, list/bob'
  prior = history.Prior('w', every)
  with pytest.raises(InputError, match=words):
    history.cautions(prior, *given, True)
  (text,) = history.cautions(prior, *given, False)
  assert 'list (any of its speakers): 3 of the tested speakers may be' in text
  # The other way around.
  assert hearing.known({'list': ('ann',)}, heard) == ['list/unknown']
  assert not hearing.known({'others': ('ann',)}, heard)


def test_a_run_on_the_same_folds_may_go_on(place, source, tmp_path):
  """Each fold begins with the weights that never heard its tests."""
  config = tiny_runs.settings(
    place, train__start_from=str(source[0]), train__epochs=1
  )
  results = run.train(config, tmp_path / 'run')
  assert any('none of the tested' in text for text in results.cautions)


def test_weights_that_know_who_chooses_the_epoch_are_told(
  place, source, others, monkeypatch
):
  """The folds of a run without validation have heard who chooses here."""
  changes = {
    'train__start_from': str(source[0]),
    'protocol__validation': 'speaker',
  }
  experiment = config_lib.experiment(tiny_runs.settings(place, **changes))
  data = Data(experiment, load_corpus(experiment))
  start = start_lib.load(experiment.train.start_from)
  told = start_lib.record(start, experiment, data)['cautions']
  assert told[0].endswith('and none of the tested speakers.')
  (text,) = told[1:]
  assert 'choose the epoch (list/ann, list/bob, list/cyd; in 3 of 3' in text
  # And by the sums of files of EMO-DB that have other names.
  changed = settings(place, others, protocol__validation='speaker')
  experiment = config_lib.experiment(changed)
  corpus = load_corpus(experiment)
  folds = protocols.make(corpus, experiment.protocol)
  content = pathlib.Path(
    corpus.utterances[folds[0].validation[0]].path
  ).read_bytes()
  sums = {'08a01Fa.wav': hashlib.sha256(content).hexdigest()}
  monkeypatch.setattr(duplicates, 'emodb_sums', lambda: sums)
  for heard, expected in (('08', 1), ('03', 0)):
    every = {fold.name: {'emodb': (heard,)} for fold in folds[:1]}
    prior = history.Prior('w', every)
    _, *more = history.cautions(prior, experiment.data, corpus, folds[:1], True)
    assert len(more) == expected
    assert all('(emodb/08; in 1 of 1 folds)' in text for text in more)


def test_files_of_emodb_itself_are_no_copies_of_it(place, others, monkeypatch):
  changes = {'data__corpora': f'others={others}', 'data__classes': 'high,joy'}
  experiment = config_lib.experiment(settings(place, '', **changes))
  corpus = load_corpus(experiment)
  folds = protocols.make(corpus, experiment.protocol)
  heard = {fold.name: {'emodb': ('08',)} for fold in folds}
  content = pathlib.Path(corpus.utterances[1].path).read_bytes()
  sums = {'03a01Fa.wav': hashlib.sha256(content).hexdigest()}
  monkeypatch.setattr(duplicates, 'emodb_sums', lambda: sums)
  for corpora, words in (
    (f'others={others}', '1 recordings are files of EMO-DB, byte for byte'),
    ('others=emodb', 'none of the tested speakers.'),
  ):
    data = dataclasses.replace(experiment.data, corpora=corpora)
    prior = history.Prior('w', heard)
    (text,) = history.cautions(prior, data, corpus, folds, True)
    assert words in text


def test_the_release_has_heard_all_of_emodb(place, tmp_path):
  start = start_lib.load('emodb')
  assert start.folds[''].heard == {'emodb': ('*',)}
  assert hearing.known({'emodb': ('*',)}, {'emodb': ('03',)}) == ['emodb/03']
  assert not hearing.known({'emodb': ('*',)}, {'ravdess': ('03',)})


def test_few_utterances_are_drawn_with_the_seed(place, tmp_path):
  trains = []
  for seed in (0, 0, 1):
    config = tiny_runs.settings(place, protocol__shots=2, seed=seed)
    experiment = config_lib.experiment(config)
    data = Data(experiment, load_corpus(experiment))
    labels = data.features.corpus.labels
    for fold in data.folds:
      assert np.bincount(labels[fold.train]).tolist() == [2, 2]
    trains.append([fold.train.tolist() for fold in data.folds])
  assert trains[0] == trains[1] != trains[2]


@pytest.mark.parametrize(
  ('changes', 'words'),
  [
    ({'train__freeze': 'paths'}, r'train\.start_from'),
    ({'train__new_head': True}, r'train\.start_from'),
    ({'train__start_from': 'emodb', 'train__freeze': 'path'}, "'paths'"),
    ({'train__start_from': 'emodb', 'train__freeze': 'body,head'}, 'nothing'),
    ({'protocol__shots': -1}, r'protocol\.shots'),
    ({'protocol__shots': 2, 'protocol__name': 'all'}, r'protocol\.shots'),
  ],
)
def test_settings_that_do_not_go_together_are_refused(place, changes, words):
  with pytest.raises(InputError, match=words):
    config_lib.experiment(tiny_runs.settings(place, **changes))


@pytest.mark.parametrize(
  ('changes', 'words'),
  [
    ({'train__start_from': 'emodb'}, r'model\.paths'),
    ({'train__start_from': 'nowhere'}, 'neither emodb nor emodb_robust nor'),
    ({'train__start_from': 'nowhere.safetensors'}, 'does not exist'),
    ({'train__start_from': '{run}/dan'}, "no fold 'dan'.*ann, bob, cyd"),
    ({'model__filters': 9}, r'model\.filters=6, not 9'),
    ({'features__num_coefficients': 9}, 'num_coefficients=8, not 9'),
    ({'features__kind': 'log_mel'}, r'features\.kind'),
    ({'train__freeze': 'head'}, 'leave head out'),
    ({'data__classes': 'joy,dull=high'}, r'none of which.*new_head'),
    ({'protocol__shots': 9}, 'only 8 utterances'),
    ({'protocol__folds': ('xann',), 'train__start_from': '{run}'}, 'RUN/FOLD'),
  ],
)
def test_weights_that_do_not_fit_are_refused(
  place, source, others, tmp_path, changes, words
):
  given = {'train__start_from': str(source[1]), **changes}
  given['train__start_from'] = given['train__start_from'].format(run=source[0])
  with pytest.raises(InputError, match=words) as caught:
    run.train(settings(place, others, **given), tmp_path / 'run')
  assert len(str(caught.value).splitlines()) == 1
  assert not (tmp_path / 'run').exists()


def test_a_frozen_head_has_no_two_classes_of_one(place, source, others):
  """Both would be happiness forever, and the first always the one named."""
  changes = {'data__classes': 'joy,happy=high'}
  begin = dataclasses.replace(
    start_lib.load(str(source[1])), classes=('happiness', 'low')
  )
  for freeze, refused in (('head', True), ('paths', False)):
    experiment = config_lib.experiment(
      settings(
        place,
        others,
        train__start_from=str(source[1]),
        train__freeze=freeze,
        **changes,
      )
    )
    data = Data(experiment, load_corpus(experiment))
    if not refused:
      start_lib.require_fit(begin, experiment, data)
      continue
    words = r'happy and joy are one class of the weights \(happiness\)'
    with pytest.raises(InputError, match=words):
      start_lib.require_fit(begin, experiment, data)


def test_a_run_called_as_the_weights_in_the_package_goes_first(
  source, tmp_path, monkeypatch
):
  shutil.copytree(source[0], tmp_path / 'emodb')
  monkeypatch.chdir(tmp_path)
  assert start_lib.load('emodb').classes == ('high', 'low')
  (tmp_path / 'emodb' / 'config.json').unlink()  # a corpus, perhaps
  assert len(start_lib.load('emodb').classes) == 7


def test_a_network_of_another_size_is_told_by_its_size(place, tmp_path):
  """The advice to set model.filters would lead to the same sentence again."""
  config = tiny.config(
    place / 'corpus' / 'list.csv',
    place / 'features',
    train__start_from='emodb',
    model__size='tiny',
  )
  with pytest.raises(InputError, match=r"model\.size='paper', not 'tiny'; set"):
    run.train(config, tmp_path / 'run')


def test_all_that_small_weights_need_is_said_at_once(place, tmp_path):
  config = tiny_runs.settings(place, train__start_from='emodb_tiny')
  words = (
    "model.size='tiny', not others and model.paths=.* and "
    "model.pooling='statistics', not 'mean'; set model.size and model.paths "
    'and model.pooling to what'
  )
  with pytest.raises(InputError, match=words):
    run.train(config, tmp_path / 'run')


def test_classes_without_overlap_may_have_a_new_head(place, source, others):
  config = settings(
    place,
    others,
    train__start_from=str(source[1]),
    train__new_head=True,
    data__classes='joy,dull=high',
  )
  assert begun(config)[1].model.num_classes == 2


def test_an_older_file_that_names_its_corpus_alone(source):
  made = bundle.load(source[1])
  about = {k: v for k, v in made.about.items() if k != 'heard'}
  older = dataclasses.replace(made, about=about)
  assert history.of_about(older.about) == {'list': ('*',)}
  assert history.of_about({}) == {}


def test_names_that_mean_the_same_keep_their_rows():
  old = ('anger', 'fear', 'happiness')
  new = ('Fear', 'calm', 'joy')
  assert heads.matches(old, new) == {0: 1, 2: 2}
  learnt = {'kernel': np.arange(6.0).reshape(2, 3), 'bias': np.arange(3.0)}
  drawn = {'kernel': np.full((2, 3), 9.0), 'bias': np.zeros(3)}
  made = heads.join(drawn, learnt, heads.matches(old, new))
  assert made['kernel'].tolist() == [[1, 9, 2], [4, 9, 5]]
  assert made['bias'].tolist() == [1, 0, 2]
  del drawn['bias']  # a head may have none
  assert set(heads.join(drawn, learnt, {0: 1})) == {'kernel'}
