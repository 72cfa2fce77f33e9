"""Bytes behind the sound of a file: tags, filling, or sound that is left out.

A header whose size of the sound is too small has decoders end there.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import BinaryIO

from sernet_jax.audio.containers.chunks import (
  KNOWN,
  Blocks,
  Chunks,
  holds_more,
)

LEFT_OUT_S = 0.1  # sound behind the sound that is not passed over
MAX_HEADER = 1 << 20  # bytes before the sound that are kept for a repair
TOO_MUCH_BEFORE = 'holds more than a MiB before its sound'
NO_SIZE = (
  'says 0 bytes of sound in its header, as a program leaves it that writes to '
  'a pipe or is stopped; it was read to its end'
)
IGNORE_LENGTH = 'write it again with sox --ignore-length FILE NEW.wav'
_TAIL_BYTES = 1 << 20  # of the end that are searched for tags


def longer(promised_s: float, more_s: float, cure: str = IGNORE_LENGTH) -> str:
  """Says that sound follows behind the end that a header states."""
  return (
    f'is longer than its header says: {promised_s:.2f} s are promised, and '
    f'{more_s:.2f} s more follow; {cure}'
  )


def several(first_s: float, more_s: float) -> str:
  """Says that a file has more than one chunk of sound."""
  told = f': {first_s:.2f} s are in the first and {more_s:.2f} s behind it'
  return (
    f'has several chunks of sound{told if first_s else ""}, of which readers '
    'take the first or the last; save it again as a WAV with one'
  )


def past_tags(file: BinaryIO, place: int) -> int:
  """Returns the place behind the tags ID3v2 that begin at a place.

  Taggers append them without a chunk of the container. A byte that makes their
  place even may come before; without a tag it is not passed over.
  """
  while True:
    for start in (place, place + place % 2):
      file.seek(start)
      if length := tag_bytes(file.read(10)):
        place = start + length
        break
    else:
      return place


def tag_bytes(head: bytes) -> int:
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
  own: Chunks | Blocks | None,
) -> tuple[str, int]:
  """Says what lies behind the sound, and where it begins behind any tags.

  Args:
    file: the file.
    end: where the sound ends by its header.
    alignments: of which multiples what follows may begin at, in this order.
    is_another: whether another recording begins at a byte.
    own: the chunks of the container, None if it has none.

  Returns:
    'another' recording, 'sound' that no header speaks of, or '' for chunks,
    zeros and other things that may be there; 'several' for chunks with more
    sound, and their bytes in place of the byte where they begin.
  """
  size = file.seek(0, os.SEEK_END)
  place = past_tags(file, end)
  starts = [-(-place // each) * each for each in alignments]
  for start in starts:
    if is_another(start):
      return 'another', start
  for start in starts:
    if own is not None and own.begins(file, start, size):
      return _among(file, start, size, is_another, own) or ('', place)
  return 'sound' if holds_more(file, place) else '', place


def _among(
  file: BinaryIO,
  place: int,
  size: int,
  is_another: Callable[[int], bool],
  own: Chunks | Blocks,
) -> tuple[str, int] | None:
  """Finds more sound among chunks, or another recording behind them."""
  more = None
  for chunk in own.walk(file, place):
    if chunk.name.startswith(own.sound):
      left = size - chunk.start
      more = (more or 0) + (min(chunk.size, left) if chunk.size >= 0 else left)
    elif more is None and is_another(after := past_tags(file, chunk.begin)):
      return 'another', after
  return None if more is None else ('several', more)


def sound_end(file: BinaryIO, start: int, size: int, own: Chunks | None) -> int:
  """Returns where sound ends whose size nobody filled in.

  That is the end of the file, or of what is left where tags and chunks that are
  known by their names fill the rest of it to the byte.

  Args:
    file: the file.
    start: where the sound begins.
    size: of the file.
    own: the chunks of the container, if those of the same names as in WAV.
  """
  low = max(start, size - _TAIL_BYTES)
  file.seek(low)
  for match in KNOWN.finditer(file.read(size - low)):
    place = begin = low + match.start()
    while place < size:
      after = past_tags(file, place)
      if after == place and own is not None:
        after = own.behind(file, place)
      if after == place:
        break
      place = after
    # The last one may lack the byte that makes its size even.
    if size <= place <= size + 1:
      return begin
  return size
