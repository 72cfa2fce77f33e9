"""Takes waveforms, cuts them into frames, and masks the frames of padding."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from sernet_jax.common.errors import InputError, require
from sernet_jax.features import arrays
from sernet_jax.features.spec import (
  MfccSpec,
  least_samples,
  num_frames,
  require_spec,
)

INT16_SCALE = 32_768.0


def frame_mask(
  lengths: npt.ArrayLike | jax.Array, num_samples: int, spec: MfccSpec
) -> jax.Array:
  """Marks the frames of padded utterances that are their own.

  Args:
    lengths: integers (...,), samples of each utterance, clipped to 0 and
      `num_samples`. Or a bool mask (..., samples) that is True for the samples
      of the utterance, which come first: only their number is used.
    num_samples: to which the utterances are padded.
    spec: the front end.

  Returns:
    bool (..., frames); an utterance's frames come first.
  """
  require_spec(spec)
  lengths = _checked_lengths(lengths, num_samples)
  index = np.arange(num_frames(num_samples, spec))  # (frames,)
  count = num_frames(lengths, spec)[..., None]  # (..., 1)
  return index.reshape((1,) * (count.ndim - 1) + (-1,)) < count


def frames(
  waveform: jax.Array, spec: MfccSpec, lengths: jax.Array | None = None
) -> tuple[jax.Array, jax.Array | None]:
  """Pre-emphasizes and pads the waveform, and cuts it into frames.

  Args:
    waveform: (..., samples), floating point or int16.
    spec: the front end.
    lengths: as for `frame_mask`, one for each waveform; None if all are full.

  Returns:
    (..., frames, frame_samples), which samples behind an utterance's length do
    not influence; and the frame mask, None without `lengths`.

  Raises:
    InputError: as `features.spectrogram`.
  """
  samples, count, mask = padded(waveform, spec, lengths)
  return split(samples, count, spec), mask


def padded(
  waveform: jax.Array, spec: MfccSpec, lengths: jax.Array | None = None
) -> tuple[jax.Array, int, jax.Array | None]:
  """Checks, pre-emphasizes and pads a waveform, before it is split.

  Args:
    waveform: as for `frames`.
    spec: the front end.
    lengths: as for `frames`.

  Returns:
    (..., samples), padded; the number of frames; and the frame mask
    (..., frames), None without `lengths`.

  Raises:
    InputError: as `features.spectrogram`.
  """
  require_spec(spec)
  waveform = as_float(waveform)
  least = least_samples(spec)
  if waveform.ndim == 0 or waveform.shape[-1] < least:
    cure = 'so pad it'
    if waveform.ndim > 1 and waveform.shape[-2] >= least:
      # As soundfile reads them.
      cure = 'so turn (samples, channels) into (channels, samples)'
    raise InputError(
      f'waveform has shape {waveform.shape}; its last axis must hold at least '
      f'{least} samples (frame_samples is {spec.frame_samples}, padding '
      f'{spec.padding!r}), {cure}'
    )
  num_samples, mask = waveform.shape[-1], None
  if lengths is not None:
    lengths = _checked_lengths(lengths, num_samples)
    require(
      lengths.shape == waveform.shape[:-1],
      f'lengths count {lengths.shape} utterances, but waveform has shape '
      f'{waveform.shape}; give one length for each waveform',
    )
    mask = frame_mask(lengths, num_samples, spec)
  count = num_frames(num_samples, spec)
  if spec.preemphasis and spec.preemphasis_over == 'waveform':
    waveform = preemphasize(waveform, spec.preemphasis)
  return _padded(waveform, lengths, count, spec), count, mask


def pad(waveform: jax.Array, spec: MfccSpec) -> jax.Array:
  """Adds half a frame to both sides of (..., samples), as `spec.padding` says."""
  return _padded(waveform, None, 0, spec)


def as_float(waveform: jax.Array, name: str = 'waveform') -> jax.Array:
  """Converts to float32 (float64 stays), and int16 to [-1, 1]."""
  waveform = arrays.as_array(name, waveform)
  if waveform.dtype == jnp.int16:
    return waveform.astype(jnp.float32) / INT16_SCALE
  require(
    jnp.issubdtype(waveform.dtype, jnp.floating),
    f'{name} has dtype {waveform.dtype}; give real floating point samples in '
    '[-1, 1], or 16-bit integers (int16), which are divided by 32768',
  )
  return waveform.astype(jnp.promote_types(waveform.dtype, jnp.float32))


def preemphasize(
  waveform: jax.Array, factor: float, before: jax.Array | None = None
) -> jax.Array:
  """Computes x[n] - factor x[n - 1] along the last axis.

  Args:
    waveform: (..., samples).
    factor: usually 0.97.
    before: (..., 1), the sample before the first; None for 0.

  Returns:
    The shape of `waveform`.
  """
  if before is None:
    before = jnp.zeros_like(waveform[..., :1])
  previous = jnp.concatenate([before, waveform[..., :-1]], axis=-1)
  return waveform - factor * previous


def split(waveform: jax.Array, count: int, spec: MfccSpec) -> jax.Array:
  """Returns the first `count` frames, (..., count, frame_samples)."""
  return _split(waveform, count, spec.hop_samples, spec.frame_samples)


@functools.partial(jax.custom_jvp, nondiff_argnums=(1, 2, 3))
def _split(waveform: jax.Array, count: int, hop: int, length: int) -> jax.Array:
  """Gathers whole frames on a CPU, in the same loop that windows them.

  The derivative is that of slices everywhere: the transpose of a gather is a
  scatter, which is slow on a CPU and not deterministic on a GPU.
  """

  def frame(first: jax.Array) -> jax.Array:
    return jax.lax.dynamic_slice_in_dim(waveform, first, length, axis=-1)

  def gathered() -> jax.Array:
    first = np.arange(count, dtype=np.int32) * hop
    return jax.vmap(frame, out_axes=-2)(first)

  def sliced() -> jax.Array:
    return _sliced(waveform, count, hop, length)

  return jax.lax.platform_dependent(cpu=gathered, default=sliced)


@_split.defjvp
def _split_jvp(
  count: int,
  hop: int,
  length: int,
  primals: tuple[jax.Array],
  tangents: tuple[jax.Array],
) -> tuple[jax.Array, jax.Array]:
  (waveform,), (change,) = primals, tangents
  frames = _split(waveform, count, hop, length)
  return frames, _sliced(change, count, hop, length)


def _sliced(
  waveform: jax.Array, count: int, hop: int, length: int
) -> jax.Array:
  """Returns the same frames from slices of the whole waveform."""
  if length % hop == 0:
    # Slices of whole hops, concatenated, need no gather.
    per_frame = length // hop
    hops = waveform[..., : (count - 1) * hop + length]
    # (..., hops, hop)
    hops = hops.reshape(*waveform.shape[:-1], count - 1 + per_frame, hop)
    parts = [hops[..., i : i + count, :] for i in range(per_frame)]
    return jnp.concatenate(parts, axis=-1)  # (..., count, length)
  # (count, length)
  index = np.arange(count)[:, None] * hop + np.arange(length)
  return waveform[..., index]


def _checked_lengths(
  lengths: npt.ArrayLike | jax.Array, num_samples: int
) -> jax.Array:
  """Returns int32 (...,), clipped to 0 and `num_samples`."""
  lengths = arrays.as_array('lengths', lengths)
  if lengths.dtype == jnp.bool_:
    require(
      lengths.ndim > 0 and lengths.shape[-1] == num_samples,
      f'the sample mask has shape {lengths.shape}, but there are {num_samples} '
      'samples; give one value for each sample',
    )
    return lengths.sum(axis=-1, dtype=jnp.int32)
  require(
    jnp.issubdtype(lengths.dtype, jnp.integer),
    f'lengths have dtype {lengths.dtype}; give whole numbers of samples, or a '
    'bool mask of the samples',
  )
  return arrays.clipped(lengths, num_samples)


def _padded(
  waveform: jax.Array, lengths: jax.Array | None, count: int, spec: MfccSpec
) -> jax.Array:
  """Pads (..., samples) for `count` frames; zeros behind the `lengths`."""
  num_samples = waveform.shape[-1]
  half = spec.frame_samples // 2
  if spec.padding == 'reflect':
    return _reflected(waveform, lengths, half)
  if lengths is not None:
    index = np.arange(num_samples).reshape((1,) * lengths.ndim + (-1,))
    waveform = jnp.where(index < lengths[..., None], waveform, 0)
  if spec.padding == 'zeros':
    before, after = half, half
  elif spec.padding == 'end':
    reach = (count - 1) * spec.hop_samples + spec.frame_samples
    before, after = 0, max(reach - num_samples, 0)
  else:
    return waveform
  return jnp.pad(waveform, [(0, 0)] * (waveform.ndim - 1) + [(before, after)])


def _reflected(
  waveform: jax.Array, lengths: jax.Array | None, half: int
) -> jax.Array:
  """Adds `half` samples to both sides, mirrored about the end samples."""
  num_samples = waveform.shape[-1]
  if lengths is None:
    sides = [(0, 0)] * (waveform.ndim - 1) + [(half, half)]
    return jnp.pad(waveform, sides, mode='reflect')
  # Indices mirrored about sample 0, then about each utterance's last sample.
  source = np.abs(np.arange(-half, num_samples + half))
  source = source.reshape((1,) * lengths.ndim + (-1,))
  last = lengths[..., None] - 1  # (..., 1)
  index = jnp.clip(jnp.where(source > last, 2 * last - source, source), 0, last)
  index = jnp.maximum(index, 0)  # an empty utterance has last = -1
  mirrored = jnp.take_along_axis(waveform, index, axis=-1)
  return jnp.where(last >= 0, mirrored, 0)
