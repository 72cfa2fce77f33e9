"""The commands as a person starts them."""

from __future__ import annotations

import os
import pathlib
import socket
import subprocess
import sys

import tiny


def xla_flags(*flags):
  """The value of XLA_FLAGS for a process with `flags` and quick compilation."""
  kept = os.environ.get('XLA_FLAGS', '').split()
  return ' '.join([*(f for f in kept if 'fusion_emitters' in f), *flags])


def white_figures(environment):
  """An environment in which processes draw nothing; see `white`."""
  folder = str(pathlib.Path(__file__).parent / 'white')
  paths = [folder, environment.get('PYTHONPATH', '')]
  return {**environment, 'PYTHONPATH': os.pathsep.join(filter(None, paths))}


def python(program):
  """Returns what a Python program, as one string, says in a process of its own."""
  done = subprocess.run(
    [sys.executable, '-c', program],
    capture_output=True,
    text=True,
    cwd=tiny.ROOT,
    timeout=300,
  )
  assert done.returncode == 0, done.stderr
  return done.stdout.strip()


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


def free_port():
  with socket.socket() as probe:
    probe.bind(('127.0.0.1', 0))
    return probe.getsockname()[1]
