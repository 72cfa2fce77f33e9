"""Mean and variance normalization, of whole utterances and of streams.

All functions are pure and take (..., frames, coefficients).
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from sernet_jax.common.errors import require
from sernet_jax.features import arrays


def normalize(
  values: jax.Array,
  mask: jax.Array | None = None,
  variance: bool = True,
  epsilon: float = 1e-8,
) -> jax.Array:
  """Scales each coefficient to mean 0 and variance 1 over the frames.

  Args:
    values: (..., frames, coefficients).
    mask: bool (..., frames), the utterance's own frames; None for all.
    variance: False leaves the variance as it is.
    epsilon: above 0, added to a variance before its root.

  Returns:
    The shape and type of `values`, float32 of integers, computed in float32 at
    least; 0 where the mask is False.

  Raises:
    InputError: if `epsilon` is not above 0, or `values` are of another shape.
  """
  require(epsilon > 0, f'epsilon is {epsilon}; give a number above 0')
  values = arrays.as_frames('values', values)
  dtype = values.dtype
  # Sums of float16 overflow and lose digits.
  values = values.astype(jnp.promote_types(dtype, jnp.float32))
  weight = jnp.ones(values.shape[:-1], values.dtype)  # (..., frames)
  if mask is not None:
    weight = jnp.broadcast_to(mask, values.shape[:-1]).astype(values.dtype)
  weight = weight[..., None]  # (..., frames, 1)
  own = weight > 0
  # Selected, not multiplied: padding may hold NaN.
  values = jnp.where(own, values, 0)
  count = jnp.maximum(weight.sum(axis=-2, keepdims=True), 1)  # (..., 1, 1)
  centered = values - values.sum(axis=-2, keepdims=True) / count
  centered = jnp.where(own, centered, 0)
  if not variance:
    return centered.astype(dtype)
  spread = (centered**2).sum(axis=-2, keepdims=True) / count
  return (centered / jnp.sqrt(spread + epsilon)).astype(dtype)


class RunningState(NamedTuple):
  """Statistics of the frames so far (Welford's algorithm).

  Attributes:
    count: (..., 1), number of frames, weighted by the decay.
    mean: (..., coefficients).
    squares: (..., coefficients), sum of squared distances from the mean.
  """

  count: jax.Array
  mean: jax.Array
  squares: jax.Array


def running_init(
  num_coefficients: int,
  leading: tuple[int, ...] = (),
  dtype: npt.DTypeLike = np.float32,
) -> RunningState:
  """Returns the state before the first frame.

  Args:
    num_coefficients: of a frame.
    leading: leading dimensions, for streams side by side.
    dtype: of the arithmetic and the results.
  """
  return RunningState(
    jnp.zeros((*leading, 1), dtype),
    jnp.zeros((*leading, num_coefficients), dtype),
    jnp.zeros((*leading, num_coefficients), dtype),
  )


def running_normalize(
  state: RunningState,
  values: jax.Array,
  mask: jax.Array | None = None,
  variance: bool = True,
  decay: float = 1.0,
  epsilon: float = 1e-8,
) -> tuple[RunningState, jax.Array]:
  """Normalizes each frame by the frames up to and including it.

  The results do not depend on how the frames are cut into chunks.

  Args:
    state: from `running_init` or the call before.
    values: (..., frames, coefficients).
    mask: bool, broadcast to (..., frames); frames to skip are False.
    variance: False subtracts the mean only.
    decay: factor on the weight of older frames, for each new frame; 1 weighs
      all alike, 0.99 remembers about 100 frames.
    epsilon: above 0, added to a variance before its root.

  Returns:
    The new state; and the shape of `values`, in the type of the state, 0 where
    the mask is False.

  Raises:
    InputError: if `decay` is not above 0 and at most 1, `epsilon` not above 0,
      or the state has other leading dimensions or coefficients.
  """
  require(
    0 < decay <= 1,
    f'decay is {decay}; give a number above 0 and at most 1',
  )
  require(epsilon > 0, f'epsilon is {epsilon}; give a number above 0')
  values = arrays.as_frames('values', values)
  require(
    state.mean.shape == (*values.shape[:-2], values.shape[-1]),
    f'values have shape {values.shape}, but the state was begun for '
    f'{state.mean.shape}; give running_init these leading dimensions and '
    'coefficients',
  )
  values = values.astype(state.mean.dtype)
  if mask is None:
    mask = jnp.ones(values.shape[:-1], bool)
  # (..., frames, 1)
  mask = jnp.broadcast_to(mask, values.shape[:-1])[..., None]

  def step(
    state: RunningState, inputs: tuple[jax.Array, jax.Array]
  ) -> tuple[RunningState, jax.Array]:
    frame, own = inputs  # (..., coefficients), (..., 1)
    frame = jnp.where(own, frame, 0)
    # Welford: the sum of squares changes by (x - old mean) (x - new mean).
    count = decay * state.count + 1
    distance = frame - state.mean
    mean = state.mean + distance / count
    squares = decay * state.squares + distance * (frame - mean)
    normal = frame - mean
    if variance:
      normal = normal / jnp.sqrt(squares / count + epsilon)
    new = RunningState(count, mean, squares)
    # Frames of padding leave the state as it was.
    state = jax.tree.map(lambda a, b: jnp.where(own, a, b), new, state)
    return state, jnp.where(own, normal, 0)

  # The scan runs over the first axis: (frames, ..., coefficients).
  inputs = jnp.moveaxis(values, -2, 0), jnp.moveaxis(mask, -2, 0)
  state, normal = jax.lax.scan(step, state, inputs)
  return state, jnp.moveaxis(normal, 0, -2)
