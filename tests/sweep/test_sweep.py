"""Sweeps as people start them: killed, stopped, resumed, compared."""

from __future__ import annotations

import html
import json
import os
import signal
import subprocess
import sys
import time

import pytest
import tiny
from commands import white_figures

from sernet_jax.runs import run

pytestmark = pytest.mark.usefixtures('blank_figures')
# Two settings whose networks are the same program, compiled once.
AXES = ('--axis=features.preset=paper,reference', '--axis=seed=0:2')
JOBS = (
  'features.preset=paper,seed=0',
  'features.preset=paper,seed=1',
  'features.preset=reference,seed=0',
  'features.preset=reference,seed=1',
)


@pytest.fixture(scope='module')
def place(tmp_path_factory):
  """A corpus and caches that the module shares."""
  folder = tmp_path_factory.mktemp('sweep')
  tiny.write_corpus(folder / 'corpus')
  return folder


def settings(place, **changes):
  csv = place / 'corpus' / 'list.csv'
  return tiny.config(csv, place / 'features', **{**tiny.QUICK, **changes})


def start(place, workdir, *arguments, **changes):
  return subprocess.Popen(
    [
      sys.executable,
      '-m',
      'sernet_jax.sweep',
      *tiny.flags(settings(place, **changes)),
      f'--workdir={workdir}',
      *arguments,
    ],
    cwd=tiny.ROOT,
    env={**white_figures(os.environ), 'SERNET_CACHE': str(place / 'cache')},
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    text=True,
  )


def sweep(place, workdir, *arguments, **changes):
  process = start(place, workdir, *arguments, **changes)
  out, err = process.communicate(timeout=1200)
  return process.returncode, out, err


def wait_for(path, process, seconds=1200):
  end = time.monotonic() + seconds
  while not path.exists():
    assert process.poll() is None, process.communicate()
    assert time.monotonic() < end, f'{path} did not come'
    time.sleep(0.1)


@pytest.fixture(scope='module')
def finished(place):
  """Four jobs in spite of SIGKILL in the first and SIGTERM in the third."""
  workdir = place / 'killed'
  with start(place, workdir, *AXES) as process:
    try:
      wait_for(workdir / JOBS[0] / 'metrics.jsonl', process)
    finally:
      process.kill()
  with start(place, workdir, *AXES) as again:
    try:
      wait_for(workdir / JOBS[2] / 'metrics.jsonl', again)
      again.send_signal(signal.SIGTERM)
      _, err = again.communicate(timeout=600)
    finally:
      again.kill()
  assert again.returncode == 128 + signal.SIGTERM, err
  assert 'run the same command again to go on' in err
  assert 'Traceback' not in err
  # Stopped cleanly: the running job saved a state, the last never began.
  assert any((workdir / JOBS[2] / 'checkpoints').iterdir())
  assert not (workdir / JOBS[3]).exists()
  done = [job for job in JOBS if (workdir / job / 'results.json').exists()]
  code, out, err = sweep(place, workdir, *AXES)
  assert code == 0, err
  assert tiny.only_progress(err), err
  return workdir, done, out


def test_a_killed_job_ends_with_the_figures_of_an_undisturbed_run(
  place, finished
):
  workdir, *_ = finished
  alone = place / 'alone'
  run.train(settings(place, features__preset='paper', seed=0), alone)
  assert (alone / 'predictions.csv').read_text() == (
    workdir / JOBS[0] / 'predictions.csv'
  ).read_text()


def test_what_is_done_is_not_repeated(finished):
  _, done, out = finished
  # The third may have ended before the signal reached it, and the first waits
  # behind all others if it was still saving when the second sweep began.
  assert JOBS[1] in done and JOBS[3] not in done
  for job in JOBS:
    assert (job in out) == (f'done    {job}' in out) == (job not in done)


def test_a_job_is_an_ordinary_run_that_its_command_repeats(finished):
  workdir, *_ = finished
  folder = workdir / JOBS[3]
  environment = json.loads((folder / 'environment.json').read_text())
  assert environment['command'].startswith('python -m sernet_jax.main')
  for part in ('features.preset=reference', 'seed=1', f'--workdir={folder}'):
    assert part in environment['command']
  assert (folder / 'report.html').exists()


def test_the_sweep_ends_in_one_comparison(finished):
  workdir, _, out = finished
  content = json.loads((workdir / 'comparison.json').read_text())
  assert [row['name'] for row in content['settings']] == [
    'features.preset=paper',
    'features.preset=reference',
  ]
  assert [row['seeds'] for row in content['settings']] == [[0, 1], [0, 1]]
  assert len(content['differences']) == 1
  assert len(content['runs']) == 4
  page = (workdir / 'comparison.html').read_text()
  assert 'Trained for 2 epochs where the paper has 300' in page
  assert content['command'] in html.unescape(page)
  assert str(workdir / 'comparison.html') in out


def test_another_grid_in_its_folder_is_one_sentence_and_code_2(place, finished):
  workdir, *_ = finished
  before = (workdir / 'sweep.json').read_bytes()
  code, out, err = sweep(
    place, workdir, '--axis=features.preset=reference', AXES[1]
  )
  assert (code, out) == (2, '')
  assert f'with the job {JOBS[0]}, which this grid leaves out' in err
  assert len(err.strip().splitlines()) == 1
  assert (workdir / 'sweep.json').read_bytes() == before


def test_a_selection_that_no_job_will_have_is_refused_before_any_runs(
  place, tmp_path
):
  code, _, err = sweep(
    place, tmp_path / 'new', '--axis=seed=0:2', '--selection=validation'
  )
  assert code == 2
  assert "give it protocol.validation='speaker'" in err
  assert len(err.strip().splitlines()) == 1
  assert not (tmp_path / 'new').exists()


def test_compare_takes_runs_and_sweeps(finished, tmp_path):
  workdir, *_ = finished
  output = tmp_path / 'compared'
  command = [sys.executable, '-m', 'sernet_jax.compare', f'--output={output}']
  done = subprocess.run(
    [*command, str(workdir)],
    capture_output=True,
    text=True,
    cwd=tiny.ROOT,
    timeout=300,
  )
  assert done.returncode == 0, done.stderr
  assert str(output / 'comparison.html') in done.stdout
  found = json.loads((output / 'comparison.json').read_text())
  own = json.loads((workdir / 'comparison.json').read_text())
  assert found['settings'] == own['settings']
  assert found['differences'] == own['differences']
