"""Settings of JAX that every command makes before it uses it."""

from __future__ import annotations

import os

import jax

from sernet_jax.common import files, machine


def set_up() -> None:
  """Keeps compiled programs in the user's cache folder."""
  if 'JAX_COMPILATION_CACHE_DIR' not in os.environ:
    folder = files.cache_dir() / 'xla'
    jax.config.update('jax_compilation_cache_dir', str(folder))
    jax.config.update('jax_persistent_cache_min_compile_time_secs', 1.0)


def one_core_devices(threads: bool = True) -> None:
  """Makes every core that this process may use a device of JAX's.

  Work side by side, a core each, loses less than threads that share every
  operation. It must be called before JAX has devices, and concerns CPUs alone;
  whoever sets their number in XLA_FLAGS is left alone.

  Args:
    threads: whether the operations of a device that works alone may use the
      other cores.
  """
  name = 'xla_force_host_platform_device_count'
  flags = os.environ.get('XLA_FLAGS', '')
  if name in flags:
    return
  own = f'--{name}={machine.num_cores()}'
  if not threads:
    own += ' --xla_cpu_multi_thread_eigen=false'
  os.environ['XLA_FLAGS'] = f'{flags} {own}'.strip()
