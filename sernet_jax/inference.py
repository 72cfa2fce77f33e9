"""From prepared segments to probabilities, by one bundle or several.

A segment is what `audio.prepare` returns, the same as in training. Batches
have one size (or hold one segment) and short ones are padded, so that
everything compiles once.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import jax
import numpy as np

from sernet_jax import bundle as bundle_lib, feature_cache, folded
from sernet_jax.spec import AudioSpec, MfccSpec, require

BATCH = 16


def probabilities(
  bundle: bundle_lib.Bundle, waveforms: jax.typing.ArrayLike
) -> jax.Array:
  """The whole chain as one function that can be traced.

  Args:
    bundle: a model.
    waveforms: (batch, num_samples), each through `audio.prepare`.

  Returns:
    (batch, classes) float32; rows add up to 1.
  """
  features = feature_cache.KINDS[bundle.feature_kind](waveforms, bundle.mfcc)
  return folded.probabilities(bundle.model, bundle.folded, features[..., None])


_network = jax.jit(folded.probabilities, static_argnums=0)


class Recogniser:
  """Bundles of one kind, ready to run; an ensemble is the mean of them.

  Attributes:
    name: of the model, for people.
    bundle: the first of the bundles, for classes and specs.
  """

  def __init__(
    self,
    bundles: Sequence[bundle_lib.Bundle],
    name: str = '',
    batch: int = BATCH,
  ):
    require(len(bundles) > 0, 'there is no bundle; give at least one')
    first = bundles[0]
    for other in bundles[1:]:
      require(
        (other.model, other.mfcc, other.feature_kind, other.audio)
        == (first.model, first.mfcc, first.feature_kind, first.audio)
        and other.classes == first.classes,
        'the bundles of an ensemble differ in classes or specs; take those of '
        'one run',
      )
    self.bundle = first
    self.name = name or first.about.get('name', 'model')
    self._batch = batch
    self._weights = [jax.device_put(bundle.folded) for bundle in bundles]
    self._features = functools.partial(
      feature_cache.KINDS[first.feature_kind], spec=first.mfcc
    )

  @property
  def classes(self) -> tuple[str, ...]:
    """In the order of the probabilities."""
    return self.bundle.classes

  @property
  def audio(self) -> AudioSpec:
    """What a recording becomes first."""
    return self.bundle.audio

  @property
  def mfcc(self) -> MfccSpec:
    """The front end."""
    return self.bundle.mfcc

  @property
  def feature_kind(self) -> str:
    """'mfcc', 'log_mel' or 'spectrogram'."""
    return self.bundle.feature_kind

  def __call__(self, segments: np.ndarray) -> np.ndarray:
    """Probabilities of any number of segments.

    Args:
      segments: (segments, num_samples), each through `audio.prepare`.

    Returns:
      float32 (segments, classes), the mean over the bundles.
    """
    assert segments.ndim == 2
    assert segments.shape[1] == self.bundle.audio.num_samples
    found = [np.zeros((0, len(self.classes)), np.float32)]
    # A single segment, as a stream brings them, does not pay for a batch.
    batch = 1 if len(segments) == 1 else self._batch
    for start in range(0, len(segments), batch):
      part = segments[start : start + batch]
      padded = np.zeros((batch, part.shape[1]), np.float32)
      padded[: len(part)] = part
      features = self._features(padded)[..., None]
      votes = [
        np.asarray(_network(self.bundle.model, weights, features))
        for weights in self._weights
      ]
      found.append(np.mean(votes, axis=0)[: len(part)])
    return np.concatenate(found)
