"""Jobs through submitit: preempted and resumed here, queued on a made-up Slurm."""

from __future__ import annotations

import os
import pathlib
import signal
import sys
import time

import pytest
import tiny
from commands import white_figures

from sernet_jax.common import files
from sernet_jax.common.errors import InputError
from sernet_jax.runs import run
from sernet_jax.sweep import axes, cluster, grid, planning

pytestmark = pytest.mark.usefixtures('blank_figures')

try:
  import submitit
except ImportError:
  submitit = None
needs_submitit = pytest.mark.skipif(
  submitit is None, reason="submitit is missing: pip install -e '.[slurm]'"
)


def planned(csv, place, workdir, axis, **changes):
  shared = tiny.config(csv, place / 'features', **changes)
  jobs = grid.jobs(shared, [axes.parse_axis(axis)])
  config_file, *flags = tiny.flags(shared)
  overrides = dict(
    flag.removeprefix('--config.').split('=', 1) for flag in flags
  )
  return planning.plan(
    jobs, workdir, config_file.removeprefix('--config='), overrides
  )


def wait(engine, handle, seconds=300):
  end = time.monotonic() + seconds
  while (code := engine.poll(handle)) is None:
    assert time.monotonic() < end
    time.sleep(0.2)
  return code


@needs_submitit
@pytest.mark.skipif(sys.platform != 'linux', reason='reads /proc')
def test_a_preempted_job_saves_its_state_and_goes_on_to_the_same_figures(
  tmp_path, monkeypatch
):
  """By the signal that Slurm sends, under submitit's local executor."""
  monkeypatch.setenv('SERNET_CACHE', str(tmp_path / 'cache'))
  monkeypatch.setenv('PYTHONPATH', str(tiny.ROOT), prepend=os.pathsep)
  paths = white_figures(os.environ)['PYTHONPATH']
  monkeypatch.setenv('PYTHONPATH', paths)
  csv = tiny.write_corpus(tmp_path / 'corpus')
  epochs = {'train__epochs': 16, 'train__checkpoint_epochs': 16, **tiny.QUICK}
  (job,) = planned(csv, tmp_path, tmp_path / 'sweep', 'seed=4', **epochs)
  engine = cluster.Cluster('local', 1, [], tmp_path / 'submitit')
  (handle,) = engine.start([job])
  while not (job.folder.metrics.exists() and job.folder.read_metrics()):
    assert engine.poll(handle) is None
    time.sleep(0.05)
  controller = handle[0].job_id  # its process starts the one of the task
  children = pathlib.Path(f'/proc/{controller}/task/{controller}/children')
  os.kill(int(children.read_text()), signal.SIGUSR2)
  assert wait(engine, handle) == 0
  log = job.log.read_text()
  assert 'stopped after' in log and 'UAR' in log.split('stopped after')[1]
  assert job.finished()
  alone = tmp_path / 'alone'
  run.train(job.job.config, alone)
  assert (alone / 'predictions.csv').read_text() == (
    job.folder.predictions.read_text()
  )


@needs_submitit
def test_unknown_parameters_are_one_sentence(tmp_path):
  for parameters, message in (
    (['timeout=5'], 'is not a parameter; write one such'),
    (['partitoin=gpu'], 'submitit cannot use'),
  ):
    parameters = [p.replace('timeout=5', 'timeout') for p in parameters]
    with pytest.raises(InputError, match=message) as error:
      cluster.Cluster('local', 1, parameters, tmp_path)
    assert '\n' not in str(error.value)


@pytest.mark.skipif(submitit is not None, reason='submitit is there')
def test_without_submitit_the_cure_is_named(tmp_path):
  with pytest.raises(InputError, match='pip install submitit, or in'):
    cluster.Cluster('slurm', 1, [], tmp_path)


SBATCH = """#!/bin/bash
# Runs the tasks of an array at once, in the background, as job 7.
script="${@: -1}"
count=$(grep -oP '(?<=--array=0-)\\d+' "$script" || echo 0)
for task in $(seq 0 "$count"); do
  SLURM_JOB_ID=$((100 + task)) SLURM_ARRAY_JOB_ID=7 SLURM_ARRAY_TASK_ID=$task \\
  SLURM_NTASKS=1 SLURM_JOB_NUM_NODES=1 SLURM_NODEID=0 SLURM_PROCID=0 \\
  SLURM_LOCALID=0 SLURM_JOB_NODELIST=here SUBMITIT_EXECUTOR=slurm \\
    setsid bash "$script" > /dev/null 2>&1 &
done
echo "$(date) $script" >> "$(dirname "$0")/submissions"
echo "Submitted batch job 7"
"""
SRUN = """#!/bin/bash
while [[ "$1" == -* ]]; do
  [[ "$1" == --output || "$1" == --error ]] && shift
  shift
done
exec "$@"
"""
SACCT = """#!/bin/bash
echo 'JobID|State|NodeList'
for task in 0 1; do echo "7_$task|$(cat "$(dirname "$0")/state")|here"; done
"""


@pytest.fixture
def slurm(tmp_path, monkeypatch):
  """Programs that answer as Slurm's do; returns their folder."""
  folder = tmp_path / 'bin'
  folder.mkdir()
  for name, text in (('sbatch', SBATCH), ('srun', SRUN), ('sacct', SACCT)):
    (folder / name).write_text(text)
    (folder / name).chmod(0o755)
  (folder / 'state').write_text('RUNNING')
  monkeypatch.setenv('PATH', f'{folder}:{os.environ["PATH"]}')
  monkeypatch.setenv('PYTHONPATH', str(tiny.ROOT), prepend=os.pathsep)
  return folder


@needs_submitit
def test_jobs_on_slurm_are_one_array_and_are_watched_again(tmp_path, slurm):
  """Their config is not a file, so main ends at once with code 2."""
  csv = tiny.write_corpus(tmp_path / 'corpus')
  jobs = planned(csv, tmp_path, tmp_path / 'sweep', 'seed=0:2')
  for job in jobs:
    job.arguments[0] = '--config=/no/config.py'
  folder = tmp_path / 'cluster'
  engine = cluster.Cluster('slurm', 1, ['timeout_min=30'], folder)
  assert engine.detached and engine.slots > 1000
  first = engine.start(jobs)
  script = next(folder.glob('*submission*.sh')).read_text()
  assert '--time=30' in script and '--array=0-1' in script
  assert files.read_json(folder / 'queue.json') == {
    'seed=0': '7_0',
    'seed=1': '7_1',
  }
  # The sweep is stopped and started again while they are in the queue.
  other = cluster.Cluster('slurm', 1, [], folder)
  again = other.start(jobs)
  assert [handle.job_id for handle, _ in again] == ['7_0', '7_1']
  assert len((slurm / 'submissions').read_text().splitlines()) == 1
  assert 'scancel 7_0 7_1' in other.exit_note()
  (slurm / 'state').write_text('COMPLETED')
  for (handle, _), job in zip(first, jobs, strict=True):
    while not handle.paths.result_pickle.exists():
      time.sleep(0.1)
    assert engine.poll((handle, job)) == 2
    assert '--config=/no/config.py is not a file' in job.log.read_text()
  # What has left the queue is submitted again.
  assert cluster.Cluster('slurm', 1, [], folder)._queue() == {}
