"""Pages of Ogg (RFC 3533), and the recordings that they chain.

A stream may follow another in one file, which libsndfile does not notice: it
ends after the first. Of a damaged page it repeats other sound at the end.
"""

from __future__ import annotations

import mmap
import zlib

from sernet_jax.audio.containers import behind
from sernet_jax.audio.containers.layout import Layout, Part

Bytes = bytes | mmap.mmap

_FIRST, _LAST = 2, 4  # flags of a page
# What the first page of Vorbis, Opus, FLAC and Speex holds.
_SOUND = (b'\x01vorbis', b'OpusHead', b'\x7fFLAC', b'Speex')
_ONES = 0xFFFF_FFFF
# Bytes with their bits in the other order.
_MIRRORED = bytes(int(f'{byte:08b}'[::-1], 2) for byte in range(256))


def layout(data: Bytes) -> Layout:
  """Finds the recordings in an Ogg file."""
  starts: list[int] = []
  at, size = 0, len(data)
  tracks = most = 0  # streams of sound side by side
  head, last = False, False  # whether the last page seen begins, ends a stream
  while at < size:
    length = _page_bytes(data, at)
    if length is None:  # no page: the next one that is whole, or the end
      after = data.find(b'OggS', at + 1)
      rest = b'' if after >= 0 else data[at:]
      if rest and not (_is_tag(rest) and starts):
        return _cut(data, at)
      at = after if after >= 0 else size
      continue
    if at + length > size:
      return _cut(data, at)
    if not _is_whole(data[at : at + length]):
      return Layout(
        f'is damaged: the page at its byte {at} does not have the check that it '
        'says, so that decoders leave it out'
      )
    flags = data[at + 5]
    first = bool(flags & _FIRST)
    # Streams that run side by side begin with one page each, in a row.
    if first and not head:
      starts.append(at)
      tracks = 0
    if first:
      tracks += _is_sound(data, at)
      most = max(most, tracks)
    head, last = first, bool(flags & _LAST)
    at += length
  if not starts:
    return Layout('is cut short: its first page is missing')
  notes: tuple[str, ...] = ()
  if not last:
    notes = (
      'lacks the mark of its end, as some recorders leave it; it was read to '
      'its last page',
    )
  if most > 1:
    notes += (f'holds {most} tracks of sound; the first was read',)
  stops = [*starts[1:], size]
  parts = (Part(*ends) for ends in zip(starts, stops, strict=True))
  return Layout('', notes, tuple(parts))


def _page_bytes(data: Bytes, at: int) -> int | None:
  """Returns the length of the page at a byte; None if none begins there.

  A page that is cut off in its header has the length that lies behind the end
  of the file.
  """
  if data[at : at + 4] != b'OggS':
    return None
  if at + 27 > len(data):
    return 27
  count = data[at + 26]  # lacing values, whose sum is the size of the body
  lacing = data[at + 27 : at + 27 + count]
  return 27 + count + sum(lacing)


def _is_sound(data: Bytes, at: int) -> bool:
  """Tells whether the stream that begins with the page at a byte is sound."""
  start = at + 27 + data[at + 26]
  return data[start : start + 8].startswith(_SOUND)


def _is_whole(page: bytes) -> bool:
  """Tells whether a page has the check that it says: a CRC of 32 bits.

  That of `zlib` is the same but for the order of bits and what it inverts.
  """
  blank = page[:22] + bytes(4) + page[26:]
  value = zlib.crc32(blank.translate(_MIRRORED), _ONES) ^ _ONES
  return value.to_bytes(4, 'big').translate(_MIRRORED) == page[22:26]


def _is_tag(rest: bytes) -> bool:
  """Tells whether a tag ID3v2 or ID3v1, or zeros, are all that is left."""
  if rest[:3] == b'TAG' and len(rest) == 128:
    return True
  return not rest.strip(b'\0') or behind.tag_bytes(rest[:10]) == len(rest)


def _cut(data: Bytes, at: int) -> Layout:
  return Layout(
    f'is cut short: its last {len(data) - at} bytes are not a whole page'
  )
