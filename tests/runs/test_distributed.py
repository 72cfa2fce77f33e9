"""Several processes as one run: two real ones on this machine."""

from __future__ import annotations

import concurrent.futures
import os
import signal
import socket
import subprocess
import sys
import time

import pytest
import tiny
from commands import white_figures, xla_flags

from sernet_jax.common.errors import InputError
from sernet_jax.results import run_folder
from sernet_jax.runs import run
from sernet_jax.runs.distributed import Group, connect, meeting


def free_port():
  with socket.socket() as probe:
    probe.bind(('127.0.0.1', 0))
    return probe.getsockname()[1]


@pytest.mark.parametrize(
  ('arguments', 'message'),
  [
    (('here', 2, 0), r"--coordinator is 'here'; give HOST:PORT"),
    (('h:99999', 2, 0), r"--coordinator is 'h:99999'"),
    (('h:1234', None, 0), r'--processes is None'),
    (('h:1234', 2, 2), r'--process_id is 2; number the 2 processes from 0'),
    (('auto', 2, None), r'--coordinator=auto finds the processes itself'),
  ],
)
def test_wrong_addresses_and_numbers_are_one_sentence(arguments, message):
  with pytest.raises(InputError, match=message):
    connect(*arguments)


def test_an_unreachable_coordinator_is_named_after_the_time_is_up():
  port, start = free_port(), time.monotonic()
  with pytest.raises(
    InputError,
    match=rf'no coordinator answered at 127.0.0.1:{port} for 1 s.*start '
    'process 0 there, or correct --coordinator',
  ):
    connect(f'127.0.0.1:{port}', 2, 1, timeout_s=1)
  assert time.monotonic() - start < 10


def test_a_port_in_use_is_named():
  with socket.socket() as taken:
    taken.bind(('', 0))
    taken.listen()
    port = taken.getsockname()[1]
    with pytest.raises(InputError, match=f'port {port} of --coordinator'):
      connect(f'127.0.0.1:{port}', 2, 0)


def together(*calls):
  """Returns the errors of some waiting functions, run side by side."""

  def message(call):
    try:
      call()
    except InputError as error:
      return str(error)
    return ''

  with concurrent.futures.ThreadPoolExecutor() as pool:
    return list(pool.map(message, calls))


def meets(port, processes, rank, timeout_s=20):
  def call():
    met = meeting.meet('127.0.0.1', port, processes, rank, timeout_s)
    assert met.keys() == (set(range(processes)) - {0} if rank == 0 else {0})
    for other in met.values():
      other.close()

  return call


def test_processes_meet_whoever_else_knocks():
  port = free_port()

  def knock():
    end = time.monotonic() + 20
    while time.monotonic() < end:
      try:
        with socket.create_connection(('127.0.0.1', port)) as stranger:
          stranger.sendall(b'GET / HTTP/1.1\r\n\r\n')
        return
      except OSError:
        time.sleep(0.01)

  # The last comes when the stranger has been.
  found = together(
    meets(port, 3, 0),
    meets(port, 3, 1),
    lambda: (knock(), meets(port, 3, 2)()),
  )
  assert found == ['', '', '']
  with socket.socket() as probe:
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    probe.bind(('', port))  # free for JAX's runtime


def test_a_missing_process_is_named_to_those_that_came():
  port = free_port()
  first, other = together(meets(port, 4, 0, 1), meets(port, 4, 2, 1))
  assert first == (
    f'of 4 processes these did not come to 127.0.0.1:{port} within 1 s: 1, 3; '
    'start them with the same --coordinator and --processes'
  )
  assert other == f'process 0: {first}'


def test_processes_of_one_number_or_unlike_counts_are_refused():
  port = free_port()
  found = together(*(meets(port, 3, rank) for rank in (0, 1, 1)))
  for message in found:
    assert 'two processes were started with --process_id=1' in message
  port = free_port()
  found = together(meets(port, 2, 0), meets(port, 3, 1))
  for message in found:
    assert (
      'process 1 was started with --processes=3 and process 0 with' in message
    )


def test_auto_without_a_cluster_is_one_sentence():
  """In a process where JAX has computed nothing yet."""
  program = (
    "from sernet_jax.runs import distributed; distributed.connect('auto', "
  )
  done = subprocess.run(
    [sys.executable, '-c', program + 'timeout_s=1)'],
    cwd=tiny.ROOT,
    capture_output=True,
    text=True,
  )
  assert 'InputError: --coordinator=auto finds neither SLURM' in done.stderr


# What Slurm tells the second of two processes on one machine.
SLURM = {
  'SLURM_JOB_ID': '1',
  'SLURM_STEP_NODELIST': 'localhost',
  'SLURM_NTASKS': '2',
  'SLURM_PROCID': '1',
  'SLURM_LOCALID': '1',
}
CONNECT = """
from sernet_jax.common.errors import InputError
from sernet_jax.runs.distributed import connect
try:
  connect('auto', timeout_s=1)
except InputError as error:
  print(error)
"""


@pytest.mark.parametrize(
  ('changes', 'message'),
  [
    ({}, 'no coordinator answered at localhost:61441 for 1 s'),
    ({'SLURM_PROCID': '0'}, 'of 2 processes these did not come to localhost'),
    ({'SLURM_NTASKS': 'two'}, 'does not understand the cluster around this'),
  ],
)
def test_a_process_that_slurm_did_not_start_is_one_sentence(changes, message):
  done = subprocess.run(
    [sys.executable, '-c', CONNECT],
    cwd=tiny.ROOT,
    env={**os.environ, 'PYTHONPATH': '', **SLURM, **changes},
    capture_output=True,
    text=True,
  )
  assert (done.returncode, done.stderr) == (0, '')
  assert message in done.stdout and len(done.stdout.splitlines()) == 1


def watched(count):
  """Processes that met and do nothing; process 0 first.

  Without the small network of `two_blocks`, which would load JAX.
  """
  port = free_port()
  program = (
    'import sys; from sernet_jax.runs.distributed import meeting, watch; rank = '
    f"int(sys.argv[1]); watch.begin(meeting.meet('127.0.0.1', {port}, {count}, "
    "rank, 20)); print('met', flush=True); sys.stdin.read()"
  )
  return [
    subprocess.Popen(
      [sys.executable, '-c', program, str(rank)],
      cwd=tiny.ROOT,
      env={**os.environ, 'PYTHONPATH': ''},
      stdin=subprocess.PIPE,
      stdout=subprocess.PIPE,
      stderr=subprocess.PIPE,
      text=True,
    )
    for rank in range(count)
  ]


@pytest.mark.parametrize('victim', [0, 2])
def test_all_others_end_when_one_dies_in_a_calculation(victim):
  started = watched(3)
  assert [process.stdout.readline() for process in started] == ['met\n'] * 3
  started[victim].kill()
  for rank, process in enumerate(started):
    code = process.wait(timeout=20)  # though nobody closed its input
    _, err = process.communicate()
    if rank != victim:
      assert code == 2
      assert err.startswith(f'process {victim} has died; start all processes')
      assert len(err.splitlines()) == 1


def test_nobody_ends_when_one_is_done():
  started = watched(3)
  assert [process.stdout.readline() for process in started] == ['met\n'] * 3
  for process in (started[1], started[0], started[2]):
    time.sleep(0.3)
    assert process.poll() is None
    assert process.communicate('') == ('', '')
    assert process.returncode == 0


def test_one_process_agrees_with_itself():
  group = Group()
  assert (group.size, group.rank, group.first) == (1, 0, True)
  assert group.from_first(lambda: 3) == 3
  assert group.gather({'a': 1}) == [{'a': 1}]
  assert group.any(True) and not group.any(False)


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
      'XLA_FLAGS': xla_flags(flag),
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
  assert tables[0] == tables[1]
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
