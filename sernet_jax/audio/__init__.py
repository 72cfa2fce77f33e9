"""Recordings: from a file of any format to segments that are cut and scaled.

  from sernet_jax import audio
  segments = audio.load_segments('a.flac', audio.AudioSpec())

- `spec`: rate and length of segments
- `reading`: files to mono samples, and `BadFile` for those that are damaged
- `containers`: suffixes, and what decoders leave out, add or do not report
- `decoding`, `media`: libsndfile, and FFmpeg for what it does not know
- `sound`: samples in memory, as other libraries give them
- `quality`: channels, and what makes a label doubtful
- `part` and `part_reading`: utterances that are parts of longer files
- `segments`: samples to segments; a whole corpus in parallel
- `timeline`: windows over recordings and streams of any length
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sernet_jax.audio.spec import AudioSpec
from sernet_jax.common import lazy

if TYPE_CHECKING:
  from sernet_jax.audio.reading import BadFile, load_mono, read, write_wav
  from sernet_jax.audio.segments import (
    cut_and_prepare,
    load_segments,
    prepare,
    read_all,
  )

__all__ = [
  'AudioSpec',
  'BadFile',
  'cut_and_prepare',
  'load_mono',
  'load_segments',
  'prepare',
  'read',
  'read_all',
  'write_wav',
]

_HOMES = {
  'BadFile': 'reading',
  'cut_and_prepare': 'segments',
  'load_mono': 'reading',
  'load_segments': 'segments',
  'prepare': 'segments',
  'read': 'reading',
  'read_all': 'segments',
  'write_wav': 'reading',
}


# Loads a public name on first use: most need libsndfile.
__getattr__ = lazy.loader(__name__, _HOMES)
