"""How the processes of a run meet, and end when one of them dies."""

from __future__ import annotations

import concurrent.futures
import os
import socket
import subprocess
import sys
import time

import pytest
import tiny
from commands import free_port

from sernet_jax.common.errors import InputError
from sernet_jax.runs.distributed import Group, connect, meeting


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
from sernet_jax.common import trees
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
