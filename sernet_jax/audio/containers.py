"""Containers of recordings: their suffixes, and faults decoders ignore.

libsndfile reads what is left of a WAV or OGG file that was cut short and
reports nothing. Here the container is read far enough to notice.
"""

from __future__ import annotations

import os
import pathlib
import struct
from typing import BinaryIO

# Files with these suffixes are recordings in a folder that a command searches.
SUFFIXES = (
  '.aif',
  '.aifc',
  '.aiff',
  '.au',
  '.caf',
  '.flac',
  '.mp3',
  '.oga',
  '.ogg',
  '.opus',
  '.rf64',
  '.snd',
  '.w64',
  '.wav',
  '.wave',
)

# Programs that write to a pipe cannot go back to fill in the size; they leave
# the largest number, or one near 2 GiB. Such a size promises nothing.
_UNKNOWN_SIZE = 0x7FFF_F000
_OGG_PAGE_BYTES = 27 + 255 + 255 * 255  # header, lacing values, body


def fault(path: str | os.PathLike) -> str:
  """Returns what is wrong with the container, or '' if nothing is.

  Returns:
    A phrase to follow the name of the file: 'is empty (0 bytes)'.

  Raises:
    OSError: if the file cannot be read.
  """
  with pathlib.Path(path).open('rb') as file:
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    head = file.read(12)
    if not size:
      return 'is empty (0 bytes)'
    if head[:4] in (b'RIFF', b'RIFX', b'RF64') and head[8:] == b'WAVE':
      return _wav_fault(file, '>' if head[:4] == b'RIFX' else '<', size)
    if head[:4] == b'OggS':
      return _ogg_fault(file, size)
  return ''


def states_length(path: str | os.PathLike) -> bool:
  """Returns False for an MP3 file without the tag that holds its length.

  For such a file libsndfile estimates the length from the size: up to several
  times too long if the bit rate varies (measured: 694,080 for 145,152).
  """
  with pathlib.Path(path).open('rb') as file:
    head = file.read(10)
    if head[:3] != b'ID3' and not _is_mp3_frame(head):
      return True
    if head[:3] == b'ID3' and len(head) == 10:
      a, b, c, d = head[6:10]  # size of the ID3 tag, seven bits each
      file.seek(10 + (a << 21 | b << 14 | c << 7 | d))
    else:
      file.seek(0)
    frame = file.read(2048)
  return b'Xing' in frame or b'Info' in frame


def _is_mp3_frame(head: bytes) -> bool:
  """Checks for eleven set bits and a layer that is not the reserved one."""
  if len(head) < 2:
    return False
  return head[0] == 0xFF and head[1] >> 5 == 7 and head[1] & 6 != 0


def _wav_fault(file: BinaryIO, order: str, size: int) -> str:
  """Walks the chunks up to the sound and compares its size with the file's."""
  wide_size = None
  while len(header := file.read(8)) == 8:
    name, promised = struct.unpack(f'{order}4sI', header)
    start = file.tell()
    if name == b'ds64':
      body = file.read(16)
      if len(body) == 16:
        wide_size = struct.unpack(f'{order}QQ', body)[1]
    if name == b'data':
      break
    file.seek(start + promised + promised % 2)  # chunks begin at even bytes
  else:
    return 'is cut short: the file ends before the sound begins'
  there = size - start
  if promised == 0xFFFF_FFFF and wide_size is not None:
    promised = wide_size
  elif promised >= _UNKNOWN_SIZE:
    return ''
  if promised > there:
    return (
      f'is cut short: its header promises {promised} bytes of sound, {there} '
      'are there'
    )
  if not promised and there:
    return (
      f'holds no samples: its header says so, although {there} bytes follow, '
      'as after a program that was stopped while writing'
    )
  return ''


def _ogg_fault(file: BinaryIO, size: int) -> str:
  """Checks that the last page is whole and marked as the last."""
  file.seek(max(0, size - _OGG_PAGE_BYTES))
  tail = file.read()
  page = tail[tail.rfind(b'OggS') :]
  # Byte 5 holds flags (4: last page), byte 26 the number of lacing values,
  # whose sum is the size of the body.
  lacing = page[27 : 27 + page[26]] if len(page) > 26 else b''
  whole = len(page) > 26 and len(page) >= 27 + page[26] + sum(lacing)
  if whole and page[5] & 4:
    return ''
  return 'is cut short: the page that ends the stream is missing'
