"""Starts one run of a sweep on its cores, and never outlives the sweep.

  python -m sernet_jax.sweep.worker PARENT CORES COMMAND...

CORES is a list such as 0,1, or - for all. The process becomes COMMAND, so
nothing of this remains but the binding, and on Linux a request to the kernel
to send SIGTERM if PARENT dies: the run then saves its state and ends, instead
of continuing beside the next one.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main(parent: int, cores: str, command: list[str]) -> None:
  """Binds this process and becomes the command; see the top of the file."""
  if sys.platform == 'linux':
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it died before the request
      sys.exit(128 + signal.SIGTERM)
  if cores != '-' and hasattr(os, 'sched_setaffinity'):
    os.sched_setaffinity(0, {int(core) for core in cores.split(',')})
  os.execv(command[0], command)


if __name__ == '__main__':
  main(int(sys.argv[1]), sys.argv[2], sys.argv[3:])
