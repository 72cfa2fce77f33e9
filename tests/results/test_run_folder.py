"""The files of a run survive kills, full disks and careless hands."""

from __future__ import annotations

import errno
import json
import os
import pathlib
import signal
import subprocess
import sys

import numpy as np
import pytest

from sernet_jax.common import files
from sernet_jax.common.errors import InputError
from sernet_jax.results import environment
from sernet_jax.results.run_folder import RunFolder

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path):
  return RunFolder(tmp_path / 'run')


def row(fold, epoch, loss=1.0):
  return {'fold': fold, 'epoch': epoch, 'test': {'loss': loss}}


def names(folder):
  return sorted(path.name for path in folder.path.iterdir())


def test_json_comes_back_and_leaves_nothing_beside_it(folder):
  config = {
    'data': {'root': 'ä'},
    'features': {},
    'protocol': {},
    'train': {'epochs': np.int64(3), 'rates': np.array([0.5])},
  }
  folder.write_config(config)
  assert folder.read_config()['train'] == {'epochs': 3, 'rates': [0.5]}
  assert folder.read_config()['data'] == {'root': 'ä'}
  assert names(folder) == ['config.json']


def test_the_lock_removes_what_the_killed_left(folder):
  folder.path.mkdir()
  folder.figures.mkdir()
  dead = [f'results.json.{own}{2**31 - 1}.tmp' for own in ('', '0a1b2c3d.')]
  kept = [
    f'results.json.0a1b2c3d.{os.getpid()}.tmp',
    'notes.tmp',
    f'{2**31 - 1}.tmp',
  ]
  for name in [*dead, *kept]:
    (folder.path / name).write_text('half')
  (folder.figures / dead[0]).write_text('half')
  for name in [*dead, kept[0]]:
    assert files.name_when_written(folder.path / name) == 'results.json'
  with folder.lock():
    assert names(folder) == sorted([*kept, 'figures', 'run.lock'])
    assert not list(folder.figures.iterdir())


def test_numbers_that_are_not_finite_are_refused_before_the_file_is(folder):
  folder.write_config({'seed': 0})
  with pytest.raises(ValueError, match='JSON compliant'):
    folder.write_config({'seed': float('nan')})
  assert json.loads(folder.config.read_text()) == {'seed': 0}


def test_two_that_write_a_file_at_once_write_it_whole(folder, monkeypatch):
  """As threads do, or containers that number their processes alike."""
  folder.path.mkdir()
  force = os.fsync
  others = ['{"seed": 1}']

  def meanwhile(file):
    if others:
      files.write_bytes(folder.config, others.pop().encode())
    force(file)

  monkeypatch.setattr(os, 'fsync', meanwhile)
  folder.write_config({'seed': 0})
  assert json.loads(folder.config.read_text()) == {'seed': 0}
  assert names(folder) == ['config.json']


def test_full_disk_leaves_the_old_file_and_says_what_to_do(folder, monkeypatch):
  folder.write_config({'seed': 0})

  def full(_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

  monkeypatch.setattr(os, 'fsync', full)
  with pytest.raises(InputError, match=r'config\.json .*No space.*free some'):
    folder.write_config({'seed': 1})
  with pytest.raises(InputError, match=r'metrics\.jsonl .*No space'):
    folder.append_metrics([row('03', 1)])
  assert json.loads(folder.config.read_text()) == {'seed': 0}
  assert [name for name in names(folder) if name.endswith('.tmp')] == []


def test_metrics_are_forced_to_the_disk_before_append_returns(
  folder, monkeypatch
):
  seen = []
  monkeypatch.setattr(
    os, 'fsync', lambda _: seen.append(folder.metrics.read_text().count('\n'))
  )
  folder.append_metrics([row('03', 1), row('08', 1)])
  folder.append_metrics([row('03', 2)])
  assert seen == [2, 3]


@pytest.mark.parametrize(
  'broken', [b'{"fold": "03", "epo', b'{"fold": "03"}', b'{"fold": "\xc3']
)
def test_a_last_line_broken_by_a_kill_is_dropped(folder, broken):
  folder.append_metrics([row('03', 1), row('03', 2)])
  with folder.metrics.open('ab') as file:
    file.write(broken)
  assert folder.read_metrics() == [row('03', 1), row('03', 2)]
  folder.append_metrics([row('03', 3)])
  assert folder.read_metrics() == [row('03', k) for k in (1, 2, 3)]
  assert folder.metrics.read_text().count('\n') == 3


def test_damage_before_the_last_line_is_reported_with_its_place(folder):
  folder.append_metrics([row('03', 1), row('03', 2)])
  text = folder.metrics.read_text()
  folder.metrics.write_text(text.replace('{', '[', 1))
  with pytest.raises(InputError, match=r'metrics\.jsonl is damaged at line 1'):
    folder.read_metrics()


def test_truncation_leaves_what_the_checkpoint_knows_once(folder):
  folder.append_metrics([row('03', 1), row('08', 1), row('03', 2)])
  folder.append_metrics([row('03', 2, loss=2.0), row('03', 3), row('08', 2)])
  folder.truncate_metrics({'03': 2, '08': 1})
  assert folder.read_metrics() == [
    row('03', 1),
    row('08', 1),
    row('03', 2, loss=2.0),
  ]
  folder.truncate_metrics({'08': 1})
  assert folder.read_metrics() == [row('08', 1)]


def test_truncation_before_the_first_epoch_is_no_error(folder):
  folder.truncate_metrics({})
  assert not folder.metrics.exists()


def test_predictions_come_back_bit_by_bit(folder):
  shares = np.random.default_rng(0).dirichlet([1, 1, 1]).astype(np.float32)
  rows = [
    {
      'selection': 'last',
      'weights_dtype': 'float16',
      'fold': '03',
      'utterance': 'a, "b"\nc',
      'speaker': '03',
      'label': 'anger',
      'predicted': 'joy, mild',
      'probabilities': shares,
    }
  ]
  folder.write_predictions(rows, ['anger', 'joy, mild', 'calm'])
  header = folder.predictions.read_text().splitlines()[0]
  assert header == (
    'selection,weights_dtype,fold,utterance,speaker,label,predicted,p_anger,'
    '"p_joy, mild",p_calm'
  )
  (back,) = folder.read_predictions()
  assert np.array_equal(np.float32(back.pop('probabilities')), shares)
  assert back == {k: v for k, v in rows[0].items() if k != 'probabilities'}


def test_examples_come_back(folder):
  features = np.arange(24).reshape(2, 3, 4)
  folder.write_examples(features, ['03a01Fa', '03a02Wb'], ['joy', 'anger'])
  back = folder.read_examples()
  assert back['features'].dtype == np.float32
  assert np.array_equal(back['features'], features)
  assert back['names'].tolist() == ['03a01Fa', '03a02Wb']
  assert back['labels'].tolist() == ['joy', 'anger']


READERS = {
  'config.json': RunFolder.read_config,
  'environment.json': RunFolder.read_environment,
  'results.json': RunFolder.read_results,
  'metrics.jsonl': RunFolder.read_metrics,
  'predictions.csv': RunFolder.read_predictions,
  'examples.npz': RunFolder.read_examples,
}


@pytest.mark.parametrize('name', READERS)
def test_a_missing_file_is_named_with_the_cure(folder, name):
  with pytest.raises(InputError, match=rf'run/{name} is missing; .*--workdir'):
    READERS[name](folder)


NO_MATRIX = b'{"fold": "a", "epoch": 1, "train": {"confusion": [1]}}\n'
# Of metrics.jsonl a broken last line is not damage, so it takes two.
DAMAGED = [
  (name, content)
  for name in READERS
  for content in (b'', b'\xff\x00{"a', b'{}', b'[1]\n[2]\n', 2 * NO_MATRIX)
  if name != 'metrics.jsonl' or content.count(b'\n') == 2
]


@pytest.mark.parametrize(('name', 'content'), DAMAGED)
def test_a_damaged_file_is_named_with_the_cure(folder, name, content):
  folder.path.mkdir()
  (folder.path / name).write_bytes(content)
  with pytest.raises(InputError, match=rf'run/{name} .*delete'):
    READERS[name](folder)


def test_a_damaged_entry_of_the_results_is_named(folder):
  kept = ROOT / 'experiments/emodb/loso_300/results.json'
  content = json.loads(kept.read_text())['results']
  files.write_json(folder.results, content)
  assert folder.read_results().to_json() == content
  del content['selections']['last']['pooled']['wa']
  files.write_json(folder.results, content)
  message = r'run/results\.json is damaged \(selections\.last\.pooled\.wa is '
  with pytest.raises(InputError, match=message + r'missing\); delete it and'):
    folder.read_results()


def test_a_cut_row_of_predictions_is_named(folder):
  folder.write_predictions([], ['a', 'b'])
  with folder.predictions.open('a') as file:
    file.write('last,float16,03,x,03,a,a,0.5')
  with pytest.raises(InputError, match='damaged at line 2'):
    folder.read_predictions()


HOLD = """
import sys
from sernet_jax.results.run_folder import RunFolder
with RunFolder(sys.argv[1]).lock():
  print('held', flush=True)
  sys.stdin.read()
"""


def test_a_live_run_keeps_others_out_and_a_killed_one_does_not(folder):
  command = [sys.executable, '-c', HOLD, str(folder.path)]
  with subprocess.Popen(
    command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
  ) as other:
    assert other.stdout.readline() == 'held\n'
    with (
      pytest.raises(InputError, match=f'in use by process {other.pid} on '),
      folder.lock(),
    ):
      pass
    other.send_signal(signal.SIGKILL)
    other.wait()
  with folder.lock():
    assert str(os.getpid()) in folder.lock_file.read_text()
  assert folder.lock_file.read_text() == ''


def test_the_lock_is_released_when_the_run_fails(folder):
  with pytest.raises(RuntimeError), folder.lock():
    raise RuntimeError
  with (
    folder.lock(),
    pytest.raises(InputError, match='in use by process'),
    RunFolder(folder.path).lock(),
  ):
    pass


def test_a_full_disk_does_not_keep_a_run_from_its_folder(folder, monkeypatch):
  """Who holds it is only said to others."""

  def full(*args):
    raise OSError(errno.ENOSPC, 'No space left on device')

  with monkeypatch.context() as patch:
    patch.setattr(os, 'write', full)
    with folder.lock():
      assert folder.lock_file.read_text() == ''
  with folder.lock():
    assert folder.lock_file.read_text()


@pytest.mark.parametrize('seed', ['', '1.0'])
def test_a_damaged_seed_is_one_sentence(folder, seed):
  row = {
    'selection': 'last',
    'weights_dtype': 'float16',
    'fold': 'a',
    'seed': 1,
    'utterance': 'u',
    'speaker': 'a',
    'label': 'x',
    'predicted': 'x',
    'probabilities': [0.5, 0.5],
  }
  folder.write_predictions([row], ('x', 'y'))
  (read,) = folder.read_predictions()
  assert read['seed'] == 1
  text = folder.predictions.read_text()
  assert text.count(',1,') == 1
  folder.predictions.write_text(text.replace(',1,', f',{seed},'))
  with pytest.raises(InputError, match='damaged at line 2'):
    folder.read_predictions()


def test_a_workdir_that_is_a_file_is_refused(tmp_path):
  (tmp_path / 'taken').write_text('x')
  folder = RunFolder(tmp_path / 'taken')
  for write in (lambda: folder.write_config({}), folder.lock().__enter__):
    with pytest.raises(InputError, match='taken cannot be created'):
      write()


def test_reading_does_not_make_the_folder(folder):
  with pytest.raises(InputError):
    folder.read_results()
  assert not folder.path.exists()


def test_environment_says_what_a_reader_needs(folder):
  found = environment.record(['GPU 0'], command='python -m x --a=1')
  folder.write_environment(found)
  assert folder.read_environment() == found
  assert found['devices'] == ['GPU 0']
  assert found['command'] == 'python -m x --a=1'
  assert found['python'] == '.'.join(map(str, sys.version_info[:3]))
  assert found['packages']['numpy'] == np.__version__
  assert {'jax', 'flax', 'optax', 'sernet_jax'} <= found['packages'].keys()
  assert found['cores'] >= 1
  assert found['cpu'] and found['platform']


def test_environment_does_not_load_jax():
  code = (
    'import sys; from sernet_jax.results import environment; environment.record([]); '
    'assert "jax" not in sys.modules'
  )
  subprocess.run([sys.executable, '-c', code], check=True)


def test_command_of_a_module_can_be_repeated(tmp_path):
  (tmp_path / 'door.py').write_text(
    'from sernet_jax.results import environment\nprint(environment.record([])["command"])'
  )
  result = subprocess.run(
    [sys.executable, '-m', 'door', '--root=a b'],
    env={**os.environ, 'PYTHONPATH': f'{tmp_path}:{ROOT}'},
    capture_output=True,
    text=True,
    check=True,
  )
  assert result.stdout == "python -m door '--root=a b'\n"


def test_replacing_a_file_keeps_the_old_one_until_the_new_is_whole(
  tmp_path, monkeypatch
):
  path = tmp_path / 'a'
  files.write_bytes(path, b'old')
  monkeypatch.setattr(os, 'fsync', lambda _: seen.append(path.read_bytes()))
  seen = []
  with path.open('rb') as reader:
    files.write_bytes(path, b'new')
    # The old file was replaced, not written over.
    assert reader.read() == b'old'
  # While the content is forced out the old file stands; then the folder.
  assert seen == [b'old', b'new']
