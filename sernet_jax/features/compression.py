"""Compression of mel bands: logarithm, decibels or power, and their floors."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp

from sernet_jax.features.spec import MfccSpec


def compress(
  mel: jax.Array, spec: MfccSpec, mask: jax.Array | None = None
) -> jax.Array:
  """The logarithm, decibels or power of mel bands, as `spec` asks.

  Args:
    mel: (..., frames, bands), at least 0.
    spec: the front end.
    mask: bool (..., frames), the frames `top_db` looks at; None for all.

  Returns:
    The shape of `mel`.
  """
  return above_floor(by_band(mel, spec), spec, mask)


def by_band(mel: jax.Array, spec: MfccSpec) -> jax.Array:
  """Compresses without the floor of `top_db`."""
  kept = floored(mel, spec)
  if spec.compression == 'power':
    return kept**spec.exponent
  if spec.compression == 'ln':
    return jnp.log(kept)
  return (10.0 / math.log(10.0)) * jnp.log(kept)  # decibels


def above_floor(
  compressed: jax.Array, spec: MfccSpec, mask: jax.Array | None
) -> jax.Array:
  """Raises values to the floor of `top_db`, if there is one."""
  if spec.top_db is None:
    return compressed
  return jnp.maximum(compressed, floor(compressed, spec, mask))


def floor(
  decibels: jax.Array, spec: MfccSpec, mask: jax.Array | None
) -> jax.Array:
  """Returns the maximum of (..., frames, bands) less `top_db`, (..., 1, 1)."""
  assert spec.top_db is not None
  if mask is not None:
    decibels = jnp.where(mask[..., None], decibels, -jnp.inf)
  return decibels.max(axis=(-2, -1), keepdims=True) - spec.top_db


def floored(values: jax.Array, spec: MfccSpec) -> jax.Array:
  """Keeps what is compressed away from 0."""
  if spec.log_floor > 0:
    values = jnp.maximum(values, spec.log_floor)
  return values + spec.log_offset if spec.log_offset > 0 else values
