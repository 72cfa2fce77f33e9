"""Picks the engine of a sweep by its name."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence

from sernet_jax.common.errors import require
from sernet_jax.sweep.cluster import Cluster
from sernet_jax.sweep.local_processes import Processes
from sernet_jax.sweep.scheduler import Engine


def make(
  name: str, processes: int, parameters: Sequence[str], workdir: pathlib.Path
) -> Engine:
  """The engine 'processes', 'local' or 'slurm'.

  Args:
    name: of the engine.
    processes: jobs at once.
    parameters: name=value, of the cluster.
    workdir: of the sweep.
  """
  if name == 'processes':
    require(
      not parameters,
      f'--cluster={parameters[0] if parameters else ""} is for --engine=slurm '
      'or local; leave it out, or name that engine',
    )
    return Processes(processes)
  return Cluster(name, processes, parameters, workdir / 'logs' / 'cluster')
