"""The benchmark of accelerators runs anywhere, small and without peers."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys

import numpy as np
import pytest
import tiny
from commands import xla_flags

FOLDER = tiny.ROOT / 'experiments' / 'benchmarks'


@pytest.fixture
def benchmark(monkeypatch):
  monkeypatch.syspath_prepend(FOLDER)
  return tiny.load_script(FOLDER / 'accelerator.py')


def test_the_folds_are_those_of_the_speakers(benchmark):
  features, labels, parts = benchmark.data(535, 10)
  assert features.shape == (535, 184, 40) and labels.max() == 6
  assert tuple(len(test) for _, test in parts) == benchmark.SPEAKERS
  assert np.array_equal(
    np.concatenate([test for _, test in parts]), np.arange(535)
  )
  for train, test in parts:
    assert not set(train) & set(test) and len(train) + len(test) == 535
  _, _, small = benchmark.data(20, 2)
  assert len(small) == 2
  assert all(len(train) + len(test) == 20 for train, test in small)


def test_products_of_a_step(benchmark):
  """Three passes over all layers, less what the features would ask for."""
  found = benchmark._products(32, 0)
  assert found == pytest.approx(32 * (3 * 318.7e6 - 13.7e6), rel=2e-3)
  assert benchmark._products(0, 32) == pytest.approx(32 * 318.7e6, rel=1e-3)


def test_ratios_are_those_of_what_was_measured(benchmark):
  variants = {
    'whole': {'epoch_s': 1.0},
    'torch': {'epoch_s': 5.0},
    'tf32': {'failed': 'no memory'},
  }
  assert benchmark.ratios(variants) == {'ratio_whole_to_torch': 0.2}
  del variants['whole']
  assert benchmark.ratios(variants) == {}


def test_every_figure_of_a_small_run(tmp_path):
  path = tmp_path / 'accelerator.json'
  done = subprocess.run(
    [
      *(sys.executable, FOLDER / 'accelerator.py', '--peers='),
      *(
        '--folds=1',
        '--utterances=30',
        '--frames=20',
        '--epochs=2',
        '--short=1',
      ),
      *('--block=1', '--variants=whole', '--limit_size=256'),
      f'--output={path}',
    ],
    env={
      **os.environ,
      'XLA_FLAGS': xla_flags(),
      'PYTHONPATH': str(tiny.ROOT),
      'JAX_COMPILATION_CACHE_DIR': str(tmp_path),  # two variants, one program
    },
    capture_output=True,
    text=True,
    timeout=600,
    check=False,
  )
  assert done.returncode == 0, done.stderr
  result = json.loads(path.read_text())
  assert result['date'] and result['folds'] == 1
  whole = result['variants']['whole']
  assert (whole['mapping'], whole['epochs']) == ('map', 2)
  assert whole['same_bits'] is True
  assert whole['epoch_s'] == pytest.approx(whole['train_s'] / 2)
  assert whole['estimated_300_epochs_s'] == pytest.approx(
    300 * whole['epoch_s']
  )
  assert whole['teraflops'] > 0 and whole['matmul_teraflops'] > 0
  kernels = result['variants']['profile of whole']['kernels']
  assert 0.5 < sum(row['share'] for row in kernels) <= 1.001
  assert kernels == sorted(kernels, key=lambda row: -row['ms'])


def test_a_variant_that_fails_is_told_and_the_others_go_on(
  benchmark, monkeypatch, tmp_path
):
  found = {'whole': {'epoch_s': 2.0}, 'torch': {'failed': 'no torch'}}
  monkeypatch.setattr(
    benchmark, 'run', lambda name, _: found.get(name, {'kernels': []})
  )
  path = tmp_path / 'found.json'
  with pytest.raises(SystemExit, match=r'found.json: torch$'):
    benchmark.main(['--variants=whole', '--peers=torch', f'--output={path}'])
  result = json.loads(path.read_text())
  assert result['variants']['torch'] == {'failed': 'no torch'}
  assert 'profile of whole' in result['variants']


def test_without_torch_the_failure_names_it(benchmark, monkeypatch):
  """A real worker process that cannot import the twin."""
  pytest.importorskip('jax')
  if importlib.util.find_spec('torch'):
    pytest.skip('torch is installed')
  assert 'torch' in benchmark.run('torch', ['--utterances=40'])['failed']
