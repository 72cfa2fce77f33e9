"""Recordings in files of AIFF, AU, W64, CAF, NIST SPHERE and VOC.

libsndfile reads what is left of such a file that was cut short, ends where a
size that is too small ends, takes what follows the sound for sound, and
reports nothing, or refuses it without a reason.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import BinaryIO, NamedTuple

from sernet_jax.audio.containers import behind, chunks, stated
from sernet_jax.audio.containers.chunks import Blocks, Chunks
from sernet_jax.audio.containers.layout import Layout, Part, sizes_differ
from sernet_jax.audio.containers.stated import Sound

# SoX believes these sizes, whatever it is told.
_RAW = 'import it as raw data, as Audacity can, and save it as a WAV file'


class _Format(NamedTuple):
  """A kind of file.

  Attributes:
    read: its header.
    chunks: of which one has the sound, and others may follow; None if it has
      none.
    bounded: whether libsndfile takes what follows the sound for sound.
    cure: of a size that is too small.
  """

  read: Callable[[BinaryIO, int, int], stated.Found]
  chunks: Chunks | Blocks | None = None
  bounded: bool = False
  cure: str = behind.IGNORE_LENGTH


_FORMATS = {
  'an AIFF file': _Format(stated.aiff, chunks.AIFF),
  'a WMA file': _Format(stated.asf),
  'an AU file': _Format(stated.au),
  'a W64 file': _Format(stated.w64, chunks.W64, bounded=True),
  'a CAF file': _Format(stated.caf, chunks.CAF, cure=_RAW),
  'a NIST SPHERE file': _Format(stated.sphere, bounded=True),
  'a VOC file': _Format(stated.voc, chunks.VOC, True, _RAW),
}
NAMES = tuple(_FORMATS)


def layout(name: str, file: BinaryIO, size: int, first: int = 0) -> Layout:
  """Finds the recordings in a file of `size` bytes.

  Args:
    name: one of `NAMES`.
    file: the file.
    size: of it in bytes.
    first: byte of the first recording.
  """
  form = _FORMATS[name]
  parts: list[Part] = []
  notes: list[str] = []
  base: int | None = first
  while base is not None:
    found = form.read(file, size, base)
    if isinstance(found, str):
      return Layout(found)
    if found is None:
      parts.append(Part(base, size))
      break
    if found.start > size:
      return Layout(stated.NO_SOUND)
    fault, note, part, base = _measure(file, form, found, base, size)
    if fault:
      return Layout(fault)
    notes += [text for text in (note, found.note) if text]
    parts.append(part)
  return Layout('', tuple(dict.fromkeys(notes)), tuple(parts))


def _measure(
  file: BinaryIO, form: _Format, sound: Sound, base: int, size: int
) -> tuple[str, str, Part, int | None]:
  """Finds where the sound ends.

  Returns:
    (fault, note, the recording, where another one begins behind it or None).
  """
  there, promised = size - sound.start, sound.promised
  part = Part(base, size)
  alike = chunks.AIFF if form.chunks is chunks.AIFF else None
  stop = size
  if sound.unknown or promised <= 0:
    stop = behind.sound_end(file, sound.start, size, alike)
  if sound.unknown and not (sound.size and sound.size.signed):
    return '', '', Part(base, stop), None
  if sound.unknown:
    return *_to_the_end(file, sound, base, stop, ''), None
  if promised > there:
    return *sizes_differ(promised, there, sound.start - base), part, None
  kind, place = behind.found(
    file,
    sound.start + max(0, promised),
    (1, 2, 8),
    is_another=lambda at: _begins(file, at, sound.mark),
    own=form.chunks,
  )
  if kind == 'another':
    stop = _stop(file, form, sound, place)
    return '', '', Part(base, stop, frames=sound.frames), place
  if promised <= 0:
    if kind == 'sound':
      return *_to_the_end(file, sound, base, stop, behind.NO_SIZE), None
    return 'holds no samples: its header says so', '', part, None
  if kind == 'several':
    per_second = sound.per_second or math.inf  # 0 s if it is not known
    fault = behind.several(promised / per_second, place / per_second)
    return fault, '', part, None
  if kind == 'sound' and sound.per_second:
    more_s = (size - place) / sound.per_second
    if more_s > behind.LEFT_OUT_S:
      promised_s = promised / sound.per_second
      return behind.longer(promised_s, more_s, form.cure), '', part, None
  part = Part(base, _stop(file, form, sound, size), frames=sound.frames)
  return '', '', part, None


def _stop(file: BinaryIO, form: _Format, sound: Sound, stop: int) -> int:
  """Returns where libsndfile should see the end of a part that ends at `stop`."""
  end = sound.start + sound.promised
  if not form.bounded:
    return stop
  # Of VOC it expects a byte behind the last block.
  return min(stop, end + (form.chunks is chunks.VOC))


def _begins(file: BinaryIO, place: int, mark: bytes) -> bool:
  file.seek(place)
  return file.read(len(mark)) == mark


def _to_the_end(
  file: BinaryIO, sound: Sound, base: int, stop: int, note: str
) -> tuple[str, str, Part]:
  """Has libsndfile read up to `stop`: (fault, note, the recording)."""
  part = Part(base, stop)
  where = sound.size
  if where is None:
    return '', note, part
  if sound.start - base > behind.MAX_HEADER:
    return behind.TOO_MUCH_BEFORE, '', part
  file.seek(base)
  head = bytearray(file.read(sound.start - base))
  # The largest number means all there is, too.
  most = (1 << 8 * where.length - where.signed) - 1
  number = min(stop - sound.start - where.foot + where.beside, most)
  place = where.place - base
  number_bytes = number.to_bytes(where.length, where.order)
  head[place : place + where.length] = number_bytes
  return '', note, Part(sound.start, stop, bytes(head))
