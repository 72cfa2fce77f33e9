"""What is done to frames: deltas, normalisation, PCEN.

All take (..., frames, coefficients) and are pure functions of arrays.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from sernet_jax.spec import require


def deltas(
  values: jax.Array, radius: int = 2, num_frames: jax.Array | None = None
) -> jax.Array:
  """Slope of each coefficient over time.

  The regression of HTK: sum_n n (x[t + n] - x[t - n]) / (2 sum_n n^2) for n
  from 1 to `radius`, where the first and last frame stand for those beyond.

  Args:
    values: (..., frames, coefficients).
    radius: frames to either side; a window of 2 radius + 1.
    num_frames: integers (...,), frames of each utterance if they are padded;
      None if all are full.

  Returns:
    The shape of `values`; 0 behind an utterance.

  Raises:
    InputError: if `radius` is below 1.
  """
  require(radius >= 1, f'radius is {radius}; give a whole number of 1 or more')
  place = np.arange(values.shape[-2])
  slope = jnp.zeros_like(values)
  for n in range(1, radius + 1):
    later = _frames_at(values, place + n, num_frames)
    earlier = _frames_at(values, place - n, num_frames)
    slope = slope + n * (later - earlier)
  slope = slope / (2 * sum(n * n for n in range(1, radius + 1)))
  if num_frames is None:
    return slope
  count = jnp.asarray(num_frames)[..., None, None]
  return jnp.where(_along(place, count, -2) < count, slope, 0)


def add_deltas(
  values: jax.Array,
  radius: int = 2,
  order: int = 2,
  num_frames: jax.Array | None = None,
) -> jax.Array:
  """Coefficients, their deltas, the deltas of these, ... side by side.

  Args:
    values: (..., frames, coefficients).
    radius: as for `deltas`.
    order: how often; 2 for deltas and delta-deltas.
    num_frames: as for `deltas`.

  Returns:
    (..., frames, (order + 1) * coefficients).
  """
  parts = [values]
  for _ in range(order):
    parts.append(deltas(parts[-1], radius, num_frames))
  return jnp.concatenate(parts, axis=-1)


def normalize(
  values: jax.Array,
  mask: jax.Array | None = None,
  variance: bool = True,
  epsilon: float = 1e-8,
) -> jax.Array:
  """Each coefficient to mean 0 and variance 1 over an utterance's frames.

  Args:
    values: (..., frames, coefficients).
    mask: bool (..., frames), the utterance's own frames; None for all.
    variance: False leaves the variance as it is.
    epsilon: added to a variance before its root.

  Returns:
    The shape of `values`; 0 where the mask is False.
  """
  weight = jnp.ones(values.shape[:-1], values.dtype)
  if mask is not None:
    weight = jnp.broadcast_to(mask, values.shape[:-1]).astype(values.dtype)
  weight = weight[..., None]
  own = weight > 0
  values = jnp.where(own, values, 0)
  count = jnp.maximum(weight.sum(axis=-2, keepdims=True), 1)
  centered = values - values.sum(axis=-2, keepdims=True) / count
  centered = jnp.where(own, centered, 0)
  if not variance:
    return centered
  spread = (centered**2).sum(axis=-2, keepdims=True) / count
  return centered / jnp.sqrt(spread + epsilon)


class RunningState(NamedTuple):
  """Weight, mean and summed squares (Welford) of the frames so far.

  Attributes:
    count: (..., 1), frames, the older ones weighted less if there is a decay.
    mean: (..., coefficients).
    squares: (..., coefficients), sum of squared distances from the mean.
  """

  count: jax.Array
  mean: jax.Array
  squares: jax.Array


def running_init(
  num_coefficients: int, leading: tuple[int, ...] = (), dtype=np.float32
) -> RunningState:
  """The state before the first frame."""
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
  """Normalises each frame by the frames up to and including it.

  Cutting the frames into chunks in any other way gives the same numbers.

  Args:
    state: from `running_init` or the call before.
    values: (..., frames, coefficients).
    mask: bool, broadcast to (..., frames); frames to skip are False.
    variance: False takes away the mean only.
    decay: weight that a frame keeps with each further one; 1 for all alike,
      0.99 for a memory of about 100 frames.
    epsilon: added to a variance before its root.

  Returns:
    The new state; and the shape of `values`, 0 where the mask is False.

  Raises:
    InputError: if `decay` is not above 0 and at most 1.
  """
  require(
    0 < decay <= 1,
    f'decay is {decay}; give a number above 0 and at most 1',
  )
  if mask is None:
    mask = jnp.ones(values.shape[:-1], bool)
  mask = jnp.broadcast_to(mask, values.shape[:-1])[..., None]

  def step(state, inputs):
    frame, own = inputs
    frame = jnp.where(own, frame, 0)
    count = decay * state.count + 1
    distance = frame - state.mean
    mean = state.mean + distance / count
    squares = decay * state.squares + distance * (frame - mean)
    normal = frame - mean
    if variance:
      normal = normal / jnp.sqrt(squares / count + epsilon)
    new = RunningState(count, mean, squares)
    state = jax.tree.map(lambda a, b: jnp.where(own, a, b), new, state)
    return state, jnp.where(own, normal, 0)

  inputs = jnp.moveaxis(values, -2, 0), jnp.moveaxis(mask, -2, 0)
  state, normal = jax.lax.scan(step, state, inputs)
  return state, jnp.moveaxis(normal, 0, -2)


def pcen(
  mel: jax.Array,
  state: jax.Array | None = None,
  smoothing: float = 0.025,
  gain: float = 0.98,
  bias: float = 2.0,
  power: float = 0.5,
  epsilon: float = 1e-6,
) -> tuple[jax.Array, jax.Array]:
  """Per-channel energy normalisation (Wang et al. 2017, arXiv 1607.05666).

  m[t] = (1 - smoothing) m[t - 1] + smoothing x[t];
  (x[t] / (epsilon + m[t]) ** gain + bias) ** power - bias ** power.

  Args:
    mel: x, (..., frames, bands), at least 0; see `mel_spectrogram`.
    state: m before the first frame, (..., bands): what the call before
      returned; None for the first frame itself. librosa begins with ones.
    smoothing: weight of the present frame.
    gain: of the automatic gain control, 0 to 1.
    bias: above 0.
    power: above 0, at most 1.
    epsilon: above 0.

  Returns:
    The shape of `mel`; and the state for the frames that follow.
  """
  require(bias > 0, f'bias is {bias}; give a number above 0')
  require(epsilon > 0, f'epsilon is {epsilon}; give a number above 0')
  if state is None:
    state = mel[..., 0, :]

  def smooth(before, frame):
    now = (1 - smoothing) * before + smoothing * frame
    return now, now

  state, smoothed = jax.lax.scan(smooth, state, jnp.moveaxis(mel, -2, 0))
  smoothed = jnp.moveaxis(smoothed, 0, -2)
  controlled = mel * jnp.exp(-gain * jnp.log(epsilon + smoothed))
  # expm1 and log1p keep quiet frames, where the two powers nearly cancel.
  return bias**power * jnp.expm1(power * jnp.log1p(controlled / bias)), state


def _frames_at(values, place, num_frames):
  """Frames at `place`; the first and last stand for those beyond."""
  if num_frames is None:
    return values[..., np.clip(place, 0, values.shape[-2] - 1), :]
  last = jnp.maximum(jnp.asarray(num_frames)[..., None, None] - 1, 0)
  index = jnp.clip(_along(place, last, -2), 0, last)
  return jnp.take_along_axis(values, index, axis=-2)


def _along(vector, like, axis):
  """`vector` along one axis of an array that has the rank of `like`."""
  shape = [1] * like.ndim
  shape[axis] = -1
  return vector.reshape(shape)
