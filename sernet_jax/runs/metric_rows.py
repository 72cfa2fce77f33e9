"""Lines of metrics.jsonl, which training writes epoch by epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np

from sernet_jax.common.errors import InputError
from sernet_jax.results import metrics, run_folder
from sernet_jax.training import optim
from sernet_jax.training.devices.together import Advance
from sernet_jax.training.recipes import Metrics
from sernet_jax.training.specs import OptimSpec


def of_call(
  call: Advance,
  names: Sequence[Mapping[str, Any]],
  done: np.ndarray,
  count: np.ndarray,
  spec: OptimSpec,
) -> list[dict[str, Any]]:
  """Returns the lines of one call, epoch by epoch.

  Args:
    call: what was trained.
    names: of all trials, see `Experiment.trials`.
    done: (trials,), epochs before the call.
    count: (trials,), epochs of the call.
    spec: of the learning rate.
  """
  seconds = call.seconds / int(count[call.trials].sum())
  rows = []
  for epoch in range(int(count[call.trials].max())):
    for index, trial in enumerate(call.trials):
      if epoch < count[trial]:
        values = jax.tree.map(
          lambda leaf, i=index, e=epoch: leaf[i, e], call.metrics
        )
        row = of_epoch(names[trial], int(done[trial]) + epoch, spec, values)
        rows.append({**row, 'seconds': seconds})
  return rows


def of_epoch(
  trial: Mapping[str, Any],
  epoch: int,
  spec: OptimSpec,
  values: Mapping[str, Metrics],
) -> dict[str, Any]:
  """Returns one line, without the seconds.

  Args:
    trial: its name, one of `Experiment.trials`.
    epoch: counted from 0.
    spec: of the learning rate.
    values: from `steps.run_epoch`, by part.
  """
  row: dict[str, Any] = {
    **trial,
    'epoch': epoch + 1,
    # Through text: the shortest decimal that means this float32.
    'learning_rate': float(str(np.float32(optim.learning_rate(spec)(epoch)))),
  }
  for part, figures in values.items():
    counts = np.asarray(figures['confusion'])
    scores = metrics.scores(counts)
    row[part] = {
      **{k: float(figures[k]) for k in ('loss', 'l2') if k in figures},
      'confusion': counts.tolist(),
      'wa': scores['wa'],
      'uar': scores['uar'],
    }
  return row


def require_finite(row: Mapping[str, Any], saved: Sequence[int]) -> None:
  """Raises `InputError` if a loss of the line is not a finite number.

  Args:
    row: of `of_epoch`.
    saved: steps of the checkpoints there are.
  """
  losses = [row[p]['loss'] for p in ('train', 'test', 'validation') if p in row]
  if np.isfinite([row['train']['l2'], *losses]).all():
    return
  kept = f'step {saved[-1]} is kept' if saved else 'none was written yet'
  raise InputError(
    f'fold {run_folder.trial_of(row)} became {row["train"]["loss"]} (training '
    f'loss) in epoch {row["epoch"]} at learning rate '
    f'{row["learning_rate"]:.3g}; lower optim.learning_rate and start in a '
    f'new --workdir (last checkpoint: {kept})'
  )
