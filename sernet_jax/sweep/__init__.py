"""Trains every combination of some settings, and compares the results.

`axes` reads what changes, `grid` makes a job of each combination, and
`seeds_together` joins those that differ in the seed alone. `planning` checks
all jobs before any runs, `scheduler` runs them on an engine (`local_processes`
here, `cluster` on Slurm; `worker` starts one run), and `final_comparison` ends
a sweep with what `comparison` finds. The command is `__main__`.

A job is an ordinary run of `sernet_jax.main`; nothing here trains.
"""

from typing import TYPE_CHECKING

from sernet_jax.common import lazy

if TYPE_CHECKING:
  from sernet_jax.sweep.axes import Axis as Axis, parse_axis as parse_axis
  from sernet_jax.sweep.grid import Job as Job, jobs as jobs
  from sernet_jax.sweep.planning import Planned as Planned, plan as plan
  from sernet_jax.sweep.scheduler import execute as execute

_MODULES = {
  'Axis': 'axes',
  'Job': 'grid',
  'Planned': 'planning',
  'execute': 'scheduler',
  'jobs': 'grid',
  'parse_axis': 'axes',
  'plan': 'planning',
}
__all__ = list(_MODULES)


__getattr__ = lazy.loader(__name__, _MODULES)
