"""The benchmarks of peers and of bfloat16: turns, merging, ratios, tables."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import tiny

FOLDER = tiny.ROOT / 'experiments' / 'benchmarks'


@pytest.fixture
def scripts(monkeypatch):
  """The modules by name, as they find each other."""
  monkeypatch.syspath_prepend(FOLDER)
  names = 'peer_processes', 'peer_tables', 'peers', 'bfloat16'
  found = {name: tiny.load_script(FOLDER / f'{name}.py') for name in names}
  monkeypatch.setattr(found['peers'].peer_processes, 'PAUSE_S', 0.0)
  return found


def found_in(task, seconds, peak=None):
  """What `peers.measure` returns of one task."""
  return {
    'seconds': {task: seconds},
    'memory_mib': {'train': peak} if peak else {},
    'furthest': {},
    'cores': 2,
  }


def test_all_take_turns_and_a_slow_one_one(scripts, monkeypatch):
  monkeypatch.setattr(scripts['peers'], 'SLOW_S', 2.0)
  calls = []

  def task(name, seconds):
    def run(count):
      calls.append((name, count))
      return seconds

    return run

  tasks = {'a': task('a', 1.0), 'slow': task('slow', 3.0), 'b': task('b', 2.0)}
  seconds = scripts['peers'].rounds(tasks, 2, 4)
  assert seconds == {'a': [1.0, 1.0], 'slow': [3.0], 'b': [2.0, 2.0]}
  assert {*calls[:6]} == {(name, 1) for name in tasks}
  assert calls[6:] == [('a', 4), ('b', 4), ('a', 4), ('b', 4)]


def test_ratios_merging_and_tables(scripts):
  tables = scripts['peer_tables']
  train = {
    'sernet_jax': [0.2, 0.4, 0.3],
    'sernet_jax_bf16': [0.4, 0.8, 0.6],
    'torch': [0.4, 0.4, 0.4],
    'torch_compile': [0.5, 0.5, 0.5],
    'torch_bf16': [0.25, 0.25, 0.25],
    'keras': [1.0, 1.0, 1.0],
    'keras_jit': [30.0],
  }
  peak = {'sernet_jax': 600.0, 'torch': 800.0, 'keras': 900.0}
  first = tables.summary(found_in('train', train, peak))
  rows = first['tasks']['train']
  assert rows['torch']['ours_to_this'] == pytest.approx(0.75)
  assert rows['keras_jit'] == {
    'median_s': 30.0,
    'least_s': 30.0,
    'ours_to_this': pytest.approx(0.2 / 30),
    'rounds': 1,
  }
  assert first['parts'][0]['cores'] == 2
  assert tables.fastest(first, 'train', 'float32', 'PyTorch') == 'torch'
  assert tables.fastest(first, 'train', None, None) == 'torch_bf16'
  assert tables.fastest(first, 'infer_1', None, None) is None

  single = {'sernet_jax': [0.004], 'litert': [0.005]}
  both = tables.merged(first, tables.summary(found_in('infer_1', single)))
  assert [part['tasks'] for part in both['parts']] == [['train'], ['infer_1']]
  assert both['tasks'].keys() == {'train', 'infer_1'}
  again = tables.merged(both, tables.summary(found_in('train', train)))
  assert [part['tasks'] for part in again['parts']] == [['infer_1'], ['train']]
  assert again['peak_memory_mib'] == both['peak_memory_mib']
  with pytest.raises(SystemExit, match='another machine'):
    tables.merged({**both, 'cpu': 'other'}, first)

  step, one, memory = tables.table(both).splitlines()[2:]
  assert step.split(' | ')[1:6] == [
    '200',
    '400, 0.50 (eager)',
    '250, 0.80 (eager, bfloat16)',
    '1,000, 0.20 (tf.function)',
    '1,000, 0.20 (tf.function)',
  ]
  assert one.endswith('| 5.0, 0.80 |')
  assert '| 600 | 800, 0.75 (eager) |' in memory
  aims = tables.aims_table(both)
  assert '| PyTorch, eager, 400 ms | 0.50 | 0.5 |' in aims
  assert '| PyTorch, eager, bfloat16, 250 ms | 0.80 | 0.6 |' in aims
  assert '| ours in float32, 200 ms | 2.00 | 0.5 |' in aims
  assert '| LiteRT, 5.0 ms | 0.80 | 0.8 |' in aims
  assert '| PyTorch, eager, 800 | 0.75 | 1.0 |' in aims


def test_what_other_convolutions_are_worth(scripts):
  module = scripts['bfloat16']
  ours, half = module.OURS, module.ONEDNN['bfloat16']
  whole = module.ONEDNN['float32']
  found = module.worth(
    {
      'convolutions_median_s': {
        'block1': {ours: 0.10, whole: 0.2, half: 0.02},
        # Ours stays where it is faster.
        'block2': {ours: 0.05, whole: 0.1, half: 0.06},
      },
      'step_median_s': {ours: 0.30},
    }
  )
  assert found['share_of_the_block'] == pytest.approx(1 / 3)
  assert found['share_of_the_step'] == pytest.approx(0.5)
  assert found['greatest_speed_up'] == pytest.approx(0.30 / 0.22)
  assert found['greatest_speed_up_if_they_took_no_time'] == pytest.approx(2)


def test_processes_with_the_same_weights_take_turns(tmp_path):
  pytest.importorskip('onnxruntime')
  output = tmp_path / 'few'
  done = subprocess.run(
    [
      *(sys.executable, FOLDER / 'peers.py', '--peers=onnxruntime'),
      *('--tasks=infer_1', '--rounds=1', f'--output={output}'),
    ],
    capture_output=True,
    text=True,
    check=False,
    timeout=300,
  )
  assert done.returncode == 0, done.stderr
  found = json.loads(output.with_suffix('.json').read_text())
  assert found['tasks']['infer_1'].keys() == {'sernet_jax', 'onnxruntime'}
  assert found['furthest_probability']['onnxruntime'] < 1e-4
  assert found['parts'][0]['tasks'] == ['infer_1'] and found['git_commit']
  assert '| inference, one, call after call |' in done.stdout
