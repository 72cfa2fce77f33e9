"""Settings that every command makes before it uses JAX."""

from __future__ import annotations

import os
import sys

from sernet_jax.common import files, machine

_CACHE = 'jax_compilation_cache_dir'
_LEAST_S = 'jax_persistent_cache_min_compile_time_secs'


def set_up() -> None:
  """Keeps compiled programs in the user's cache folder; does not load JAX."""
  if _CACHE.upper() in os.environ:
    return
  settings = {_CACHE: str(files.cache_dir() / 'xla'), _LEAST_S: '1.0'}
  if 'jax' not in sys.modules:  # which reads these when it is loaded
    os.environ.update({name.upper(): text for name, text in settings.items()})
    return
  import jax

  jax.config.update(_CACHE, settings[_CACHE])
  jax.config.update(_LEAST_S, float(settings[_LEAST_S]))


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
