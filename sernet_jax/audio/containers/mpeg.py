"""Frames of MP3 (ISO/IEC 11172-3, 13818-3), and the recordings they make up.

mpg123, which libsndfile uses, takes the length from the first tag of the file
and stops there, and takes a tag in the middle for a frame of sound. Without a
tag it estimates the length from the first frame and stops there too (measured:
5,832 samples of 10,368). Here the frames are counted one by one, and a tag with
their number is put before those that have none.
"""

from __future__ import annotations

import mmap
from typing import NamedTuple

from sernet_jax.audio.containers.layout import Layout, Part

Bytes = bytes | mmap.mmap

_RATES = (44_100, 48_000, 32_000)
# kbit/s by the index in the header, for layers I, II, III of MPEG-1 and I, II
# and III of MPEG-2; index 0 is a free rate, 15 not allowed.
_KBITS = {
  (1, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
  (1, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
  (1, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
  (2, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
  (2, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_KBITS[2, 3] = _KBITS[2, 2]


class Frame(NamedTuple):
  """The header of a frame: its bytes, and what a stream must keep alike."""

  num_bytes: int
  stream: tuple[int, int, int, bool]  # version, layer, rate in Hz, mono


def frame(data: Bytes | bytearray, at: int = 0) -> Frame | None:
  """Parses the frame that begins at a byte; None if none does."""
  head = data[at : at + 4]
  if len(head) < 4 or head[0] != 0xFF or head[1] < 0xE0:
    return None
  version, layer = head[1] >> 3 & 3, 4 - (head[1] >> 1 & 3)
  bits, rate = head[2] >> 4, head[2] >> 2 & 3
  # Version 1 and layer 0 (here 4) are reserved.
  if version == 1 or layer == 4 or bits in (0, 15) or rate == 3:
    return None
  first = version == 3  # MPEG-1; 2 is MPEG-2, 0 is MPEG-2.5
  rate_hz = _RATES[rate] // {3: 1, 2: 2, 0: 4}[version]
  bit_rate = 1000 * _KBITS[1 if first else 2, layer][bits - 1]
  padding = head[2] >> 1 & 1
  # Bits of a frame over 8: a layer I frame is 384 samples in slots of 4 bytes,
  # others are 1152, those of layer III of MPEG-2 576.
  if layer == 1:
    size = (12 * bit_rate // rate_hz + padding) * 4
  else:
    size = (72 if layer == 3 and not first else 144) * bit_rate // rate_hz
    size += padding
  return Frame(size, (version, layer, rate_hz, head[3] >> 6 == 3))


def begins(head: bytes) -> bool:
  """Tells whether two like frames follow each other, or one fills `head`."""
  one = frame(head)
  if one is None:
    return False
  other = frame(head, one.num_bytes)
  if other is None:
    return one.num_bytes == len(head)
  return one.stream == other.stream


def layout(data: Bytes) -> Layout:
  """Finds the recordings in an MP3 file.

  A tag that holds a number of frames (Xing, Info) begins a recording, and so
  does a change of rate or channels, or what follows the frames of a tag.
  """
  walk = _Walk(data)
  walk.run()
  notes: tuple[str, ...] = ()
  if walk.between:
    notes = (
      f'has {walk.between} bytes between its frames that are none, as a copy '
      'that was damaged; their sound is missing',
    )
  return Layout(walk.fault, notes, tuple(walk.parts))


class _Walk:
  """One pass over the frames of a file."""

  def __init__(self, data: Bytes) -> None:
    self._data = data
    self.parts: list[Part] = []
    self.fault = ''
    self.between = 0  # bytes in holes between frames
    self._start: int | None = None  # of the current recording
    self._sound_at = 0  # its first frame
    self._tagged = 0  # frames that its tag promises, 0 without one
    self._frames = 0
    self._stream: tuple[int, int, int, bool] | None = None

  def run(self) -> None:
    """Fills `parts` and `fault`."""
    data, at, size = self._data, 0, len(self._data)
    tag_at: int | None = None  # an ID3 tag in front of the next frame
    lost, lost_at = False, 0
    while at < size:
      skip = _tag_bytes(data, at)
      if skip:
        if tag_at is None and data[at : at + 3] == b'ID3':
          tag_at = at
        at += skip
        continue
      found = frame(data, at)
      # Where the row of frames was broken, two must follow each other.
      if found is None or (lost and not _follows(data, at, found)):
        lost_at = lost_at if lost else at
        lost = True
        at = _next_sync(data, at + 1)
        continue
      if lost and self._start is not None:
        self.between += at - lost_at
      lost = False
      promised = _promised(data, at, found)
      begin = at if tag_at is None else tag_at
      if tag_at is not None or self._begins(promised, found):
        self._end(begin)
        self._start, self._stream = begin, found.stream
        self._sound_at = at
        self._tagged = max(0, promised)
        self._frames = 0 if promised >= 0 else 1
      else:
        self._frames += 1
      tag_at = None
      at += found.num_bytes
    self._end(size)

  def _begins(self, promised: int, found: Frame) -> bool:
    """Tells whether this frame is the first of a recording."""
    return (
      self._start is None
      or promised >= 0
      or found.stream != self._stream
      or 0 < self._tagged <= self._frames
    )

  def _end(self, stop: int) -> None:
    """Closes the current recording."""
    if self._start is None:
      return
    if not self._tagged:
      head = _tag(self._data, self._sound_at, self._frames)
      self.parts.append(Part(self._sound_at, stop, head))
      return
    # Some programs count the frame of the tag itself.
    if self._frames < self._tagged - 1 and not self.fault:
      self.fault = (
        f'is cut short: its header promises {self._tagged} frames, '
        f'{self._frames} are there'
      )
    self.parts.append(Part(self._start, stop))


def _follows(data: Bytes, at: int, found: Frame) -> bool:
  after = frame(data, at + found.num_bytes)
  return after is not None and after.stream == found.stream


def _next_sync(data: Bytes, at: int) -> int:
  """Returns the next byte where a frame or a tag may begin, or the end."""
  places = (data.find(mark, at) for mark in (b'\xff', b'ID3'))
  return min((place for place in places if place >= 0), default=len(data))


def _tag_bytes(data: Bytes, at: int) -> int:
  """Returns the length of an ID3 or APE tag at a byte, 0 if none is there."""
  head = data[at : at + 16]
  if head[:3] == b'ID3' and len(head) > 9:
    a, b, c, d = head[6:10]  # seven bits each
    return 10 + (a << 21 | b << 14 | c << 7 | d) + 10 * (head[5] >> 4 & 1)
  if head[:3] == b'TAG':
    return 128
  if head[:8] == b'APETAGEX' and len(head) == 16:
    return 32 + int.from_bytes(head[12:16], 'little')
  return 0


def _promised(data: Bytes, at: int, found: Frame) -> int:
  """Returns the frames that a tag in this frame promises.

  Returns:
    -1 if it is a frame of sound, 0 if the tag does not say.
  """
  version, layer, _, mono = found.stream
  if layer != 3:
    return -1
  side = _side_bytes(version, mono)
  tag = data[at + 4 + side : at + 4 + side + 12]
  if tag[:4] not in (b'Xing', b'Info'):
    return -1
  return int.from_bytes(tag[8:12], 'big') if tag[7] & 1 else 0


def _side_bytes(version: int, mono: bool) -> int:
  """Length of the side information behind a header; a tag stands behind it."""
  if version == 3:
    return 17 if mono else 32
  return 9 if mono else 17


def _tag(data: Bytes, at: int, frames: int) -> bytes:
  """Makes a silent frame with a tag that says how many frames follow.

  Args:
    data: the file.
    at: where the first of them is, whose header it gets.
    frames: their number.
  """
  head = bytearray(data[at : at + 4])
  found = frame(head)
  assert found is not None
  version, layer, _, mono = found.stream
  if layer != 3:
    return b''
  head[1] |= 1  # no checksum
  size = 4 + _side_bytes(version, mono) + 12
  # The lowest bit rate whose frames have room for it.
  for bits in range(1, 15):
    head[2] = bits << 4 | head[2] & 15
    found = frame(head)
    if found is not None and found.num_bytes >= size:
      break
  assert found is not None
  tag = b'Xing' + (1).to_bytes(4, 'big') + frames.to_bytes(4, 'big')
  return (bytes(head) + bytes(size - 16) + tag).ljust(found.num_bytes, b'\0')
