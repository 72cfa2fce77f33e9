"""Check of what containers of recordings say about themselves.

Decoders read what is left of a file that was cut short and report nothing,
end after the first of two recordings, or take for sound what is none. Here the
container is read far enough to notice.
"""

from __future__ import annotations

import dataclasses
import mmap
import os
import pathlib
import stat
from typing import BinaryIO

from sernet_jax.audio.containers import (
  behind,
  flac,
  mpeg,
  ogg,
  other_headers,
  riff,
  signatures,
)
from sernet_jax.audio.containers.layout import Layout
from sernet_jax.audio.containers.signatures import Signature

_HELD_BYTES = 1 << 26  # a larger file is mapped, not read

_BY_BYTES = {
  'an MP3 file': mpeg.layout,
  'an Ogg file': ogg.layout,
  'a FLAC file': flac.layout,
}


def look(path: str | os.PathLike[str]) -> tuple[Layout, Signature | None]:
  """Looks at a file's container.

  Returns:
    (where its sound lies and what is odd about it, what it is by its first
    bytes or None).

  Raises:
    OSError: if the file cannot be read.
  """
  # Opened only when it is known to end: a pipe would wait for a writer.
  fault = _no_file(os.stat(path).st_mode)  # noqa: PTH116 - bytes are paths too
  if fault:
    return Layout(fault), None
  with pathlib.Path(path).open('rb') as file:
    size = file.seek(0, os.SEEK_END)
    if not size:
      return Layout('is empty (0 bytes)'), None
    file.seek(0)
    head = file.read(signatures.HEAD_BYTES)
    found = signatures.identify(head)
    base = behind.past_tags(file, 0)
    if base:  # taggers put ID3v2 before anything, not only before MP3
      file.seek(base)
      tagged = signatures.identify(file.read(signatures.HEAD_BYTES))
      found = tagged if tagged and tagged.reader else found
    if found is None:
      return Layout(), None
    if not found.reader:
      cure = f'; {found.cure}' if found.cure else ''
      return Layout(f'is {found.name}, not a recording{cure}'), found
    return _layout(file, size, base, found.name), found


def _layout(file: BinaryIO, size: int, base: int, name: str) -> Layout:
  if name == 'a WAV file':
    layout = riff.layout(file, size, base)
  elif name in other_headers.NAMES:
    layout = other_headers.layout(name, file, size, base)
  elif name in _BY_BYTES:
    file.seek(0)
    if size <= _HELD_BYTES:
      layout = _BY_BYTES[name](file.read())
    else:
      with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        layout = _BY_BYTES[name](data)
  else:
    return Layout()
  if len(layout.parts) > 1:
    note = (
      f'holds {len(layout.parts)} recordings one after the other, all of '
      'which were read'
    )
    return dataclasses.replace(layout, notes=(*layout.notes, note))
  return layout


def _no_file(mode: int) -> str:
  """Returns what is wrong with anything but a regular file."""
  if stat.S_ISREG(mode):
    return ''
  if stat.S_ISDIR(mode):
    return 'is a folder, not a recording'
  if stat.S_ISFIFO(mode):
    return 'is a pipe, not a file; give - to read a recording from stdin'
  return 'is a device or a socket, not a file'
