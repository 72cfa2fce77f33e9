"""Bytes behind the sound of a file: tags, filling, or sound that is left out.

A header whose size of the sound is too small has decoders end there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO

LEFT_OUT_S = 0.1  # sound behind the sound that is not passed over
MAX_HEADER = 1 << 20  # bytes before the sound that are kept for a repair
TOO_MUCH_BEFORE = 'holds more than a MiB before its sound'
NO_SIZE = (
  'says 0 bytes of sound in its header, as a program leaves it that writes to '
  'a pipe or is stopped; it was read to its end'
)
IGNORE_LENGTH = 'write it again with sox --ignore-length FILE NEW.wav'
_SEARCHED = 1 << 16  # bytes at a time


def longer(promised_s: float, more_s: float, cure: str = IGNORE_LENGTH) -> str:
  """Says that sound follows behind the end that a header states."""
  return (
    f'is longer than its header says: {promised_s:.2f} s are promised, and '
    f'{more_s:.2f} s more follow; {cure}'
  )


def past_tags(file: BinaryIO, place: int) -> int:
  """Returns the place behind the tags ID3v2 that begin at a place.

  Taggers append them without a chunk of the container. A byte that makes their
  place even may come before; without a tag it is not passed over.
  """
  while True:
    for start in (place, place + place % 2):
      file.seek(start)
      if length := _tag_bytes(file.read(10)):
        place = start + length
        break
    else:
      return place


def _tag_bytes(head: bytes) -> int:
  """Returns the length of a tag ID3v2 by its first ten bytes, 0 if it is none."""
  if len(head) < 10 or head[:3] != b'ID3':
    return 0
  version, revision, flags, *sizes = head[3:]
  known = 2 <= version <= 4 and revision < 0xFF and not flags & 0x0F
  if not known or any(size > 0x7F for size in sizes):
    return 0
  a, b, c, d = sizes  # seven bits each
  length = 10 + (a << 21 | b << 14 | c << 7 | d)
  return length + 10 if flags & 0x10 else length  # with a foot


def found(
  file: BinaryIO,
  end: int,
  alignments: tuple[int, ...],
  is_another: Callable[[int], bool],
  is_chunk: Callable[[int], bool],
) -> tuple[str, int]:
  """Says what lies behind the sound, and where it begins behind any tags.

  Args:
    file: the file.
    end: where the sound ends by its header.
    alignments: of which multiples what follows may begin at, in this order.
    is_another: whether another recording begins at a byte.
    is_chunk: whether a chunk of the container does.

  Returns:
    'another' recording, 'sound' that no header speaks of, or '' for chunks,
    zeros and other things that may be there.
  """
  place = past_tags(file, end)
  starts = [-(-place // each) * each for each in alignments]
  for start in starts:
    if is_another(start):
      return 'another', start
  if any(map(is_chunk, starts)):
    return '', place
  return 'sound' if holds_more(file, place) else '', place


def holds_more(file: BinaryIO, place: int) -> bool:
  """Tells whether more than zeros follow, to the end: silence may come first."""
  file.seek(place)
  while block := file.read(_SEARCHED):
    if block.strip(b'\0'):
      return True
  return False
