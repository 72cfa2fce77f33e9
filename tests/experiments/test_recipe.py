"""The design that chose the recipe, and its page."""

from __future__ import annotations

import itertools
import json
import pathlib

import chosen_runs
import committee
import jax
import numpy as np
import pytest
import tiny
import tiny_runs

from experiments.recipe import adapt, assemble, design, pages
from sernet_jax.common.errors import InputError
from sernet_jax.nn import network
from sernet_jax.results import run_folder
from sernet_jax.runs import config, data, defaults, run
from sernet_jax.runs.weights import of_run


@pytest.fixture(scope='module')
def finished_runs(tmp_path_factory, blank_figures):
  """A run of two epochs as published, and one of the recipe's kind."""
  place = tmp_path_factory.mktemp('recipe')
  tiny.write_corpus(place / 'corpus')
  changes = {
    'data__crop': 'random',
    'model__pooling': 'masked',
    'augment__warp': 0.1,
    'optim__average': 0.8,
    'protocol__best_on_test': False,
  }
  for name, fields in (('paper', {}), ('recipe', changes)):
    settings = tiny_runs.settings(place, train__epochs=2, **fields)
    run.train(settings, place / name)
  return {name: str(place / name) for name in ('paper', 'recipe')}


@pytest.mark.parametrize(
  ('settings', 'fits'),
  [
    ({'model.size': 'small'}, True),
    ({'model.size': 'small', 'train.report_epochs': 5}, True),  # no figure
    ({'model.size': 'tiny'}, False),
    ({}, False),
  ],
)
def test_seeds_have_one_set_of_settings(settings, fits):
  one = {'seed': 0, 'epochs': 2, 'settings': {'model.size': 'small'}}
  other = {'seed': 1, 'epochs': 2, 'settings': settings}
  if fits:
    assert assemble.together([one, other])['seed'] == [0, 1]
  else:
    with pytest.raises(InputError, match='differ in more than their seed'):
      assemble.together([one, other])


@pytest.mark.parametrize('field', ['epochs', 'folds', 'tests'])
def test_seeds_have_the_same_tests(field):
  one = {'seed': 0, 'epochs': 2, 'folds': ['ann'], 'tests': 8}
  other = {**one, 'seed': 1, field: ['bob'] if field == 'folds' else 9}
  with pytest.raises(InputError, match='differ in more than their seed'):
    assemble.together([one, other])


def test_only_figures_of_the_same_tests_are_compared_with(tmp_path):
  right = chosen_runs.counts(*[5] * 6)
  tests = {name: np.array([10, 10]) for name in right}
  folder = chosen_runs.make_run(tmp_path / 'loso', right)
  chosen_runs.add_recomputed(folder)
  assert adapt.counts_of(str(folder), tests).shape == (1, 6, 2, 2)
  with pytest.raises(InputError, match='tested other recordings of these'):
    adapt.counts_of(str(folder), {**tests, 'ann': np.array([10, 9])})
  mixed = {'protocol.name': 'random10'}
  folder = chosen_runs.make_run(tmp_path / 'mixed', right, mixed)
  chosen_runs.add_recomputed(folder)
  with pytest.raises(InputError, match="a run of 'random10', whose figures"):
    adapt.counts_of(str(folder), tests)


def test_a_voice_is_heard_in_all_its_segments(tmp_path, monkeypatch):
  """Utterances are counted one by one, segments by their utterances."""
  tiny.write_corpus(tmp_path / 'corpus')
  experiment = config.experiment(
    tiny_runs.settings(tmp_path, data__segments='all', data__duration_s=0.1)
  )
  loaded = data.Data(experiment, data.load_corpus(experiment))
  owners = loaded.features.segment_utterances
  assert len(owners) > len(loaded.features.corpus.utterances)
  recipe = experiment.recipe(2)
  params, stats = network.init(jax.random.key(0), recipe.model)
  last = len(loaded.folds) - 1
  own = of_run.FoldWeights('cyd', 1, params, stats)
  seen = []

  def adapted(recipe, heard, params, stats, prior, recordings=0):
    seen.append((heard, recordings))
    return stats

  monkeypatch.setattr(adapt.adaptation, 'adapted', adapted)
  chosen = loaded.folds[last].test[:3]
  heard = loaded.heard(loaded.fold_arrays[last].test.segments)
  them = adapt.Network(experiment, loaded, recipe, [own] * (last + 1))
  shares = adapt._shares(them, last, heard, chosen, 20.0)
  assert shares.shape[1] == 2
  ((voice, recordings),) = seen
  expected = loaded.features.features[np.isin(owners, chosen)]
  np.testing.assert_array_equal(voice, expected)
  assert recordings == 3 < len(voice)


def test_curves_of_two_corpora_stand_apart():
  curves = [
    {
      'corpus': corpus,
      'seed': 0,
      'epochs': 2,
      'selection': 'average',
      'rows': [
        {'enrolled': 'all', 'prior': 20.0, 'uar': [uar], 'ci95': [uar, uar]}
      ],
    }
    for corpus, uar in (('emodb', 0.8), ('nemo', 0.5))
  ]
  made = {}
  assemble._add_all_adapted(made, curves)
  assert made['emodb']['loso_adapted']['recipe']['uar'] == [0.8]
  assert made['nemo']['loso_adapted']['recipe']['uar'] == [0.5]


def test_the_design_is_balanced():
  runs = design.runs()
  assert len(set(runs)) == 8
  for change in design.CHANGES:
    assert sum(change in names for names in runs) == 4
  for one, other in itertools.combinations(design.CHANGES, 2):
    assert sum({one, other} <= set(names) for names in runs) == 2


def test_effects_of_made_up_scores_are_found_again():
  worth = dict(zip(design.CHANGES, np.linspace(-0.03, 0.04, 7), strict=True))
  scores = {
    names: 0.6 + sum(worth[name] for name in names) for names in design.runs()
  }
  found = design.effects(scores)
  for change, expected in worth.items():
    assert found[change] == pytest.approx(expected)


def test_runs_become_figures_and_a_page(tmp_path, finished_runs):
  page = tmp_path / 'page'
  page.mkdir()
  assemble.main(
    [
      *('--run', f'tiny/loso/recipe={finished_runs["recipe"]}'),
      *('--run', f'tiny/loso/paper={finished_runs["paper"]}'),
      *('--run', f'small/loso/paper_small={finished_runs["paper"]}'),
      f'--output={page}',
    ]
  )
  content = json.loads((page / 'results.json').read_text())
  row = content['tiny']['loso']['recipe']
  assert row['selection'] == 'average' and len(row['uar']) == 1
  assert row['settings']['augment.warp'] == 0.1
  other = content['small']['loso']['paper_small']
  assert other['selection'] == 'last_recomputed'
  assert other['uar'] == content['tiny']['loso']['paper']['uar']
  text = (page / 'README.md').read_text()
  assert '| tiny | `loso`, 3 folds, 24 tests | paper |' in text
  # The curve of adaptation joins the page.
  adapt.main(
    [
      finished_runs['recipe'],
      *('--draws=2', '--sizes=1,0', '--skewed', f'--output={page}'),
    ]
  )
  curve = json.loads((page / 'adapted.json').read_text())
  (page / 'adapted_by_speaker.json').write_text(
    json.dumps(curve | {'batches': 'speaker', 'seed': 3})
  )
  assemble.main([f'--output={page}'])
  content = json.loads((page / 'results.json').read_text())
  kinds = content['manifest']['loso_adapted']
  assert kinds['recipe']['seed'] == [0]
  assert kinds['recipe_by_speaker']['seed'] == [3]
  skewed = content['adapted']['skewed']
  assert [row['draws'] for row in skewed] == [1] * len(skewed)
  assert len({row['enrolled'] for row in skewed}) == len(skewed) > 1
  rows = content['adapted']['rows']
  assert [(row['enrolled'], row['draws']) for row in rows] == [
    (1, 2),
    ('all', 1),
  ]
  text = (page / 'README.md').read_text()
  for kind in ('recipe', 'recipe_by_speaker'):
    assert f'| {kind} | all | 20 | 1 |' in text
    assert f'| {kind} | {skewed[0]["enrolled"]} | 20 | 1 |' in text


@pytest.mark.parametrize(
  'uar, spread',
  [([0.75, 0.77, 0.79], '| 77.0, 2.0 |'), ([0.75, 0.77], '| - |')],
)
def test_the_page_has_the_spread_over_seeds(uar, spread):
  row = {
    'seed': list(range(len(uar))),
    'uar': uar,
    'ci95': [None] * len(uar),
    'epochs': 2,
  }
  lines = pages.tables({'tiny': {'loso': {'recipe': row}}})['figures']
  assert spread in lines.splitlines()[-1]


def test_what_cannot_be_assembled_is_a_sentence(tmp_path, finished_runs):
  for text, words in (
    ('tiny/loso', 'CORPUS/PROTOCOL/KIND'),
    (f'tiny/loso/ours={finished_runs["recipe"]}', 'ours'),
    (
      f'tiny/loso_text/paper={finished_runs["paper"]}',
      'of the protocol loso_text',
    ),
  ):
    with pytest.raises(InputError, match=words):
      assemble.main(['--run', text, f'--output={tmp_path}'])
  with pytest.raises(InputError, match='no finished run of the design'):
    assemble.main([f'--design=tiny={tmp_path}', f'--output={tmp_path}'])


def test_a_design_is_completed_by_runs_on_record(tmp_path, finished_runs):
  page, folder = tmp_path / 'page', tmp_path / 'runs'
  page.mkdir()
  folder.mkdir()
  first, second, *others = design.runs()
  made = folder / design.folder_name(first)
  made.symlink_to(finished_runs['recipe'], target_is_directory=True)
  own = run_folder.RunFolder(made).read_results()
  epochs, folds = own.epochs, [f.name for f in own.selections['average'].folds]
  record = {
    'epochs': epochs,
    'folds': folds,
    'runs': [
      {'on': list(names), 'uar': 0.5, 'ci95': [0.4, 0.6]} for names in others
    ],
  }
  path = page / 'results.json'
  path.write_text(json.dumps({'design': {'tiny': record}}))
  given = [f'--design=tiny={folder}', f'--output={page}']
  assemble.main(given)
  found = json.loads(path.read_text())['design']['tiny']
  assert len(found['runs']) == 7 and found['effects'] is None
  # The last one stands beside, as a run by its name.
  figures = {'uar': 0.7, 'ci95': {'uar': [0.6, 0.8]}}
  beside = {
    'epochs': epochs,
    'folds': folds,
    'selections': {'average': figures},
  }
  runs = {design.folder_name(second): beside, 'another': {}}
  (page / 'tiny.json').write_text(json.dumps({'runs': runs}))
  assemble.main(given)
  found = json.loads(path.read_text())['design']['tiny']
  assert [tuple(run['on']) for run in found['runs']] == design.runs()
  uar = own.selections['average'].pooled.uar
  scores = {**dict.fromkeys(others, 0.5), first: uar, second: 0.7}
  assert found['effects'] == pytest.approx(design.effects(scores))
  assert '| change | tiny, points of UAR |' in (page / 'README.md').read_text()
  path.write_text(json.dumps({'design': {'tiny': record | {'epochs': 99}}}))
  with pytest.raises(InputError, match='other epochs'):
    assemble.main(given)


def test_further_seeds_join_those_on_record(tmp_path, finished_runs):
  page = tmp_path / 'results'
  page.mkdir()
  run_ = f'tiny/loso/recipe={finished_runs["recipe"]}'
  assemble.main(['--run', run_, f'--output={page}'])
  path = page / 'results.json'
  content = json.loads(path.read_text())
  row = content['tiny']['loso']['recipe']
  with pytest.raises(InputError, match='give each once'):
    assemble.main(['--add', '--run', run_, f'--output={page}'])
  row['seed'] = [7]
  path.write_text(json.dumps(content))
  adapt.main(
    [finished_runs['recipe'], '--draws=1', f'--output={page}', '--sizes=0']
  )
  other = json.loads((page / 'adapted.json').read_text())
  other['seed'] = 7
  (page / 'other.json').write_text(json.dumps(other))
  assemble.main(
    [
      *('--add', '--run', run_, f'--output={page}'),
      f'--adapted={page / "other.json"}',
    ]
  )
  content = json.loads(path.read_text())
  row = content['tiny']['loso']['recipe']
  assert row['seed'] == [7, 0] and len(row['uar']) == 2
  # The curves are of the corpus that their run names.
  row = content['manifest']['loso_adapted']['recipe']
  assert row['seed'] == [0, 7] and len(row['ci95']) == 2


def test_several_seeds_are_a_committee(tmp_path, finished_runs, blank_figures):
  first = pathlib.Path(finished_runs['recipe'])
  settings = run_folder.RunFolder(first).read_config()
  second = tmp_path / 'second'
  run.train(defaults.merged(settings | {'seed': 1}), second)
  page = tmp_path / 'page'
  page.mkdir()
  adapt.main(
    [
      *(str(first), str(second), f'--against={finished_runs["paper"]}'),
      *('--draws=1', '--sizes=-1,0', '--prior', '20', '0', f'--output={page}'),
    ]
  )
  found = json.loads((page / 'committee_mixed.json').read_text())
  assert found['seeds'] == [0, 1]
  cost = run_folder.RunFolder(first).read_results().cost
  assert found['parameters'] == 2 * cost.parameters
  none, *others = found['rows']
  assert [(row['enrolled'], row['prior']) for row in others] == [
    ('all', 20),
    ('all', 0),
  ]
  # Nothing heard: the mean of what both runs have written.
  rows = [
    row
    for folder in (first, second)
    for row in run_folder.RunFolder(folder).read_predictions()
    if (row['selection'], row['weights_dtype']) == ('average', 'float16')
  ]
  classes = run_folder.RunFolder(first).read_results().classes
  counts = committee.counts(rows, classes)
  uar = np.mean(np.diag(counts) / counts.sum(1))
  assert none['uar'] == [pytest.approx(uar)]
  paper = run_folder.RunFolder(finished_runs['paper']).read_results()
  theirs = paper.selections['last_recomputed'].pooled.uar
  assert none['over']['uar'] == pytest.approx(uar - theirs)
  assemble.main([f'--output={page}'])
  content = json.loads((page / 'results.json').read_text())['manifest']
  assert content['loso']['committee_mixed']['seed'] == [[0, 1]]
  assert content['loso_adapted']['committee_mixed']['prior'] == 0
  text = (page / 'README.md').read_text()
  assert '| committee_mixed | 2 | 2 as one |' in text
  with pytest.raises(InputError, match='other recordings or folds'):
    adapt.curve([str(first), other_corpus(tmp_path)], 'average', [0.0], 1, (0,))


def other_corpus(place):
  """A run like the recipe's of one recording less."""
  table = tiny.write_corpus(place / 'corpus')
  table.write_text(''.join(table.read_text().splitlines(keepends=True)[:-1]))
  settings = tiny_runs.settings(
    place, train__epochs=1, optim__average=0.8, protocol__best_on_test=False
  )
  run.train(settings, place / 'other')
  return str(place / 'other')
