"""Cores as devices, and batches that they share."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from commands import xla_flags

from sernet_jax.common import jax_setup, machine

COUNT = '--xla_force_host_platform_device_count='


@pytest.mark.parametrize(
  ('given', 'threads', 'wanted'),
  [
    ('', True, f'{COUNT}3'),
    ('--a=1', True, f'--a=1 {COUNT}3'),
    ('', False, f'{COUNT}3 --xla_cpu_multi_thread_eigen=false'),
    (f'{COUNT}5', True, f'{COUNT}5'),
    (f'{COUNT}5', False, f'{COUNT}5'),
  ],
)
def test_a_device_for_each_core_unless_the_user_counts(
  monkeypatch, given, threads, wanted
):
  monkeypatch.setattr(machine, 'num_cores', lambda: 3)
  monkeypatch.setenv('XLA_FLAGS', given)
  jax_setup.one_core_devices(threads)
  assert os.environ['XLA_FLAGS'] == wanted


SHARED = """
import json
import jax, numpy as np
import small_model
from sernet_jax import audio
from sernet_jax.common import jax_setup, machine
from sernet_jax.predict import recognizer

machine.num_cores = lambda: 3
jax_setup.one_core_devices()
bundles = [small_model.make(seed) for seed in range(2)]
segments = np.stack(
  [audio.prepare(small_model.sound(0.25, seed), 4000) for seed in range(20)]
)
place = {'devices': jax.device_count()}
for batch in (7, 12, 16):
  mesh = recognizer._cores(batch)
  place[batch] = 1 if mesh is None else mesh.size
for count, batch in ((1, 16), (2, 12)):
  model = recognizer.Recognizer(bundles[:count], batch=batch)
  alone = np.concatenate([model(segment[None]) for segment in segments])
  np.testing.assert_allclose(model(segments), alone, atol=1e-6)
print(json.dumps(place))
"""


def test_devices_of_a_cpu_share_a_batch():
  """As many of them as divide it, and one takes a single segment."""
  environment = {
    **os.environ,
    'PYTHONPATH': os.pathsep.join(sys.path),
    'XLA_FLAGS': xla_flags(),
  }
  done = subprocess.run(
    [sys.executable, '-c', SHARED],
    env=environment,
    capture_output=True,
    text=True,
    timeout=300,
    check=False,
  )
  assert done.returncode == 0, done.stderr
  found = json.loads(done.stdout.splitlines()[-1])
  assert found == {'devices': 3, '7': 1, '12': 3, '16': 2}
