"""Several processes as one run: two real ones on this machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest
import tiny
from commands import free_port, white_figures, xla_flags

from sernet_jax.common import trees
from sernet_jax.results import run_folder
from sernet_jax.runs import run


@pytest.fixture(scope='module')
def place(tmp_path_factory):
  folder = tmp_path_factory.mktemp('processes')
  tiny.write_corpus(folder / 'corpus')
  return folder


def settings(place, **changes):
  csv = place / 'corpus' / 'list.csv'
  values = {**tiny.QUICK, 'train__epochs': 3, **changes}
  return tiny.config(csv, place / 'features', **values)


def start(place, workdir, port, rank, **changes):
  return command(
    place,
    workdir,
    f'--coordinator=127.0.0.1:{port}',
    '--processes=2',
    f'--process_id={rank}',
    **changes,
  )


def command(place, workdir, *flags, devices=1, **changes):
  flag = f'--xla_force_host_platform_device_count={devices}'
  return subprocess.Popen(
    [
      sys.executable,
      '-m',
      'sernet_jax.main',
      *tiny.flags(settings(place, **changes)),
      f'--workdir={workdir}',
      *flags,
    ],
    env={
      **white_figures(os.environ),
      'SERNET_CACHE': str(place / 'cache'),
      # One thread for an operation: on one core, with jax 0.9.0, the losses of
      # tests differed in their last bit between one device and two.
      'XLA_FLAGS': xla_flags(flag, '--xla_cpu_multi_thread_eigen=false'),
      'JAX_PLATFORMS': 'cpu',
    },
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    text=True,
  )


def ended(*started):
  """(exit code, stdout, stderr) of each; nobody may hang."""
  found = []
  try:
    for process in started:
      out, err = process.communicate(timeout=600)
      found.append((process.returncode, out, err))
  finally:
    for process in started:
      process.kill()
  return found


def differing(one, other):
  """Names every number of two tables of rows that is not the same."""
  assert one.keys() == other.keys()
  return [
    (*key, name, value, flat[name])
    for key in one
    for flat in [trees.flatten(other[key])]
    for name, value in trees.flatten(one[key]).items()
    if value != flat[name]
  ]


def test_one_killed_and_both_restarted_end_as_one_process_of_two_devices(
  place, tmp_path, blank_figures
):
  """To the bit: 3 folds over 2 devices, whichever processes these are in.

  The other one does not wait for the dead one, and says what to do.
  """
  workdir, port = tmp_path / 'two', free_port()
  pair = [start(place, workdir, port, rank) for rank in range(2)]
  path = workdir / 'metrics.jsonl'
  while not path.exists() or len(path.read_text().splitlines()) < 3:
    assert all(p.poll() is None for p in pair), ended(*pair)
    time.sleep(0.05)
  pair[1].send_signal(signal.SIGKILL)
  begin = time.monotonic()
  (code, _, err), _ = ended(*pair)
  assert code == 2 and time.monotonic() - begin < 10
  assert err.splitlines()[-1] == (
    'process 1 has died; start all processes again with the same commands, and '
    'the run goes on from its last checkpoint'
  )
  assert 'Traceback' not in err
  assert not (workdir / 'results.json').exists()
  port = free_port()
  (code, out, err), (other, said, _) = ended(
    *(start(place, workdir, port, rank) for rank in range(2))
  )
  assert (code, other) == (0, 0), err
  assert 'UAR' in out
  assert said.strip().endswith('process 0 has the results')
  alone = tmp_path / 'alone'
  over_both = {'devices': 2, 'train__fold_mapping': 'shard'}
  ((code, _, err),) = ended(command(place, alone, **over_both))
  assert code == 0, err
  tables = []
  for folder in (workdir, alone):
    rows = run_folder.RunFolder(folder).read_metrics()
    tables.append(
      {(row['fold'], row['epoch']): {**row, 'seconds': None} for row in rows}
    )
  assert differing(*tables) == []
  assert (workdir / 'predictions.csv').read_text() == (
    alone / 'predictions.csv'
  ).read_text()
  # What two processes began one resumes, on one device as 'map'.
  more = settings(place, train__epochs=4, train__fold_mapping='map')
  run.train(more, workdir)
  after = {
    (row['fold'], row['epoch']): {**row, 'seconds': None}
    for row in run_folder.RunFolder(workdir).read_metrics()
  }
  assert len(after) == 4 * len(tiny.SPEAKERS)
  assert {key: after[key] for key in tables[0]} == tables[0]


def test_a_process_of_a_bad_config_is_named_by_the_other(place, tmp_path):
  workdir, port = tmp_path / 'bad', free_port()
  (code, _, err), (other, _, said) = ended(
    start(place, workdir, port, 0),
    start(place, workdir, port, 1, train__batch_size=0),
  )
  assert (code, other) == (2, 2)
  assert 'train.batch_size is 0' in said and 'Traceback' not in said
  assert 'process 1 failed (InputError: train.batch_size is 0' in err
  assert 'Traceback' not in err
  assert not workdir.exists()


def test_processes_of_unlike_configs_are_refused_at_once(place, tmp_path):
  workdir, port = tmp_path / 'unlike', free_port()
  found = ended(
    start(place, workdir, port, 0), start(place, workdir, port, 1, seed=5)
  )
  for code, _, err in found:
    assert code == 2
    assert 'started with seed=5 and process 0 with 0' in err
    assert 'Traceback' not in err
  assert not workdir.exists()
