"""What the networks of the ladder cost, measured in turns."""

from __future__ import annotations

import json

import pytest
import tiny

from experiments.lib import step_times
from experiments.related import costs, report
from sernet_jax.common.errors import InputError
from sernet_jax.runs import config as config_lib


@pytest.fixture
def experiment(tmp_path):
  """Settings of a run on a tiny corpus."""
  csv = tiny.write_corpus(tmp_path / 'corpus')
  return config_lib.experiment(
    tiny.config(csv, tmp_path / 'cache', **tiny.QUICK)
  )


def test_every_row_is_a_network_of_the_report():
  assert set(costs.ROWS) <= set(report.NAMES)
  of_a_floor = {name for name in report.NAMES if name.startswith('svm')}
  assert set(costs.ROWS) == set(report.NAMES) - of_a_floor


def test_what_is_counted_is_what_a_run_records():
  record = json.loads(
    (tiny.ROOT / 'experiments/emodb/loso_300/results.json').read_text()
  )['results']['cost']
  found = costs.card(costs.made(costs.BASE, ''))
  assert found == {
    'parameters': record['parameters_trainable'],
    'mflops': record['mflops'],
    'fp16_bytes': record['fp16_bytes'],
  }
  assert costs.card(costs.made('acrnn_1', ''))['parameters'] == 2_908_553


def test_what_is_counted_joins_the_ladder_and_nothing_is_lost(tmp_path):
  path = tmp_path / 'results.json'
  before = {'ladder': {'L3': {'uar': 0.5}}, 'latency_ms': 2.0}
  path.write_text(json.dumps({'networks': {'timnet': before}}))
  costs.main(
    [
      '--root=nowhere',
      '--networks=timnet,bcrnn',
      '--counted',
      f'--output={path}',
    ]
  )
  found = json.loads(path.read_text())['networks']
  assert found['timnet'].items() >= before.items()
  assert found['timnet']['parameters'] == 104_496
  # Eight million weights of one bit.
  assert found['bcrnn']['parameters'] == 8_316_297
  assert found['bcrnn']['fp16_bytes'] < 2 * 8_316_297 / 10
  assert found['bcrnn']['ladder'] == {}


def test_steps_are_trained_and_an_utterance_recognized(experiment):
  found = step_times.training(experiment, 2)
  # 24 utterances, of which a speaker's 8 are the test, in batches of 8.
  assert (found.steps, found.epoch_steps, found.batch) == (2, 2, 8)
  state, metrics = found.call()
  assert int(state.step) == 2
  assert int(metrics['confusion'].sum()) == 16
  row = step_times.utterance(experiment)()
  assert row.shape == (1, step_times.CLASSES)
  assert row.sum() == pytest.approx(1, abs=1e-5)


def test_a_call_of_two_steps_is_half_as_long_a_step():
  one = step_times.Training(lambda: None, 2, 10, 32, 10)
  own = step_times.Training(lambda: None, 1, 5, 64, 10)
  found = costs.summary(
    {costs.BASE: one, 'timnet': own},
    {costs.BASE: [4.0, 2.0, 2.0], 'timnet': [3.0, 2.0, 5.0]},
    {costs.BASE: [0.5, 0.25, 0.5], 'timnet': [1.0, 1.0, 0.5]},
    'timnet',
  )
  assert found['seconds_per_epoch'] == 3.0 * 5
  assert found['latency_ms'] == 1000.0
  assert found['measured']['step_to_light_sernet'] == 2.0  # of 1.5, 2, 5
  assert found['measured']['utterance_to_light_sernet'] == 2.0  # of 2, 4, 1


def test_what_is_slow_is_measured_twice(monkeypatch):
  clock = iter(range(1000))
  monkeypatch.setattr(step_times.time, 'process_time', lambda: next(clock))
  calls = {'slow': lambda: [next(clock) for _ in range(9)], 'quick': int}
  assert step_times.in_turns(calls, 3, 5.0) == {
    'slow': [10, 10],
    'quick': [1, 1, 1],
  }


def test_mistakes_are_one_sentence(tmp_path):
  given = [f'--output={tmp_path / "r.json"}', '--root=nowhere']
  for option, words in (
    ('--networks=lstm', '--networks'),
    ('--rounds=0', '--rounds is 0; give 1 or more'),
    ('--steps=0', '--steps is 0; give 1 or more'),
  ):
    with pytest.raises(InputError, match=words):
      costs.main([*given, option])
