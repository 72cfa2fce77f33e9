"""Augmentation of features: pure functions, the random key first."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from sernet_jax.common.errors import require
from sernet_jax.features import arrays


def spec_augment(
  key: jax.Array,
  values: jax.Array,
  num_frames: jax.Array | None = None,
  time_masks: int = 2,
  max_time_frames: int = 20,
  band_masks: int = 2,
  max_bands: int = 6,
  fill: float = 0.0,
  first_frames: jax.Array | None = None,
) -> jax.Array:
  """Time and frequency masks of SpecAugment (Park et al. 2019).

  Each mask is a run of frames or of coefficients; its length is drawn
  uniformly from 0 to its maximum, its start uniformly from where it fits.
  Every example draws its own masks.

  Args:
    key: random key.
    values: (..., frames, coefficients).
    num_frames: integers (...,), frames of each utterance if they are padded
      (clipped to those there are), so that time masks lie within them; None if
      all are full.
    time_masks: number of runs of frames.
    max_time_frames: maximum length of these.
    band_masks: number of runs of coefficients or bands.
    max_bands: maximum length of these.
    fill: value of masked cells; 0 is the mean of normalized features.
    first_frames: integers (...,), frame at which each utterance begins; None
      if all begin at the first.

  Returns:
    The shape and type of `values`.

  Raises:
    InputError: if a number is negative or a maximum exceeds the axis.
  """
  values = arrays.as_array('values', values)
  require(
    values.ndim >= 2,
    f'values have shape {values.shape}; give (..., frames, coefficients)',
  )
  *leading, frames, bands = values.shape
  for field, value, bound in (
    ('time_masks', time_masks, None),
    ('band_masks', band_masks, None),
    ('max_time_frames', max_time_frames, frames),
    ('max_bands', max_bands, bands),
  ):
    require(value >= 0, f'{field} is {value}; give a number of at least 0')
    require(
      bound is None or value <= bound,
      f'{field} is {value}, but there are only {bound}; give at most that',
    )
  time_key, band_key = jax.random.split(key)
  extent: jax.typing.ArrayLike = frames
  first: jax.typing.ArrayLike = 0
  if num_frames is not None:
    extent = arrays.as_counts('num_frames', num_frames, frames)
  if first_frames is not None:
    first = arrays.as_counts('first_frames', first_frames, frames)
  hidden_frames = _runs(
    time_key, tuple(leading), frames, extent, time_masks, max_time_frames, first
  )
  hidden_bands = _runs(
    band_key, tuple(leading), bands, bands, band_masks, max_bands
  )
  # (..., frames, 1) | (..., 1, bands)
  hidden = hidden_frames[..., :, None] | hidden_bands[..., None, :]
  return jnp.where(hidden, jnp.asarray(fill, values.dtype), values)


def mixup(
  key: jax.Array, values: jax.Array, labels: jax.Array, alpha: float = 0.2
) -> tuple[jax.Array, jax.Array]:
  """Blends every example with another one (Zhang et al. 2018).

  Example i becomes w x[i] + (1 - w) x[j] with j from a random permutation of
  the batch and w from Beta(alpha, alpha), one for each example; likewise its
  label.

  Args:
    key: random key.
    values: (batch, ...).
    labels: probabilities of the classes, (batch, classes), floating point.
    alpha: above 0; the smaller, the closer w to 0 and 1.

  Returns:
    Blended values and labels, of the same shapes and types.

  Raises:
    InputError: if the labels are not floating point or do not fit the
      batch, or if `alpha` is not above 0.
  """
  values = arrays.as_array('values', values)
  labels = arrays.as_array('labels', labels)
  require(alpha > 0, f'alpha is {alpha}; give a number above 0')
  require(
    jnp.issubdtype(labels.dtype, jnp.floating),
    f'labels have dtype {labels.dtype}; give probabilities, such as '
    'jax.nn.one_hot(labels, num_classes)',
  )
  require(values.ndim >= 1, f'values is {values}; give (batch, ...)')
  batch = values.shape[0]
  require(
    labels.shape[:1] == (batch,),
    f'labels have shape {labels.shape}, but there are {batch} examples; give '
    'one row for each',
  )
  pair_key, weight_key = jax.random.split(key)
  partner = jax.random.permutation(pair_key, batch)
  weight = jax.random.beta(weight_key, alpha, alpha, (batch,), jnp.float32)

  def blend(x: jax.Array) -> jax.Array:
    own = weight.reshape((batch,) + (1,) * (x.ndim - 1))
    return (own * x + (1 - own) * x[partner]).astype(x.dtype)

  return blend(values), blend(labels)


def _runs(
  key: jax.Array,
  leading: tuple[int, ...],
  size: int,
  extent: jax.typing.ArrayLike,
  count: int,
  longest: int,
  first: jax.typing.ArrayLike = 0,
) -> jax.Array:
  """Draws `count` random runs within `extent` of an axis, from `first` on.

  Returns:
    bool (*leading, size), True inside any of them.
  """
  length_key, start_key = jax.random.split(key)
  shape = (*leading, count)
  extent = jnp.broadcast_to(jnp.asarray(extent, jnp.int32), leading)[..., None]
  length = jax.random.randint(length_key, shape, 0, longest + 1)
  length = jnp.minimum(length, extent)
  room = (extent - length + 1).astype(jnp.float32)
  begin = jnp.floor(jax.random.uniform(start_key, shape) * room)
  # The product may round up to `room` itself.
  begin = jnp.minimum(begin.astype(jnp.int32), extent - length)
  begin = begin + jnp.asarray(first, jnp.int32)[..., None]
  index = np.arange(size).reshape((1,) * len(shape) + (size,))
  # (*leading, count, size)
  inside = (index >= begin[..., None]) & (index < (begin + length)[..., None])
  return inside.any(axis=-2)
