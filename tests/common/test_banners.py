"""XLA's own banners about long compilation are not printed by commands."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

# Folding a constant for more than a second raises the alarm that "Very slow
# compile?" raises after minutes.
SLOW = """
import jax
import jax.numpy as jnp

def fold():
  x = jnp.zeros((8, 8, 16, 8))
  return jax.lax.reduce_window(
    x, 0.0, jax.lax.add, (9, 9, 9, 1), (1, 1, 1, 1), 'SAME'
  )

jax.jit(fold)()
"""


@pytest.mark.parametrize('first', ['', 'import sernet_jax.main'])
def test_a_command_silences_the_alarm(first):
  level = 'TF_CPP_MIN_LOG_LEVEL'
  environment = {k: v for k, v in os.environ.items() if k != level}
  environment['JAX_ENABLE_COMPILATION_CACHE'] = 'false'
  done = subprocess.run(
    [sys.executable, '-c', first + SLOW],
    env=environment,
    capture_output=True,
    text=True,
    check=True,
  )
  assert ('slow_operation_alarm' in done.stderr) == (not first), done.stderr
