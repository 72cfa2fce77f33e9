"""Lines of metrics.jsonl: in order of epochs, for trials that differ."""

from __future__ import annotations

import numpy as np
import pytest

from sernet_jax.common.errors import InputError
from sernet_jax.runs import metric_rows
from sernet_jax.training.devices.together import Advance
from sernet_jax.training.specs import OptimSpec

NAMES = [{'fold': 'ann'}, {'fold': 'bob'}, {'fold': 'cyd'}]


def test_a_call_of_trials_that_are_not_equally_far():
  """Trial 2 trains one epoch, trial 0 catches up with two."""
  losses = np.array([[0.5, 0.0], [0.7, 0.6]], np.float32)
  counts = np.tile(np.array([[3, 1], [0, 4]]), (2, 2, 1, 1))
  train = {'loss': losses, 'l2': losses / 10, 'confusion': counts}
  rows = metric_rows.of_call(
    Advance([2, 0], {'train': train}, 6.0),
    NAMES,
    done=np.array([1, 3, 2]),
    count=np.array([2, 0, 1]),
    spec=OptimSpec(decay_start_epochs=2, decay_every_epochs=2),
  )
  assert [(row['fold'], row['epoch']) for row in rows] == [
    ('cyd', 3),
    ('ann', 2),
    ('ann', 3),
  ]
  assert [row['seconds'] for row in rows] == [2.0] * 3
  assert rows[0]['train']['loss'] == 0.5
  assert rows[2]['train']['loss'] == pytest.approx(0.6)
  assert rows[0]['train']['wa'] == 7 / 8
  assert rows[0]['train']['confusion'] == [[3, 1], [0, 4]]
  # The decimal that a person would write, not all digits of the float32.
  assert rows[1]['learning_rate'] == 1e-4
  assert rows[0]['learning_rate'] == pytest.approx(8.60708e-5, rel=1e-6)


@pytest.mark.parametrize('part', ['train', 'test', 'validation'])
def test_a_loss_that_is_not_finite_names_trial_and_checkpoint(part):
  row = {'fold': 'ann', 'epoch': 3, 'learning_rate': 0.1}
  row['train'] = {'loss': 0.5, 'l2': 0.1}
  metric_rows.require_finite(row, [])
  row[part] = {'loss': float('nan'), 'l2': 0.1}
  with pytest.raises(InputError, match=r'fold ann .* epoch 3 .* none was'):
    metric_rows.require_finite(row, [])
  with pytest.raises(InputError, match=r'step 12 is kept'):
    metric_rows.require_finite(row, [9, 12])
