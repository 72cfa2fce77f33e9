"""Settings that are fixed when examples are made of mel bands."""

from __future__ import annotations

import dataclasses

from sernet_jax.common.errors import require
from sernet_jax.features import kinds
from sernet_jax.features.spec import MfccSpec
from sernet_jax.training.sound.augment_spec import AugmentSpec

CROPS = ('center', 'random')


@dataclasses.dataclass(frozen=True)
class SoundSpec:
  """Length, place and changes of the training examples.

  Attributes:
    kind: of features, one of `kinds.OF_BANDS`.
    mfcc: the front end.
    num_frames: of an example.
    crop: 'center' or 'random', the part of a longer utterance that is taken.
    masked: whether the network looks at an utterance's own frames alone;
      shorter utterances then begin at the first frame.
    augment: the changes.
  """

  kind: str
  mfcc: MfccSpec
  num_frames: int
  crop: str
  masked: bool
  augment: AugmentSpec

  def __post_init__(self) -> None:
    require(
      self.kind in kinds.OF_BANDS,
      f'features.kind is {self.kind!r}, which has no mel bands to cut and '
      f'change; choose one of {", ".join(kinds.OF_BANDS)}, or leave data.crop, '
      'augment and model.pooling at their defaults',
    )
    reason = _unsupported(self.mfcc, self.augment)
    require(
      not reason,
      f'the front end has {reason}, which is not a function of single mel '
      "frames; choose features.preset='paper', or leave data.crop, augment and "
      'model.pooling at their defaults',
    )


def _unsupported(spec: MfccSpec, augment: AugmentSpec) -> str:
  """Names what a row every half hop does not give exactly; '' for nothing."""
  if spec.padding != 'none':
    return f'padding={spec.padding!r}'
  if spec.top_db is not None:
    return f'top_db={spec.top_db}'
  if spec.zeroth != 'cepstrum':
    return f'zeroth={spec.zeroth!r}'
  if spec.power != 1 and augment.any:  # changes are of magnitudes
    return f'power={spec.power}'
  if spec.hop_samples % 2:
    return f'an odd hop of {spec.hop_samples} samples'
  return ''
