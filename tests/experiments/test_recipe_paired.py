"""The recipe beside the paper's training, on the same tests."""

from __future__ import annotations

import json
import statistics as statistics_library

import numpy as np
import pytest
import tiny
import tiny_runs

from experiments.recipe import paired
from sernet_jax.common.errors import InputError
from sernet_jax.results import run_folder, statistics
from sernet_jax.runs import run

pytestmark = pytest.mark.usefixtures('blank_figures')


@pytest.fixture(scope='module')
def runs(tmp_path_factory):
  """Folders: the paper's training, the recipe's, and one of another seed."""
  place = tmp_path_factory.mktemp('paired')
  tiny.write_corpus(place / 'corpus')
  switched = {
    'model__pooling': 'masked',
    'augment__warp': 0.1,
    'optim__average': 0.8,
    'protocol__best_on_test': False,
  }
  for name, changes in (
    ('paper', {}),
    ('recipe', switched),
    ('other_seed', {'seed': 1}),
    ('recipe_1', {**switched, 'seed': 1}),
    ('recipe_2', {**switched, 'seed': 2, 'augment__warp': 0.05}),
    ('paper_2', {'seed': 2}),
    ('longer', {'train__epochs': 2}),
  ):
    fields = {'train__epochs': 1, **changes}
    run.train(tiny_runs.settings(place, **fields), place / name)
  return place


def test_the_gain_is_that_of_the_results(runs, tmp_path):
  given = f'--pair=tiny={runs / "recipe"},{runs / "paper"}'
  paired.main([given, f'--output={tmp_path}'])
  found = json.loads((tmp_path / 'paired.json').read_text())['tiny']
  ours, theirs = (
    run_folder.RunFolder(runs / name).read_results().selections
    for name in ('recipe', 'paper')
  )
  for selection in paired.THEIRS:
    row = found['paper'][selection]
    expected = ours['average'].pooled.uar - theirs[selection].pooled.uar
    assert row['difference'] == pytest.approx(expected)
    counts = [
      np.array([[one.confusion for one in chosen.speakers]])
      for chosen in (ours['average'], theirs[selection])
    ]
    assert row['difference_ci95'] == statistics.ci95(*counts)['uar']
    assert row['p'] == statistics.permutation_test(*counts)
  assert (found['tests'], found['speakers'], found['epochs']) == (24, 3, 1)
  assert found['recipe']['switched_on'] == {
    'augment.warp': 0.1,
    'model.pooling': 'masked',
    'optim.average': 0.8,
    'protocol.best_on_test': False,
  }
  page = (tmp_path / 'README.md').read_text()
  assert page.count('| tiny, 24 tests, 3 speakers |') == 2
  # Another pair joins those that are there.
  paired.main([given.replace('tiny', 'again', 1), f'--output={tmp_path}'])
  content = json.loads((tmp_path / 'paired.json').read_text())
  assert content['again'] == content['tiny'] == found


def test_seeds_count_as_draws_of_their_own(runs, tmp_path):
  pairs = ('recipe', 'paper'), ('recipe_1', 'other_seed')
  given = [f'--pair=tiny={runs / one},{runs / other}' for one, other in pairs]
  paired.main([*given, f'--output={tmp_path}'])
  found = json.loads((tmp_path / 'paired.json').read_text())['tiny']
  both = {
    name: [
      run_folder.RunFolder(runs / run).read_results().selections[name]
      for run in each
    ]
    for name, each in zip(
      ('average', 'last'), zip(*pairs, strict=True), strict=True
    )
  }
  counts = {
    name: np.array([[one.confusion for one in run.speakers] for run in each])
    for name, each in both.items()
  }
  ours, theirs = found['recipe'], found['paper']['last']
  assert ours['uar_by_seed'] == pytest.approx(
    [run.pooled.uar for run in both['average']]
  )
  assert ours['uar'] == pytest.approx(np.mean(ours['uar_by_seed']))
  assert ours['sd'] == pytest.approx(
    statistics_library.stdev(ours['uar_by_seed'])
  )
  assert (
    theirs['difference_ci95']
    == (statistics.ci95(counts['average'], counts['last'])['uar'])
  )
  assert theirs['p'] == statistics.permutation_test(
    counts['average'], counts['last']
  )
  assert (found['seeds'], found['tests']) == ([0, 1], 24)
  assert 'SD' in (tmp_path / 'README.md').read_text()


@pytest.mark.parametrize(
  'second, words',
  [
    ('recipe,paper', 'seed 0 was given twice'),
    (
      'recipe_2,paper_2',
      'differ in augment.warp; name runs that differ in the',
    ),
  ],
)
def test_pairs_of_one_name_differ_in_the_seed_alone(
  runs, tmp_path, second, words
):
  pairs = [
    f'--pair=tiny={",".join(str(runs / name) for name in two.split(","))}'
    for two in ('recipe,paper', second)
  ]
  with pytest.raises(InputError, match=words):
    paired.main([*pairs, f'--output={tmp_path}'])


@pytest.mark.parametrize(
  'one, other, words',
  [
    ('recipe', 'other_seed', 'differ in seed, which is not part of the recipe'),
    ('recipe', 'longer', '1 epochs and 2; name runs of as many'),
    ('paper', 'paper', 'has no moving average'),
    ('recipe', '', 'give NAME=RUN,RUN_OF_THE_PAPER'),
  ],
)
def test_what_cannot_be_paired_is_one_sentence(
  runs, tmp_path, one, other, words
):
  second = runs / other if other else ''
  with pytest.raises(InputError, match=words):
    paired.main([f'--pair=tiny={runs / one},{second}', f'--output={tmp_path}'])
