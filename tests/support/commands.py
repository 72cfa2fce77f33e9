"""The commands as a person starts them."""

from __future__ import annotations

import os
import subprocess
import sys

import tiny


def sernet(*arguments, cache=None, module='main', cwd=tiny.ROOT):
  environment = dict(os.environ)
  if cache is not None:
    environment['SERNET_CACHE'] = str(cache)
  return subprocess.run(
    [sys.executable, '-m', f'sernet_jax.{module}', *arguments],
    capture_output=True,
    text=True,
    cwd=cwd,
    env=environment,
    timeout=300,
  )
