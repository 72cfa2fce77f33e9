"""Sweeps as people start them: resume, kill, failure, refusal, comparison."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest
import tiny

AXES = ('--axis=loss.name=cross_entropy,focal', '--axis=seed=0:2')
JOBS = (
  'loss.name=cross_entropy,seed=0',
  'loss.name=cross_entropy,seed=1',
  'loss.name=focal,seed=0',
  'loss.name=focal,seed=1',
)


@pytest.fixture(scope='module')
def place(tmp_path_factory):
  """A corpus and caches that the module shares."""
  folder = tmp_path_factory.mktemp('sweep')
  tiny.write_corpus(folder / 'corpus')
  return folder


def start(place, workdir, *arguments, module='sweep', **changes):
  csv = place / 'corpus' / 'list.csv'
  settings = tiny.config(csv, place / 'features', **changes)
  return subprocess.Popen(
    [
      sys.executable,
      '-m',
      f'sernet_jax.{module}',
      *tiny.flags(settings),
      f'--workdir={workdir}',
      *arguments,
    ],
    cwd=tiny.ROOT,
    env={**os.environ, 'SERNET_CACHE': str(place / 'cache')},
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    text=True,
  )


def sweep(place, workdir, *arguments, **changes):
  process = start(place, workdir, *arguments, **changes)
  out, err = process.communicate(timeout=600)
  return process.returncode, out, err


def wait_for(path, seconds=300):
  end = time.monotonic() + seconds
  while not path.exists():
    assert time.monotonic() < end, f'{path} did not come'
    time.sleep(0.1)


def same_figures(one, other):
  return (one / 'predictions.csv').read_text() == (
    other / 'predictions.csv'
  ).read_text()


@pytest.fixture(scope='module')
def finished(place):
  """Two of the four jobs, undisturbed; then the whole grid, killed twice.

  First the sweep is killed with SIGKILL, which its running job must not
  outlive for long, then stopped with SIGTERM, then let through.
  """
  undisturbed = place / 'undisturbed'
  code, _, err = sweep(
    place, undisturbed, '--axis=loss.name=focal', '--axis=seed=0:2'
  )
  assert code == 0, err
  workdir = place / 'killed'
  process = start(place, workdir, *AXES)
  wait_for(workdir / JOBS[0] / 'metrics.jsonl')
  process.kill()
  process.communicate()
  again = start(place, workdir, *AXES)
  wait_for(workdir / JOBS[2] / 'metrics.jsonl')
  again.send_signal(signal.SIGTERM)
  _, err = again.communicate(timeout=300)
  assert again.returncode == 128 + signal.SIGTERM, err
  assert 'run the same command again to go on' in err
  assert 'Traceback' not in err
  # Stopped cleanly: the running job saved a state, the last never began.
  assert any((workdir / JOBS[2] / 'checkpoints').iterdir())
  assert not (workdir / JOBS[3]).exists()
  code, out, err = sweep(place, workdir, *AXES)
  assert code == 0, err
  assert err == ''  # no terminal, so no bar
  return undisturbed, workdir, out


def test_a_killed_sweep_ends_with_the_same_figures(finished):
  undisturbed, workdir, out = finished
  for name in JOBS[2:]:
    assert same_figures(workdir / name, undisturbed / name)
  # What was done is not repeated.
  assert JOBS[0] not in out and f'done    {JOBS[3]}' in out


def test_a_job_is_an_ordinary_run_that_its_command_repeats(finished):
  _, workdir, _ = finished
  folder = workdir / JOBS[3]
  environment = json.loads((folder / 'environment.json').read_text())
  assert environment['command'].startswith('python -m sernet_jax.main')
  for part in ('loss.name=focal', 'seed=1', f'--workdir={folder}'):
    assert part in environment['command']
  assert (folder / 'report.html').exists()


def test_the_sweep_ends_in_one_comparison(finished):
  _, workdir, out = finished
  content = json.loads((workdir / 'comparison.json').read_text())
  assert [row['name'] for row in content['settings']] == [
    'loss.name=cross_entropy',
    'loss.name=focal',
  ]
  assert [row['seeds'] for row in content['settings']] == [[0, 1], [0, 1]]
  assert len(content['differences']) == 1
  assert len(content['runs']) == 4
  page = (workdir / 'comparison.html').read_text()
  assert 'Trained for 2 epochs where the paper has 300' in page
  assert content['command'] in page.replace('&#39;', "'")
  assert str(workdir / 'comparison.html') in out


def test_a_finished_sweep_does_no_work_and_another_grid_is_refused(
  place, finished
):
  _, workdir, _ = finished
  before = (workdir / 'sweep.json').read_bytes()
  code, out, _ = sweep(place, workdir, *AXES)
  assert (code, 'done ' in out) == (0, False)
  for arguments, changes, message in (
    (['--axis=loss.name=focal', AXES[1]], {}, f'with the job {JOBS[0]}'),
    ([AXES[1], '--axis=loss.gamma=1,2'], {}, 'is a sweep over loss.name, seed'),
    (AXES, {'model__dropout': 0.1}, 'is a sweep with model.dropout=0.3'),
  ):
    code, _, err = sweep(place, workdir, *arguments, **changes)
    assert code == 2 and message in err
    assert len(err.strip().splitlines()) == 1
  assert json.loads((workdir / 'sweep.json').read_bytes()) == json.loads(before)


def test_a_job_that_fails_does_not_end_the_others(place, tmp_path):
  """A learning rate that diverges; the page says what is missing."""
  workdir = tmp_path / 'rates'
  code, out, err = sweep(
    place, workdir, '--axis=optim.learning_rate=1e30,1e-3'
  )
  assert code == 1, err
  assert 'failed  optim.learning_rate=1e+30' in out
  assert 'lower optim.learning_rate' in out
  assert 'done    optim.learning_rate=0.001' in out
  content = json.loads((workdir / 'comparison.json').read_text())
  assert [job['name'] for job in content['missing']] == [
    'optim.learning_rate=1e+30'
  ]
  assert 'Traceback' not in err


@pytest.mark.parametrize(
  ('arguments', 'message'),
  [
    (['--axis=los.name=focal'], "did you mean 'loss.name'?"),
    (['--axis=seed=0:5000'], 'add --yes'),
    (['--axis=protocol.name=loso,random10'], 'cannot be compared: protocol'),
    (['--axis=protocol.folds=ann,bob'], 'different utterances'),
    (['--axis=seed=0:2', '--processes=1000'], 'give at most that'),
    (['--axis=seed=0:2', '--cluster=a=1'], 'is for --engine=slurm'),
    (['--axis=seed=0:2', '--engine=ray'], "--engine is 'ray'"),
    (['--axis=seed=0:2', '--baseline=x'], 'none of the settings'),
    ([], 'at least one axis'),
  ],
)
def test_a_mistake_is_one_sentence_before_anything_runs(
  place, tmp_path, arguments, message
):
  workdir = tmp_path / 'sweep'
  code, out, err = sweep(place, workdir, *arguments)
  assert (code, out) == (2, '')
  assert message in err
  assert len(err.strip().splitlines()) == 1
  assert not (workdir / 'sweep.json').exists()
  assert not (workdir / 'logs').exists()


def test_compare_takes_runs_and_sweeps(place, finished, tmp_path):
  undisturbed, workdir, _ = finished
  output = tmp_path / 'compared'
  done = subprocess.run(
    [
      sys.executable,
      '-m',
      'sernet_jax.compare',
      str(undisturbed),
      str(workdir / JOBS[0]),
      f'--output={output}',
    ],
    capture_output=True,
    text=True,
    cwd=tiny.ROOT,
    timeout=300,
  )
  assert done.returncode == 0, done.stderr
  assert str(output / 'comparison.html') in done.stdout
  content = json.loads((output / 'comparison.json').read_text())
  assert len(content['runs']) == 3
