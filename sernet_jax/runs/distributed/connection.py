"""Joins the processes of a run, by a given address or as a cluster has it."""

from __future__ import annotations

from collections.abc import Sequence

import jax

from sernet_jax.common.errors import InputError, first_line, require
from sernet_jax.runs.distributed import meeting, watch

CONNECT_S = 60
_HEARTBEAT_S = 30  # after which JAX counts a silent process as dead


def connect(
  coordinator: str,
  processes: int | None = None,
  process_id: int | None = None,
  timeout_s: int = CONNECT_S,
) -> None:
  """Joins the processes of a run; to be called before anything computes.

  Args:
    coordinator: HOST:PORT of process 0, or 'auto' under SLURM, Open MPI or on
      TPUs, where JAX finds all three itself.
    processes: how many there are; None with 'auto'.
    process_id: index of this one, from 0; None with 'auto'.
    timeout_s: how long to wait for the others.

  Raises:
    InputError: if the arguments make no sense or somebody does not answer.
  """
  devices: Sequence[int] | None = None
  if coordinator == 'auto':
    require(
      processes is None and process_id is None,
      '--coordinator=auto finds the processes itself; leave out --processes '
      'and --process_id, or give --coordinator=HOST:PORT',
    )
    coordinator, processes, process_id, devices = _detect(timeout_s)
  host, _, port = coordinator.rpartition(':')
  require(
    bool(host) and port.isdigit() and 0 < int(port) < 1 << 16,
    f'--coordinator is {coordinator!r}; give HOST:PORT of process 0, for '
    "instance 10.0.0.1:8476, or 'auto' under SLURM",
  )
  require(
    processes is not None and processes >= 1,
    f'--processes is {processes}; say how many processes there are',
  )
  assert processes is not None
  require(
    process_id is not None and 0 <= process_id < processes,
    f'--process_id is {process_id}; number the {processes} processes from 0 '
    f'to {processes - 1}',
  )
  assert process_id is not None
  watch.begin(meeting.meet(host, int(port), processes, process_id, timeout_s))
  try:
    jax.distributed.initialize(
      coordinator,
      processes,
      process_id,
      local_device_ids=devices,
      cluster_detection_method='deactivate',
      initialization_timeout=timeout_s,
      heartbeat_timeout_seconds=_HEARTBEAT_S,
      shutdown_timeout_seconds=_HEARTBEAT_S,
    )
    # Every process waits here for the devices of all, so none may get to it
    # later than the others, from inside work that these wait for.
    jax.devices()
  except (RuntimeError, ValueError) as error:
    raise InputError(
      f'not all processes met at {coordinator} within {timeout_s} s '
      f'({first_line(error)}); start all of them, each with its own '
      '--process_id and the same --processes'
    ) from error


def _detect(timeout_s: int) -> tuple[str, int, int, Sequence[int] | None]:
  """Returns coordinator, processes, index of this one, and its devices.

  `jax.distributed.initialize` detects the same and starts at once, and the
  processes have to meet first; asking without starting has no public name
  (jax 0.9 to 0.12). A JAX without the private one is like an unknown cluster:
  the error says to give the address.
  """
  try:
    from jax._src import clusters

    (
      coordinator,
      processes,
      process_id,
      devices,
    ) = clusters.ClusterEnv.auto_detect_unset_distributed_params(
      None, None, None, None, None, timeout_s
    )
  except (
    *(RuntimeError, ValueError, LookupError, OSError),  # of the cluster
    *(ImportError, AttributeError, TypeError),  # of another JAX
  ) as error:
    raise InputError(
      f'--coordinator=auto does not understand the cluster around this process '
      f'({type(error).__name__}: {error}); give --coordinator=HOST:PORT, '
      '--processes and --process_id'
    ) from error
  if coordinator is None or processes is None or process_id is None:
    raise InputError(
      '--coordinator=auto finds neither SLURM nor Open MPI nor a TPU pod '
      'around this process; give --coordinator=HOST:PORT, --processes and '
      '--process_id'
    )
  return coordinator, processes, process_id, devices
