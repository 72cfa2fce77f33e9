"""What is done to frames: deltas, normalisation, PCEN.

All take (..., frames, coefficients) and are pure functions of arrays.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from sernet_jax.common.errors import require


def deltas(
  values: jax.Array, radius: int = 2, num_frames: jax.Array | None = None
) -> jax.Array:
  """Slope of each coefficient over time.

  The regression of HTK: sum_n n (x[t + n] - x[t - n]) / (2 sum_n n^2) for n
  from 1 to `radius`, where the first and last frame stand for those beyond.

  Args:
    values: (..., frames, coefficients).
    radius: frames to either side; a window of 2 radius + 1.
    num_frames: integers (...,), frames of each utterance if they are padded
      (more than there are count as all); None if all are full.

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
    epsilon: above 0, added to a variance before its root.

  Returns:
    The shape and type of `values`, computed in float32 at least; 0 where the
    mask is False.

  Raises:
    InputError: if `epsilon` is not above 0.
  """
  require(epsilon > 0, f'epsilon is {epsilon}; give a number above 0')
  dtype = values.dtype
  values = values.astype(jnp.promote_types(dtype, jnp.float32))
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
    return centered.astype(dtype)
  spread = (centered**2).sum(axis=-2, keepdims=True) / count
  return (centered / jnp.sqrt(spread + epsilon)).astype(dtype)


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
    epsilon: above 0, added to a variance before its root.

  Returns:
    The new state; and the shape of `values`, in the type of the state, 0 where
    the mask is False.

  Raises:
    InputError: if `decay` is not above 0 and at most 1, `epsilon` not above 0,
      or the state is of other leading dimensions or coefficients.
  """
  require(
    0 < decay <= 1,
    f'decay is {decay}; give a number above 0 and at most 1',
  )
  require(epsilon > 0, f'epsilon is {epsilon}; give a number above 0')
  require(
    state.mean.shape == (*values.shape[:-2], values.shape[-1]),
    f'values have shape {values.shape}, but the state was begun for '
    f'{state.mean.shape}; give running_init these leading dimensions and '
    'coefficients',
  )
  values = values.astype(state.mean.dtype)
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
  smoothing: jax.typing.ArrayLike = 0.025,
  gain: jax.typing.ArrayLike = 0.98,
  bias: jax.typing.ArrayLike = 2.0,
  power: jax.typing.ArrayLike = 0.5,
  epsilon: jax.typing.ArrayLike = 1e-6,
) -> tuple[jax.Array, jax.Array]:
  """Per-channel energy normalisation (Wang et al. 2017, arXiv 1607.05666).

  m[t] = (1 - smoothing) m[t - 1] + smoothing x[t];
  (x[t] / (epsilon + m[t]) ** gain + bias) ** power - bias ** power.

  Args:
    mel: x, (..., frames, bands), at least 0; see `mel_spectrogram`.
    state: m before the first frame, (..., bands): what the call before
      returned; None for the first frame itself. librosa begins with ones.
    smoothing: weight of the present frame, above 0, at most 1.
    gain: of the automatic gain control, 0 to 1.
    bias: above 0.
    power: above 0, at most 1.
    epsilon: above 0.
      Any of these five may be an array that broadcasts to (..., bands), traced
      or trained; arrays are not checked.

  Returns:
    The shape of `mel`, in the type of the state; and the state for the frames
    that follow. Frames of padding move it too: give none if it is to go on.

  Raises:
    InputError: for a number out of these bounds, `mel` of whole numbers or
      without a frame, or a state of another shape.
  """
  for field, value, most in (
    ('smoothing', smoothing, 1.0),
    ('power', power, 1.0),
    ('bias', bias, np.inf),
    ('epsilon', epsilon, np.inf),
  ):
    require(
      not isinstance(value, (int, float)) or 0 < value <= most,
      f'{field} is {value}; give a number above 0, at most {most}',
    )
  require(
    not isinstance(gain, (int, float)) or 0 <= gain <= 1,
    f'gain is {gain}; give a number from 0 to 1',
  )
  require(
    mel.ndim >= 2
    and mel.shape[-2] > 0
    and jnp.issubdtype(mel.dtype, jnp.floating),
    f'mel has shape {mel.shape} and dtype {mel.dtype}; give floating point '
    '(..., frames, bands) with a frame at least',
  )
  if state is None:
    state = mel[..., 0, :]
  state = jnp.asarray(state)
  require(
    state.shape == (*mel.shape[:-2], mel.shape[-1]),
    f'the state has shape {state.shape}, but mel has {mel.shape}; give what '
    'the call before returned, or None',
  )
  mel = mel.astype(state.dtype)

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
  last = jnp.asarray(num_frames)[..., None, None] - 1
  last = jnp.clip(last, 0, values.shape[-2] - 1)
  index = jnp.clip(_along(place, last, -2), 0, last)
  return jnp.take_along_axis(values, index, axis=-2)


def _along(vector, like, axis):
  """`vector` along one axis of an array that has the rank of `like`."""
  shape = [1] * like.ndim
  shape[axis] = -1
  return vector.reshape(shape)
