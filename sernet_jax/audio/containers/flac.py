"""Length of FLAC (RFC 9639): what its header says, and what its end says.

The number of samples in the header is believed by decoders even if nobody
filled it in or it is wrong; the last frame numbers its samples.
"""

from __future__ import annotations

import mmap
import struct

from sernet_jax.audio.containers import behind
from sernet_jax.audio.containers.layout import Layout, Part

Bytes = bytes | mmap.mmap

_TAIL_BYTES = 1 << 20  # of the end that are searched for the last frame
_SIZES = {1: 192, **{k: 144 << k for k in range(2, 6)}}
_SIZES |= {k: 1 << k for k in range(8, 16)}
# The first block of metadata: its type (0) and length (34), last or not.
_FIRST_BLOCKS = (b'fLaC\0\0\0\x22', b'fLaC\x80\0\0\x22')


def _table(polynomial: int, bits: int) -> tuple[int, ...]:
  """Returns the remainders of all bytes for a CRC without reflection."""
  top, mask = 1 << bits - 1, (1 << bits) - 1
  table = []
  for byte in range(256):
    value = byte << bits - 8
    for _ in range(8):
      value = (value << 1 ^ (polynomial if value & top else 0)) & mask
    table.append(value)
  return tuple(table)


_CRC8, _CRC16 = _table(0x07, 8), _table(0x8005, 16)


def layout(data: Bytes) -> Layout:
  """Finds the recordings in a FLAC file and checks their lengths."""
  starts = _starts(data)
  # Taggers put ID3v2 before it; behind anything else it is as the decoder says.
  if not starts or starts[0] != behind.tag_bytes(data[:10]):
    return Layout(exact=False)
  stops = [*starts[1:], len(data)]
  parts, notes, exact = [], [], True
  for start, stop in zip(starts, stops, strict=True):
    part, fault, note, sure = _part(data, start, stop)
    if fault:
      return Layout(fault)
    parts.append(part)
    notes += [note] if note else []
    exact &= sure
  return Layout('', tuple(dict.fromkeys(notes)), tuple(parts), exact)


def _starts(data: Bytes) -> list[int]:
  """Returns where recordings begin."""
  found: list[int] = []
  for mark in _FIRST_BLOCKS:
    at = data.find(mark)
    while at >= 0:
      # Block sizes and the rate that are not 0 make chance matches unlikely.
      if (
        data[at + 8 : at + 10] != b'\0\0' and data[at + 18 : at + 20] != b'\0\0'
      ):
        found.append(at)
      at = data.find(mark, at + 1)
  return sorted(found)


def _part(data: Bytes, start: int, stop: int) -> tuple[Part, str, str, bool]:
  """Returns a recording, its fault, its note, and whether its length is sure."""
  whole = Part(start, stop)
  info = data[start + 8 : start + 42]
  if len(info) < 34:
    return whole, 'is cut short: the file ends in its header', '', False
  stated = int.from_bytes(info[13:18], 'big') & (1 << 36) - 1
  end = last_sample(data, start, stop, stated)
  if end is None or end == stated:
    if not stated:
      fault = (
        'does not say how long it is, and its last frame is damaged; write it '
        'again with flac -d FILE and flac'
      )
      return whole, fault, '', False
    return whole, '', '', end is not None
  if 0 < end < stated:
    fault = (
      f'is cut short: its header promises {stated} samples, {end} are there'
    )
    return whole, fault, '', True
  note = f'says {stated} samples in its header, {end} are there and were read'
  if not stated:
    note = (
      'does not say how long it is, as FLAC that was written to a pipe; it was '
      'read to its end'
    )
  # The length is in the lower 36 bits of the bytes 13 to 17 of the block.
  high = int.from_bytes(info[13:18], 'big') >> 36 << 36
  head = data[start : start + 21] + (high | end).to_bytes(5, 'big')
  return Part(start + 26, stop, head), '', note, True


def last_sample(
  data: Bytes, start: int, stop: int, stated: int = 0
) -> int | None:
  """Returns the number of samples by the last frame; None if it is damaged.

  Args:
    data: the file.
    start: where the recording begins in it.
    stop: where it ends.
    stated: by the header; a frame that ends there needs no second check.
  """
  block = struct.unpack('>H', data[start + 8 : start + 10])[0]
  if data[stop - 128 : stop - 125] == b'TAG':  # of ID3, behind the sound
    stop -= 128
  low = max(start + 42, stop - _TAIL_BYTES)
  tail = data[low:stop]
  at = len(tail)
  while (at := tail.rfind(b'\xff', 0, at)) >= 0:
    end = _frame_end(tail[at : at + 16], block)
    if end is None:
      continue
    if end == stated or _crc(tail[at:], _CRC16, 16) == 0:
      return end
  return None


def _frame_end(head: bytes, block: int) -> int | None:
  """Returns the sample behind the frame that begins here, or None.

  Args:
    head: of the frame, 16 bytes or what is left.
    block: samples of all frames but the last, if they are alike.
  """
  if len(head) < 6 or head[1] & 0xFE != 0xF8 or head[3] & 1:
    return None
  size_code, rate_code = head[2] >> 4, head[2] & 15
  # The number of the frame or sample, as UTF-8 writes a character: leading
  # ones count the bytes, which have six bits each from the second on.
  lead = head[4]
  ones = 8 - (lead ^ 0xFF).bit_length()
  more = max(0, ones - 1)
  at = 5 + more
  extra = {6: 1, 7: 2}.get(size_code, 0)
  rate_bytes = {12: 1, 13: 2, 14: 2}.get(rate_code, 0)
  length = at + extra + rate_bytes + 1
  if ones in (1, 8) or not size_code or rate_code == 15 or length > len(head):
    return None
  if _crc(head[:length], _CRC8, 8):
    return None
  number = lead & (0x7F >> ones if ones else 0x7F)
  for byte in head[5:at]:
    number = number << 6 | byte & 0x3F
  if extra:
    size = 1 + int.from_bytes(head[at : at + extra], 'big')
  else:
    size = _SIZES.get(size_code, 0)
  # Frames of one size are numbered, others give their first sample.
  return number + size if head[1] & 1 else number * block + size


def _crc(data: bytes, table: tuple[int, ...], bits: int) -> int:
  """Computes the remainder of bytes with their check behind them: 0 if right."""
  value, mask = 0, (1 << bits) - 1
  for byte in data:
    value = (value << 8 ^ table[(value >> bits - 8 ^ byte) & 255]) & mask
  return value
