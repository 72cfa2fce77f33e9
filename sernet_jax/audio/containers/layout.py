"""Places of the sound in a file, where a header misleads decoders."""

from __future__ import annotations

import dataclasses
import io
import os
from typing import Any

_LEAST_CUT = 2048  # bytes of sound that may lack, with a note


@dataclasses.dataclass(frozen=True)
class Part:
  """One recording in a file.

  Attributes:
    start: its first byte.
    stop: the byte behind its last one.
    head: bytes put before them, a repaired header; `start` is behind the
      header then.
    frames: samples of a channel that are sound, if the decoder gives more.
  """

  start: int
  stop: int
  head: bytes = b''
  frames: int | None = None


@dataclasses.dataclass(frozen=True)
class Layout:
  """Result of a look at a container.

  Attributes:
    fault: why it cannot be read, to follow the name of the file: 'is empty'.
    notes: what is odd about it but does no harm, likewise.
    parts: the recordings that it holds one after the other; a single part
      that is the whole file is left to the decoder as it is.
    exact: whether the length that the decoder states is right.
  """

  fault: str = ''
  notes: tuple[str, ...] = ()
  parts: tuple[Part, ...] = ()
  exact: bool = True


class PartFile(io.RawIOBase):
  """A part of a file as a file of its own, which a decoder may seek in."""

  def __init__(self, path: str | os.PathLike[str], part: Part):
    super().__init__()
    self._file = open(path, 'rb')  # noqa: PTH123, SIM115 - closed below
    self._part = part
    self._size = len(part.head) + part.stop - part.start
    self._place = 0

  def readable(self) -> bool:
    """True: it is read only."""
    return True

  def seekable(self) -> bool:
    """True: decoders go back and forth."""
    return True

  def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
    """Goes to a byte, counted as `io.IOBase.seek` does."""
    origin = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._size}
    self._place = max(0, origin[whence] + offset)
    return self._place

  def tell(self) -> int:
    """Returns the byte that is read next."""
    return self._place

  def readinto(self, buffer: Any) -> int:
    """Fills a buffer; returns the number of bytes, 0 at the end."""
    view = memoryview(buffer).cast('B')
    wanted = max(0, min(len(view), self._size - self._place))
    done = 0
    while done < wanted:
      data = self._some(self._place, wanted - done)
      if not data:  # the file became shorter
        break
      view[done : done + len(data)] = data
      done += len(data)
      self._place += len(data)
    return done

  def _some(self, place: int, count: int) -> bytes:
    """Returns up to `count` bytes of the head or behind it."""
    head = self._part.head
    if place < len(head):
      return head[place : place + count]
    self._file.seek(self._part.start + place - len(head))
    return self._file.read(count)

  def close(self) -> None:
    """Closes the file."""
    self._file.close()
    super().close()


def sizes_differ(promised: int, there: int, header: int) -> tuple[str, str]:
  """Judges a header that promises more bytes of sound than there are.

  Recorders that write the size of the whole file for that of the sound promise
  a header too much; what lacks another number of bytes was cut off, but for a
  few that no header is too short for.

  Args:
    promised: bytes of sound by the header.
    there: bytes behind it.
    header: bytes of the header.

  Returns:
    (fault, note), one of which is ''.
  """
  missing = promised - there
  # Also one that counts all but its first eight bytes.
  if missing <= min(header, _LEAST_CUT) or missing in (header, header - 8):
    note = (
      f'promises {promised} bytes of sound in its header, {there} are there; '
      'they were read'
    )
    return '', note
  fault = (
    f'is cut short: its header promises {promised} bytes of sound, {there} are '
    'there'
  )
  return fault, ''
