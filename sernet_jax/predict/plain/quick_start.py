"""The first segments of a process in numpy, the others with JAX.

Loading JAX and compiling or loading programs takes seconds, in which numpy
recognizes more than a hundred segments. A command on a few recordings needs
no more than that.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from sernet_jax.predict.bundle import Bundle
from sernet_jax.predict.bundled import Bundled
from sernet_jax.predict.plain import chain
from sernet_jax.predict.plain.arrays import Arrays
from sernet_jax.predict.sessions import waveform

if TYPE_CHECKING:
  from sernet_jax.predict.recognizer import Recognizer

# Starting JAX takes as long as some 300 segments in numpy.
MOST = 256


class QuickStart(Bundled):
  """Bundles of one kind; an ensemble is the mean of them.

  Probabilities in numpy are those of JAX to 1e-5, and usually to 1e-8.

  Args:
    bundles: as for `Recognizer`.
    name: of the model, for people.
    most: segments that are computed in numpy, of one network; None for all.
  """

  def __init__(
    self,
    bundles: Sequence[Bundle],
    name: str = '',
    most: int | None = MOST,
  ):
    super().__init__(bundles, name)
    self._left = most and most // len(bundles)

  def run(
    self, segments: np.ndarray, extras: tuple[str, ...] = ()
  ) -> np.ndarray:
    """Computes rows; see `Bundled.run`."""
    if self._left is not None:
      self._left -= len(segments)
      if self._left < 0:
        return self.with_jax.run(segments, extras)
    segments = waveform.checked(segments, self.audio.num_samples)
    # One at a time: its maps stay in the cache of a core.
    rows = [self._row(segment[None], extras) for segment in segments]
    return np.concatenate([self.no_rows(extras), *rows])

  @functools.cached_property
  def with_jax(self) -> Recognizer:
    """The same bundles on JAX, which is loaded for it."""
    from sernet_jax.predict import recognizer

    return recognizer.Recognizer(self.bundles, self.name)

  def _row(self, segment: np.ndarray, extras: tuple[str, ...]) -> np.ndarray:
    """Computes a segment (1, num_samples): (1, classes) or more."""
    out, shares, numbers = Arrays(), [], []
    for one in self.bundles:
      pooled = chain.embeddings(
        out, segment, one.feature_kind, one.mfcc, one.light_sernet, one.folded
      )
      logits = chain.head(out, pooled, one.light_sernet, one.folded)
      shares.append(out.softmax(logits))
      if self.dimensions and extras:
        head = one.folded['dimensions']
        found = pooled @ head['kernel'] + head['bias']
        numbers.append(np.clip(found, -1.0, 1.0))
    parts: list[np.ndarray] = [np.stack(shares).mean(axis=0, dtype=np.float32)]
    if numbers:
      parts.append(np.stack(numbers).mean(axis=0, dtype=np.float32))
    if 'embeddings' in extras:
      parts.append(pooled)
    return np.concatenate(parts, axis=1)
