"""A run stopped, killed, damaged or cut in blocks ends the same."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest
import tiny
import tiny_runs

from sernet_jax.common import progress_bar
from sernet_jax.common.errors import InputError
from sernet_jax.results import run_folder
from sernet_jax.runs import checkpoint, loop, run
from sernet_jax.training.devices import mapping, together

pytestmark = pytest.mark.usefixtures('blank_figures')


def test_more_epochs_go_on_to_the_same_bits_and_say_how_far_they_are(
  finished, place, tmp_path, monkeypatch, capsys
):
  workdir = tmp_path / 'longer'
  run.train(tiny_runs.settings(place, train__epochs=1), workdir)
  assert tiny.only_progress(capsys.readouterr().err)
  monkeypatch.setattr(progress_bar, 'LOG_SECONDS', 0.0)
  run.train(tiny_runs.settings(place, train__epochs=4), workdir)
  tiny_runs.assert_same_run(workdir, finished)
  lines = capsys.readouterr().err.splitlines()
  training = [line for line in lines if line.startswith('training')]
  assert training[0].startswith('training: 3 of 12 epochs, ')
  # The first epoch compiles, so that how long others take is not known yet.
  assert [line for line in training if '? left' in line] == training[:2]
  assert training[-1].startswith('training: 12 of 12 epochs, ')
  assert 'UAR=' in training[-1] and 'loss=' in training[-1]


def start(place, workdir):
  """The same run as a process of its own, as people start it."""
  arguments = tiny.flags(tiny_runs.settings(place, train__epochs=4))
  return subprocess.Popen(
    [
      sys.executable,
      '-m',
      'sernet_jax.main',
      *arguments,
      f'--workdir={workdir}',
    ],
    env={**os.environ, 'SERNET_CACHE': str(place / 'cache')},
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    text=True,
  )


def wait_for_rows(workdir, count, process):
  path = workdir / 'metrics.jsonl'
  for _ in range(3000):
    if path.exists() and len(path.read_text().splitlines()) >= count:
      return
    assert process.poll() is None, process.stderr.read()
    time.sleep(0.02)
  raise AssertionError('the run never got that far')


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGKILL])
def test_a_stopped_run_goes_on_to_the_same_bits(
  finished, place, tmp_path, number
):
  workdir = tmp_path / 'stopped'
  process = start(place, workdir)
  wait_for_rows(workdir, 5, process)
  # While it lives, nobody else may write there.
  with pytest.raises(InputError, match=f'in use by process {process.pid}'):
    run.train(tiny_runs.settings(place, train__epochs=4), workdir)
  process.send_signal(number)
  _, said = process.communicate(timeout=120)
  if number == signal.SIGTERM:
    assert process.returncode == 128 + number
    assert 'run the same command again to go on' in said
    assert 'Traceback' not in said
  assert not (workdir / 'results.json').exists()
  run.train(tiny_runs.settings(place, train__epochs=4), workdir)
  tiny_runs.assert_same_run(workdir, finished)


# A load that failed leaves unawaited tasks of orbax behind, which may be
# collected after their event loop has closed.
@pytest.mark.filterwarnings('ignore::pytest.PytestUnraisableExceptionWarning')
def test_a_kill_loses_no_more_than_a_block_or_a_minute(
  finished, place, tmp_path, monkeypatch
):
  """Saved after every block when they are long, whatever the epochs say."""
  saved = []
  save = checkpoint.Checkpoints.save

  def noted(self, step, tree):
    saved.append(step)
    save(self, step, tree)

  monkeypatch.setattr(checkpoint.Checkpoints, 'save', noted)
  config = tiny_runs.settings(
    place, train__epochs=2, train__checkpoint_epochs=10
  )
  run.train(config, tmp_path / 'quick')
  assert saved == [2 * len(tiny.SPEAKERS)]
  saved.clear()
  monkeypatch.setattr(loop, 'SAVE_SECONDS', 0.0)
  run.train(config, tmp_path / 'slow')
  assert saved == list(range(1, 2 * len(tiny.SPEAKERS) + 1))
  slow, other = (
    [
      {**row, 'seconds': None}
      for row in run_folder.RunFolder(folder).read_metrics()
      if row['epoch'] <= 2
    ]
    for folder in (tmp_path / 'slow', finished)
  )
  assert slow == other


def test_a_damaged_checkpoint_falls_back_and_ends_the_same(
  finished, place, tmp_path, capsys
):
  workdir = tmp_path / 'damaged'
  run.train(tiny_runs.settings(place, train__epochs=3), workdir)
  newest = max((workdir / 'checkpoints').iterdir(), key=lambda p: int(p.name))
  for path in newest.rglob('*'):
    if path.is_file():
      path.write_bytes(b'damaged')
  run.train(tiny_runs.settings(place, train__epochs=4), workdir)
  assert 'is damaged' in capsys.readouterr().err
  tiny_runs.assert_same_run(workdir, finished)


def test_one_fold_alone_equals_the_fold_among_others(finished, place, tmp_path):
  workdir = tmp_path / 'alone'
  run.train(
    tiny_runs.settings(place, train__epochs=4, protocol__folds=('bob',)),
    workdir,
  )
  folders = [run_folder.RunFolder(folder) for folder in (workdir, finished)]
  rows = [
    [row for row in folder.read_metrics() if row['fold'] == 'bob']
    for folder in folders
  ]
  for row in (*rows[0], *rows[1]):
    del row['seconds']
  assert rows[0] == rows[1]


def test_a_value_that_is_not_finite_stops_with_numbers(place, tmp_path):
  wild = tiny_runs.settings(place, optim__learning_rate=1e30)
  with pytest.raises(
    InputError, match=r'fold ann became .* in epoch \d at learning rate 1e\+30'
  ):
    run.train(wild, tmp_path / 'wild')
  assert not (tmp_path / 'wild' / 'results.json').exists()


def test_epochs_in_one_call_agree_to_rounding(finished, place, tmp_path):
  """Blocks of 3 epochs: 1 to 3, then 4 alone; begun in single epochs."""
  workdir = tmp_path / 'blocks'
  run.train(tiny_runs.settings(place, train__epochs=1), workdir)
  run.train(
    tiny_runs.settings(place, train__epochs=4, train__report_epochs=3), workdir
  )
  ours, expected = tiny_runs.losses(workdir), tiny_runs.losses(finished)
  assert ours.keys() == expected.keys()
  for key, values in expected.items():
    tolerance = {1: 0, 2: 0.01, 3: 0.03, 4: 0.1}[key[-1]]
    assert ours[key] == pytest.approx(values, rel=tolerance)


def test_a_run_begun_with_map_goes_on_with_vmap(
  finished, place, tmp_path, monkeypatch
):
  """Rounding apart: 1e-6 in a step, 4e-4 after an epoch (measured).

  Whole blocks take one trace and one compilation, however many they are.
  """
  made = []
  make = mapping.make

  def noted(*args):
    made.append(make(*args))
    return made[-1]

  monkeypatch.setattr(mapping, 'make', noted)
  for program in (mapping.one_program, together.program):
    program.cache_clear()  # counts what other tests compiled
  workdir = tmp_path / 'mixed'
  run.train(tiny_runs.settings(place, train__epochs=2), workdir)
  run.train(
    tiny_runs.settings(place, train__epochs=4, train__fold_mapping='vmap'),
    workdir,
  )
  assert [trials.program._cache_size() for trials in made] == [1, 1]
  ours, expected = tiny_runs.losses(workdir), tiny_runs.losses(finished)
  assert ours.keys() == expected.keys()
  for key, values in expected.items():
    tolerance = {1: 0, 2: 0, 3: 0.01, 4: 0.05}[key[-1]]
    assert ours[key] == pytest.approx(values, rel=tolerance)
