"""The history of benchmarks grows by a line per run, and can be read."""

from __future__ import annotations

import json

import pytest
import tiny

PLACE = tiny.ROOT / 'experiments' / 'benchmarks'
RESULT = {
  'question': 'seconds, with a ratio',
  'median_s': {'own': 1.5, 'plain': 3},
  'ratio_own_to_plain': 0.5,
  'rounds': 5,
  'cpu': 'some',
  'sizes': {'535': {'host_memory_mb': {'most': 230}}},
  'million': {'open_s': 7.0, 'arithmetic_s': ['1 + 1 = 2']},
}


@pytest.fixture
def history(tmp_path, monkeypatch):
  """The file as a module that keeps its lines elsewhere."""
  module = tiny.load_script(PLACE / 'history.py')
  monkeypatch.setattr(module, 'HERE', tmp_path)
  monkeypatch.setattr(module, 'HISTORY', tmp_path / 'history.jsonl')
  return module


def test_the_figures_are_all_numbers_that_tell_speed_or_memory(history):
  assert dict(history.figures(RESULT)) == {
    'median_s.own': 1.5,
    'median_s.plain': 3.0,
    'ratio_own_to_plain': 0.5,
    'sizes.535.host_memory_mb.most': 230.0,
    'million.open_s': 7.0,
  }


def test_one_command_adds_a_line_and_shows_all(history, tmp_path, capsys):
  for number in (1, 2):
    result = {**RESULT, **history.where('step.py'), 'rounds_s': number}
    (tmp_path / 'step.json').write_text(json.dumps(result))
    history.main(['step'])
    shown = capsys.readouterr().out.splitlines()
    assert len(shown) == number
    assert 'step: median_s.own 1.5, median_s.plain 3' in shown[-1]
  rows = (tmp_path / 'history.jsonl').read_text().splitlines()
  row = json.loads(rows[-1])
  assert row['benchmark'] == 'step'
  assert row['cores'] >= 1 and row['date'] and row['jax']


def test_a_benchmark_that_did_not_end_is_no_line(history, tmp_path):
  (tmp_path / 'step.json').write_text(json.dumps(RESULT))
  with pytest.raises(SystemExit, match=r'step\.json .* did not end; run it'):
    history.main(['step'])
  assert not (tmp_path / 'history.jsonl').exists()


def test_old_figures_keep_their_date_and_come_once(history, tmp_path):
  old = {
    'date': '2020-02-02T00:00:00+00:00',
    'packages': {'jax': '0.1'},
    'tasks': {'a': {'median_s': 2.0, 'least_s': 1.0, 'ours_to_this': 0.8}},
    'peak_memory_mib': {'start': 100},
    'single': {'ms': 0.9, 'ms_least': 0.5},
  }
  (tmp_path / 'peers.json').write_text(json.dumps(old))
  history.main(['peers'])
  row = json.loads((tmp_path / 'history.jsonl').read_text())
  assert (row['date'][:4], row['git_commit'], row['jax']) == (
    '2020',
    None,
    '0.1',
  )
  assert row['figures'] == {
    'tasks.a.median_s': 2.0,
    'tasks.a.ours_to_this': 0.8,
    'peak_memory_mib.start': 100.0,
    'single.ms': 0.9,
  }
  with pytest.raises(SystemExit, match=r'from 2020-02-02.* run the benchmark'):
    history.main(['peers'])


def test_a_benchmark_that_was_not_run_is_named(history):
  with pytest.raises(
    SystemExit, match=r'peers.json is missing; run .*peers.py'
  ):
    history.main(['peers'])


def test_the_history_of_the_repository_can_be_shown(history):
  lines = history.show(PLACE / 'history.jsonl').splitlines()
  assert lines and all(line[:2] == '20' for line in lines)
