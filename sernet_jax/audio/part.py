"""A part of a recording, where one file holds several utterances."""

from __future__ import annotations

import dataclasses
import math
import os

from sernet_jax.common.errors import require


@dataclasses.dataclass(frozen=True)
class Part:
  """A stretch of a recording.

  Attributes:
    path: the file.
    start_s: where it begins.
    end_s: where it ends; None for the end of the file.
  """

  path: str
  start_s: float = 0.0
  end_s: float | None = None

  def __post_init__(self) -> None:
    require(
      0 <= self.start_s < (math.inf if self.end_s is None else self.end_s),
      f'{self} does not end after it begins; correct its times',
    )

  def __str__(self) -> str:
    """Returns e.g. 'a.flac (1.5 to 3 s)'."""
    end = 'end' if self.end_s is None else f'{self.end_s:g} s'
    return f'{self.path} ({self.start_s:g} to {end})'


# A whole file, or a part of one.
Recording = str | os.PathLike[str] | Part
