"""A batch a few frames at a time, which a CPU keeps in its cache.

Arrays of a whole batch, their spectra above all, do not fit there, and what is
allocated anew for every call costs a CPU more than to compute a few frames
twice.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sernet_jax.features import framing
from sernet_jax.features.spec import MfccSpec

Tree = Any


# Frames of all utterances together that a CPU takes at a time: few enough for
# their spectra to stay in its cache, enough to fill a matrix product.
BLOCK_FRAMES = 1024


def fits_the_cache(samples: jax.Array, count: int) -> bool:
  """Whether the `count` frames of all `samples` together are one block."""
  if not all(isinstance(size, int) for size in samples.shape):
    return True  # any batch, in a program for export
  return math.prod(samples.shape[:-1]) * count <= BLOCK_FRAMES


class Blocks:
  """Frames of all utterances of a batch, few enough at a time for a cache.

  The blocks go along the frames, so that utterances may lie on several
  devices. The last block overlaps the one before instead of needing longer
  arrays.
  """

  def __init__(
    self,
    samples: jax.Array,
    count: int,
    spec: MfccSpec,
    raw: jax.Array | None,
  ):
    """Of `count` frames of (..., samples), padded.

    Args:
      samples: see `features_frames.padded`.
      count: frames of an utterance.
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
    self.margin = 0  # what `samples` lacks of padding
    self.ends: tuple[tuple[np.int32, jax.Array], ...] = ()
    if raw is not None:
      self._leave_out_padding(raw)

  def _leave_out_padding(self, raw):
    """Saves a copy of the batch where just the first and last block have any."""
    spec, length = self.spec, raw.shape[-1]
    margin = (self.samples.shape[-1] - length) // 2
    inner = self.starts[1:-1] * spec.hop_samples - margin
    if spec.padding not in ('zeros', 'reflect') or spec.preemphasis:
      return
    if not inner.size or inner[0] < 0 or inner[-1] + self.reach > length:
      return
    last = int(self.starts[-1]) * spec.hop_samples - margin
    first = framing.pad(raw[..., : self.reach], spec)
    final = framing.pad(raw[..., last:], spec)
    self.samples, self.margin = raw, margin
    self.ends = (
      (self.starts[0], first[..., : self.reach]),
      (self.starts[-1], final[..., margin:][..., : self.reach]),
    )

  def _frames(self, start):
    """The block that begins with frame `start`, (..., frames, samples)."""
    place = start * self.spec.hop_samples - self.margin
    piece = jax.lax.dynamic_slice_in_dim(
      self.samples, place, self.reach, axis=-1
    )
    for edge, end in self.ends:
      piece = jnp.where(start == edge, end, piece)
    return framing.split(piece, self.size, self.spec)

  def over(self, step: Callable[[jax.Array], Tree]) -> Tree:
    """What `step` makes of each block's frames, (blocks, ...)."""
    return jax.lax.map(lambda start: step(self._frames(start)), self.starts)

  def join(self, parts: jax.Array) -> jax.Array:
    """(blocks, ..., frames of a block, width) to (..., frames, width)."""
    own = self.count - (len(parts) - 1) * self.size  # frames of the last alone
    last = parts[-1][..., self.size - own :, :]
    others = jnp.moveaxis(parts[:-1], 0, -3)
    shape = (*others.shape[:-3], self.count - own, others.shape[-1])
    return jnp.concatenate([others.reshape(shape), last], axis=-2)
