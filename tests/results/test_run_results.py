"""The types of results.json read and write the files there are."""

from __future__ import annotations

import copy
import dataclasses
import json
import pathlib

import pytest

from sernet_jax.results.formats import results_json
from sernet_jax.results.formats.json_records import MismatchError

ROOT = pathlib.Path(__file__).parents[2]
RUNS = [
  path
  for path in sorted((ROOT / 'experiments').rglob('results.json'))
  if 'results' in json.loads(path.read_text())
]
# Entries that came after the first runs.
LATER = ('validation', 'num_segments', 'selections_float32')


def content_of(path):
  return json.loads(path.read_text())['results']


@pytest.fixture
def content():
  return content_of(RUNS[0])


def test_there_are_runs_to_read():
  assert len(RUNS) >= 3


@pytest.mark.parametrize('path', RUNS, ids=lambda path: path.parent.name)
def test_a_file_is_read_and_written_back_byte_for_byte(path):
  content = content_of(path)
  back = results_json.decode(content).to_json()
  assert json.dumps(back) == json.dumps(content)


def test_a_file_of_an_older_version_is_written_back_without_later_entries(
  content,
):
  for name in LATER:
    del content[name]
  results = results_json.decode(content)
  assert results.validation is None and results.selections_float32 is None
  assert json.dumps(results.to_json()) == json.dumps(content)


def test_entries_of_a_later_version_are_ignored(content):
  assert results_json.decode({**content, 'weather': 'fine'}) == (
    results_json.decode(content)
  )


def keep_last(content):
  """Drops what is beside the selection `last`."""
  content['selections'] = {'last': content['selections']['last']}
  content.pop('selections_float32', None)


def test_several_seeds_and_corpora_come_back(content):
  keep_last(content)
  last = content['selections']['last']
  scores = {k: v for k, v in last['pooled'].items() if k != 'confusion'}
  seeds = [{'seed': seed, **last} for seed in (3, 4)]
  folds = [{**fold, 'epoch': [40, 40]} for fold in last['folds']]
  content['seeds'] = [3, 4]
  content['selections']['last'] = {
    **last,
    'folds': folds,
    'over_seeds': {'mean': scores, 'sd': scores, 'seeds': seeds},
  }
  cell = {'fold': 'a>b', 'train': ['a'], 'test': 'b', 'n': 2, 'classes': ['x']}
  cell |= {'uar': 0.5, 'wa': 1.0, 'ci95': {'uar': [0.1, 0.9], 'wa': [0, 1.0]}}
  content['crossed'] = {
    'corpora': ['a', 'b'],
    'selections': {'last': [cell, {**cell, 'ci95': None}]},
  }
  results = results_json.decode(content)
  assert results.all_seeds == (3, 4)
  assert results.last.over_seeds.seeds[1].seed == 4
  assert results.last.folds[0].epoch == (40, 40)
  assert results.crossed.selections['last'][0].ci95['uar'] == (0.1, 0.9)
  back = results.to_json()
  assert back == content
  assert list(back['selections']['last']) == list(content['selections']['last'])


def test_a_score_is_found_by_its_name(content):
  pooled = results_json.decode(content).last.pooled
  assert (
    pooled['uar']
    == pooled.uar
    == content['selections']['last']['pooled']['uar']
  )


@pytest.mark.parametrize(
  ('path', 'value', 'message'),
  [
    (('corpus',), 3, 'corpus is not of the type str'),
    (('epochs',), True, 'epochs is not of the type int'),
    (('classes',), 'abc', 'classes is not a list'),
    (('selections', 'last'), [], r'selections\.last is not an object'),
    (
      ('selections', 'last', 'pooled', 'confusion', 0, 1),
      1.5,
      r'selections\.last\.pooled\.confusion\[0\]\[1\] is not of the type int',
    ),
    (
      ('selections', 'last', 'ci95', 'uar'),
      [0.5],
      r'selections\.last\.ci95\.uar has 1 entries',
    ),
  ],
)
def test_what_does_not_fit_is_named(content, path, value, message):
  inner = content
  for key in path[:-1]:
    inner = inner[key]
  inner[path[-1]] = value
  with pytest.raises(MismatchError, match=message):
    results_json.decode(content)


def test_a_missing_entry_is_named(content):
  del content['selections']['last']['folds'][2]['uar']
  message = r'selections\.last\.folds\[2\]\.uar is missing'
  with pytest.raises(MismatchError, match=message):
    results_json.decode(content)


def with_another_selection(content):
  """A second selection beside `last`, as runs have."""
  keep_last(content)
  content['selections']['last_recomputed'] = copy.deepcopy(
    content['selections']['last']
  )
  return content['selections']['last_recomputed']


@pytest.mark.parametrize('part', ['folds', 'speakers'])
@pytest.mark.parametrize('change', [list.pop, list.reverse])
def test_selections_have_the_same_rows(content, part, change):
  """Pages set them beside each other."""
  other = with_another_selection(content)
  results_json.decode(content)
  change(other[part])
  message = f'last_recomputed has other {part} than last'
  with pytest.raises(MismatchError, match=message):
    results_json.decode(content)


def test_a_run_of_several_seeds_has_them_in_all_selections(content):
  content['seeds'] = [3, 4]
  with pytest.raises(MismatchError, match='last has other seeds than the run'):
    results_json.decode(content)


def test_epochs_are_of_as_many_seeds_as_the_run_has(content):
  content['selections']['last']['folds'][0]['epoch'] = [40, 40]
  with pytest.raises(MismatchError, match='epochs of other seeds'):
    results_json.decode(content)


def test_crossed_selections_are_those_of_the_run(content):
  cell = {'fold': 'a>b', 'train': ['a'], 'test': 'b', 'n': 2, 'classes': ['x']}
  cell |= {'uar': 0.5, 'wa': 1.0, 'ci95': None}
  crossed = {'corpora': ['a', 'b'], 'selections': {'last': [cell]}}
  keep_last(content)
  content['crossed'] = crossed
  results_json.decode(content)
  with_another_selection(content)
  with pytest.raises(MismatchError, match='crossed has other selections'):
    results_json.decode(content)
  crossed['selections']['last_recomputed'] = [cell, cell]
  with pytest.raises(MismatchError, match='other cells than last'):
    results_json.decode(content)


def test_results_cannot_be_changed(content):
  with pytest.raises(dataclasses.FrozenInstanceError):
    results_json.decode(content).epochs = 1
