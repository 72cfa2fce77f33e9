"""Attempts in a process of their own, which may crash, hang or ask for memory.

A module with a function `attempt(number)` is tried for a range of numbers; it
returns how the attempt went, 'refused' or 'read', and raises for all else.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import select
import subprocess
import sys

import mutations

from sernet_jax.common.errors import InputError


def run(module: str, count: int) -> mutations.Counts:
  """Counts what became of attempts of a module in tests/support, up to `count`."""
  counts = mutations.Counts()
  first = mutations.first()
  while first < count:
    first = _some(module, first, count, counts)
  return counts


def _some(module, first, count, counts):
  """Tries until all are done or the process ends; returns the next number."""
  begun = first
  seconds = getattr(
    importlib.import_module(module), 'SECONDS', mutations.SECONDS
  )
  command = [sys.executable, __file__, module, str(first), str(count)]
  environment = {**os.environ, 'PYTHONPATH': os.pathsep.join(sys.path)}
  with subprocess.Popen(
    command, stdout=subprocess.PIPE, env=environment
  ) as process:
    try:
      while first < count:
        # A new process first loads its libraries.
        wait_s = seconds + 60 * (first == begun)
        if not select.select([process.stdout], [], [], wait_s)[0]:
          counts.failures.append(((module, first), f'longer than {wait_s} s'))
          return first + 1
        line = process.stdout.readline()
        if not line:
          code = process.wait()
          assert first > begun or begun, 'it did not begin'
          counts.failures.append(((module, first), f'ended with code {code}'))
          return first + 1
        outcome, text = json.loads(line)
        counts.add((module, first), outcome, text)
        first += 1
    finally:
      process.kill()
  return first


def _child(name, first, count):
  module = importlib.import_module(name)
  module.warm_up()
  if getattr(module, 'LIMITED', True):
    # Memory beyond what libraries have mapped: what one input may ask for.
    pages = int(open('/proc/self/statm').read().split()[0])  # noqa: SIM115, PTH123
    limit = pages * resource.getpagesize() + (mutations.MEMORY_KIB << 10)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
  for number in range(first, count):
    try:
      outcome, text = module.attempt(number), ''
    except InputError as error:
      outcome, text = 'refused', str(error)
    except Exception as error:
      outcome, text = 'failed', f'{type(error).__name__}: {error}'[:300]
    print(json.dumps([outcome, text]), flush=True)


if __name__ == '__main__':
  _child(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
