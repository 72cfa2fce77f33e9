"""The kinds of features that a network can be fed with: one table.

A kind is a function of the front end with what people read about it; the table
loads no JAX. A new kind is one more entry.
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
    of_bands: whether it is made of mel bands frame by frame, see `finish`.
    cepstrum: whether bands go through the DCT.
    deltas: times that slopes over time are put behind, see `add_deltas`. A
      frame then depends on others.
  """

  function: str
  title: str
  row: str
  of_bands: bool = True
  cepstrum: bool = False
  deltas: int = 0

  def width(self, spec: MfccSpec) -> int:
    """Counts the rows of a frame."""
    if not self.of_bands:
      return spec.fft_size // 2 + 1
    if self.cepstrum:
      return spec.num_coefficients
    return (1 + self.deltas) * spec.num_mel_bands

  def static(self) -> FeatureKind:
    """Returns the kind of which slopes are put behind, or itself."""
    same = self.function, self.cepstrum, 0
    return next(
      kind
      for kind in KINDS.values()
      if (kind.function, kind.cepstrum, kind.deltas) == same
    )

  def compute(
    self,
    waveform: jax.typing.ArrayLike,
    spec: MfccSpec,
    num_frames: jax.Array | None = None,
  ) -> jax.Array:
    """Computes (..., samples) to float32 (..., frames, rows).

    Args:
      waveform: (..., samples).
      spec: the front end.
      num_frames: integers (...,), the frames that are an utterance's own and
        come first; None if all are. Slopes look at these alone.
    """
    from sernet_jax.features import spectral  # loads JAX

    values = getattr(spectral, self.function)(waveform, spec)
    return self._with_deltas(values, num_frames)

  def finish(
    self, values: jax.Array, spec: MfccSpec, num_frames: jax.Array | None
  ) -> jax.Array:
    """Makes the kind of compressed mel bands, which must be `of_bands`.

    Args:
      values: (..., frames, bands).
      spec: the front end.
      num_frames: as for `compute`.

    Returns:
      (..., frames, rows).
    """
    from sernet_jax.features import spectral

    assert self.of_bands
    if self.cepstrum:
      values = spectral.cepstrum(values, spec)
    return self._with_deltas(values, num_frames)

  def _with_deltas(
    self, values: jax.Array, num_frames: jax.Array | None
  ) -> jax.Array:
    if not self.deltas:
      return values
    from sernet_jax.features import postprocess

    return postprocess.add_deltas(
      values, order=self.deltas, num_frames=num_frames
    )


KINDS = {
  'mfcc': FeatureKind('mfcc', 'MFCC', 'MFCC', cepstrum=True),
  'log_mel': FeatureKind(
    'log_mel_spectrogram', 'Log-mel bands', 'log-mel band'
  ),
  'log_mel_deltas': FeatureKind(
    'log_mel_spectrogram',
    'Log-mel bands, deltas, delta-deltas',
    'log-mel band, delta or delta-delta',
    deltas=2,
  ),
  'spectrogram': FeatureKind(
    'spectrogram', 'Spectrogram (magnitude)', 'FFT bin', of_bands=False
  ),
}
# Kinds that examples cut from mel bands can be made into.
OF_BANDS = tuple(name for name, kind in KINDS.items() if kind.of_bands)
