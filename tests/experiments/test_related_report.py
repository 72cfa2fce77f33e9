"""The ladder's table and picture, from records."""

from __future__ import annotations

import json

import pytest
import tiny

from experiments.related import report
from sernet_jax.common.errors import InputError
from sernet_jax.results.figures import style


def row(uar, **more):
  return {
    'wa': uar,
    'uar': uar,
    'f1_macro': uar,
    'ci95': {'uar': [uar - 0.1, uar + 0.1]},
    'epochs': 7,
    'folds': 3,
    'seeds': 1,
    'tests': 90,
    **more,
  }


@pytest.fixture
def records(tmp_path):
  path = tmp_path / 'results.json'
  networks = {
    'timnet': {
      'parameters': 104_496,
      'mflops': 12.3,
      'fp16_bytes': 213_984,
      'seconds_per_epoch': 123.4,
      'latency_ms': 2.25,
      'ladder': {'L3': row(0.5), 'L1': row(0.625, ci95=None)},
    },
    'acrnn': {'parameters': 8_316_297, 'latency_ms': 50.0, 'ladder': {}},
    'lflb': {'parameters': 655_815, 'ladder': {}},
    'light_sernet_recipe': {'seconds_per_epoch': 5.5, 'ladder': {}},
    'of my own': {'ladder': {'L3': row(0.25)}},
  }
  path.write_text(json.dumps({'networks': networks}))
  return report.read(path)['networks']


def test_a_row_says_what_was_published_and_how_much_was_run(records):
  lines = report.tables(records)['ladder'].splitlines()
  assert (
    '| TIM-Net | L3 | 50.0 [40.0, 60.0] | 50.0 | 50.0 | - | 7 | 3 x 1 '
    in (lines[-3])
  )
  assert '| TIM-Net | L1 | 62.5 | 62.5 | 62.5 | 89.2 | 7 | 3 x 1 ' in lines[-2]
  assert lines[-1].startswith('| of my own | L3 | 25.0 [15.0, 35.0] ')


def test_a_row_says_what_an_epoch_and_an_utterance_cost(records):
  lines = report.tables(records)['ladder'].splitlines()
  assert lines[0].endswith('| fp16 bytes | s per epoch | ms per utterance |')
  assert lines[-3].endswith('| 104,496 | 12 | 213,984 | 123 | 2.2 |')
  (ours,) = [line for line in lines if 'our training' in line]
  assert '| L3 | 77.' in ours and ours.endswith('| 5.5 | - |')


def test_a_network_that_was_not_trained_has_its_costs_and_a_gap(records):
  lines = report.tables(records)['ladder'].splitlines()
  gap = '- | - | - '
  assert (
    f'| 3-D ACRNN | L3 | {gap}| 82.8 | {gap}| 8,316,297 | - | - | - | 50.0 |'
  ) in lines
  assert f'| LFLB network | - | {gap}| - | {gap}| 655,815 ' in '\n'.join(lines)


def test_our_training_is_the_mean_of_its_seeds(records):
  text = (tiny.ROOT / 'experiments/recipe/results.json').read_text()
  own = json.loads(text)['emodb']['loso']['recipe']
  found = records['light_sernet_recipe']['ladder']['L3']
  assert found['uar'] == pytest.approx(sum(own['uar']) / len(own['uar']))
  assert found['tests'] == 535 * len(own['uar']) == 535 * found['seeds']


def test_the_papers_network_with_mixed_voices_is_that_of_table1(records):
  text = (tiny.ROOT / 'experiments/table1/results.json').read_text()
  published = [
    r
    for r in json.loads(text)['rows']
    if (r['protocol'], r['epochs']) == ('paper2021', 300)
  ]
  found = records['light_sernet_paper']['ladder']['L0']
  expected = published[0]['selections']['best_on_test']['pooled']['uar']
  assert found['uar'] == expected
  assert found['folds'] == len(published[0]['folds']) == 4


def test_the_picture_is_drawn_with_gaps(records, tmp_path, monkeypatch):
  path, seen = tmp_path / 'published.png', []
  save = style.save
  monkeypatch.setattr(
    style, 'save', lambda *given: (seen.append(given[0]), save(*given))
  )
  report.figure(records, path)
  assert path.read_bytes().startswith(b'\x89PNG')
  names = [text.get_text() for text in seen[0].axes[0].get_yticklabels()]
  assert names[-1] == 'of my own' and 'TIM-Net' in names
  assert 'LFLB network' not in names  # neither measured nor published


@pytest.mark.parametrize(
  ('record', 'words'),
  [
    ({'parameters': 7}, 'x in .*results.json has no ladder; record'),
    ([], 'x in .* has no ladder'),
    ({'ladder': {'L3': {'uar': 0.5, 'wa': 0.5}}}, 'lacks ci95, epochs, folds'),
    ({'ladder': {'L4': row(0.5)}}, r"a level of x in .*'L4'"),
  ],
)
def test_a_row_without_its_figures_is_named(tmp_path, record, words):
  path = tmp_path / 'results.json'
  path.write_text(json.dumps({'networks': {'x': record}}))
  with pytest.raises(InputError, match=words):
    report.read(path)


def test_the_page_has_the_table_of_the_records():
  page = (tiny.ROOT / 'experiments/related/README.md').read_text()
  assert report.tables(report.read()['networks'])['ladder'] in page


def test_the_results_have_every_row_of_the_page():
  kept = json.loads(
    (tiny.ROOT / 'experiments/related/results.json').read_text()
  )['networks']
  assert kept == json.loads(json.dumps(report.read()['networks']))
  assert list(kept['light_sernet_paper']['ladder']) == ['L0', 'L1', 'L2', 'L3']
  assert kept['light_sernet_recipe']['ladder']['L3']['seeds'] == 3
