"""Containers of recordings: what they are and where their sound lies.

- `suffixes`: names of files that are searched for, and that are missing
- `signatures`: what a file is, by its first bytes
- `headers`: checks a file and finds its recordings (`look`)
- `layout`: what was found, and a part of a file as a file
- `chunks`: what WAV, AIFF, CAF, W64 and VOC consist of
- `behind`: tags, filling and sound that is left out, behind the sound
- `riff`, `other_headers` (by `stated`), `ogg`, `mpeg`, `flac`, `adts`: the
  formats
"""

from sernet_jax.audio.containers.suffixes import (
  SUFFIXES as SUFFIXES,
  below as below,
)
