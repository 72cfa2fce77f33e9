"""Compression of mel bands and their energy normalization (PCEN), and deltas.

Compression is a logarithm, decibels or a power, with their floors. All functions
are pure and take (..., frames, coefficients or bands).
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np

from sernet_jax.common.errors import require, require_whole
from sernet_jax.features import arrays
from sernet_jax.features.spec import MfccSpec, require_spec


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
  require_spec(spec)
  mel = arrays.as_values('mel', mel)
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


def deltas(
  values: jax.Array, radius: int = 2, num_frames: jax.Array | None = None
) -> jax.Array:
  """Slope of each coefficient over time.

  The regression of HTK: sum_n n (x[t + n] - x[t - n]) / (2 sum_n n^2) for n
  from 1 to `radius`, with the first and last frame repeated beyond the ends.

  Args:
    values: (..., frames, coefficients).
    radius: frames to either side; a window of 2 radius + 1.
    num_frames: integers (...,), frames of each utterance if they are padded
      (clipped to those there are); None if all are full.

  Returns:
    The shape of `values`, whose integers become float32; 0 behind an utterance.

  Raises:
    InputError: if `radius` is below 1, or `values` are of another shape.
  """
  require_whole('radius', radius)
  values = arrays.as_frames('values', values)
  index = np.arange(values.shape[-2])
  slope = jnp.zeros_like(values)
  if num_frames is not None:
    num_frames = arrays.as_counts('num_frames', num_frames, values.shape[-2])
  for n in range(1, radius + 1):
    later = _frames_at(values, index + n, num_frames)
    earlier = _frames_at(values, index - n, num_frames)
    slope = slope + n * (later - earlier)
  slope = slope / (2 * sum(n * n for n in range(1, radius + 1)))
  if num_frames is None:
    return slope
  count = num_frames[..., None, None]
  return jnp.where(_along(index, count, -2) < count, slope, 0)


def add_deltas(
  values: jax.Array,
  radius: int = 2,
  order: int = 2,
  num_frames: jax.Array | None = None,
) -> jax.Array:
  """Concatenates coefficients, their deltas, the deltas of these, and so on.

  Args:
    values: (..., frames, coefficients).
    radius: as for `deltas`.
    order: number of times; 2 for deltas and delta-deltas.
    num_frames: as for `deltas`.

  Returns:
    (..., frames, (order + 1) * coefficients).
  """
  parts = [arrays.as_frames('values', values)]
  for _ in range(order):
    parts.append(deltas(parts[-1], radius, num_frames))
  return jnp.concatenate(parts, axis=-1)


def pcen(
  mel: jax.Array,
  state: jax.Array | None = None,
  smoothing: jax.typing.ArrayLike = 0.025,
  gain: jax.typing.ArrayLike = 0.98,
  bias: jax.typing.ArrayLike = 2.0,
  power: jax.typing.ArrayLike = 0.5,
  epsilon: jax.typing.ArrayLike = 1e-6,
) -> tuple[jax.Array, jax.Array]:
  """Per-channel energy normalization (Wang et al. 2017, arXiv 1607.05666).

  m[t] = (1 - smoothing) m[t - 1] + smoothing x[t];
  (x[t] / (epsilon + m[t]) ** gain + bias) ** power - bias ** power.

  Args:
    mel: x, (..., frames, bands), at least 0; see `mel_spectrogram`.
    state: m before the first frame, (..., bands): the state that the call
      before returned; None for the first frame itself. librosa starts with
      ones.
    smoothing: weight of the current frame, above 0, at most 1.
    gain: of the automatic gain control, 0 to 1.
    bias: above 0.
    power: above 0, at most 1.
    epsilon: above 0.
      Each of these five may be an array that broadcasts to (..., bands),
      traced or trained; arrays are not checked.

  Returns:
    The shape of `mel`, in the type of the state; and the state for the frames
    that follow. Frames of padding change it too: pass none to a call whose
    state is used again.

  Raises:
    InputError: for a number out of these bounds, `mel` of integers or without
      a frame, or a state of another shape.
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
  smoothing, gain, bias, power, epsilon = map(
    arrays.native, (smoothing, gain, bias, power, epsilon)
  )
  mel = arrays.as_array('mel', mel)
  require(
    mel.ndim >= 2
    and mel.shape[-2] > 0
    and jnp.issubdtype(mel.dtype, jnp.floating),
    f'mel has shape {mel.shape} and dtype {mel.dtype}; give floating point '
    '(..., frames, bands) with a frame at least',
  )
  if state is None:
    state = mel[..., 0, :]
  state = arrays.as_array('state', state)
  require(
    state.shape == (*mel.shape[:-2], mel.shape[-1]),
    f'the state has shape {state.shape}, but mel has {mel.shape}; give what '
    'the call before returned, or None',
  )
  mel = mel.astype(state.dtype)

  def smooth(
    before: jax.Array, frame: jax.Array
  ) -> tuple[jax.Array, jax.Array]:
    now = (1 - smoothing) * before + smoothing * frame
    return now, now

  state, smoothed = jax.lax.scan(smooth, state, jnp.moveaxis(mel, -2, 0))
  smoothed = jnp.moveaxis(smoothed, 0, -2)  # (..., frames, bands)
  # x / (epsilon + m) ** gain
  controlled = mel * jnp.exp(-gain * jnp.log(epsilon + smoothed))
  # (c + bias) ** power - bias ** power; expm1 and log1p keep the digits of
  # quiet frames, where the two powers nearly cancel.
  return bias**power * jnp.expm1(power * jnp.log1p(controlled / bias)), state


def _frames_at(
  values: jax.Array, index: np.ndarray, num_frames: jax.Array | None
) -> jax.Array:
  """Takes frames by index (frames,), repeating the first and the last."""
  if num_frames is None:
    return values[..., np.clip(index, 0, values.shape[-2] - 1), :]
  last = num_frames[..., None, None] - 1  # (..., 1, 1)
  # An empty utterance has last = -1, and clip needs its bounds in order.
  last = jnp.maximum(last, 0)
  clipped = jnp.clip(_along(index, last, -2), 0, last)  # (..., frames, 1)
  return jnp.take_along_axis(values, clipped, axis=-2)


def _along(vector: np.ndarray, like: jax.Array, axis: int) -> np.ndarray:
  """Reshapes a vector to one axis of an array with the rank of `like`."""
  shape = [1] * like.ndim
  shape[axis] = -1
  return vector.reshape(shape)
