"""What every command sets before it uses JAX."""

from __future__ import annotations

import os

import jax

from sernet_jax import corpora


def set_up() -> None:
  """Keeps compiled programs in the user's cache folder."""
  if 'JAX_COMPILATION_CACHE_DIR' not in os.environ:
    folder = corpora.cache_dir() / 'xla'
    jax.config.update('jax_compilation_cache_dir', str(folder))
    jax.config.update('jax_persistent_cache_min_compile_time_secs', 1.0)
