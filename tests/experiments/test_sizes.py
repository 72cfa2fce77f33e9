"""The table and the picture of the networks of three sizes."""

from __future__ import annotations

import pytest

from experiments.sizes import assemble
from sernet_jax.common.errors import InputError

COSTS = {
  'parameters': 21_935,
  'multiply_adds': 3_400_000,
  'arena_bytes': 40 * 1024,
  'tflite_bytes': 50 * 1024,
  'flash_bytes': 60 * 1024,
}
RUN = {'uar': [0.75, 0.7], 'ci95': [[0.6, 0.8], [0.5, 0.9]], 'epochs': 60}


def test_a_size_that_was_not_trained_has_costs_alone(tmp_path):
  made = {
    'sizes': {'small': {'costs': COSTS}, 'tiny': {'costs': COSTS, 'run': RUN}}
  }
  lines = assemble.tables(made)['sizes'].splitlines()
  cost = '21,935 | 3.4 M | 40 KiB | 50 KiB | 60 KiB'
  assert lines[2] == f'| `small` | {cost} | - | - | - | - |'
  assert lines[3] == (
    f'| `tiny` | {cost} | 60 | 2 | 75.0, 70.0 | [60.0, 80.0], [50.0, 90.0] |'
  )
  assemble.figure(made, tmp_path / 'sizes.png')
  assert (tmp_path / 'sizes.png').read_bytes().startswith(b'\x89PNG')


def test_a_run_that_is_not_one_is_a_sentence(tmp_path):
  with pytest.raises(InputError, match='the size of --run'):
    assemble.main([f'--run=huge={tmp_path}', f'--output={tmp_path}'])
