"""The kinds of features that a network can be fed with: one table.

A kind is a function of the front end with what people read about it; the table
loads no JAX. A new
kind is one more entry.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from sernet_jax.features.spec import MfccSpec

if TYPE_CHECKING:
  import jax


@dataclasses.dataclass(frozen=True)
class FeatureKind:
  """A kind of features.

  Attributes:
    function: that computes it, of `spectral`.
    title: of a picture of it.
    row: what one row of it is, for the axis of a picture.
  """

  function: str
  title: str
  row: str

  def compute(
    self, waveform: jax.typing.ArrayLike, spec: MfccSpec
  ) -> jax.Array:
    """Computes (..., samples) to float32 (..., frames, rows)."""
    from sernet_jax.features import spectral  # loads JAX

    return getattr(spectral, self.function)(waveform, spec)


KINDS = {
  'mfcc': FeatureKind('mfcc', 'MFCC', 'MFCC'),
  'log_mel': FeatureKind(
    'log_mel_spectrogram', 'Log-mel bands', 'log-mel band'
  ),
  'spectrogram': FeatureKind(
    'spectrogram', 'Spectrogram (magnitude)', 'FFT bin'
  ),
}
