"""Names of recordings: what a folder is searched for, and which one is meant."""

from __future__ import annotations

import os
import pathlib
import unicodedata

from sernet_jax.common import folders
from sernet_jax.common.errors import require

# Read by libsndfile ...
SNDFILE = (
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
  '.sph',
  '.voc',
  '.w64',
  '.wav',
  '.wave',
)
# ... and by FFmpeg, through PyAV.
MEDIA = (
  '.3gp',
  '.aac',
  '.amr',
  '.m4a',
  '.mka',
  '.mkv',
  '.mov',
  '.mp4',
  '.weba',
  '.webm',
  '.wma',
)
SUFFIXES = tuple(sorted(SNDFILE + MEDIA))


def below(folder: pathlib.Path, option: str = '') -> list[pathlib.Path]:
  """Lists the recordings in a folder and below, in order.

  Args:
    folder: which.
    option: that named it, such as '--enroll=', for the error.

  Raises:
    InputError: if it is not a folder, one in it is closed, or it holds none.
  """
  require(
    folder.is_dir(),
    f'{option}{folder} is not a folder; give one of recordings',
  )
  found = sorted(
    path for path in folders.below(folder) if path.suffix.lower() in SUFFIXES
  )
  require(
    bool(found),
    f'{option}{folder} holds no recordings ({" ".join(SUFFIXES)}); give '
    'another one',
  )
  return found


def missing(path: str | os.PathLike[str]) -> str:
  """Says that a file does not exist, and which one may be meant."""
  text = os.fsdecode(path)
  if '\\' in text and os.sep == '/':
    return (
      'does not exist: it is a path of Windows; write it with / and relative '
      'to the list'
    )

  def plain(name: str) -> str:
    return unicodedata.normalize('NFC', name).casefold()

  place = pathlib.Path(text)
  try:
    names = sorted(other.name for other in place.parent.iterdir())
  except OSError:
    return 'does not exist'
  alike = [name for name in names if plain(name) == plain(place.name)]
  if not alike:
    alike = [
      name
      for name in names
      if plain(pathlib.Path(name).stem) == plain(place.stem)
    ]
  if not alike:
    return 'does not exist'
  return f'does not exist, but {alike[0]!r} does beside it: correct the name'
