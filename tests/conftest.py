"""What several test files share: data, strictness, settings."""

from __future__ import annotations

import importlib.util
import mmap
import os
import pathlib
import shutil
import tempfile

import hypothesis
import numpy as np
import pytest
import slow

# The same examples on every machine, and no time limit for one of them: the
# first compiles, which takes as long as it takes.
hypothesis.settings.register_profile(
  'sernet', deadline=None, derandomize=True, database=None
)
hypothesis.settings.load_profile('sernet')


_COMPILED = 'JAX_COMPILATION_CACHE_DIR'

# Compiling takes most of the suite's time. Most tests ask what is computed,
# not how fast, so programs are optimized less, here and in the processes that
# tests start; `full_optimization` is for the others.
_QUICK = 'JAX_DISABLE_MOST_OPTIMIZATIONS'
os.environ.setdefault(_QUICK, '1')

# XLA's older way to write loops for CPUs compiles in a third of the time.
_LOOPS = 'xla_cpu_use_fusion_emitters'


def _known(flag):
  """Whether this jaxlib has a flag; XLA ends a process for one that it lacks."""
  folder = pathlib.Path(importlib.util.find_spec('jaxlib').origin).parent
  for path in folder.glob('libjax_common.*'):
    with (
      path.open('rb') as file,
      mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
    ):
      return content.find(flag.encode()) >= 0
  return False


def _add_older_loops():
  flags = os.environ.get('XLA_FLAGS', '')
  if _LOOPS not in flags and _known(_LOOPS):
    os.environ['XLA_FLAGS'] = f'{flags} --{_LOOPS}=false'.strip()


_add_older_loops()


def pytest_configure(config):
  """Shares compiled programs among all processes of this session.

  Workers and the commands that tests start inherit the variables.
  """
  os.environ.setdefault('JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS', '0.3')
  if _COMPILED in os.environ:
    return
  folder = os.environ[_COMPILED] = tempfile.mkdtemp(prefix='sernet-xla-')

  def clean():
    os.environ.pop(_COMPILED, None)
    shutil.rmtree(folder, ignore_errors=True)

  config.add_cleanup(clean)


def pytest_collection_modifyitems(items):
  slow.sort(items)


@pytest.fixture(scope='session')
def data_dir():
  """The golden files; its README.md says how they were made."""
  return pathlib.Path(__file__).parent / 'data'


@pytest.fixture(scope='session')
def emodb_root():
  """The folder of the real EMO-DB, which holds `wav/`."""
  from sernet_jax.common import files

  root = pathlib.Path(
    os.environ.get('SERNET_EMODB') or files.cache_dir() / 'emodb'
  )
  if not (root / 'wav').is_dir():
    pytest.skip(
      f'EMO-DB is not in {root}: set SERNET_EMODB to its folder, or run '
      'python -m sernet_jax.download emodb'
    )
  return root


@pytest.fixture(scope='session')
def golden(data_dir):
  """TensorFlow's figures of the network, name -> array."""
  with np.load(data_dir / 'model_ce_3s.npz') as file:
    arrays = dict(file)
  for name, array in arrays.items():
    if name.startswith('w0/') and name.endswith('/kernel'):
      arrays[name] = _glorot_uniform(array)
  return arrays


@pytest.fixture(scope='session')
def golden_weights(golden):
  """The weights before training under their Keras names."""
  start = 'w0/'
  return {
    name.removeprefix(start): array
    for name, array in golden.items()
    if name.startswith(start)
  }


@pytest.fixture(scope='module')
def full_optimization():
  """Programs compiled as a user has them, here and in the processes started.

  For files that compare figures with those of other libraries.
  """
  import jax
  from jax._src import compiler

  quick = os.environ[_QUICK] == '1'
  flags = os.environ.get('XLA_FLAGS', '')
  options_of = compiler.get_compile_options

  def options(*args, **named):
    # XLA read its flags when it began; the options of a program come after.
    found = options_of(*args, **named)
    found.env_option_overrides += [(_LOOPS, True)]
    return found

  with pytest.MonkeyPatch.context() as patch:
    patch.setenv(_QUICK, '0')
    if f'--{_LOOPS}=false' in flags:
      patch.setenv('XLA_FLAGS', flags.replace(f'--{_LOOPS}=false', '').strip())
      patch.setattr(compiler, 'get_compile_options', options)
    jax.config.update('jax_disable_most_optimizations', False)
    jax.clear_caches()
    yield
    jax.config.update('jax_disable_most_optimizations', quick)
    jax.clear_caches()


@pytest.fixture(scope='module')
def blank_figures(tmp_path_factory):
  """Reports with one white figure for all: a third of a tiny run's time.

  For files that ask what a run computes; test_report.py looks at figures.
  """
  from matplotlib import figure

  from sernet_jax.results.figures import (
    confidence_plot,
    feature_plot,
    learning_plots,
    score_plots,
  )

  white = tmp_path_factory.mktemp('figures') / 'white.png'
  figure.Figure((1, 1)).savefig(white)

  def blank(*args, **named):
    (path,) = (
      value
      for value in (*args, *named.values())
      if isinstance(value, pathlib.Path)
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(white, path)

  with pytest.MonkeyPatch.context() as patch:
    for module, name in (
      (learning_plots, 'learning_curves'),
      (learning_plots, 'learning_rate'),
      (confidence_plot, 'confidence'),
      (score_plots, 'confusion_matrices'),
      (score_plots, 'speaker_bars'),
      (feature_plot, 'feature_examples'),
    ):
      patch.setattr(module, name, blank)
    yield


@pytest.fixture
def strict_ranks():
  """An array meets one of another rank only where the code says how.

  Not for the network: its maps (examples, frames, coefficients, channels)
  meet vectors (channels,) all along.
  """
  import jax

  with jax.numpy_rank_promotion('raise'):
    yield


def _glorot_uniform(planes):
  """A kernel from the whole numbers that TensorFlow drew for it.

  Args:
    planes: uint8 (3, *shape), the lowest byte first.

  Returns:
    float32 (*shape), the very bits that TensorFlow had.
  """
  *size, inputs, outputs = planes.shape[1:]
  fans = np.prod(size, dtype=int) * (inputs + outputs)
  limit = np.float32(np.sqrt(6 / fans))
  low, middle, high = planes.astype(np.int32)
  drawn = (low + (middle << 8) + (high << 16)).astype(np.float32)
  return drawn * np.float32(2**-23) * (2 * limit) - limit
