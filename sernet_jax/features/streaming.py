"""MFCC of sound that arrives in chunks.

  state = stream_init(spec)
  for chunk in chunks:                       # all of one size
    state, frames = stream_step(state, chunk, spec)
    use(frames.values[frames.mask])
  last = stream_end(state, spec)             # only with padding

The frames are those that `mfcc` gives for the whole sound. The number that a
chunk completes varies from step to step if the hop does not divide the chunk,
but a compiled result has one shape: so the frames are padded to the largest
number possible, and come with a mask.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from sernet_jax.common.errors import require
from sernet_jax.features import arrays, framing
from sernet_jax.features.spec import MfccSpec, require_spec
from sernet_jax.features.spectral import mfcc_of_frames


class StreamState(NamedTuple):
  """State between two chunks; arrays only, so that `lax.scan` can carry it.

  Attributes:
    tail: (..., frame_samples - 1), the last samples, zeros before the first.
    previous: (..., 1), the last sample before pre-emphasis.
    pending: int32 (), number of samples of the tail that the next frame begins
      with; below 0, number of coming samples that no frame holds.
    started: bool (), whether there was a frame.
  """

  tail: jax.Array
  previous: jax.Array
  pending: jax.Array
  started: jax.Array


class StreamFrames(NamedTuple):
  """Frames of one step.

  Attributes:
    values: (..., most, coefficients); 0 where there is no frame.
    mask: bool (most,), the true ones first.
  """

  values: jax.Array
  mask: jax.Array


def stream_init(
  spec: MfccSpec,
  leading: tuple[int, ...] = (),
  dtype: npt.DTypeLike = np.float32,
) -> StreamState:
  """Returns the state before the first sample.

  Args:
    spec: the front end; it must not look ahead (padding 'reflect', `top_db`).
    leading: leading dimensions of the chunks, for streams side by side.
    dtype: of the arithmetic, float32 or float64, for chunks of any type.

  Raises:
    InputError: if the front end looks ahead, or for another dtype.
  """
  _check_spec(spec)
  require(
    np.dtype(dtype) in (np.float32, np.float64),
    f'dtype is {np.dtype(dtype)}; give float32 or float64, the type of the '
    'arithmetic: chunks may be int16 all the same',
  )
  # Centered frames begin with half a frame of zeros, which the tail holds.
  pending = spec.frame_samples // 2 if spec.padding == 'zeros' else 0
  return StreamState(
    tail=jnp.zeros((*leading, spec.frame_samples - 1), dtype),
    previous=jnp.zeros((*leading, 1), dtype),
    pending=jnp.int32(pending),
    started=jnp.bool_(False),
  )


@arrays.compiled
def stream_step(
  state: StreamState, chunk: jax.Array, spec: MfccSpec
) -> tuple[StreamState, StreamFrames]:
  """Takes a chunk and returns the frames that it completes.

  Args:
    state: from `stream_init` or the step before.
    chunk: (..., samples) of any size; every new size is compiled anew. Types
      as for `spectrogram`.
    spec: the front end, static.

  Returns:
    The new state; and the frames, `most` of which is samples / hop_samples
    rounded up.

  Raises:
    InputError: if the chunk's type or leading dimensions do not fit.
  """
  _check(spec, state)
  chunk = framing.as_float(chunk, 'chunk')
  require(
    chunk.ndim > 0
    and chunk.shape[:-1] == state.tail.shape[:-1]
    and chunk.size > 0,
    f'chunk has shape {chunk.shape}, but the stream was begun with leading '
    f'dimensions {state.tail.shape[:-1]}; give these and at least one sample',
  )
  chunk = chunk.astype(state.tail.dtype)
  previous = chunk[..., -1:]
  if spec.preemphasis and spec.preemphasis_over == 'waveform':
    chunk = framing.preemphasize(chunk, spec.preemphasis, state.previous)
  return _advance(state._replace(previous=previous), chunk, spec)


@arrays.compiled
def stream_end(state: StreamState, spec: MfccSpec) -> StreamFrames:
  """Returns the frames that reach into the padding behind the last sample.

  With padding 'zeros' these are the frames of the last half frame, with 'end'
  one frame if samples are left for it, with 'none' there are none.
  """
  _check(spec, state)
  leading, half = state.tail.shape[:-1], spec.frame_samples // 2
  if spec.padding == 'zeros':
    silence = jnp.zeros((*leading, half), state.tail.dtype)
    frames = _advance(state, silence, spec)[1]
    # The first half frame of `pending` is padding, no sample: a stream that
    # has had none has no frame either.
    some = jnp.logical_or(state.started, state.pending > half)
    return _first(frames.values, jnp.where(some, frames.mask.sum(), 0))
  silence = jnp.zeros((*leading, spec.frame_samples), state.tail.dtype)
  frames = _advance(state, silence, spec)[1]
  # The last frame held the first `overlap` of the pending samples already; one
  # sample more needs a frame of its own.
  overlap = spec.frame_samples - spec.hop_samples
  left_over = state.pending > jnp.where(state.started, overlap, 0)
  count = jnp.int32(left_over) if spec.padding == 'end' else jnp.int32(0)
  return _first(frames.values, count)


def _advance(
  state: StreamState, samples: jax.Array, spec: MfccSpec
) -> tuple[StreamState, StreamFrames]:
  """Appends pre-emphasized samples and returns the frames they complete."""
  length, hop = spec.frame_samples, spec.hop_samples
  size = samples.shape[-1]
  most = -(-size // hop)  # frames that so many samples can complete
  # (..., frame_samples - 1 + size); sample 0 of `samples` is at length - 1.
  known = jnp.concatenate([state.tail, samples], axis=-1)
  # The first frame begins at the first pending sample. Padding behind the
  # samples only reaches frames that the mask removes.
  begin = (length - 1) - state.pending
  reach = (most - 1) * hop + length
  # A slice that would end beyond the array is moved forward by XLA without a
  # word, so the array reaches as far as the latest beginning asks: with
  # `pending` 0, or length - hop where hops are longer than frames.
  room = max(length - 1, hop) + reach - known.shape[-1]
  sides = [(0, 0)] * (known.ndim - 1) + [(0, max(room, 0))]
  segment = jax.lax.dynamic_slice_in_dim(
    jnp.pad(known, sides), begin, reach, axis=-1
  )
  frames = framing.split(segment, most, spec)
  values = mfcc_of_frames(frames, spec)
  # As in `num_frames`: 1 + (samples - frame) // hop, at least 0.
  spare = state.pending + size - length
  count = jnp.maximum(1 + spare // hop, 0)
  state = state._replace(
    tail=known[..., size:],
    pending=(state.pending + size - count * hop).astype(jnp.int32),
    started=jnp.logical_or(state.started, count > 0),
  )
  return state, _first(values, count)


def _first(values: jax.Array, count: jax.Array) -> StreamFrames:
  """Masks all but the first `count` frames of (..., most, coefficients)."""
  mask = np.arange(values.shape[-2]) < count
  shape = (1,) * (values.ndim - 2) + (-1, 1)
  return StreamFrames(jnp.where(mask.reshape(shape), values, 0), mask)


def _check(spec: MfccSpec, state: StreamState) -> None:
  """Refuses what is not a state, and the front ends of `_check_spec`."""
  _check_spec(spec)
  require(
    isinstance(state, StreamState),
    f'state is {type(state).__name__}; give what stream_init or the step before '
    'returned',
  )


def _check_spec(spec: MfccSpec) -> None:
  """Refuses front ends that need samples of the future."""
  require_spec(spec)
  require(
    spec.padding != 'reflect',
    "padding is 'reflect', which needs samples that come later; a stream "
    "takes 'none', 'zeros' or 'end'",
  )
  require(
    spec.top_db is None,
    f'top_db is {spec.top_db}, which looks at the whole utterance; a stream '
    'takes top_db=None',
  )
