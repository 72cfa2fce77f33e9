"""Takes arrays as they come, and names what is not one before JAX does."""

from __future__ import annotations

import functools
import inspect
import reprlib
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from sernet_jax.common.errors import InputError, require
from sernet_jax.features.spec import require_spec

P = ParamSpec('P')
R = TypeVar('R')

_NUMPY = (np.ndarray, np.generic)
# Integers of 64 bits -> the least and most of 32.
_LONG: dict[Any, tuple[int, int]] = {
  np.dtype(order + kind): bounds
  for kind, bounds in (('i8', (-(2**31), 2**31 - 1)), ('u8', (0, 2**32 - 1)))
  for order in '<>'
}


def compiled(function: Callable[P, R]) -> Callable[P, R]:
  """Compiles a function of arrays and a static `spec`.

  `jax.jit` (0.10.2) reads the bytes of a numpy array in the order of the machine,
  whatever the array says, and floats of the other order become others without
  a word: such arrays, as RIFX and HDF5 files have them, are turned first.
  What is not an array, or not a spec, raises `InputError`.
  """
  jitted = jax.jit(function, static_argnames='spec')

  @functools.wraps(function)
  def call(*args: P.args, **named: P.kwargs) -> R:
    try:
      return jitted(
        *map(native, args),
        **{name: native(value) for name, value in named.items()},
      )
    except (TypeError, ValueError, OverflowError):
      # Looked at now, so that calls that fit take no longer.
      _require_arrays(function, args, named)
      raise

  call._cache_size = jitted._cache_size  # type: ignore[attr-defined]
  return call


def _require_arrays(
  function: Callable[..., Any], args: Any, named: dict[str, Any]
) -> None:
  """Raises `InputError` for arguments of `function` that are not arrays."""
  try:
    given = inspect.signature(function).bind(*args, **named).arguments
  except TypeError:
    return  # too few or too many, which Python's own error says
  require_spec(given['spec'])
  for name, value in given.items():
    if name not in ('spec', 'state') and value is not None:
      as_array(name, value)


def native(value: Any) -> Any:
  """Returns a numpy array as JAX reads it right, all else as it is.

  In the order of the machine; and integers of 64 bits, which JAX cuts to 32,
  are clipped to these.
  """
  if not isinstance(value, _NUMPY):
    return value
  kind = value.dtype
  if not kind.isnative:
    value = value.astype(kind.newbyteorder('='))
  if kind in _LONG and not jax.config.jax_enable_x64:
    return np.clip(value, *_LONG[kind])
  return value


def as_array(name: str, value: Any) -> jax.Array:
  """Returns numbers as an array of JAX.

  Args:
    name: what messages call them.
    value: an array of any library, a number or a list of them.

  Raises:
    InputError: if they are none.
  """
  try:
    array = jnp.asarray(native(value))
  except (TypeError, ValueError, OverflowError) as error:
    raise InputError(_none(name, value)) from error
  require(
    not jnp.issubdtype(array.dtype, jax.dtypes.prng_key),
    f'{name} is a random key; give an array of numbers there, and the key first',
  )
  require(array.dtype.kind not in 'OSUT', _none(name, value))  # objects, text
  return array


def _none(name: str, value: Any) -> str:
  """Says that a value holds no numbers."""
  kind = getattr(value, 'dtype', '')
  shown = f'an array of {kind}' if kind else reprlib.repr(value)
  return f'{name} is {shown}; give an array of numbers'


def as_values(name: str, value: Any) -> jax.Array:
  """Returns numbers as a floating-point array; integers become float32."""
  values = as_array(name, value)
  if values.dtype == jnp.bool_ or jnp.issubdtype(values.dtype, jnp.integer):
    return values.astype(jnp.float32)
  return values


def as_frames(name: str, value: Any) -> jax.Array:
  """Returns `as_values` that are (..., frames, coefficients)."""
  values = as_values(name, value)
  require(
    values.ndim >= 2,
    f'{name} has shape {values.shape}; give (..., frames, coefficients)',
  )
  return values


def as_counts(name: str, value: Any, most: int) -> jax.Array:
  """Returns `as_array`, `clipped`."""
  return clipped(as_array(name, value), most)


def clipped(counts: jax.Array, most: int) -> jax.Array:
  """Clips integers of any type to 0 and `most`: int32."""
  if counts.dtype.itemsize < 4:  # which may not hold `most`
    counts = counts.astype(jnp.int32)
  return jnp.clip(counts, 0, most).astype(jnp.int32)
