"""Statements of the headers of AIFF, AU, W64, CAF, NIST SPHERE and VOC.

Where the sound begins, how many bytes it has and how long they sound.
"""

from __future__ import annotations

import re
import struct
from typing import BinaryIO, Literal, NamedTuple

from sernet_jax.audio.containers import chunks, riff

NO_SOUND = 'is cut short: the file ends before the sound begins'
_UNKNOWN_AIFF = 0x7F00_0000  # and more: from a pipe
_HEAD_BYTES = 1 << 16
# A header whose second number of samples is below this share of the first one.
_LESS = 0.99
_ASF_DATA = bytes.fromhex('3626b2758e66cf11a6d900aa0062ce6c')
_VOC_EXTENDED = b'\x08'  # a block whose rate counts for the next one with sound
# Bits of a sample where they are not those that the header gives.
_AIFC_BITS = {b'ulaw': 8, b'ULAW': 8, b'alaw': 8, b'ALAW': 8, b'ima4': 4.25}
_AU_BITS = {1: 8, 2: 8, 3: 16, 4: 24, 5: 32, 6: 32, 7: 64, 23: 4, 25: 3, 26: 5}
_AU_BITS[27] = 8
_VOC_BITS = {4: 16}  # by the codec; 8 of all others that libsndfile reads


class Size(NamedTuple):
  """Place of a size in a header.

  Attributes:
    place: its first byte.
    length: its bytes.
    order: 'big' or 'little'.
    beside: bytes that it counts beside the sound.
    foot: bytes behind the sound, where nothing else follows.
    signed: whether it has a sign; libsndfile refuses -1 for 'up to the end'.
  """

  place: int
  length: int
  order: Literal['big', 'little']
  beside: int = 0
  foot: int = 0
  signed: bool = False


class Sound(NamedTuple):
  """Statement of a header about its sound.

  Attributes:
    start: where it begins.
    promised: its bytes.
    unknown: whether that means 'up to the end'.
    mark: what a second recording behind it would begin with.
    per_second: bytes that sound for a second, 0 if that is not known.
    size: which libsndfile believes; None if it reads to the end anyway.
    note: what is odd, to follow the name of the file.
    frames: samples of a channel, if libsndfile gives more.
  """

  start: int
  promised: int
  unknown: bool
  mark: bytes
  per_second: float = 0.0
  size: Size | None = None
  note: str = ''
  frames: int | None = None


# A fault, or None if the header does not say.
Found = Sound | str | None


def aiff(file: BinaryIO, size: int, base: int = 0) -> Found:
  """Checks an AIFF or AIFC file (chunks as in IFF, big-endian)."""
  file.seek(base + 8)
  plain, frames, width, per_second = file.read(4) == b'AIFF', 0, 1, 0.0
  for name, promised, _, start in chunks.AIFF.walk(file, base + 12):
    if name == b'COMM' and len(body := file.read(22)) >= 18:
      channels, count, bits = struct.unpack('>HIH', body[:8])
      if plain:
        frames, width = count, max(1, channels * -(-bits // 8))
      bits = -(-bits // 8) * 8 if plain else _AIFC_BITS.get(body[18:], bits)
      per_second = _extended(body[8:18]) * channels * bits / 8
    if name == b'SSND':
      # Eight bytes of its own stand before the sound.
      unknown = promised >= _UNKNOWN_AIFF
      held = (promised - 8) // width
      if not unknown and held > 0 and frames * _LESS > held:
        return (
          f'says {frames} samples in one place of its header and {held} in '
          'another; write it again with ffmpeg -i FILE NEW.wav'
        )
      place = Size(start - 4, 4, 'big', 8)
      return Sound(start + 8, promised - 8, unknown, b'FORM', per_second, place)
  return NO_SOUND


def _extended(number: bytes) -> float:
  """Returns a number of 80 bits (sign, exponent of 15 bits, 64 bits); 0 if odd."""
  exponent, digits = struct.unpack('>HQ', number)
  if not abs(exponent - 16_383) < 64:  # no rate
    return 0.0
  return float(digits * 2.0 ** (exponent - 16_383 - 63))


def asf(file: BinaryIO, size: int, base: int = 0) -> Found:
  """Checks an ASF file (WMA): objects with names of 16 bytes and sizes of 8."""
  place = base
  while place + 24 <= size:
    file.seek(place)
    name, promised = struct.unpack('<16sQ', file.read(24))
    if name == _ASF_DATA:
      # Without the length of a live stream, which is 0.
      if place + promised > size:
        return (
          f'is cut short: its header promises {place + promised - base} bytes, '
          f'{size - base} are there'
        )
      return None
    if promised < 24:
      return None
    place += promised
  return NO_SOUND


def au(file: BinaryIO, size: int, base: int = 0) -> Found:
  """Checks an AU file: six numbers, the second and third are sizes."""
  file.seek(base)
  head = file.read(24)
  if len(head) < 24:
    return 'is cut short: the file ends in its header'
  order = '>' if head[:4] == b'.snd' else '<'
  start, promised = struct.unpack(f'{order}II', head[4:12])
  unknown = promised == 0xFFFF_FFFF
  start += base
  if start > size:
    return NO_SOUND
  codec, rate_hz, channels = struct.unpack(f'{order}III', head[12:])
  per_second = rate_hz * channels * _AU_BITS.get(codec, 0) / 8
  place = Size(base + 8, 4, 'big' if order == '>' else 'little')
  return Sound(start, promised, unknown, head[:4], per_second, place)


def w64(file: BinaryIO, size: int, base: int = 0) -> Found:
  """Checks a W64 file: chunks with names of 16 bytes and sizes of 8."""
  fmt = b''
  for name, promised, _, start in chunks.W64.walk(file, base + 40):
    if name[:4] == b'data':
      seconds = riff.seconds(fmt, 1 << 20)
      return Sound(
        start,
        promised,
        promised > 1 << 61,
        b'riff',
        per_second=(1 << 20) / seconds if seconds else 0.0,
        note=riff.contradiction(fmt),
      )
    if name[:4] == b'fmt ':
      fmt = file.read(max(0, min(promised, 64)))
  return NO_SOUND


def caf(file: BinaryIO, size: int, base: int = 0) -> Found:
  """Checks a CAF file: chunks with 64-bit sizes, -1 for up to the end."""
  per_second = 0.0
  for name, promised, _, start in chunks.CAF.walk(file, base + 8):
    if name == b'data':
      # Four bytes of its own stand before the sound.
      place = Size(start - 8, 8, 'big', 4, signed=True)
      unknown = promised == -1
      return Sound(start + 4, promised - 4, unknown, b'caff', per_second, place)
    if name == b'desc' and len(body := file.read(24)) == 24:
      rate_hz, _, _, packet, frames = struct.unpack('>d4sIII', body)
      if 0 < rate_hz < 1e9 and frames:
        per_second = rate_hz * packet / frames
  return NO_SOUND


def sphere(file: BinaryIO, size: int, base: int = 0) -> Found:
  """Checks a NIST SPHERE file: lines of text, '-i' before a number."""
  file.seek(base)
  head = file.read(_HEAD_BYTES)
  match = re.match(rb'NIST_1A\s+(\d{1,6})\s', head)
  head = head[: int(match[1])] if match else b''
  numbers = {
    name.decode(): int(value)
    for name, value in re.findall(rb'(\w+) -i (\d{1,15})\s', head)
  }
  count = numbers.get('sample_count')
  width = numbers.get('sample_n_bytes')
  coding = re.search(rb'sample_coding -s\d+ (\S+)', head)
  if coding and b'shorten' in coding[1]:
    return 'is compressed with Shorten; unpack it with sph2pipe or w_decode'
  if not match or count is None or width is None:
    return None
  start = base + int(match[1])
  promised = count * width * numbers.get('channel_count', 1)
  per_second = numbers.get('sample_rate', 0) * width
  per_second *= numbers.get('channel_count', 1)
  return Sound(start, promised, False, b'NIST', per_second)


def voc(file: BinaryIO, size: int, base: int = 0) -> Found:
  """Checks a VOC file: blocks of a byte for their kind and three for a size."""
  file.seek(base + 20)
  first = base + int.from_bytes(file.read(2), 'little')
  extended = 0.0  # bytes of a second by a block before
  more = False
  for kind, promised, place, start in chunks.VOC.walk(file, first):
    if kind in chunks.VOC_SOUND:
      own = chunks.VOC_SOUND[kind]
      body = file.read(own)
      if len(body) < own:
        return NO_SOUND
      if kind == b'\1':
        width = 1
        # The time constant of a block is 256 - 1e6 / rate.
        per_second = extended or 1e6 / (256 - body[0])
      else:
        rate_hz, _, channels, codec = struct.unpack('<IBBH', body[:8])
        width = max(1, channels * _VOC_BITS.get(codec, 8) // 8)
        per_second = float(rate_hz * width)
      end = start + promised
      if chunks.VOC.begins(file, end, size):
        blocks = chunks.VOC.walk(file, end)
        more = more or any(block.name in chunks.VOC_MORE for block in blocks)
      if more:
        return (
          'has several blocks of sound, of silence or to be repeated, of which '
          'readers leave out some; write it again with sox FILE NEW.wav'
        )
      return Sound(
        start + own,
        promised - own,
        False,
        b'Creative',
        per_second,
        Size(place + 1, 3, 'little', own, 1),
        frames=(promised - own) // width if kind == b'\x09' else None,
      )
    more = more or kind in chunks.VOC_MORE
    if kind == _VOC_EXTENDED and len(body := file.read(2)) == 2:
      (constant,) = struct.unpack('<H', body)
      # Here it has 16 bits: 65536 - 256e6 / (rate * channels).
      extended = 256e6 / (65_536 - constant)
  return NO_SOUND
