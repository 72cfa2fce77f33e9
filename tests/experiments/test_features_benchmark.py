"""The benchmark of the front end runs, small and without peers."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys

import pytest
from commands import xla_flags

SCRIPT = (
  pathlib.Path(__file__).parents[2] / 'experiments/benchmarks/features.py'
)


def test_every_figure_of_a_small_run(tmp_path):
  """On one device, and cut over all if there are several cores."""
  path = tmp_path / 'features.json'
  done = subprocess.run(
    [
      *(sys.executable, SCRIPT, '--seconds=0.25', '--repeats=2', '--peers='),
      f'--batch={8 * (os.cpu_count() or 1)}',
      f'--output={path}',
    ],
    env={
      **os.environ,
      'XLA_FLAGS': xla_flags(),
      'PYTHONPATH': str(SCRIPT.parents[2]),
    },
    capture_output=True,
    text=True,
    timeout=300,
    check=False,
  )
  assert done.returncode == 0, done.stderr
  found = json.loads(path.read_text())
  names = {'sernet_jax paper', 'sernet_jax paper, log-mel'}
  if len(os.sched_getaffinity(0)) > 1:
    names |= {f'{name}, a device per core' for name in names}
  assert found['batch'].keys() == names
  for figures in found['batch'].values():
    rate = found['batch_size'] / figures['ms'] * 1e3
    assert figures['utterances_per_s'] == pytest.approx(rate)
    assert figures['times_real_time'] == pytest.approx(rate * 0.25)
    assert figures['ms_least'] <= figures['ms'] <= figures['ms_most']
  assert found['single'].keys() == {'sernet_jax paper'}
  assert 'fft 512 at a time' in found['parts']
