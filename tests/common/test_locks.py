"""Locks on files."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from sernet_jax.common import locks

HOLD = """
import pathlib, sys
from sernet_jax.common import locks
with locks.hold(pathlib.Path(sys.argv[1])):
  print('held', flush=True)
  sys.stdin.read()
"""


@pytest.fixture
def other(tmp_path):
  """Another process, which holds the lock until its stdin is closed."""
  command = [sys.executable, '-c', HOLD, str(tmp_path / 'lock')]
  with subprocess.Popen(
    command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
  ) as process:
    assert process.stdout.readline() == 'held\n'
    yield process
    process.kill()


def test_asking_again_and_again_leaves_the_name_of_the_holder(tmp_path, other):
  for _ in range(3):
    with (
      pytest.raises(locks.Held, match=f'held by process {other.pid} on '),
      locks.hold(tmp_path / 'lock'),
    ):
      pass
  other.send_signal(signal.SIGKILL)
  other.wait()
  with locks.hold(tmp_path / 'lock'):
    pass
  assert (tmp_path / 'lock').read_bytes() == b''


def test_waiting_ends_when_the_holder_does(tmp_path, other):
  other.stdin.close()
  with locks.hold(tmp_path / 'lock', wait=True):
    assert other.wait(30) == 0


def test_a_file_system_without_locks_is_an_error_of_its_own(
  tmp_path, monkeypatch
):
  def refuse(*args):
    raise OSError(38, 'Function not implemented')

  monkeypatch.setattr(locks.fcntl, 'flock', refuse)
  with (
    pytest.raises(locks.NoLocks, match='not implemented'),
    locks.hold(tmp_path / 'lock'),
  ):
    pass


def test_where_there_are_no_locks_nobody_is_kept_out(tmp_path, monkeypatch):
  monkeypatch.setattr(locks, 'fcntl', None)
  with locks.hold(tmp_path / 'lock'), locks.hold(tmp_path / 'lock'):
    pass
