"""The content of environment.json: hardware, versions and command of a run."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import pathlib
import platform
import shlex
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import sernet_jax
from sernet_jax.common import machine

_PACKAGES = (
  'jax',
  'jaxlib',
  'flax',
  'optax',
  'orbax-checkpoint',
  'numpy',
  'soundfile',
  'soxr',
)


def record(
  devices: Sequence[Any], command: str | None = None
) -> dict[str, Any]:
  """Returns hardware, versions and command of this process.

  Args:
    devices: what the run computes on, e.g. `jax.devices()`; kept as text.
    command: that repeats the run; by default the one of this process.

  Returns:
    `command`, `python`, `platform`, `cpu`, `cores` (those this process may
    use), `packages` (name -> version or None), `devices`, `xla_flags`,
    `git_commit` (of the source, with `-dirty` if it was changed since; None
    without a repository) and `date` (UTC).
  """
  versions = {name: _version(name) for name in _PACKAGES}
  now = datetime.datetime.now(datetime.UTC)
  return {
    'command': _command() if command is None else command,
    'python': platform.python_version(),
    'platform': platform.platform(),
    'cpu': _cpu(),
    'cores': machine.num_cores(),
    'packages': {**versions, 'sernet_jax': sernet_jax.__version__},
    'devices': [str(device) for device in devices],
    'xla_flags': os.environ.get('XLA_FLAGS', ''),
    'git_commit': _git_commit(),
    'date': now.isoformat(timespec='seconds'),
  }


def _version(package: str) -> str | None:
  try:
    return importlib.metadata.version(package)
  except importlib.metadata.PackageNotFoundError:
    return None


def _command() -> str:
  module = getattr(sys.modules['__main__'], '__spec__', None)
  if module is None:
    start = sys.argv[:1]
  else:  # a package that is run is `PACKAGE.__main__`
    start = ['-m', module.name.removesuffix('.__main__')]
  return shlex.join(['python', *start, *sys.argv[1:]])


def _cpu() -> str:
  try:
    lines = pathlib.Path('/proc/cpuinfo').read_text().splitlines()
  except OSError:
    lines = []
  for line in lines:
    key, _, value = line.partition(':')
    if key.strip() == 'model name':
      return value.strip()
  return platform.processor() or platform.machine()


def _git_commit() -> str | None:
  root = pathlib.Path(sernet_jax.__file__).parent.parent
  if not (root / '.git').exists():
    return None  # Installed; a repository around it would not be ours.
  command = [
    'git',
    'describe',
    '--always',
    '--dirty',
    '--abbrev=40',
    '--exclude=*',
  ]
  try:
    result = subprocess.run(
      command, cwd=root, capture_output=True, text=True, timeout=10
    )
  except (OSError, subprocess.TimeoutExpired):
    return None
  return result.stdout.strip() or None
