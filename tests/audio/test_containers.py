"""Damage of files that decoders do not report."""

from __future__ import annotations

import io
import struct

import hypothesis
import numpy as np
import pytest
import soundfile
from hypothesis import strategies as st
from sounds import RATE_HZ, noise, tone, with_data_size

from sernet_jax.audio import quality, reading
from sernet_jax.audio.containers import headers, layout, mpeg
from sernet_jax.common.errors import InputError


@pytest.mark.parametrize('size', [0xFFFF_FFFF, 0x7FFF_F000])
def test_a_size_nobody_filled_in_is_not_a_fault(tmp_path, size):
  path = tmp_path / 'pipe.wav'
  reading.write_wav(path, tone(), RATE_HZ)
  with_data_size(path, size)
  assert reading.read(path)[0].size == RATE_HZ


def test_a_header_with_padding_is_read(tmp_path):
  path = tmp_path / 'padded.wav'
  reading.write_wav(path, tone(), RATE_HZ)
  content = path.read_bytes()
  place = content.index(b'data')
  padding = b'PAD ' + struct.pack('<I', 4044) + bytes(4044)
  path.write_bytes(content[:place] + padding + content[place:])
  assert reading.read(path)[0].size == RATE_HZ


def test_an_mp3_without_the_tag_of_its_length_is_not_cut_short(tmp_path):
  path = tmp_path / 'a.mp3'
  soundfile.write(
    path,
    np.concatenate([np.zeros(RATE_HZ), noise()]),
    RATE_HZ,
    bitrate_mode='VARIABLE',
    compression_level=0.5,
  )
  content = path.read_bytes()
  frame = content.index(content[:2], 4)
  assert b'Xing' in content[:frame]
  path.write_bytes(content[frame:])
  size = reading.read(path)[0].size
  frames = 0
  data = path.read_bytes()
  while data:
    data = data[mpeg.frame(data).num_bytes :]
    frames += 1
  # All frames but the decoder's delay, 529 samples.
  assert size == 576 * frames - 529 > 2 * RATE_HZ
  assert reading.duration_s(path) == size / RATE_HZ


def encoded(samples, form, subtype=None, rate_hz=RATE_HZ):
  """The bytes of a recording."""
  file = io.BytesIO()
  soundfile.write(file, samples, rate_hz, format=form, subtype=subtype)
  return file.getvalue()


JOINABLE = {
  'wav': ('WAV', 'PCM_16'),
  'flac': ('FLAC', 'PCM_16'),
  'ogg': ('OGG', 'VORBIS'),
  'opus': ('OGG', 'OPUS'),
  'mp3': ('MP3', None),
  'aiff': ('AIFF', 'PCM_16'),
  'au': ('AU', 'PCM_16'),
  'w64': ('W64', 'PCM_16'),
  'caf': ('CAF', 'PCM_16'),
  'sph': ('NIST', 'PCM_16'),
}


@pytest.mark.parametrize('suffix', JOINABLE)
def test_recordings_one_after_the_other_are_all_read(tmp_path, suffix):
  """As by `cat a b > c`, of which libsndfile reads a alone."""
  pieces = [noise(3000), noise(2000), noise(1000)]
  contents = [encoded(piece, *JOINABLE[suffix]) for piece in pieces]
  path = tmp_path / f'a.{suffix}'
  alone = []
  for content in contents:
    path.write_bytes(content)
    alone.append(reading.read(path)[0])
    assert alone[-1].size == reading.duration_s(path) * RATE_HZ
  path.write_bytes(b''.join(contents))
  watch = quality.Watch()
  samples, _ = reading.read(path, watch=watch)
  assert samples.size == 6000 == round(reading.duration_s(path) * RATE_HZ)
  np.testing.assert_array_equal(samples, np.concatenate(alone))
  assert 'holds 3 recordings one after the other' in watch.notes[0]
  other = encoded(noise(800), *JOINABLE[suffix], rate_hz=8000)
  path.write_bytes(contents[0] + other)
  with pytest.raises(reading.BadFile, match=r'8000 Hz and 1 from 0\.19 s on'):
    reading.read(path)


def test_mp3_behind_a_tagged_one_needs_no_tag_itself(tmp_path):
  """A tag says how many frames are its own; an ID3 tag begins another."""
  first, second = (encoded(noise(count), 'MP3') for count in (3000, 9000))
  untagged = second[mpeg.frame(second).num_bytes :]
  path = tmp_path / 'a.mp3'
  path.write_bytes(untagged)
  count = reading.read(path)[0].size
  id3 = b'ID3\4\0\0\0\0\0\x40' + bytes(64)
  for between in (b'', id3, b'TAG' + bytes(125)):
    path.write_bytes(id3 + first + between + untagged)
    assert reading.read(path)[0].size == 3000 + count
    assert reading.duration_s(path) == (3000 + count) / RATE_HZ


@pytest.mark.parametrize('order', ['LITTLE', 'BIG'])
@pytest.mark.parametrize('extra', [0, 1])
def test_a_size_of_zero_is_read_to_the_end(tmp_path, order, extra):
  path = tmp_path / 'a.wav'
  soundfile.write(path, tone(), RATE_HZ, endian=order, subtype='PCM_16')
  whole = reading.read(path)[0]
  with_data_size(path, 0)
  path.write_bytes(path.read_bytes() + bytes(extra))
  watch = quality.Watch()
  np.testing.assert_array_equal(reading.read(path, watch=watch)[0], whole)
  assert reading.duration_s(path) == 1.0
  assert 'writes to a pipe' in watch.notes[0]


def test_a_size_that_counts_the_header_is_no_cut(tmp_path):
  """As recorders on telephones write it."""
  path = tmp_path / 'a.wav'
  reading.write_wav(path, tone(), RATE_HZ)
  with_data_size(path, path.stat().st_size)
  watch = quality.Watch()
  assert reading.read(path, watch=watch)[0].size == RATE_HZ
  assert '32000 are there' in watch.notes[0]


def test_sound_behind_the_sound_is_not_passed_over(tmp_path):
  path = tmp_path / 'a.wav'
  reading.write_wav(path, noise(), RATE_HZ)
  with_data_size(path, 8000)
  with pytest.raises(
    reading.BadFile, match=r'0\.25 s are promised, and 0\.75 s'
  ):
    reading.read(path)


@pytest.mark.parametrize(
  'between', [b'abcd', b'abc', bytes(70_000)], ids=['letters', 'odd', 'silence']
)
@pytest.mark.parametrize('stated', [0, RATE_HZ])
def test_what_sound_begins_with_does_not_hide_it(tmp_path, between, stated):
  """Letters do not make a chunk, and silence is searched to its end."""
  content = encoded(noise(), 'WAV', 'PCM_16')
  place = content.index(b'data') + 8
  path = tmp_path / 'a.wav'
  path.write_bytes(
    content[: place + stated] + between + content[place + stated :]
  )
  with_data_size(path, stated)
  if stated:
    with pytest.raises(reading.BadFile, match=r'longer .*: 0\.50 s are'):
      reading.read(path)
  else:
    watch = quality.Watch()
    count = RATE_HZ + len(between) // 2
    assert reading.read(path, watch=watch)[0].size == count
    assert 'writes to a pipe' in watch.notes[0]


@pytest.mark.parametrize(('size', 'seconds'), [(0, '0.00'), (RATE_HZ, '0.50')])
def test_a_second_chunk_of_sound_is_not_passed_over(tmp_path, size, seconds):
  """libsndfile 1.2.2 looks for its samples where the last one is."""
  path = tmp_path / 'two.wav'
  reading.write_wav(path, tone(), RATE_HZ)
  between = struct.pack('<4sI', b'LIST', 3) + b'abc\0'
  chunk = struct.pack('<4sI', b'data', size) + bytes(size)
  path.write_bytes(path.read_bytes() + between + chunk)
  words = f'several chunks of sound: 1.00 s are in the first and {seconds} s'
  with pytest.raises(InputError, match=words):
    reading.read(path)


def test_chunks_and_zeros_behind_the_sound_are_no_sound(tmp_path):
  path = tmp_path / 'a.wav'
  reading.write_wav(path, tone(), RATE_HZ)
  content = path.read_bytes()
  for behind in (
    b'LIST\4\0\0\0INFO',
    b'LIST\xff\xff\0\0' + b'a' * 9999,  # cut short itself
    b'mine\x70\x17\0\0' + b'a' * 6000,
    bytes(99_999),
    b'\1',
  ):
    path.write_bytes(content + behind)
    watch = quality.Watch()
    assert reading.read(path, watch=watch)[0].size == RATE_HZ
    assert not watch.notes


@pytest.mark.parametrize('behind', [b'', b'LIST\4\0\0\0INFO'])
def test_a_wav_file_beyond_4_gib(tmp_path, behind):
  """Its size lost the upper bits: a sparse file of 2^32 + 96,000 bytes."""
  path = tmp_path / 'a.wav'
  # 192 kHz and 32 channels of 4 bytes, so that there are few frames.
  header = encoded(np.zeros((1, 32)), 'WAV', 'PCM_32', 192_000)[:-128]
  size = (1 << 32) + 96_000
  with path.open('wb') as file:
    file.write(header)
    file.truncate(len(header) + size)
    file.seek(len(header) + size - 128)
    file.write(b'\0\0\0\x40' * 32 + behind)
  with_head = header[:-4] + struct.pack('<I', 96_000)
  with path.open('r+b') as file:
    file.write(with_head)
  assert reading.duration_s(path) == size / 128 / 192_000
  (part,) = headers.look(path)[0].parts
  # The last frame alone, which is where libsndfile must find it.
  with (
    layout.PartFile(path, part) as file,
    soundfile.SoundFile(file) as sound,
  ):
    sound.seek(size // 128 - 1)
    np.testing.assert_array_equal(sound.read(9), np.full((1, 32), 0.5))


@pytest.mark.parametrize('blocks', [1, 2, 3, 4])
def test_a_byte_that_fills_up_gsm_is_no_sound(tmp_path, blocks):
  """Odd numbers of 65 bytes get one more, of which libsndfile makes 20 ms."""
  path = tmp_path / 'a.wav'
  path.write_bytes(encoded(noise(320 * blocks), 'WAV', 'GSM610', 8000))
  assert reading.read(path)[0].size == 320 * blocks
  assert reading.duration_s(path) == 320 * blocks / 8000


def test_a_fact_ends_the_last_block(tmp_path):
  """What fills up the last block of ADPCM is not sound."""
  path = tmp_path / 'a.wav'
  content = encoded(noise(900), 'WAV', 'IMA_ADPCM', 8000)
  place = content.index(b'fact') + 8
  for fact, expected in ((900, 900), (7, 1010), (0, 1010), (9999, 1010)):
    path.write_bytes(
      content[:place] + struct.pack('<I', fact) + content[place + 4 :]
    )
    assert reading.read(path)[0].size == expected


@pytest.mark.parametrize('stated', [0, 100, 1 << 35])
def test_the_length_in_a_flac_header_is_not_believed(tmp_path, stated):
  path = tmp_path / 'a.flac'
  content = bytearray(encoded(tone(), 'FLAC'))
  number = int.from_bytes(content[21:26], 'big') >> 36 << 36 | stated
  content[21:26] = number.to_bytes(5, 'big')
  path.write_bytes(content)
  if stated > RATE_HZ:
    for use in (reading.read, reading.duration_s):
      with pytest.raises(reading.BadFile, match='16000 are there'):
        use(path)
    return
  watch = quality.Watch()
  samples, _ = reading.read(path, watch=watch)
  np.testing.assert_allclose(samples, tone(), atol=1e-4)
  assert reading.duration_s(path) == 1.0
  assert ('pipe' if not stated else '16000 are there') in watch.notes[0]


def test_an_ogg_file_without_the_mark_of_its_end(tmp_path):
  """As Android's muxer leaves every file; cut in a page it is refused."""
  path = tmp_path / 'a.ogg'
  content = bytearray(encoded(noise(3000), 'OGG'))
  page = content.rindex(b'OggS')
  content[page + 5] &= ~4
  # The check of the page, CRC-32 of Ogg with its own field 0.
  content[page + 22 : page + 26] = bytes(4)
  content[page + 22 : page + 26] = struct.pack('<I', ogg_crc(content[page:]))
  path.write_bytes(content)
  watch = quality.Watch()
  assert reading.read(path, watch=watch)[0].size == 3000
  assert 'lacks the mark of its end' in watch.notes[0]


def ogg_crc(data):
  value = 0
  for byte in data:
    value ^= byte << 24
    for _ in range(8):
      value = (value << 1 ^ (0x04C1_1DB7 if value >> 31 else 0)) & 0xFFFF_FFFF
  return value


@hypothesis.settings(
  deadline=None,
  suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)
@hypothesis.given(
  st.sampled_from(
    [
      b'',
      b'RIFF\1\0\0\0WAVE',
      b'RF64\1\0\0\0WAVEds64',
      b'RIFX\1\0\0\0WAVEdata',
      b'OggS',
      b'ID3',
      b'\xff\xfb\x90\0',
      b'fLaC\0\0\0\x22',
      b'FORM\0\0\0\0AIFFSSND',
      b'.snd\0\0\0\x18',
      b'caff\0\1\0\0data',
      b'riff.\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\0\0' + bytes(24),
      b'NIST_1A\n   1024\nsample_count -i 9\nsample_n_bytes -i 2\n',
    ]
  ),
  st.binary(max_size=100),
)
# Sound that begins behind the end of the file.
@hypothesis.example(b'FORM\0\0\0\0AIFFSSND', bytes(4))
@hypothesis.example(b'caff\0\1\0\0data', b'\xff' * 8)
def test_any_bytes_are_a_container_or_have_a_fault(tmp_path, head, rest):
  path = tmp_path / 'any'
  path.write_bytes(head + rest)
  found, _ = headers.look(path)
  assert isinstance(found.fault, str)
  assert all(0 <= one.start <= one.stop for one in found.parts)


@hypothesis.settings(
  deadline=None,
  suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)
@hypothesis.given(
  st.sampled_from(sorted(JOINABLE)), st.floats(0, 1, exclude_max=True)
)
def test_no_cut_goes_unnoticed(tmp_path, suffix, share):
  """Of most formats libsndfile reads the rest without a word."""
  whole = tmp_path / f'whole.{suffix}'
  if not whole.exists():
    whole.write_bytes(encoded(noise(2000), *JOINABLE[suffix]))
  content = whole.read_bytes()
  path = tmp_path / f'cut.{suffix}'
  path.write_bytes(content[: int(share * len(content))])
  watch = quality.Watch()
  try:
    samples, _ = reading.read(path, watch=watch)
  except reading.BadFile:
    return
  # No more than a header is long may lack, and that is said.
  assert watch.notes and 2000 - samples.size <= 2048
