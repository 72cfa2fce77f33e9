"""Memory that goes back, and threads that numpy does without."""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys

import pytest

from sernet_jax.common import machine

PIECES = """
import ctypes, json
from sernet_jax.common import machine
c = ctypes.CDLL(None)
c.malloc.restype = ctypes.c_void_p
pieces = [c.malloc(50_000) for _ in range(4_000)]
for piece in pieces:
  ctypes.memset(piece, 1, 50_000)
for piece in pieces[:-1]:  # the last one keeps glibc from giving any back
  c.free(ctypes.c_void_p(piece))
before = machine.status_kib('VmRSS')
machine.give_back_memory()
print(json.dumps([before, machine.status_kib('VmRSS')]))
"""


@pytest.mark.skipif(
  not (machine.STATUS.exists() and hasattr(ctypes.CDLL(None), 'malloc_trim')),
  reason='needs Linux with glibc',
)
def test_freed_memory_goes_back():
  done = subprocess.run(
    [sys.executable, '-c', PIECES], check=True, capture_output=True, text=True
  )
  before, after = json.loads(done.stdout)
  assert before - after > 150 * 1024  # of 190 MiB


def test_numpy_is_held_to_one_thread_unless_the_user_says_otherwise(
  monkeypatch,
):
  for name in ('OPENBLAS_NUM_THREADS', 'VECLIB_MAXIMUM_THREADS'):
    monkeypatch.setenv(name, '')  # so that it is put back at the end
    monkeypatch.delenv(name)
  monkeypatch.setenv('MKL_NUM_THREADS', '3')
  machine.one_thread_in_numpy()
  found = os.environ
  assert found['OPENBLAS_NUM_THREADS'] == '1'
  assert found['VECLIB_MAXIMUM_THREADS'] == '1'
  assert found['MKL_NUM_THREADS'] == '3'
