"""Trainings that also learn from the networks of other runs."""

from __future__ import annotations

import json
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tiny_runs

from sernet_jax.common.errors import InputError
from sernet_jax.nn import model
from sernet_jax.predict import bundle, run_bundles
from sernet_jax.results import run_folder
from sernet_jax.runs import config as config_lib, run
from sernet_jax.runs.data import Data, load_corpus
from sernet_jax.runs.weights import of_run, teachers
from sernet_jax.training import epoch_batches, specs

pytestmark = pytest.mark.usefixtures('blank_figures')


@pytest.fixture(scope='module')
def taught_by(place, blank_figures):
  """Two runs with other seeds than the student's, the second with two."""
  found = []
  for seed, seeds in ((5, 1), (8, 2)):
    found.append(place / f'teacher{seed}')
    config = tiny_runs.settings(place, seed=seed, train__seeds=seeds)
    run.train(config, found[-1])
  return found


def settings(place, runs, **changes):
  names = ','.join(map(str, runs))
  return tiny_runs.settings(place, train__teachers=names, **changes)


def test_answers_are_the_mean_of_the_teachers(place, taught_by):
  """Softened by the temperature, each fold's own, all seeds of a run."""
  experiment = config_lib.experiment(settings(place, taught_by))
  data = Data(experiment, load_corpus(experiment))
  teachers.give(data, teachers.load(experiment, data))
  recipe = experiment.recipe(2)
  recipe = recipe.__class__(**{**vars(recipe), 'teacher': data.teacher})
  x = np.asarray(data.features.features)[:5, ..., None]
  # Fold 'bob' is the second of three; of two seeds the fifth of six trials too.
  weights = [
    of_run.weights_of_run(workdir, 'last_recomputed')[1][index]
    for workdir, index in zip(
      (taught_by[0], taught_by[1], taught_by[1]), (1, 1, 4), strict=True
    )
  ]
  assert [one.name for one in weights] == ['bob', 'bob, seed 8', 'bob, seed 9']
  expected = np.mean(
    [
      jax.nn.softmax(
        model.apply(data.teacher, one.params, one.stats, x, train=False)[0] / 2
      )
      for one in weights
    ],
    axis=0,
  )
  found = epoch_batches.answers(
    recipe, data.fold_arrays[1], jnp.asarray(x), None
  )
  np.testing.assert_allclose(found, expected, atol=1e-6)
  assert np.abs(expected - expected.mean(axis=0)).max() > 1e-3


def test_a_student_ends_nearer_to_its_teachers(place, taught_by, tmp_path):
  """All of the loss from the teachers, against none of it."""

  def apart(workdir):
    rows = [
      [
        row['probabilities']
        for row in run_folder.RunFolder(folder).read_predictions()
        if row['selection'] == 'last_recomputed'
        and row['weights_dtype'] == 'float32'
      ]
      for folder in (workdir, taught_by[0])
    ]
    return np.abs(np.subtract(*rows)).mean()

  run.train(
    settings(place, taught_by[:1], loss__distillation=1.0, train__epochs=8),
    tmp_path / 'student',
  )
  run.train(tiny_runs.settings(place, train__epochs=8), tmp_path / 'alone')
  assert apart(tmp_path / 'student') < 0.7 * apart(tmp_path / 'alone')


def test_history_names_the_teachers_and_whom_they_have_heard(
  place, taught_by, tmp_path
):
  workdir = tmp_path / 'run'
  results = run.train(settings(place, taught_by[:1]), workdir)
  (caution,) = results.cautions
  assert caution.startswith('Training learnt from ')
  assert caution.endswith('none of the tested speakers.')
  content = json.loads((workdir / 'history.json').read_text())
  assert content['heard']['ann'] == {'list': ['bob', 'cyd']}
  assert [one['from'] for one in content['teachers']] == [str(taught_by[0])]


def test_a_stopped_run_ends_with_the_same_bits(place, taught_by, tmp_path):
  run.train(settings(place, taught_by), tmp_path / 'whole')
  workdir = tmp_path / 'twice'
  run.train(settings(place, taught_by, train__epochs=1), workdir)
  run.train(settings(place, taught_by), workdir)
  tiny_runs.assert_same_run(tmp_path / 'whole', workdir)


def test_mappings_train_alike(place, taught_by, tmp_path):
  losses = []
  for name in ('map', 'vmap'):
    workdir = tmp_path / name
    run.train(settings(place, taught_by, train__fold_mapping=name), workdir)
    losses.append(tiny_runs.losses(workdir))
  assert losses[0].keys() == losses[1].keys()
  for key, pair in losses[0].items():
    np.testing.assert_allclose(pair, losses[1][key], rtol=1e-3)


def test_other_networks_in_the_place_of_the_teachers_are_noticed(
  place, taught_by, tmp_path
):
  teacher = shutil.copytree(taught_by[0], tmp_path / 'teacher')
  config = settings(place, [teacher])
  workdir = tmp_path / 'run'
  run.train(config, workdir)
  shutil.rmtree(workdir / 'checkpoints')
  (workdir / 'results.json').unlink()
  shutil.rmtree(teacher)
  run.train(tiny_runs.settings(place, seed=6), teacher)
  with pytest.raises(InputError, match='began with other networks'):
    run.train(config, workdir)


def test_what_a_killed_start_without_teachers_left_does_not_count(
  place, taught_by, tmp_path
):
  shutil.copy(taught_by[0] / 'history.json', tmp_path)
  run.train(settings(place, taught_by[:1], train__epochs=1), tmp_path)
  content = json.loads((tmp_path / 'history.json').read_text())
  assert [one['from'] for one in content['teachers']] == [str(taught_by[0])]


@pytest.mark.parametrize(
  ('teachers', 'words'),
  [
    ([], 'names 0 teachers, not 1 as train.teachers does'),
    ([{}], r'history\.json is damaged \(weights have no SHA-256\)'),
    ({}, r'history\.json is damaged \(teachers are not a list\)'),
  ],
)
def test_an_edited_history_is_refused(
  place, taught_by, tmp_path, teachers, words
):
  config = settings(place, taught_by[:1])
  shutil.copy(taught_by[0] / 'folds.json', tmp_path)
  (tmp_path / 'config.json').write_text(json.dumps(config_lib.to_dict(config)))
  content = json.loads((taught_by[0] / 'history.json').read_text())
  content['teachers'] = teachers
  (tmp_path / 'history.json').write_text(json.dumps(content))
  with pytest.raises(InputError, match=words):
    run.train(config, tmp_path)


def test_a_seed_of_a_fold_can_be_named():
  given = 'a/bob, seed 8,b, c/ann, seed 9'
  found = specs.TrainSpec(teachers=given).teacher_runs
  assert found == ('a/bob, seed 8', 'b', 'c/ann, seed 9')


@pytest.mark.parametrize(
  ('teacher', 'changes', 'words'),
  [
    ('nowhere', {}, r'train\.teachers=.*nowhere is not the folder of a run'),
    ('emodb', {}, 'is not the folder of a run.*name one'),
    ('{run}/dan', {}, r"cannot be used: .*no fold 'dan'"),
    ('file', {}, 'is not the folder of a run'),
    ('{run}/bob', {}, r'train\.teachers=.*has heard.*list/ann, list/cyd'),
    ('{run}', {'features__num_coefficients': 9}, 'num_coefficients=8, not 9'),
    (
      '{run}',
      {'data__classes': 'high,dull=low'},
      'knows the classes high, low, not dull, high',
    ),
    ('{run}', {'model__pooling': 'masked'}, 'looks at padding'),
    ('{run},{other}', {}, 'another network than'),
    ('{run}', {'loss__distillation': 0.0}, r'loss\.distillation is 0\.0'),
    ('{run}', {'loss__temperature': 0.0}, r'loss\.temperature'),
    ('{run}', {'loss__temperature': 1e-30}, r'temperature is 1e-30; give a'),
    ('{run}', {'loss__temperature': 1e30}, r'temperature is 1e\+30; give a'),
    (', ,', {}, r"train\.teachers is ', ,', which names no run"),
  ],
)
def test_teachers_that_do_not_fit_are_refused(
  place, taught_by, tmp_path, teacher, changes, words
):
  if teacher == 'file':
    teacher = str(tmp_path / 'file.safetensors')
    first, *_ = run_bundles.from_run(taught_by[0], 'last_recomputed')
    bundle.save(teacher, first)
  if '{other}' in teacher:
    config = tiny_runs.settings(place, model__filters=9)
    run.train(config, place / 'wider')
  names = teacher.format(run=taught_by[0], other=place / 'wider')
  with pytest.raises(InputError, match=words) as caught:
    run.train(settings(place, [names], **changes), tmp_path / 'run')
  assert len(str(caught.value).splitlines()) == 1
  assert not (tmp_path / 'run').exists()
