"""A wheel holds every room and its data, and works away from the repository.

It is built without a network, with the setuptools of this environment, and
installed into an empty folder; the libraries come from this environment.
"""

from __future__ import annotations

import csv
import os
import pathlib
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import tiny

from sernet_jax.audio import reading

# Where the libraries of this environment are.
LIBRARIES = pathlib.Path(np.__file__).parents[1]
# jax with what it cannot be imported without.
JAX_AND_NUMPY = ('jax', 'jaxlib', 'ml_dtypes', 'numpy', 'opt_einsum', 'scipy')
CONFIG = """
from sernet_jax.runs import defaults


def get_config():
  config = defaults.get_config()
  config.name = 'mine'
  config.data.corpus = 'manifest'
  config.data.manifest = 'corpus/list.csv'
  config.data.duration_s = 0.2
  config.data.cache_dir = 'cache'
  config.features.num_coefficients = 8
  config.model.filters = 6
  config.model.paths = ('joint',)
  config.model.blocks = ((32, (3, 3), (2, 2)), (32, (1, 1), None))
  config.train.epochs = 1
  config.protocol.folds = ('ann',)
  return config
"""
CONFIGS = sorted((tiny.ROOT / 'configs').glob('*.py'))


@pytest.fixture(scope='module')
def wheel(tmp_path_factory):
  """The wheel of the tracked and untracked files of this checkout."""
  folder = tmp_path_factory.mktemp('wheel')
  source = folder / 'source'
  source.mkdir()
  for name in ('setup.py', 'pyproject.toml', 'README.md', 'LICENSE'):
    (source / name).write_bytes((tiny.ROOT / name).read_bytes())
  for path in (*(tiny.ROOT / 'sernet_jax').rglob('*'), *CONFIGS):
    if path.is_file() and '__pycache__' not in path.parts:
      copy = source / path.relative_to(tiny.ROOT)
      copy.parent.mkdir(parents=True, exist_ok=True)
      copy.write_bytes(path.read_bytes())
  command = [sys.executable, '-m', 'pip', '--disable-pip-version-check']
  options = ['--no-deps', '--no-build-isolation', '--quiet']
  subprocess.run(
    [*command, 'wheel', *options, f'--wheel-dir={folder}', str(source)],
    check=True,
  )
  (path,) = folder.glob('*.whl')
  return path


@pytest.fixture(scope='module')
def installed(wheel, tmp_path_factory):
  """A folder that holds the unpacked wheel and nothing else."""
  folder = tmp_path_factory.mktemp('site')
  command = [sys.executable, '-m', 'pip', '--disable-pip-version-check']
  options = ['--no-deps', '--no-index', '--quiet']
  subprocess.run(
    [*command, 'install', *options, f'--target={folder}', str(wheel)],
    check=True,
  )
  return folder


def python(folder, path, *arguments):
  """Runs Python in `folder` with the given import path alone; its stdout."""
  # -S leaves out site-packages, and with them the editable install.
  code = 'import runpy, sys; sys.path[:0] = {!r}; sys.argv = {!r}; {}'
  paths = [str(entry) for entry in path]
  if arguments[0] == '-m':
    start = (
      f'runpy.run_module({arguments[1]!r}, run_name="__main__", alter_sys=True)'
    )
    argv = list(arguments[1:])
  else:
    start, argv = arguments[1], ['-c']
  done = subprocess.run(
    [sys.executable, '-S', '-c', code.format(paths, argv, start)],
    cwd=folder,
    env={**os.environ, 'JAX_DISABLE_MOST_OPTIMIZATIONS': '1'},
    capture_output=True,
    text=True,
    check=False,
    timeout=300,
  )
  assert done.returncode == 0, done.stderr
  return done.stdout


def test_every_room_and_its_data_are_in_the_wheel(wheel):
  with zipfile.ZipFile(wheel) as file:
    held = set(file.namelist())
  package = tiny.ROOT / 'sernet_jax'
  wanted = {
    str(path.relative_to(tiny.ROOT))
    for path in package.rglob('*')
    if path.is_file() and '__pycache__' not in path.parts
  }
  wanted |= {f'sernet_jax/configs/{path.name}' for path in CONFIGS}
  assert wanted <= held
  other = {name.split('/')[0] for name in held} - {'sernet_jax'}
  assert all(name.endswith('.dist-info') for name in other), other


def test_features_work_with_jax_and_numpy_alone(installed, tmp_path):
  few = tmp_path / 'few'
  few.mkdir()
  for entry in LIBRARIES.iterdir():
    if entry.name.split('.')[0].split('-')[0] in JAX_AND_NUMPY:
      (few / entry.name).symlink_to(entry)
  code = (
    'from sernet_jax import features; import numpy, sys; '
    'print(features.mfcc(numpy.zeros(48_000), features.MfccSpec()).shape); '
    'assert "flax" not in sys.modules'
  )
  assert python(tmp_path, (installed, few), '-c', code) == '(184, 40)\n'


def test_predict_finds_its_weights(installed, tmp_path):
  samples = np.random.default_rng(0).normal(size=16_000) / 10
  reading.write_wav(tmp_path / 'noise.wav', samples, 16_000)
  path = installed, LIBRARIES
  text = python(
    tmp_path, path, '-m', 'sernet_jax.predict', 'noise.wav', '--output=csv'
  )
  rows = list(csv.DictReader(text.splitlines()))
  assert rows and all(0 <= float(row['p_anger']) <= 1 for row in rows)


def test_main_trains_with_a_config_of_the_users_own(installed, tmp_path):
  tiny.write_corpus(tmp_path / 'corpus')
  path = installed, LIBRARIES
  (tmp_path / 'mine.py').write_text(CONFIG)
  arguments = ['--config=mine.py', '--workdir=run']
  text = python(tmp_path, path, '-m', 'sernet_jax.main', *arguments)
  assert 'look at run/report.html' in text
  assert (tmp_path / 'run' / 'report.html').is_file()
