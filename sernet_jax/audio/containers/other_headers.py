"""Sizes in the headers of AIFF, AU, W64, CAF, NIST SPHERE and VOC.

libsndfile reads what is left of such a file that was cut short and reports
nothing, or refuses it without a reason.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from typing import BinaryIO, NamedTuple

from sernet_jax.audio.containers import riff
from sernet_jax.audio.containers.layout import Layout, Part, sizes_differ

_UNKNOWN_AIFF = 0x7F00_0000  # and more: from a pipe
_HEAD_BYTES = 1 << 16
# A header whose second number of samples is below this share of the first one.
_LESS = 0.99
_ASF_DATA = bytes.fromhex('3626b2758e66cf11a6d900aa0062ce6c')
# Kind of a block with sound in VOC -> bytes before its samples.
_VOC_SOUND = {1: 2, 9: 12}
_MOST_BLOCKS = 100  # before the sound


class _Sound(NamedTuple):
  """Statement of a header about its sound.

  Attributes:
    start: where it begins.
    promised: its bytes.
    unknown: whether that means 'up to the end'.
    mark: what a second recording behind it would begin with.
    note: what is odd, to follow the name of the file.
  """

  start: int
  promised: int
  unknown: bool
  mark: bytes
  note: str = ''


# A fault, or None if the header does not say.
_Found = _Sound | str | None


def aiff(file: BinaryIO, size: int, base: int = 0) -> _Found:
  """Checks an AIFF or AIFC file (chunks as in IFF, big-endian)."""
  file.seek(base + 8)
  plain, frames, width = file.read(4) == b'AIFF', 0, 1
  while len(head := file.read(8)) == 8:
    name, promised = struct.unpack('>4sI', head)
    start = file.tell()
    if name == b'COMM' and plain and len(body := file.read(8)) == 8:
      channels, frames, bits = struct.unpack('>HIH', body)
      width = max(1, channels * -(-bits // 8))
    if name == b'SSND':
      # Eight bytes of its own stand before the sound.
      unknown = promised >= _UNKNOWN_AIFF
      held = (promised - 8) // width
      if not unknown and frames * _LESS > held:
        return (
          f'says {frames} samples in one place of its header and {held} in '
          'another; write it again with ffmpeg -i FILE NEW.wav'
        )
      return _Sound(start + 8, promised - 8, unknown, b'FORM')
    file.seek(start + promised + promised % 2)
  return 'is cut short: the file ends before the sound begins'


def asf(file: BinaryIO, size: int, base: int = 0) -> _Found:
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
  return 'is cut short: the file ends before the sound begins'


def au(file: BinaryIO, size: int, base: int = 0) -> _Found:
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
    return 'is cut short: the file ends before the sound begins'
  return _Sound(start, promised, unknown, head[:4])


def w64(file: BinaryIO, size: int, base: int = 0) -> _Found:
  """Checks a W64 file: chunks with names of 16 bytes and sizes of 8."""
  file.seek(base + 40)
  note = ''
  while len(head := file.read(24)) == 24:
    promised = struct.unpack('<Q', head[16:])[0]  # with the 24 bytes
    start = file.tell()
    if head[:4] == b'data':
      unknown = promised > 1 << 62
      return _Sound(start, promised - 24, unknown, b'riff', note)
    if promised < 24:
      break
    if head[:4] == b'fmt ':
      note = riff.contradiction(file.read(min(promised - 24, 64)))
    file.seek(start - 24 + (promised + 7) // 8 * 8)
  return 'is cut short: the file ends before the sound begins'


def caf(file: BinaryIO, size: int, base: int = 0) -> _Found:
  """Checks a CAF file: chunks with 64-bit sizes, -1 for up to the end."""
  file.seek(base + 8)
  while len(head := file.read(12)) == 12:
    name, promised = struct.unpack('>4sq', head)
    start = file.tell()
    if name == b'data':
      return _Sound(start, promised, promised == -1, b'caff')
    if promised < 0:
      break
    file.seek(start + promised)
  return 'is cut short: the file ends before the sound begins'


def sphere(file: BinaryIO, size: int, base: int = 0) -> _Found:
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
  if not promised:
    return None
  return _Sound(start, promised, False, b'NIST')


def voc(file: BinaryIO, size: int, base: int = 0) -> _Found:
  """Checks a VOC file: blocks of a byte for their kind and three for a size."""
  file.seek(base + 20)
  place = base + int.from_bytes(file.read(2), 'little')
  for _ in range(_MOST_BLOCKS):
    file.seek(place)
    head = file.read(4)
    if len(head) < 4:
      return 'is cut short: the file ends before the sound begins'
    promised = int.from_bytes(head[1:], 'little')
    if head[0] in _VOC_SOUND:
      own = _VOC_SOUND[head[0]]
      return _Sound(place + 4 + own, promised - own, False, b'Creative')
    place += 4 + promised
  return None


_READERS: dict[str, Callable[[BinaryIO, int, int], _Found]] = {
  'an AIFF file': aiff,
  'a WMA file': asf,
  'an AU file': au,
  'a W64 file': w64,
  'a CAF file': caf,
  'a NIST SPHERE file': sphere,
  'a VOC file': voc,
}
NAMES = tuple(_READERS)


def layout(name: str, file: BinaryIO, size: int) -> Layout:
  """Finds the recordings in a file of `size` bytes.

  Args:
    name: one of `NAMES`.
    file: the file.
    size: of it in bytes.
  """
  parts: list[Part] = []
  notes: list[str] = []
  base: int | None = 0
  while base is not None:
    found = _READERS[name](file, size, base)
    if isinstance(found, str):
      return Layout(found)
    if found is None:
      parts.append(Part(base, size))
      break
    fault, note, after = _checked(file, size, found)
    if fault:
      return Layout(fault)
    notes += [text for text in (note, found.note) if text]
    stop = size if after is None else after
    if found.mark == b'NIST':  # libsndfile takes all that follows for sound
      stop = min(stop, found.start + found.promised)
    parts.append(Part(base, stop))
    base = after
  return Layout('', tuple(dict.fromkeys(notes)), tuple(parts))


def _checked(
  file: BinaryIO, size: int, sound: _Sound
) -> tuple[str, str, int | None]:
  """Compares the size of the sound in a header with what is there.

  Returns:
    (fault, note, where another recording begins behind it or None).
  """
  there, promised = size - sound.start, sound.promised
  if sound.unknown:
    return '', '', None
  if promised > there:
    return *sizes_differ(promised, there, sound.start), None
  if promised <= 0:
    fault = 'holds no samples: its header says so'
    if there:
      fault += (
        f', although {there} bytes follow; write it again with sox '
        '--ignore-length FILE NEW.wav or ffmpeg -i FILE NEW.wav'
      )
    return fault, '', None
  end = sound.start + promised
  for after in (end, end + promised % 2, -(-end // 8) * 8):
    file.seek(after)
    if file.read(len(sound.mark)) == sound.mark:
      return '', '', after
  return '', '', None
