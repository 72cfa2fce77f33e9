"""Headers that state less sound than there is: read to the end, or told."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
import soundfile
from sounds import RATE_HZ, noise

from sernet_jax.audio import quality, reading

WIDTH = 2  # bytes of a sample
# Place of the size behind a mark, its bytes, their order, what it counts more.
SIZES = {
  'aiff': ('AIFF', b'SSND', 4, 4, 'big', 8),
  'au': ('AU', b'.snd', 8, 4, 'big', 0),
  'caf': ('CAF', b'data', 4, 8, 'big', 4),
  'w64': ('W64', b'data', 16, 8, 'little', 24),
  'voc': ('VOC', b'\x1a\x1a\0', 8, 3, 'little', 12),
}
ID3 = b'ID3\3\0\0\0\0\x40\0' + b'x' * 8192  # 0.26 s if it were sound


def encoded(suffix, subtype='PCM_16', samples=None):
  file = io.BytesIO()
  form = SIZES[suffix][0] if suffix in SIZES else suffix.upper()
  samples = noise() if samples is None else samples
  soundfile.write(file, samples, RATE_HZ, format=form, subtype=subtype)
  return file.getvalue()


def stating(suffix, content, num_bytes):
  """The content with another size of its sound; -1 for 'unknown'."""
  _, mark, further, length, order, beside = SIZES[suffix]
  place = content.index(mark) + further
  number = num_bytes + beside if num_bytes >= 0 else num_bytes
  written = number.to_bytes(length, order, signed=num_bytes < 0)
  if suffix == 'aiff':  # its other place, in samples
    count = content.index(b'COMM') + 10
    frames = struct.pack('>I', max(0, num_bytes) // WIDTH)
    content = content[:count] + frames + content[count + 4 :]
  return content[:place] + written + content[place + length :]


def read(path, content):
  path.write_bytes(content)
  watch = quality.Watch()
  samples, _ = reading.read(path, watch=watch)
  assert reading.duration_s(path) == len(samples) / RATE_HZ
  return samples, watch.notes


@pytest.mark.parametrize('suffix', SIZES)
def test_sound_behind_the_stated_end_is_told(tmp_path, suffix):
  content = stating(suffix, encoded(suffix), 8000)
  cure = 'raw data' if suffix in ('caf', 'voc') else 'sox --ignore-length'
  words = rf'0\.25 s are promised, and 0\.75 s more follow; .*{cure}'
  with pytest.raises(reading.BadFile, match=words):
    read(tmp_path / f'a.{suffix}', content)


@pytest.mark.parametrize('suffix', SIZES)
def test_a_size_of_zero_is_read_to_the_end(tmp_path, suffix):
  content = stating(suffix, encoded(suffix), 0)
  samples, (note,) = read(tmp_path / f'a.{suffix}', content)
  np.testing.assert_allclose(samples, noise(), atol=1e-4)
  assert 'says 0 bytes of sound in its header, as a program' in note


@pytest.mark.parametrize('suffix', ['aiff', 'au', 'caf', 'w64'])
def test_an_unknown_size_is_fine(tmp_path, suffix):
  content = stating(suffix, encoded(suffix), -1)
  if suffix == 'w64':  # its largest number
    content = content.replace(b'\xff' * 8, b'\xff' * 7 + b'\x7f')
  samples, notes = read(tmp_path / f'a.{suffix}', content)
  assert samples.size == RATE_HZ and not notes


def test_an_unknown_size_behind_a_long_header_is_fine(tmp_path):
  """As that of an AIFF file with a picture of a MiB before its sound."""
  content = stating('aiff', encoded('aiff'), -1)
  place = content.index(b'SSND')
  picture = b'APPL' + struct.pack('>I', 1 << 20) + bytes(1 << 20)
  content = content[:place] + picture + content[place:]
  samples, notes = read(tmp_path / 'a.aiff', content)
  assert samples.size == RATE_HZ and not notes


BEHIND = {
  'aiff': b'ANNO' + struct.pack('>I', 4000) + b'a' * 4000,
  'caf': b'info' + struct.pack('>q', 4000) + b'a' * 4000,
  'w64': bytes(range(16)) + struct.pack('<Q', 4024) + b'a' * 4000,
  'voc': b'\5\xa0\x0f\0' + b'a' * 4000 + b'\0',
}


@pytest.mark.parametrize('suffix', SIZES)
def test_what_a_format_allows_behind_the_sound_is_no_sound(tmp_path, suffix):
  """libsndfile takes chunks behind that of W64 and VOC for sound."""
  content = encoded(suffix)
  if suffix == 'voc':
    content = content[:-1]  # what ends it comes later
  for behind in (BEHIND.get(suffix, b''), bytes(9000), ID3):
    samples, notes = read(tmp_path / f'a.{suffix}', content + behind)
    assert samples.size == RATE_HZ and not notes


@pytest.mark.parametrize('count', [4000, 0])
def test_a_count_of_sphere_that_is_too_small(tmp_path, count):
  content = encoded('nist').replace(b'16000\nend', b'%05d\nend' % count)
  path = tmp_path / 'a.sph'
  if count:
    with pytest.raises(reading.BadFile, match=r'and 0\.75 s more follow'):
      read(path, content)
  else:
    samples, (note,) = read(path, content)
    assert samples.size == RATE_HZ and 'says 0 bytes' in note


@pytest.mark.parametrize(
  ('suffix', 'subtype', 'per_second'),
  [
    ('aiff', 'ULAW', 16_000),
    ('aiff', 'FLOAT', 64_000),
    ('aiff', 'IMA_ADPCM', 8500),
    ('au', 'ALAW', 16_000),
    ('au', 'PCM_24', 48_000),
    ('caf', 'DOUBLE', 128_000),
    ('w64', 'IMA_ADPCM', 8071),
    ('voc', 'PCM_U8', 16_000),
    ('voc', 'ULAW', 16_000),
  ],
)
def test_codecs_have_seconds_of_their_own(
  tmp_path, suffix, subtype, per_second
):
  content = encoded(suffix, subtype)
  # Of a block of kind 1 the size counts two bytes more.
  beside = -10 if subtype == 'PCM_U8' else 0
  content = stating(suffix, content, per_second // 2 + beside)
  with pytest.raises(reading.BadFile, match=r'0\.(50|49) s are promised'):
    read(tmp_path / f'a.{suffix}', content)


def test_sound_behind_a_size_of_zero_in_8_bits_of_voc(tmp_path):
  content = encoded('voc', 'PCM_U8')
  place = content.index(b'\x1a\x1a\0') + 8
  content = content[:place] + b'\2\0\0' + content[place + 3 :]
  path = tmp_path / 'a.voc'
  path.write_bytes(content)
  watch = quality.Watch()
  assert reading.read(path, watch=watch)[0].size == RATE_HZ
  assert 'says 0 bytes' in watch.notes[0]


@pytest.mark.parametrize('odd', [0, 1])
def test_a_tag_behind_the_sound_of_wav_is_no_sound(tmp_path, odd):
  """Taggers append ID3v2 with and without a chunk around it."""
  path = tmp_path / 'a.wav'
  subtype = 'PCM_U8' if odd else 'PCM_16'
  content = encoded('wav', subtype, noise(RATE_HZ - odd))
  for behind in (
    ID3,
    ID3.replace(b'ID3\3\0\0', b'ID3\4\0\x10') + b'3DI' + bytes(7),
    ID3 + ID3 + b'TAG' + b'a' * 125,
    ID3 + b'LIST' + struct.pack('<I', 8000) + b'a' * 8000,
  ):
    samples, notes = read(path, content + behind)
    assert samples.size == RATE_HZ - odd and not notes
  for no_tag in (ID3.replace(b'\x40\0', b'\xc0\0', 1), ID3 + b'\1' * 8000):
    with pytest.raises(reading.BadFile, match=r'longer .* 1\.00 s are'):
      read(path, content + no_tag)


def test_recordings_behind_a_tag_are_read(tmp_path):
  content = encoded('wav')
  samples, (note,) = read(tmp_path / 'a.wav', content + ID3 + content)
  assert samples.size == 2 * RATE_HZ and 'holds 2 recordings' in note
