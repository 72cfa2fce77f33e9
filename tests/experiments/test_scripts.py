"""Scripts of the experiments start as their pages say: python -m."""

from __future__ import annotations

import subprocess
import sys

import pytest
import tiny


@pytest.mark.parametrize(
  'name',
  [
    'batch_norm.assemble',
    'batch_norm.curve',
    'cost.measure',
    'input_length.evaluate',
    'input_length.own_frames',
    'precision.assemble',
    'recipe.adapt',
    'recipe.assemble',
    'recipe.design',
    'recipe.paired',
    'related.costs',
    'related.ladder',
    'robustness.evaluate',
    'robustness.other_corpora',
    'table1.assemble',
  ],
)
def test_a_script_starts_from_the_root(name):
  done = subprocess.run(
    [sys.executable, '-m', f'experiments.{name}', '--help'],
    cwd=tiny.ROOT,
    capture_output=True,
    text=True,
    check=False,
    timeout=120,
  )
  assert done.returncode == 0, done.stderr
  assert done.stdout.startswith('usage:')
