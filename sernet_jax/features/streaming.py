"""The MFCC of sound that arrives in chunks.

  state = stream_init(spec)
  for chunk in chunks:                       # all of one size
    state, frames = stream_step(state, chunk, spec)
    use(frames.values[frames.mask])
  last = stream_end(state, spec)             # only padding leaves any

Chunk by chunk this gives the frames that `mfcc` gives for the whole. How many
a chunk completes changes from step to step where the hop does not divide it,
but the shape of a compiled result cannot: so the frames come padded to the
most there can be, with a mask.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from sernet_jax.common.errors import require
from sernet_jax.features import framing
from sernet_jax.features.spec import MfccSpec
from sernet_jax.features.spectral import mfcc_of_frames


class StreamState(NamedTuple):
  """What one chunk leaves for the next; arrays only, so `lax.scan` takes it.

  Attributes:
    tail: (..., frame_samples - 1), the last samples, zeros before the first.
    previous: (..., 1), the last sample before pre-emphasis.
    pending: int32, samples of the tail that the next frame begins with; below
      0, samples yet to come that no frame holds.
    started: bool, whether there has been a frame.
  """

  tail: jax.Array
  previous: jax.Array
  pending: jax.Array
  started: jax.Array


class StreamFrames(NamedTuple):
  """Frames of one step.

  Attributes:
    values: (..., most, coefficients); 0 where there is no frame.
    mask: bool (most,), true ones first.
  """

  values: jax.Array
  mask: jax.Array


def stream_init(
  spec: MfccSpec, leading: tuple[int, ...] = (), dtype=np.float32
) -> StreamState:
  """The state before the first sample.

  Args:
    spec: the front end; without what looks ahead: padding 'reflect', `top_db`.
    leading: leading dimensions of the chunks, for streams side by side.
    dtype: of the arithmetic, float32 or float64, whatever the chunks are.

  Raises:
    InputError: if the front end looks ahead, or for another dtype.
  """
  _check(spec)
  require(
    np.dtype(dtype) in (np.float32, np.float64),
    f'dtype is {np.dtype(dtype)}; give float32 or float64, the type of the '
    'arithmetic: chunks may be int16 all the same',
  )
  # Centred frames begin with half a frame of zeros, which the tail holds.
  pending = spec.frame_samples // 2 if spec.padding == 'zeros' else 0
  return StreamState(
    tail=jnp.zeros((*leading, spec.frame_samples - 1), dtype),
    previous=jnp.zeros((*leading, 1), dtype),
    pending=jnp.int32(pending),
    started=jnp.bool_(False),
  )


@functools.partial(jax.jit, static_argnames='spec')
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
  _check(spec)
  chunk = framing.as_float(chunk)
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


@functools.partial(jax.jit, static_argnames='spec')
def stream_end(state: StreamState, spec: MfccSpec) -> StreamFrames:
  """The frames that reach into the padding behind the last sample.

  With padding 'zeros' those of the last half frame, with 'end' the last one
  if samples are left for it, with 'none' nothing.
  """
  _check(spec)
  leading, half = state.tail.shape[:-1], spec.frame_samples // 2
  if spec.padding == 'zeros':
    silence = jnp.zeros((*leading, half), state.tail.dtype)
    frames = _advance(state, silence, spec)[1]
    some = jnp.logical_or(state.started, state.pending > half)
    return _first(frames.values, jnp.where(some, frames.mask.sum(), 0))
  silence = jnp.zeros((*leading, spec.frame_samples), state.tail.dtype)
  frames = _advance(state, silence, spec)[1]
  overlap = spec.frame_samples - spec.hop_samples
  left_over = state.pending > jnp.where(state.started, overlap, 0)
  count = jnp.int32(left_over) if spec.padding == 'end' else jnp.int32(0)
  return _first(frames.values, count)


def _advance(state, samples, spec):
  """Appends samples (after pre-emphasis) and takes the finished frames."""
  length, hop = spec.frame_samples, spec.hop_samples
  size = samples.shape[-1]
  most = -(-size // hop)
  known = jnp.concatenate([state.tail, samples], axis=-1)
  # The first frame begins where the pending samples do. Whatever lies behind
  # the samples is for frames that the mask takes out.
  begin = (length - 1) - state.pending
  reach = (most - 1) * hop + length
  room = max(length - 1, hop) + reach - known.shape[-1]
  sides = [(0, 0)] * (known.ndim - 1) + [(0, max(room, 0))]
  segment = jax.lax.dynamic_slice_in_dim(
    jnp.pad(known, sides), begin, reach, axis=-1
  )
  frames = framing.split(segment, most, spec)
  values = mfcc_of_frames(frames, spec)
  spare = state.pending + size - length
  count = jnp.maximum(1 + spare // hop, 0)
  state = state._replace(
    tail=known[..., size:],
    pending=(state.pending + size - count * hop).astype(jnp.int32),
    started=jnp.logical_or(state.started, count > 0),
  )
  return state, _first(values, count)


def _first(values, count):
  """The first `count` of the frames."""
  mask = np.arange(values.shape[-2]) < count
  shape = (1,) * (values.ndim - 2) + (-1, 1)
  return StreamFrames(jnp.where(mask.reshape(shape), values, 0), mask)


def _check(spec):
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
