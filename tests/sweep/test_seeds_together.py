"""Seeds of a sweep in one program, and the same figures as from many."""

from __future__ import annotations

import numpy as np
import pytest
import tiny

from sernet_jax.common import files
from sernet_jax.common.errors import InputError
from sernet_jax.results import metrics, report
from sernet_jax.runs import config, run
from sernet_jax.sweep import (
  axes as axes_lib,
  final_comparison,
  grid,
  planning,
  seeds_together,
)
from sernet_jax.sweep.comparison import compare_runs

pytestmark = pytest.mark.usefixtures('blank_figures')

LOSSES = 'loss.name=cross_entropy,focal'
# Two settings whose networks are the same program.
PRESETS = 'features.preset=paper,reference'


@pytest.fixture(scope='module')
def place(tmp_path_factory):
  """Folder of the module, with a corpus."""
  folder = tmp_path_factory.mktemp('seeds')
  tiny.write_corpus(folder / 'corpus')
  return folder


def settings(place, **changes):
  csv = place / 'corpus' / 'list.csv'
  return tiny.config(csv, place / 'features', **{**tiny.QUICK, **changes})


def jobs_of(shared, *axes):
  return grid.jobs(shared, [axes_lib.parse_axis(a) for a in axes])


def joined(shared, *axes, before=()):
  return seeds_together.together(jobs_of(shared, *axes), before)


def plan(jobs, workdir):
  return planning.plan(jobs, workdir, 'configs/manifest.py', {})


@pytest.fixture(scope='module')
def both(place):
  """Comparisons of two settings with two seeds, apart and together."""
  with pytest.MonkeyPatch.context() as patch:
    # The pages of the six runs, which take longer than their training.
    patch.setattr(report, 'write', lambda folder: folder.report.write_text(''))
    return compared_both_ways(place)


def compared_both_ways(place):
  shared = settings(place)
  contents, programs = [], []
  for name, jobs in (
    ('apart', jobs_of(shared, PRESETS, 'seed=3:5')),
    ('together', joined(shared, PRESETS, 'seed=3:5')),
  ):
    planned = plan(jobs, place / name)
    for job in planned:
      run.train(job.job.config, job.folder.path)
      assert job.finished()
    final_comparison.write(place / name, planned, {}, 'the command')
    contents.append(files.read_json(place / name / 'comparison.json'))
    programs.append(len(planned))
  assert programs == [4, 2]
  return contents


def test_the_comparison_is_that_of_separate_jobs(both):
  """On a CPU exactly: the same computation for one trial after another."""
  apart, together = both
  for key in ('corpus', 'num_tests', 'fields', 'test', 'differences'):
    assert together[key] == apart[key]
  for one, other in zip(together['settings'], apart['settings'], strict=True):
    assert one['seeds'] == other['seeds'] == [3, 4]
    assert {**one, 'seconds': 0} == {**other, 'seconds': 0}
  assert [(r['setting'], r['seed'], r['scores']) for r in together['runs']] == [
    (r['setting'], r['seed'], r['scores']) for r in apart['runs']
  ]


def test_seeds_that_trained_together_say_so(both):
  apart, together = both
  (note,) = set(together['notes']) - set(apart['notes'])
  assert 'an equal share of its time' in note


def test_each_seed_has_the_predictions_of_its_own_run(both, place):
  folder = place / 'together' / 'features.preset=reference,seed=3,train.seeds=2'
  together = {seed.seed: seed for seed in compare_runs.read_all(folder)}
  for number in (3, 4):
    (alone,) = compare_runs.read_all(
      place / 'apart' / f'features.preset=reference,seed={number}'
    )
    rows = [
      row
      for row in together[number].folder.read_predictions()
      if row['seed'] == number
    ]
    expected = alone.folder.read_predictions()
    for row, other in zip(rows, expected, strict=True):
      assert (row['utterance'], row['selection']) == (
        other['utterance'],
        other['selection'],
      )
      np.testing.assert_allclose(
        row['probabilities'], other['probabilities'], atol=1e-6
      )
    assert together[number].tested('').utterances == (
      alone.tested('').utterances
    )
    for score in metrics.SCORES:
      assert (
        together[number].results.last.pooled[score]
        == alone.results.last.pooled[score]
      )


def test_runs_made_either_way_stand_in_one_comparison(both, place):
  runs = [
    *compare_runs.read_all(
      place / 'together' / 'features.preset=reference,seed=3,train.seeds=2'
    ),
    *compare_runs.read_all(place / 'apart' / 'features.preset=paper,seed=3'),
    *compare_runs.read_all(place / 'apart' / 'features.preset=paper,seed=4'),
  ]
  content = compare_runs.compare(runs)
  assert content['fields'] == ['features.preset']
  assert content['differences'][0]['seeds'] == [3, 4]
  with pytest.raises(InputError, match='same settings and seed 3; name one'):
    compare_runs.compare(
      [
        *runs,
        *compare_runs.read_all(
          place / 'apart' / 'features.preset=reference,seed=3'
        ),
      ]
    )


def test_jobs_that_differ_in_the_seed_alone_become_one(place, tmp_path):
  jobs = joined(settings(place), 'seed=0:3', LOSSES)
  assert [job.name for job in jobs] == [
    'seed=0,loss.name=cross_entropy,train.seeds=3',
    'seed=0,loss.name=focal,train.seeds=3',
  ]
  assert jobs[1].experiment.seeds == (0, 1, 2)
  first, _ = plan(jobs, tmp_path)
  assert first.setting == 'loss.name=cross_entropy'
  assert [tested.seed for tested in first.tested] == [0, 1, 2]
  assert first.fold_epochs == 3 * 3 * 2  # folds, seeds, epochs
  assert '--config.train.seeds=3' in first.arguments


def test_a_sweep_may_grow_by_seeds_and_keeps_what_it_has(place):
  shared = settings(place)
  before = [job.changes for job in joined(shared, 'seed=2:4')]
  grown = joined(shared, 'seed=0:5', LOSSES.replace('cross_entropy,', ''))
  assert [job.experiment.seeds for job in grown] == [(0, 1, 2, 3, 4)]
  grown = joined(shared, 'seed=0:5', before=before)
  assert [job.experiment.seeds for job in grown] == [(0, 1), (2, 3), (4,)]


@pytest.mark.parametrize(
  ('axes', 'changes', 'message'),
  [
    (['seed=0,2,3'], {}, 'has the seeds 0, 2, 3, and seeds train together'),
    ([LOSSES], {}, 'needs several seeds; give an axis'),
    (['seed=0:2'], {'train__seeds': 2}, 'train.seeds is 2 and --seeds_tog'),
    (['seed=0:2', 'train.seeds=1,2'], {}, 'repeats a setting and is not one'),
  ],
)
def test_what_cannot_train_together_is_one_sentence(
  place, axes, changes, message
):
  with pytest.raises(InputError, match=message) as error:
    joined(settings(place, **changes), *axes)
  assert '\n' not in str(error.value)


def test_seeds_with_folds_of_their_own_train_apart(place, tmp_path):
  shared = settings(place, protocol__name='random10')
  plan(jobs_of(shared, 'seed=0:2'), tmp_path)
  with pytest.raises(InputError, match='draws other folds with each seed'):
    plan(joined(shared, 'seed=0:2'), tmp_path)


def test_a_sweep_begun_one_way_does_not_go_on_the_other(place, tmp_path):
  shared = settings(place)
  ways = {
    'apart': jobs_of(shared, 'seed=0:2'),
    'together': joined(shared, 'seed=0:2'),
  }
  for name, jobs in ways.items():
    workdir = tmp_path / name
    about = planning.check_folder(workdir, config.to_dict(shared), jobs)
    files.write_json(workdir / 'sweep.json', about)
    assert [job['seed'] for job in seeds_together.former(workdir)] == [
      job.experiment.seed for job in jobs
    ]
  for name, other, cure in (
    ('apart', 'together', 'in separate jobs; leave out --seeds_together'),
    ('together', 'apart', 'train together; add --seeds_together'),
  ):
    with pytest.raises(InputError, match=cure):
      planning.check_folder(
        tmp_path / name, config.to_dict(shared), ways[other]
      )
