"""Several processes as one run: they meet, agree, and notice a dead one.

`connect` joins them and `Group` is how they agree; `Checkpoints` writes on
process 0 what all of them have computed.

JAX has means of its own for most of this, which do not keep what a run
promises: one sentence per mistake, no process that hangs, the same commands
resume the run. Measured on CPUs with jax 0.9.0, 0.10.2 and 0.12.0
(`initialization_timeout` 5 s, `heartbeat_timeout_seconds` and
`shutdown_timeout_seconds` 10 s):

  A process is missing, or two have the same number: after 5 to 20 s the C++
    runtime ends the process with 3 to 22 lines of log; there is no exception
    that could become a sentence. SIGABRT, on 0.9 exit code 1.
  --processes=2 and --processes=3: not noticed, both train.
  A process is killed: the others are aborted after 9 to 10 s, with 9 to 27
    lines; 0.1 to 0.3 s and 4 to 29 lines if it was process 0.
  A process ends early, with an error or done: all are aborted 10 s later.
  With `jax_enable_recoverability` nobody notices a dead process at all.

So `meeting` comes first and `watch` runs beside. They may go when
`jax.distributed.initialize` raises instead of aborting, refuses unlike
numbers of processes, and reports a dead process to Python.
"""

from typing import TYPE_CHECKING

from sernet_jax.common import lazy

if TYPE_CHECKING:
  from sernet_jax.runs.distributed.checkpoint_writer import (
    Checkpoints as Checkpoints,
  )
  from sernet_jax.runs.distributed.connection import connect as connect
  from sernet_jax.runs.distributed.group import Group as Group

_MODULES = {
  'Checkpoints': 'checkpoint_writer',
  'Group': 'group',
  'connect': 'connection',
}
__all__ = list(_MODULES)


__getattr__ = lazy.loader(__name__, _MODULES)
