"""Settings of what training does to each example; off by default."""

from __future__ import annotations

import dataclasses

from sernet_jax.common.errors import (
  require,
  require_not_negative,
)

_SHARES = ('join', 'mixstyle', 'noise', 'room', 'narrow_band')


@dataclasses.dataclass(frozen=True)
class AugmentSpec:
  """Random changes of the training examples, drawn anew each epoch.

  At its default each does nothing. In the order in which they are applied:

  Attributes:
    speed: largest change of speed, 0.1 for factors from 1/1.1 to 1.1; time
      and frequencies change together, as on a tape.
    join: share of examples that are followed by another utterance of the
      same class and of another speaker; where the batch has none, as with
      `train.batches='speaker'`, none follows.
    mixup: alpha of Beta(alpha, alpha), with which two examples and their
      labels are blended, as sounds heard together; 0 for none.
    warp: largest change of the frequency axis alone (VTLP), as `speed`.
    room: share of examples with the tail of a room, 0.1 to 1 s long.
    noise: share of examples with noise, 0 to 30 dB below the speech.
    narrow_band: share of examples cut to the band of a telephone or a codec.
    gain_db: largest change of the level, either way.
    mixstyle: share of examples whose mean and deviation of every band are
      mixed with another example's (Freq-MixStyle).
    time_masks: runs of frames set to the utterance's mean.
    time_mask_frames: longest of these.
    band_masks: runs of bands set to the utterance's mean.
    band_mask_bands: widest of these.
  """

  speed: float = 0.0
  join: float = 0.0
  mixup: float = 0.0
  warp: float = 0.0
  room: float = 0.0
  noise: float = 0.0
  narrow_band: float = 0.0
  gain_db: float = 0.0
  mixstyle: float = 0.0
  time_masks: int = 0
  time_mask_frames: int = 20
  band_masks: int = 0
  band_mask_bands: int = 16

  def __post_init__(self) -> None:
    for field in dataclasses.fields(self):
      require_not_negative(f'augment.{field.name}', getattr(self, field.name))
    for name in _SHARES:
      share = getattr(self, name)
      require(
        share <= 1,
        f'augment.{name} is {share}; give a share of examples from 0 to 1',
      )
    for name in ('speed', 'warp'):
      change = getattr(self, name)
      require(
        change < 1,
        f'augment.{name} is {change}; give a change below 1, such as 0.1',
      )

  @property
  def any(self) -> bool:
    """True where something is changed."""
    return any(
      getattr(self, name)
      for name in (
        *_SHARES,
        'speed',
        'mixup',
        'warp',
        'gain_db',
        'time_masks',
        'band_masks',
      )
    )
