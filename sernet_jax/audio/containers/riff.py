"""Chunks of WAV, RF64 and BW64, up to the sound and behind it.

libsndfile reads what is left of a file that was cut short, believes a size
that does not fit its 32 bits, and takes a byte that only fills up for sound.
"""

from __future__ import annotations

import dataclasses
import struct
from typing import BinaryIO

from sernet_jax.audio.containers import behind, mpeg
from sernet_jax.audio.containers.chunks import RIFX, WAV, Chunks
from sernet_jax.audio.containers.layout import Layout, Part, sizes_differ

# What programs leave that write to a pipe and cannot go back: the largest
# number, or one near 2 GiB. Such a size promises nothing.
_UNKNOWN = (range(0x7FFF_F000, 0x8000_0001), range(0xFFFF_F000, 0x1_0000_0000))
_MAX_32 = 0xFFFF_FFFF
_FAR = 1 << 62  # more is unknown in 64 bits
_NAMES = (b'RIFF', b'RIFX', b'RF64', b'BW64')
_ROUNDED = 0.05
_MP3 = 0x55
_PCM = (1, 3, 0xFFFE)  # whole numbers, floating point, either
# Codecs that come in blocks: GSM 6.10, IMA and Microsoft ADPCM.
_BLOCK_CODECS = {0x31: 'GSM 6.10', 0x11: 'IMA ADPCM', 0x02: 'MS ADPCM'}


@dataclasses.dataclass
class _Header:
  """Chunks before the sound.

  Attributes:
    order: '<' or '>' of its numbers.
    base: where the file begins.
    start: where the sound begins.
    promised: its bytes.
    wide: whether `promised` has 64 bits.
    fmt: the chunk with the format.
    fact: samples of a channel by the chunk of that name.
    in_pieces: whether a list of pieces stands in place of the sound.
  """

  order: str
  base: int
  start: int = 0
  promised: int = 0
  wide: bool = False
  fmt: bytes = b''
  fact: int | None = None
  in_pieces: bool = False

  @property
  def chunks(self) -> Chunks:
    """Form of its chunks."""
    return RIFX if self.order == '>' else WAV

  def codec(self) -> tuple[int, int, int]:
    """Returns (tag, bytes of a block, samples of a channel in it)."""
    if len(self.fmt) < 16:
      return 0, 0, 1
    tag, _, _, _, align = struct.unpack(f'{self.order}HHIIH', self.fmt[:14])
    per_block = 1
    if tag in _BLOCK_CODECS and len(self.fmt) >= 20:
      (per_block,) = struct.unpack(f'{self.order}H', self.fmt[18:20])
    return tag, align, per_block

  def contradiction(self) -> str:
    """Says which numbers of the header do not fit each other, or ''."""
    if len(self.fmt) < 16:
      return ''
    tag, channels, rate_hz, per_second, align, bits = struct.unpack(
      f'{self.order}HHIIHH', self.fmt[:16]
    )
    _, _, per_block = self.codec()
    if tag in _PCM:
      fits = align == channels * -(-bits // 8) and per_second == rate_hz * align
    elif tag in _BLOCK_CODECS and per_block and align:
      expected = rate_hz * align / per_block  # which writers round
      fits = abs(per_second - expected) <= _ROUNDED * expected
    else:
      return ''
    if fits:
      return ''
    return (
      f'says {rate_hz} Hz, {channels} channels and {bits} bits in its header, '
      f'but also {align} bytes for {_samples(per_block)} of all channels and '
      f'{per_second} '
      'for a second, which does not fit; if one of the first is wrong, so is '
      'what was read'
    )

  def seconds(self, num_bytes: int) -> float:
    """Returns how long so many bytes sound; 0 if the header does not say."""
    if len(self.fmt) < 16:
      return 0.0
    (rate_hz,) = struct.unpack(f'{self.order}I', self.fmt[4:8])
    _, align, per_block = self.codec()
    return num_bytes / align * per_block / rate_hz if align and rate_hz else 0.0


def contradiction(fmt: bytes) -> str:
  """Says which numbers of a chunk `fmt ` do not fit each other, or ''."""
  return _Header('<', 0, fmt=fmt).contradiction()


def seconds(fmt: bytes, num_bytes: int) -> float:
  """Returns how long bytes sound by a chunk `fmt `; 0 if it does not say."""
  return _Header('<', 0, fmt=fmt).seconds(num_bytes)


def _samples(count: int) -> str:
  return 'a sample' if count == 1 else f'{count} samples'


def layout(file: BinaryIO, size: int, first: int = 0) -> Layout:
  """Finds the recordings in a WAV file of `size` bytes, from byte `first` on."""
  parts: list[Part] = []
  notes: list[str] = []
  base: int | None = first
  while base is not None:
    header = _walk(file, base)
    if header is None:
      return Layout('is cut short: the file ends before the sound begins')
    if header.in_pieces:
      return Layout(
        "holds its sound in pieces (a list 'wavl' of sound and silence), which is "
        'not read; save it again as a WAV with one chunk of sound'
      )
    fault, note, part, base = _measure(file, header, size)
    if fault:
      return Layout(fault)
    notes += [text for text in (note, header.contradiction()) if text]
    if header.codec()[0] == _MP3:
      found = _frames(file, header, part)
      if found.fault:
        return found
      parts += found.parts
      notes += found.notes
    else:
      parts.append(part)
  return Layout('', tuple(dict.fromkeys(notes)), tuple(parts))


def _walk(file: BinaryIO, base: int) -> _Header | None:
  """Reads the chunks up to the sound; None if the file ends before it."""
  file.seek(base)
  found = _Header('>' if file.read(12)[:4] == b'RIFX' else '<', base)
  wide = None
  for name, promised, _, start in found.chunks.walk(file, base + 12):
    if name == b'ds64':
      body = file.read(16)
      if len(body) == 16:
        wide = struct.unpack(f'{found.order}QQ', body)[1]
    elif name == b'fmt ':
      found.fmt = file.read(min(promised, 64))
    elif name == b'fact':
      body = file.read(4)
      if len(body) == 4:
        (found.fact,) = struct.unpack(f'{found.order}I', body)
    elif name == b'LIST' and file.read(4) == b'wavl':
      found.in_pieces = True
      return found
    elif name == b'data':
      found.start, found.promised = start, promised
      if wide is not None and promised == _MAX_32:
        found.promised, found.wide = wide, True
      return found
  return None


def _measure(
  file: BinaryIO, header: _Header, size: int
) -> tuple[str, str, Part, int | None]:
  """Finds where the sound ends.

  Returns:
    (fault, note, the recording, where the next one begins or None).
  """
  start, promised = header.start, header.promised
  there = size - start
  part = Part(header.base, size)
  fault = note = ''
  after: int | None = None
  body = min(promised, there)
  if header.wide:
    unknown = promised >= _FAR
  else:
    unknown = any(promised in sizes for sizes in _UNKNOWN) and (
      promised > there or promised >= 0xFFFF_F000
    )
  if unknown:
    body = behind.sound_end(file, start, size, header.chunks) - start
  elif promised > there:
    fault, note = sizes_differ(promised, there, start - header.base)
  elif not header.wide and there - promised > _MAX_32:
    # The size had no room for its upper bits.
    body += there - promised >> 32 << 32
    note = (
      f'says {promised} bytes of sound, {body} are there: its size does not '
      'fit into a WAV header; all were read'
    )
  elif promised < there:
    kind, place = behind.found(
      file,
      start + promised,
      (2, 1),
      is_another=lambda at: _is_wav(file, at),
      own=header.chunks,
    )
    more_s = header.seconds(size - place)
    if kind == 'another':
      after = place
      part = Part(header.base, after)
    elif kind == 'sound' and not promised:
      body = behind.sound_end(file, start, size, header.chunks) - start
      note = behind.NO_SIZE
    elif kind == 'sound' and more_s > behind.LEFT_OUT_S:
      fault = behind.longer(header.seconds(promised), more_s)
    elif kind == 'several':
      fault = behind.several(header.seconds(promised), header.seconds(place))
  head = b''
  if not fault and (body != min(promised, there) or promised >= _FAR):
    head, fault = _repaired(file, header, body)
    part = Part(start, start + body, head)
  return fault, note, _without_filling(part, header, body), after


def _is_wav(file: BinaryIO, place: int) -> bool:
  file.seek(place)
  head = file.read(12)
  return head[:4] in _NAMES and head[8:] == b'WAVE'


def _repaired(file: BinaryIO, header: _Header, body: int) -> tuple[bytes, str]:
  """Returns a header that states `body` bytes of sound, or a fault."""
  if header.start - header.base > behind.MAX_HEADER:
    return b'', behind.TOO_MUCH_BEFORE
  file.seek(header.base)
  before = file.read(header.start - header.base)
  whole = len(before) - 8 + body
  order = header.order
  fields = before[12:-4]
  if fields[:4] == b'ds64':  # whose sizes count no more
    fields = b'JUNK' + fields[4:]
  if whole <= _MAX_32:
    magic = b'RIFX' if order == '>' else b'RIFF'
    head = magic + struct.pack(f'{order}I', whole) + b'WAVE' + fields
    return head + struct.pack(f'{order}I', body), ''
  if order == '>':
    return b'', f'holds {header.seconds(body):.2f} s, more than RIFX can'
  # RF64 (EBU Tech 3306): 64-bit sizes in a chunk of their own.
  # 36: this chunk itself, 8 bytes of name and size and 28 of content.
  wide = struct.pack('<4sIQQQI', b'ds64', 28, whole + 36, body, 0, 0)
  full = struct.pack('<I', _MAX_32)
  return b'RF64' + full + b'WAVE' + wide + fields + full, ''


def _frames(file: BinaryIO, header: _Header, part: Part) -> Layout:
  """Finds the recordings in a part that holds MP3.

  libsndfile takes a length for it that its frames do not have.
  """
  stop = part.stop
  if not part.head:
    stop = min(stop, header.start + header.promised)
  file.seek(header.start)
  found = mpeg.layout(file.read(stop - header.start))
  shift = header.start
  parts = (
    dataclasses.replace(each, start=each.start + shift, stop=each.stop + shift)
    for each in found.parts
  )
  return dataclasses.replace(found, parts=tuple(parts))


def _without_filling(part: Part, header: _Header, body: int) -> Part:
  """Bounds the samples of a codec whose last block is filled up."""
  tag, align, per_block = header.codec()
  if tag not in _BLOCK_CODECS or not align or not per_block:
    return part
  frames = body // align * per_block
  fact = header.fact or 0
  if frames - per_block < fact < frames:
    frames = fact
  elif tag != 0x31 and body % align:
    return part  # a last block that is shorter
  return dataclasses.replace(part, frames=frames)
