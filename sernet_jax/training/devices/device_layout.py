"""Layout of trials and batches over the devices of 'shard'.

Devices form a table. Every row has an equal share of the trials (folds x
seeds) and trains them one after another or at once; the devices of a row
share every batch, and the features are cut over them. Rows have one device
each unless there are more devices than trials, or the features are too large
for one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import jax
import numpy as np
from jax.sharding import Mesh

from sernet_jax.common.errors import require

TRIAL, DATA = 'trial', 'data'
# Share of a device's memory for features; the rest is for training.
_FEATURES_SHARE = 0.5


class Layout(NamedTuple):
  """A table of devices.

  Attributes:
    rows: each with an equal share of the trials.
    columns: devices that share a batch.
    used: devices that have something to do; the first ones.
  """

  rows: int
  columns: int
  used: int

  def mesh(self, devices: Sequence[jax.Device]) -> Mesh:
    """Returns the table, row by row; what is left over is not in it."""
    table = np.array(devices[: self.rows * self.columns])
    return Mesh(table.reshape(self.rows, self.columns), (TRIAL, DATA))


def equal_shares(batch_size: int, num_devices: int) -> list[int]:
  """Returns the numbers of devices that can share a batch evenly, rising."""
  most = min(batch_size, num_devices)
  return [count for count in range(1, most + 1) if not batch_size % count]


def lay_out(
  num_trials: int,
  batch_size: int,
  devices: Sequence[jax.Device],
  features_bytes: int = 0,
  memory_bytes: int = 0,
) -> Layout:
  """Lays out the table for a run.

  Devices that share a batch get the same number of examples, so the columns
  divide the batch size: 5 devices share a batch of 32 as 4 would, and one is
  left over.

  Args:
    num_trials: folds x seeds.
    batch_size: examples.
    devices: of all processes.
    features_bytes: of the whole corpus.
    memory_bytes: of a device; 0 if it is not known, as on CPUs.

  Raises:
    InputError: if the features do not fit all devices together, or if a
      process has no device in the table.
  """
  divisors = equal_shares(batch_size, len(devices))
  columns = max(n for n in divisors if n <= max(1, len(devices) // num_trials))
  if memory_bytes:
    room = _FEATURES_SHARE * memory_bytes
    fitting = [n for n in divisors if features_bytes <= n * room]
    require(
      bool(fitting),
      f'the features take {features_bytes / 1e9:.1f} GB, more than half the '
      f'memory of {divisors[-1]} devices; use more devices or a '
      'train.batch_size that more of them can share, shorten data.duration_s, '
      'or use fewer coefficients',
    )
    columns = max(columns, fitting[0])
  rows = len(devices) // columns
  each = -(-num_trials // rows)
  used = -(-num_trials // each) * columns
  # Rows fill up one after another, so the last ones may have no trial.
  busy = {device.process_index for device in devices[:used]}
  there = {device.process_index for device in devices}
  # A process without a trial can wait in a row of its own, not outside.
  present = {device.process_index for device in devices[: rows * columns]}
  require(
    busy == there or (len(there) <= num_trials and present == there),
    f'{num_trials} folds x seeds with batches of {batch_size} keep '
    f'{len(busy)} of {len(there)} processes busy; start {len(busy)}, or train '
    'more folds (protocol.folds) or seeds (train.seeds)',
  )
  return Layout(rows, columns, used)
