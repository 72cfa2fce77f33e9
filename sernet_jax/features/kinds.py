"""The kinds of features that a network can be fed with: one table.

A kind is a function of the front end with what people read about it. A new
kind is one more entry.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import jax

from sernet_jax.features import spectral
from sernet_jax.features.spec import MfccSpec


@dataclasses.dataclass(frozen=True)
class FeatureKind:
  """A kind of features.

  Attributes:
    compute: (..., samples) and a spec -> float32 (..., frames, rows).
    title: of a picture of it.
    row: what one row of it is, for the axis of a picture.
  """

  compute: Callable[[jax.Array, MfccSpec], jax.Array]
  title: str
  row: str


KINDS = {
  'mfcc': FeatureKind(spectral.mfcc, 'MFCC', 'MFCC'),
  'log_mel': FeatureKind(
    spectral.log_mel_spectrogram, 'Log-mel bands', 'log-mel band'
  ),
  'spectrogram': FeatureKind(
    spectral.spectrogram, 'Spectrogram (magnitude)', 'FFT bin'
  ),
}
