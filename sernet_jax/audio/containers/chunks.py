"""Chunks of WAV, AIFF, CAF and W64, and the blocks of VOC: walked and known.

A chunk has a name and the size of what it holds; one of them holds the sound.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

# Kinds of blocks of VOC with sound -> bytes before the samples.
VOC_SOUND = {b'\1': 2, b'\x09': 12}
# A block that continues the one before, one of silence, one that says how often
# the blocks behind it are repeated.
VOC_MORE = (*VOC_SOUND, b'\2', b'\3', b'\6')
_VOC_KINDS = 9  # the highest
_SEARCHED = 1 << 16  # bytes at a time
_MOST = 1 << 16  # that are looked at
# Chunks that are known by their name, even where the file ends in them; any
# other four letters may be sound.
_KNOWN = frozenset(
  b'LIST|INFO|data|fact|PEAK|cue |plst|smpl|inst|acid|bext|iXML|axml|_PMX|cart|'
  b'chna|levl|umid|afsp|DISP|JUNK|junk|PAD |FLLR|id3 |ID3 |'
  # Of AIFF, whose chunks are alike.
  b'MARK|COMT|INST|MIDI|AESD|APPL|NAME|AUTH|(c) |ANNO'.split(b'|')
)
# Where one of them or a tag ID3v2 may begin.
KNOWN = re.compile(b'|'.join(map(re.escape, sorted({*_KNOWN, b'ID3'}))))


class Chunk(NamedTuple):
  """A chunk.

  Attributes:
    name: of its kind.
    size: bytes that it holds.
    begin: its first byte, that of its name.
    start: the first byte that it holds.
  """

  name: bytes
  size: int
  begin: int
  start: int


class Chunks(NamedTuple):
  """Form of the chunks of a container.

  Attributes:
    head: name and size, for `struct`.
    sound: what the name of the chunk with the sound begins with.
    pad: of which multiple each fills bytes.
    counted: bytes of the head that its size counts.
  """

  head: str
  sound: bytes
  pad: int = 2
  counted: int = 0

  def walk(self, file: BinaryIO, place: int) -> Iterator[Chunk]:
    """Yields one chunk after the other, the file read up to what it holds."""
    length = struct.calcsize(self.head)
    # File systems differ in how far behind its end a file can be sought.
    end = file.seek(0, os.SEEK_END)
    for _ in range(_MOST):
      if not 0 <= place <= end:
        return
      file.seek(place)
      head = file.read(length)
      if len(head) < length:
        return
      name, size = struct.unpack(self.head, head)
      size -= self.counted
      chunk = Chunk(name, size, place, place + length)
      yield chunk
      if size < 0:  # up to the end, or damaged
        return
      place = self._past(chunk)

  def behind(self, file: BinaryIO, place: int) -> int:
    """Returns the place behind a known chunk without sound, or the same place."""
    chunk = next(self.walk(file, place), None)
    if chunk is None or chunk.name not in _KNOWN or chunk.name == self.sound:
      return place
    return self._past(chunk)

  def _past(self, chunk: Chunk) -> int:
    """The place behind a chunk and what fills it up."""
    return chunk.start + -(-chunk.size // self.pad) * self.pad

  def begins(self, file: BinaryIO, place: int, size: int) -> bool:
    """Tells whether a chunk begins there in a file of `size`, or the file ends.

    Sound may begin with four letters too, but as a size the bytes behind them
    hardly ever fit into what is left of the file.
    """
    file.seek(place)
    name = file.read(4)
    if len(name) < 4 or (name in _KNOWN and self.pad == 2):
      return True
    if self.pad < 8 and not all(32 <= byte < 127 for byte in name):
      return False
    for chunk in self.walk(file, place):
      # The last one may lack what fills it.
      return 0 <= chunk.size < size - chunk.start + self.pad
    return False


def holds_more(file: BinaryIO, place: int) -> bool:
  """Tells whether more than zeros follow, to the end: silence may come first."""
  file.seek(place)
  while block := file.read(_SEARCHED):
    if block.strip(b'\0'):
      return True
  return False


WAV, RIFX = Chunks('<4sI', b'data'), Chunks('>4sI', b'data')
AIFF = Chunks('>4sI', b'SSND')
CAF = Chunks('>4sq', b'data', pad=1)
W64 = Chunks('<16sQ', b'data', pad=8, counted=24)


class Blocks:
  """Blocks of VOC: a byte for their kind, three for a size, 0 at the end."""

  sound = b'no'  # `stated` refuses more of it

  def walk(self, file: BinaryIO, place: int) -> Iterator[Chunk]:
    """Yields one block after the other, and what begins behind the last one."""
    for _ in range(_MOST):
      file.seek(place)
      head = file.read(4)
      if head[:1] == b'\0':
        yield Chunk(b'\0', 0, place + 1, place + 1)
      if len(head) < 4 or head[:1] == b'\0':
        return
      size = int.from_bytes(head[1:], 'little')
      yield Chunk(head[:1], size, place, place + 4)
      place += 4 + size

  def begins(self, file: BinaryIO, place: int, size: int) -> bool:
    """Tells whether blocks follow, up to one of kind 0 or the end."""
    for block in self.walk(file, place):
      if block.name == b'\0':
        file.seek(block.begin)
        another = file.read(8) == b'Creative'
        return another or not holds_more(file, block.begin)
      place = block.start + block.size
      if block.name[0] > _VOC_KINDS or place > size:
        return False
    return place == size


VOC = Blocks()
