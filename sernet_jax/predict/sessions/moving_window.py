"""Windows of a stream, each computed from where the one before it was.

What a window shares with the one before it is kept: the frames of its features
and the columns of the network's maps (`nn.incremental`). That needs one scale
for both. A window's own scale is the 99.9th percentile of its samples, so the
scale is held while that moves little, and everything is computed anew when it
has moved too far and after a gap.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import jax
import numpy as np

from sernet_jax.audio import segments
from sernet_jax.features import kinds
from sernet_jax.features.spec import MfccSpec, num_frames
from sernet_jax.nn import incremental
from sernet_jax.nn.spec import ModelSpec


def stands_alone(mfcc: MfccSpec) -> bool:
  """Tells whether a frame depends on its own samples alone."""
  over_all = mfcc.preemphasis and mfcc.preemphasis_over == 'waveform'
  return mfcc.padding == 'none' and mfcc.top_db is None and not over_all


def grid_samples(model: ModelSpec, mfcc: MfccSpec) -> int:
  """Samples that a hop should be a multiple of, to keep all but short maps.

  That is the frames that a column of the last but one pooled map stands for.
  """
  pools = [layer.pool for layer in model.layers('block')[:-2]]
  path = model.layers('path')[0].pool
  tall = [pool[0] for pool in (path, *pools) if pool is not None]
  return mfcc.hop_samples * math.prod(tall)


class MovingWindow:
  """Probabilities of the windows of one stream.

  Attributes:
    renewed: windows that were computed anew.
    advanced: windows of which only the new part was computed.
  """

  def __init__(
    self,
    kind: str,
    mfcc: MfccSpec,
    model: ModelSpec,
    num_samples: int,
    hop: int,
    weights: Any,
    held_db: float,
  ) -> None:
    """Compiles what a stream needs.

    Args:
      kind: of the features.
      mfcc: the front end; see `stands_alone`.
      model: the network.
      num_samples: of a window.
      hop: samples from window to window, a multiple of a frame's hop.
      weights: of one network, or [weights stacked along axis 0].
      held_db: the scale is held while the window's own is within so many dB
        of it.
    """
    assert stands_alone(mfcc) and hop % mfcc.hop_samples == 0
    self._kind, self._mfcc = kind, mfcc
    self._num_samples, self._hop = num_samples, hop
    self._weights, self._held_db = weights, held_db
    frames, new = num_frames(num_samples, mfcc), hop // mfcc.hop_samples
    self._plan = incremental.plan(model, frames, new)
    self.renewed = self.advanced = 0
    # Samples of the new frames in a window.
    self._begin = (frames - new) * mfcc.hop_samples
    self._end = (frames - 1) * mfcc.hop_samples + mfcc.frame_samples
    self._maps: incremental.Maps | None = None
    self._next, self._scale = 0, np.float32(1)
    self._compile()
    self.renewed = self.advanced = 0

  def _compile(self) -> None:
    """Compiles both ways, so that no sound has to wait for it."""
    loud = np.ones(self._num_samples, np.float32)
    for start in (0, self._hop):
      self(start, loud)
    self._maps = None

  def __call__(self, start: int, samples: np.ndarray) -> np.ndarray:
    """Computes a window.

    Args:
      start: of the window, in samples of the stream.
      samples: float32 (num_samples,), not scaled, not all 0.

    Returns:
      float32 (classes,). All frames count.
    """
    assert samples.shape == (self._num_samples,)
    follows = self._maps is not None and start == self._next
    self._next = start + self._hop
    own = segments.scale(samples)
    if follows and self._holds(own):
      new = segments.scaled(samples[self._begin : self._end], self._scale)
      # Frames stand alone (`stands_alone`), so that the features of these
      # samples are the last frames of the window.
      shares, self._maps = _advance(
        self._kind, self._mfcc, self._plan, self._weights, self._maps, new
      )
      self.advanced += 1
    else:
      self._scale = own
      waveform = segments.scaled(samples, own)
      shares, self._maps = _whole(
        self._kind, self._mfcc, self._plan, self._weights, waveform
      )
      self.renewed += 1
    return np.asarray(shares)

  def _holds(self, own: np.float32) -> bool:
    """Tells whether the held scale is close enough to a window's own."""
    return abs(20 * math.log10(own / self._scale)) <= self._held_db


def _shares(results: Any) -> tuple[jax.Array, incremental.Maps]:
  """Probabilities (classes,) of logits (1, classes), and the maps."""
  logits, maps = results
  return jax.nn.softmax(logits)[0], maps


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def _whole(
  kind: str,
  mfcc: MfccSpec,
  plan: incremental.Plan,
  weights: Any,
  waveform: jax.Array,
) -> tuple[jax.Array, incremental.Maps]:
  """Probabilities (classes,) of samples (num_samples,), and the maps."""
  x = kinds.KINDS[kind].compute(waveform[None], mfcc)[..., None]
  if isinstance(weights, dict):
    return _shares(incremental.whole(plan, weights, x))
  shares, maps = jax.lax.map(
    lambda one: _shares(incremental.whole(plan, one, x)), weights[0]
  )
  return shares.mean(axis=0), maps


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def _advance(
  kind: str,
  mfcc: MfccSpec,
  plan: incremental.Plan,
  weights: Any,
  maps: incremental.Maps,
  waveform: jax.Array,
) -> tuple[jax.Array, incremental.Maps]:
  """The same from the samples of the new frames and the last maps."""
  new = kinds.KINDS[kind].compute(waveform[None], mfcc)[..., None]
  if isinstance(weights, dict):
    return _shares(incremental.advance(plan, weights, maps, new))
  shares, maps = jax.lax.map(
    lambda pair: _shares(incremental.advance(plan, pair[0], pair[1], new)),
    (weights[0], maps),
  )
  return shares.mean(axis=0), maps
