"""A part of a recording, where one file holds several utterances."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Collection

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
    """Returns e.g. 'a.flac (1.5 to 3 s)', unlike parts unlike."""
    end = 'end' if self.end_s is None else f'{seconds(self.end_s)} s'
    return f'{self.path} ({seconds(self.start_s)} to {end})'


def seconds(value: float) -> str:
  """Returns the shortest text that no other number has, e.g. '1.5' or '3'."""
  return repr(float(value)).removesuffix('.0')


# A whole file, or a part of one.
Recording = str | os.PathLike[str] | Part


def is_among(recording: Recording, bad: Collection[str]) -> bool:
  """Tells whether a recording is one of the bad files, by their names.

  A part is bad under its own name, and where nothing can be made of its file.
  """
  whole = isinstance(recording, Part) and recording.path in bad
  return whole or str(recording) in bad
