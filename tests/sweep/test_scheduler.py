"""Planning, order, failure, waiting and stopping, without any training."""

from __future__ import annotations

import dataclasses
import os
import shutil
import signal
import subprocess
import sys

import pytest
import tiny
from chosen_runs import BAD, GOOD, make_run

from sernet_jax.common import files, interrupt
from sernet_jax.common.errors import InputError
from sernet_jax.results import run_folder
from sernet_jax.runs import config
from sernet_jax.sweep import (
  axes as axes_lib,
  final_comparison,
  grid,
  local_processes,
  planning,
  scheduler,
  worker,
)


@pytest.fixture(scope='module')
def corpus(tmp_path_factory):
  """A CSV file of 24 utterances, whose recordings are never read."""
  return tiny.write_corpus(tmp_path_factory.mktemp('corpus'))


def jobs_of(shared, *axes):
  return grid.jobs(shared, [axes_lib.parse_axis(a) for a in axes])


def planned(corpus, workdir, *axes, **changes):
  shared = tiny.config(corpus, workdir / 'cache', **changes)
  return planning.plan(
    jobs_of(shared, *axes), workdir, 'configs/manifest.py', {'seed': 3}
  )


def test_a_plan_holds_commands_and_the_whole_work(corpus, tmp_path):
  first, second = planned(
    corpus, tmp_path, 'model.paths=spectral+joint,joint', train__epochs=5
  )
  assert first.arguments == [
    '--config=configs/manifest.py',
    '--config.seed=3',
    "--config.model.paths=('spectral', 'joint')",
    f'--workdir={tmp_path}/model.paths=spectral+joint',
  ]
  assert second.arguments[2] == "--config.model.paths=('joint',)"
  assert first.fold_epochs == 3 * 5
  (tested,) = first.tested
  assert sum(tested.utterances.values()) == 24
  assert not tmp_path.joinpath('logs').exists()


def test_a_sweep_of_an_older_version_goes_on_in_its_folders(corpus, tmp_path):
  """Names had six digits, so that two jobs could meet in one folder."""
  shared = tiny.config(corpus, tmp_path / 'cache')
  jobs = jobs_of(
    shared, 'optim.decay_factor=0.1234567,0.7654321,0.8607079,0.8607081'
  )
  old = [grid.folder_name(job.changes, rounded=True) for job in jobs]
  assert old[2] == old[3] == 'optim.decay_factor=0.860708'
  workdir = tmp_path / 'sweep'
  for index in (0, 2):  # 1 was waiting, and 3 found the folder of 2
    folder = run_folder.RunFolder(workdir / old[index])
    files.make_folder(folder.path)
    folder.write_config(config.to_dict(jobs[index].config))
  before = {
    'config': config.to_dict(shared),
    'fields': ['optim.decay_factor'],
    'jobs': {name: job.changes for name, job in zip(old, jobs, strict=True)},
  }
  files.write_json(workdir / 'sweep.json', before)
  begun = grid.as_begun(jobs, workdir)
  assert [job.name for job in begun] == [*old[:3], jobs[3].name]
  assert jobs[3].name == 'optim.decay_factor=0.8607081'
  about = planning.check_folder(workdir, config.to_dict(shared), begun)
  assert about['jobs'] == {job.name: job.changes for job in begun}
  # Nothing is left out, though a name of this sweep is none of that one's.
  files.write_json(
    workdir / 'sweep.json', {**before, 'jobs': {'x': jobs[3].changes}}
  )
  planning.check_folder(workdir, config.to_dict(shared), jobs)


@pytest.mark.parametrize(
  ('axis', 'changes', 'message'),
  [
    ('protocol.name=loso,random10', {}, 'cannot be compared: protocol is'),
    ('protocol.folds=ann,bob', {}, 'different utterances'),
    ('protocol.folds=anna', {}, "did you mean 'ann'?"),
    ('seed=0:2', {'data__manifest': '/no/list.csv'}, '/no is not a folder'),
    ('seed=0:2', {'protocol__name': 'emobox'}, 'whose folds name'),
  ],
)
def test_a_job_that_could_not_run_or_be_compared_is_refused_at_once(
  corpus, tmp_path, axis, changes, message
):
  with pytest.raises(InputError) as error:
    planned(corpus, tmp_path, axis, **changes)
  assert message in str(error.value)
  # Nothing of a sweep; what planning found out of sounds may be cached.
  assert [path.name for path in tmp_path.iterdir()] in ([], ['cache'])


class Fake:
  """An engine whose jobs end at once, as told: name -> exit code."""

  slots, detached = 1, False

  def __init__(self, codes=None, kill=None):
    self.codes, self.kill = codes or {}, kill
    self.started, self.stopped = [], []

  def start(self, jobs):
    self.started += [job.name for job in jobs]
    for job in jobs:
      if self.codes.get(job.name, 0) == 0:
        self.finish(job)
      if job.name == self.kill:
        os.kill(os.getpid(), signal.SIGINT)
    return list(jobs)

  def finish(self, job):
    """A finished run as `main` leaves it."""
    right = GOOD if 'focal' in job.name else BAD
    make_run(job.folder.path, right, {'seed': job.job.experiment.seed})
    job.folder.write_config(config.to_dict(job.job.config))
    results = job.folder.read_results()
    epochs = job.job.experiment.train.epochs
    job.folder.write_results(dataclasses.replace(results, epochs=epochs))
    job.folder.report.write_text('')

  def poll(self, job):
    return self.codes.get(job.name, 0)

  def stop(self, job):
    self.stopped.append(job.name)

  def exit_note(self):
    return ''


@pytest.fixture
def quick(monkeypatch):
  monkeypatch.setattr(scheduler, '_POLL_S', 0.01)


def test_a_failed_job_is_reported_and_the_others_go_on(
  corpus, tmp_path, quick, capsys
):
  jobs = planned(corpus, tmp_path, 'loss.name=cross_entropy,focal', 'seed=0:2')
  bad = jobs[1]
  files.make_folder(bad.log.parent)
  bad.log.write_text('much before\nfold ann became nan; lower the rate\n')
  failed = scheduler.execute(jobs, Fake({bad.name: 2}))
  assert list(failed) == [bad.name]
  assert failed[bad.name].startswith('fold ann became nan; lower the rate')
  assert str(bad.log) in failed[bad.name]
  assert f'failed  {bad.name}' in capsys.readouterr().out
  text = final_comparison.write(tmp_path, jobs, failed, 'the command')
  assert '1 of 4 jobs failed; run the same command again' in text
  content = files.read_json(tmp_path / 'comparison.json')
  assert [job['name'] for job in content['missing']] == [bad.name]
  # The next time only the failed one runs.
  engine = Fake()
  assert scheduler.execute(jobs, engine) == {}
  assert engine.started == [bad.name]


def test_a_job_that_was_killed_says_by_what(corpus, tmp_path, quick):
  jobs = planned(corpus, tmp_path, 'seed=0:1')
  failed = scheduler.execute(jobs, Fake({'seed=0': -9}))
  assert failed['seed=0'].startswith('killed by signal 9')
  text = final_comparison.write(tmp_path, jobs, failed, 'the command')
  assert 'failed: seed=0: killed by signal 9' in text
  assert not (tmp_path / 'comparison.html').exists()


def test_sigint_stops_the_running_job_and_starts_no_other(
  corpus, tmp_path, quick, capsys
):
  jobs = planned(corpus, tmp_path, 'seed=0:3')
  engine = Fake({'seed=1': 130}, kill='seed=1')
  with pytest.raises(interrupt.Stopped, match='1 of 3 jobs done') as stop:
    scheduler.execute(jobs, engine)
  assert stop.value.exit_code == 130
  assert engine.started == ['seed=0', 'seed=1']
  assert 'stopping after the epochs under way' in capsys.readouterr().err


def test_jobs_of_a_cluster_are_left_alone_when_the_sweep_stops(
  corpus, tmp_path, quick, capsys
):
  jobs = planned(corpus, tmp_path, 'seed=0:2')
  engine = Fake(kill='seed=0')
  engine.detached, engine.poll = True, lambda job: None
  with pytest.raises(interrupt.Stopped):
    scheduler.execute(jobs, engine)
  assert engine.stopped == []


def test_a_job_whose_folder_is_held_is_taken_when_it_is_free(
  corpus, tmp_path, quick
):
  """As after SIGKILL, while the run of the old sweep saves its state."""
  jobs = planned(corpus, tmp_path, 'seed=0:2')
  engine = Fake()
  with jobs[0].folder.lock():
    assert [j.name for j in scheduler._take(_queue(jobs), 2)] == ['seed=1']
  assert scheduler.execute(jobs, engine) == {}
  assert engine.started == ['seed=0', 'seed=1']


def _queue(jobs):
  import collections

  return collections.deque(jobs)


def test_more_epochs_run_a_finished_job_again(corpus, tmp_path, quick):
  jobs = planned(corpus, tmp_path, 'seed=0:1')
  scheduler.execute(jobs, Fake())
  more = planned(corpus, tmp_path, 'seed=0:1', train__epochs=9)
  assert jobs[0].finished() and not more[0].finished()


def test_a_job_that_was_killed_while_its_report_was_drawn_is_run_again(
  corpus, tmp_path, quick
):
  jobs = planned(corpus, tmp_path, 'seed=0:2')
  scheduler.execute(jobs, Fake())
  jobs[1].folder.report.unlink()
  again = Fake()
  assert not scheduler.execute(jobs, again)
  assert again.started == [jobs[1].name] and jobs[1].finished()


def test_progress_counts_lines_as_they_come_and_go(corpus, tmp_path):
  (job,) = planned(corpus, tmp_path, 'seed=0:1', train__epochs=2)
  count = scheduler._Epochs(job)
  assert count.read() == 0
  files.make_folder(job.folder.path)
  job.folder.metrics.write_text('{}\n{}\n{}')
  assert (count.news(), count.read()) == (2, 2)
  job.folder.metrics.write_text('{}\n{}\n{}\n{}\n')
  assert count.news() == 2
  job.folder.metrics.write_text('{}\n')  # cut back to a checkpoint
  assert count.news() == -3
  job.folder.metrics.write_text('{}\n' * 100)
  assert count.read() == 3 * 2  # at most the whole work


def check(workdir, shared, *axes):
  about = planning.check_folder(
    workdir, config.to_dict(shared), jobs_of(shared, *axes)
  )
  files.write_json(workdir / 'sweep.json', about)


def test_a_grid_may_grow_but_not_change(corpus, tmp_path):
  workdir = tmp_path / 'sweep'
  shared = tiny.config(corpus, tmp_path)
  check(workdir, shared, 'loss.name=focal', 'seed=0:2')
  check(workdir, shared, 'loss.name=cross_entropy,focal', 'seed=0:3')
  other = tiny.config(corpus, tmp_path, model__dropout=0.1)
  for now, axes, message in (
    (shared, ['loss.name=focal', 'seed=0:3'], 'with the job loss.name=cross'),
    (shared, ['loss.name=focal'], 'over loss.name, seed, not over loss.name;'),
    (
      other,
      ['loss.name=cross_entropy,focal', 'seed=0:3'],
      'with model.dropout=0.3, not 0.1',
    ),
  ):
    with pytest.raises(InputError, match=message):
      check(workdir, now, *axes)
  # What an axis sets may be anything in the shared settings.
  check(
    workdir,
    tiny.config(corpus, tmp_path, seed=8),
    'loss.name=cross_entropy,focal',
    'seed=0:3',
  )


def test_a_folder_with_something_else_is_left_alone(corpus, tmp_path):
  (tmp_path / 'thesis.txt').write_text('long')
  with pytest.raises(InputError, match=r'holds thesis.txt but no sweep'):
    check(tmp_path, tiny.config(corpus, tmp_path), 'seed=0:2')


def test_a_start_that_was_killed_can_be_repeated(corpus, tmp_path):
  (tmp_path / 'run.lock').touch()
  (tmp_path / 'sweep.json.99999999.tmp').write_text('{"com')
  check(tmp_path, tiny.config(corpus, tmp_path), 'seed=0:2')


def test_each_of_several_processes_has_its_own_cores(monkeypatch):
  monkeypatch.setattr(os, 'sched_getaffinity', lambda pid: {2, 3, 5, 7, 8})
  assert local_processes.Processes(2)._free == [[2, 3], [5, 7]]
  assert local_processes.Processes(1)._free == [[]]
  with pytest.raises(InputError, match='may use 5 cores'):
    local_processes.Processes(6)
  with pytest.raises(InputError, match='give 1 or more'):
    local_processes.Processes(0)


def test_one_core_means_one_thread():
  found = local_processes._environment({'XLA_FLAGS': '--a'}, True, 2)
  assert found['XLA_FLAGS'] == '--a --xla_cpu_multi_thread_eigen=false'
  assert found['XLA_PYTHON_CLIENT_MEM_FRACTION'] == '0.45'
  assert local_processes._environment({}, False, 1) == {}


def test_parameters_of_a_cluster_need_one(tmp_path):
  with pytest.raises(InputError, match='is for --engine=slurm'):
    scheduler.make_engine('processes', 1, ['timeout_min=5'], tmp_path)


@pytest.mark.skipif(sys.platform != 'linux', reason='binding is for Linux')
def test_a_run_is_bound_and_does_not_outlive_its_sweep():
  """The worker becomes the command; the kernel stops it with its parent."""
  core = min(os.sched_getaffinity(0))
  show = 'import os, time; print(os.sched_getaffinity(0), flush=True)'
  parent = f"""
import os, subprocess, sys, time
subprocess.Popen([sys.executable, {worker.__file__!r}, str(os.getpid()),
                  '{core}', sys.executable, '-c', {show + '; time.sleep(60)'!r}])
time.sleep(60)
"""
  process = subprocess.Popen(
    [sys.executable, '-c', parent], stdout=subprocess.PIPE, text=True
  )
  with process:
    assert process.stdout.readline() == f'{{{core}}}\n'
    process.kill()
    # The pipe ends when the child, which holds it too, is gone.
    assert process.stdout.read() == ''


def test_a_worker_without_its_parent_does_not_begin():
  done = subprocess.run(
    [sys.executable, worker.__file__, '1', '-', shutil.which('true')]
  )
  assert done.returncode == 128 + signal.SIGTERM or sys.platform != 'linux'
