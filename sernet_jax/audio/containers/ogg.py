"""Pages of Ogg (RFC 3533), and the recordings that they chain.

A stream may follow another in one file, which libsndfile does not notice: it
ends after the first.
"""

from __future__ import annotations

import mmap

from sernet_jax.audio.containers.layout import Layout, Part

Bytes = bytes | mmap.mmap

_FIRST, _LAST = 2, 4  # flags of a page


def layout(data: Bytes) -> Layout:
  """Finds the recordings in an Ogg file."""
  starts: list[int] = []
  at, size = 0, len(data)
  head, last = False, False  # whether the last page seen begins, ends a stream
  while at < size:
    length = _page_bytes(data, at)
    if length is None:  # no page: the next one that is whole, or the end
      after = data.find(b'OggS', at + 1)
      if after < 0:
        return _cut(data, at)
      at = after
      continue
    if at + length > size:
      return _cut(data, at)
    flags = data[at + 5]
    first = bool(flags & _FIRST)
    # Streams that run side by side begin with one page each, in a row.
    if first and not head:
      starts.append(at)
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


def _cut(data: Bytes, at: int) -> Layout:
  return Layout(
    f'is cut short: its last {len(data) - at} bytes are not a whole page'
  )
