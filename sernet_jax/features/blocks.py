"""Processes a batch a few frames at a time, which stay in a CPU's cache.

The spectra of a whole batch do not fit there, and allocating them anew for
every call costs a CPU more than computing a few frames twice.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from sernet_jax.features import framing
from sernet_jax.features.spec import MfccSpec

Tree = TypeVar('Tree')  # an array, or a tuple of arrays

# Frames of all utterances together in one block: few enough for their spectra
# to stay in the cache, enough for an efficient matrix product.
BLOCK_FRAMES = 1024


def fits_the_cache(samples: jax.Array, count: int) -> bool:
  """Tells whether `count` frames of each of the `samples` make one block."""
  if not all(isinstance(size, int) for size in samples.shape):
    return True  # a batch of unknown size, in a program for export
  return math.prod(samples.shape[:-1]) * count <= BLOCK_FRAMES


class Blocks:
  """Blocks of frames of all utterances of a batch.

  The blocks cut the axis of frames, so that the utterances may be sharded over
  devices. The last block overlaps the one before, so that all have one size
  and no array is padded.

  Attributes:
    samples: (..., samples), the waveforms.
    count: number of frames of an utterance.
    spec: the front end.
    size: number of frames of an utterance in one block.
    starts: int32 (blocks,), index of each block's first frame.
    reach: number of samples under one block.
    margin: number of samples of padding that `samples` lacks on the left.
    ends: (start, samples (..., reach)) of blocks that hold padding.
  """

  def __init__(
    self,
    samples: jax.Array,
    count: int,
    spec: MfccSpec,
    raw: jax.Array | None,
  ) -> None:
    """Plans the blocks.

    Args:
      samples: (..., samples), padded; see `framing.padded`.
      count: number of frames of an utterance.
      spec: the front end.
      raw: the waveforms before padding if all are full, or None.
    """
    self.samples, self.count, self.spec = samples, count, spec
    utterances = max(1, math.prod(samples.shape[:-1]))
    self.size = min(count, max(1, BLOCK_FRAMES // utterances))
    number = -(-count // self.size)
    starts = np.arange(number) * self.size
    self.starts = np.minimum(starts, count - self.size).astype(np.int32)
    self.reach = (self.size - 1) * spec.hop_samples + spec.frame_samples
    self.margin = 0
    self.ends: tuple[tuple[np.int32, jax.Array], ...] = ()
    if raw is not None:
      self._leave_out_padding(raw)

  def _leave_out_padding(self, raw: jax.Array) -> None:
    """Saves the padded copy of the batch if only its end blocks need it.

    All other blocks then read `raw`, (..., samples), at an offset of `margin`.
    """
    spec, length = self.spec, raw.shape[-1]
    margin = (self.samples.shape[-1] - length) // 2
    # First samples of the inner blocks in `raw`.
    inner = self.starts[1:-1] * spec.hop_samples - margin
    # Only these two pad both sides alike, and `raw` is without pre-emphasis.
    if spec.padding not in ('zeros', 'reflect') or spec.preemphasis:
      return
    if not inner.size or inner[0] < 0 or inner[-1] + self.reach > length:
      return  # padding reaches into an inner block
    last = int(self.starts[-1]) * spec.hop_samples - margin
    # The two end blocks are padded by themselves: their other side is padded
    # too, and cut off again. The last one may be a frame of which half lies in
    # `raw`: only with one sample before it can that half be mirrored.
    first = framing.pad(raw[..., : self.reach], spec)
    final = framing.pad(raw[..., last - 1 :], spec)
    self.samples, self.margin = raw, margin
    self.ends = (
      (self.starts[0], first[..., : self.reach]),
      (self.starts[-1], final[..., margin + 1 :][..., : self.reach]),
    )

  def _frames(self, start: jax.Array) -> jax.Array:
    """Returns the block from frame `start`, (..., size, frame_samples)."""
    first = start * self.spec.hop_samples - self.margin
    piece = jax.lax.dynamic_slice_in_dim(
      self.samples, first, self.reach, axis=-1
    )  # (..., reach)
    for edge, end in self.ends:
      piece = jnp.where(start == edge, end, piece)
    return framing.split(piece, self.size, self.spec)

  def over(self, step: Callable[[jax.Array], Tree]) -> Tree:
    """Maps `step` over the blocks' frames; results are (blocks, ...)."""
    return jax.lax.map(lambda start: step(self._frames(start)), self.starts)

  def join(self, parts: jax.Array) -> jax.Array:
    """Joins (blocks, ..., size, width) to (..., frames, width)."""
    own = self.count - (len(parts) - 1) * self.size  # only in the last block
    last = parts[-1][..., self.size - own :, :]  # (..., own, width)
    others = jnp.moveaxis(parts[:-1], 0, -3)  # (..., blocks - 1, size, width)
    shape = (*others.shape[:-3], self.count - own, others.shape[-1])
    return jnp.concatenate([others.reshape(shape), last], axis=-2)
