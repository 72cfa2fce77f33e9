"""Settings and constants of the segments that recordings become."""

from __future__ import annotations

import dataclasses
from typing import Any

from sernet_jax.common.errors import (
  require,
  require_choice,
  require_positive,
  require_whole,
)

# A segment is divided by this percentile of its absolute values ...
PERCENTILE = 99.9
# ... plus float64's epsilon, which keeps silence from a division by 0.
EPSILON = 2.0**-52


MEAN = 'mean'  # of the channels
MOST_S = 3600  # of one segment


def require_channel(field: str, channel: str) -> None:
  """Raises `InputError` unless it is 'mean' or the number of a channel."""
  require(
    isinstance(channel, str),
    f"{field} is {channel!r}; give a string: '{MEAN}', or the number of a channel "
    "such as '0'",
  )
  require(
    channel == MEAN or (channel.isascii() and channel.isdigit()),
    f'{field} is {channel!r}; give mean, or the number of a channel from 0 on',
  )


@dataclasses.dataclass(frozen=True)
class AudioSpec:
  """Rate and segments of a recording, before features are computed from it.

  Attributes:
    sample_rate_hz: rate after resampling.
    duration_s: length of one segment.
    segments: 'center' for one centered segment of each utterance, 'all' for
      as many segments side by side as the utterance has room for.
    channel: 'mean' of the channels, or the number of one from 0 on.
  """

  sample_rate_hz: int = 16_000
  duration_s: float = 3.0
  segments: str = 'center'
  channel: str = 'mean'

  def __post_init__(self) -> None:
    require_whole('sample_rate_hz', self.sample_rate_hz)
    require_positive('duration_s', self.duration_s)
    require(
      self.num_samples >= 1 and self.duration_s <= MOST_S,
      f'duration_s is {self.duration_s}; give seconds that hold a sample at '
      f'least, at most {MOST_S}',
    )
    require_choice('segments', self.segments, ('center', 'all'))
    require_channel('data.channel', self.channel)

  def to_json(self) -> dict[str, Any]:
    """Returns its fields; a channel only if it is not the usual mean."""
    fields = dataclasses.asdict(self)
    if self.channel == MEAN:
      del fields['channel']  # as in files that are older than the field
    return fields

  @property
  def num_samples(self) -> int:
    """Number of samples of one segment."""
    return round(self.sample_rate_hz * self.duration_s)
