"""Suffixes of recordings: what a folder is searched for, in every command."""

from __future__ import annotations

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
