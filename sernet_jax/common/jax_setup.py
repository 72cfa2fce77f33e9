"""Settings that every command makes before it uses JAX."""

from __future__ import annotations

import os

from sernet_jax.common import files, machine


def set_up() -> None:
  """Keeps compiled programs in the user's cache folder."""
  import jax

  if 'JAX_COMPILATION_CACHE_DIR' not in os.environ:
    folder = files.cache_dir() / 'xla'
    jax.config.update('jax_compilation_cache_dir', str(folder))
    jax.config.update('jax_persistent_cache_min_compile_time_secs', 1.0)


def one_core_devices(threads: bool = True) -> None:
  """Makes every core that this process may use a JAX device.

  Independent work on one core each is faster than threads that share every
  operation. Call this before JAX has devices; it affects CPUs only, and does
  nothing if XLA_FLAGS sets the number of devices.

  Args:
    threads: whether operations of a device may use idle cores of others.
  """
  name = 'xla_force_host_platform_device_count'
  flags = os.environ.get('XLA_FLAGS', '')
  if name in flags:
    return
  own = f'--{name}={machine.num_cores()}'
  if not threads:
    own += ' --xla_cpu_multi_thread_eigen=false'
  os.environ['XLA_FLAGS'] = f'{flags} {own}'.strip()
