"""First bytes of files: what a file or a stream of bytes is.

Names are for people. Sound that libsndfile reads, sound and video that take
FFmpeg, and what is not sound at all are told apart by `Signature.reader`.
"""

from __future__ import annotations

from typing import NamedTuple

from sernet_jax.audio.containers import adts, mpeg

HEAD_BYTES = 4096  # enough for `identify`: two frames of MP3, any magic number
_TEXT = frozenset(b'\t\n\r\f') | frozenset(range(32, 127))


class Signature(NamedTuple):
  """A kind of file.

  Attributes:
    name: for people, with its article where it has one: 'a WAV file'.
    reader: 'sndfile', 'ffmpeg:DEMUXER', or '' for what is not sound.
    cure: how to get the recording instead, '' where nobody knows.
  """

  name: str
  reader: str
  cure: str = ''


def _sound(name: str) -> Signature:
  return Signature(name, 'sndfile')


def _media(name: str, demuxer: str) -> Signature:
  return Signature(name, f'ffmpeg:{demuxer}')


def _other(name: str, cure: str = '') -> Signature:
  return Signature(name, '', cure)


_MP4 = _media('an MP4 file (M4A, 3GP, MOV)', 'mov')

# (offset, bytes, kind); the first that matches decides.
_MAGIC: tuple[tuple[int, bytes, Signature], ...] = (
  (8, b'WAVE', _sound('a WAV file')),  # after RIFF, RIFX, RF64 or BW64
  (8, b'AVI ', _media('an AVI file', 'avi')),
  (0, b'RIFF', _sound('a RIFF file')),
  (0, b'RIFX', _sound('a RIFX file')),
  (0, b'RF64', _sound('an RF64 file')),
  (0, b'BW64', _sound('a BW64 file')),
  (0, b'riff.\x91\xcf\x11', _sound('a W64 file')),
  (8, b'AIFF', _sound('an AIFF file')),
  (8, b'AIFC', _sound('an AIFF file')),
  (8, b'8SVX', _sound('an IFF file')),
  (8, b'16SV', _sound('an IFF file')),
  (0, b'FORM', _sound('an IFF file')),
  (0, b'.snd', _sound('an AU file')),
  (0, b'dns.', _sound('an AU file')),
  (0, b'caff', _sound('a CAF file')),
  (0, b'fLaC', _sound('a FLAC file')),
  (0, b'OggS', _sound('an Ogg file')),
  (0, b'ID3', _sound('an MP3 file')),
  (0, b'NIST_1A', _sound('a NIST SPHERE file')),
  (0, b'Creative Voice File', _sound('a VOC file')),
  (0, b'MATLAB 5.0', _sound('a MATLAB file')),
  (0, b'PVF1', _sound('a PVF file')),
  (0, b' paf', _sound('a PAF file')),
  (0, b'fap ', _sound('a PAF file')),
  (0, b'2BIT', _sound('an AVR file')),
  (0, b'Extended Instrument: ', _sound('an XI file')),
  (0, b'ALawSoundFile**', _sound('a WVE file')),
  (0, b'\x64\xa3\x01\0', _sound('an IRCAM file')),
  (0, b'\x64\xa3\x02\0', _sound('an IRCAM file')),
  (0, b'\x64\xa3\x03\0', _sound('an IRCAM file')),
  (0, b'\x64\xa3\x04\0', _sound('an IRCAM file')),
  (0, b'\0\x01\xa3\x64', _sound('an IRCAM file')),
  (0, b'\0\x02\xa3\x64', _sound('an IRCAM file')),
  (0, b'\0\x03\xa3\x64', _sound('an IRCAM file')),
  (0, b'\0\x04\xa3\x64', _sound('an IRCAM file')),
  (4, b'ftyp', _MP4),
  (4, b'moov', _MP4),
  (4, b'mdat', _MP4),
  (4, b'wide', _MP4),
  (0, b'\x1aE\xdf\xa3', _media('a WebM or Matroska file', 'matroska')),
  (0, b'\x30\x26\xb2\x75\x8e\x66\xcf\x11', _media('a WMA file', 'asf')),
  (0, b'#!AMR', _media('an AMR file', 'amr')),
  (0, b'wvpk', _media('a WavPack file', 'wv')),
  (0, b'MAC ', _media("a Monkey's Audio file", 'ape')),
  (0, b'TTA1', _media('a TTA file', 'tta')),
  (0, b'MPCK', _media('a Musepack file', 'mpc8')),
  (0, b'MP+', _media('a Musepack file', 'mpc')),
  (0, b'DSD ', _media('a DSF file', 'dsf')),
  (0, b'FLV\x01', _media('an FLV file', 'flv')),
  (0, b'.RMF', _media('a RealMedia file', 'rm')),
  (0, b'\0\0\x01\xba', _media('an MPEG file', 'mpeg')),
  (0, b'ajkg', _other('a Shorten file')),
  (
    0,
    b'version https://git-lfs.github.com/spec/',
    _other('a pointer of Git LFS', 'run git lfs pull in the clone'),
  ),
  (0, b'PK\x03\x04', _other('a ZIP archive')),
  (0, b'\x1f\x8b\x08', _other('a gzip archive')),
  (0, b'BZh', _other('a bzip2 archive')),
  (0, b'\xfd7zXZ\0', _other('an xz archive')),
  (0, b'7z\xbc\xaf\x27\x1c', _other('a 7z archive')),
  (0, b'Rar!\x1a\x07', _other('a RAR archive')),
  (257, b'ustar', _other('a tar archive')),
  (0, b'%PDF-', _other('a PDF document')),
  (0, b'\x89PNG\r\n\x1a\n', _other('a PNG picture')),
  (0, b'\xff\xd8\xff', _other('a JPEG picture')),
  (0, b'GIF8', _other('a GIF picture')),
  (0, b'SQLite format 3\0', _other('an SQLite database')),
  (0, b'\x7fELF', _other('a program')),
  (0, b'\x93NUMPY', _other('a NumPy array')),
  (0, b'\x89HDF\r\n\x1a\n', _other('an HDF5 file')),
  (0, b'MThd', _other('a MIDI file')),
)


def identify(head: bytes) -> Signature | None:
  """Says what begins with these bytes, or returns None.

  Args:
    head: the first `HEAD_BYTES`, or all there are.
  """
  for offset, magic, found in _MAGIC:
    if head[offset : offset + len(magic)] == magic:
      return found
  # Two frames in a row: samples of raw sound may look like one by chance.
  if mpeg.begins(head):
    return _sound('an MP3 file')
  if adts.begins(head):
    return _media('an AAC file', 'aac')
  if all(head[k : k + 1] == b'\x47' for k in (0, 188, 376, 564)):
    return _media('an MPEG transport stream', 'mpegts')
  if is_text(head):
    return _other('text')
  return None


def is_text(head: bytes) -> bool:
  """Tells whether four bytes or more are all letters, digits, white space."""
  if head[:3] == b'\xef\xbb\xbf':  # the mark of UTF-8
    return True
  if len(head) < 4:
    return False
  try:
    text = head.decode('utf-8')
  except UnicodeDecodeError as error:
    # A character that is cut at the end is none that is wrong.
    if error.start < len(head) - 3:
      return False
    text = head[: error.start].decode('utf-8')
  ascii_only = [character for character in text if ord(character) < 128]
  # Sound may be UTF-8 by chance for some bytes, but not mostly letters.
  return len(ascii_only) > len(text) / 2 and all(
    ord(character) in _TEXT for character in ascii_only
  )
