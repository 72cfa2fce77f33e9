"""What lies around the sound: more of it, another recording, chunks and tags."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
import soundfile
from sounds import RATE_HZ, noise, with_data_size

from sernet_jax.audio import quality, reading
from sernet_jax.audio.containers import mpeg

ID3 = b'ID3\3\0\0\0\0\x40\0' + b'x' * 8192  # 0.26 s if it were sound
LIST = b'LIST' + struct.pack('<I', 8001) + b'a' * 8001 + b'\0'
# Form, chunk of sound, another chunk.
CHUNKED = {
  'wav': ('WAV', b'data', LIST),
  'aiff': ('AIFF', b'SSND', b'ANNO' + struct.pack('>I', 4000) + b'a' * 4000),
  'caf': ('CAF', b'data', b'info' + struct.pack('>q', 4000) + b'a' * 4000),
  'w64': (
    'W64',
    b'data',
    bytes(range(16)) + struct.pack('<Q', 4024) + b'a' * 4000,
  ),
}


def encoded(form, samples=None, rate_hz=RATE_HZ, subtype='PCM_16'):
  file = io.BytesIO()
  samples = noise() if samples is None else samples
  soundfile.write(file, samples, rate_hz, format=form, subtype=subtype)
  return file.getvalue()


def read(path, content):
  """The samples and notes of a file, whose length its header gives too."""
  path.write_bytes(content)
  watch = quality.Watch()
  samples, rate_hz = reading.read(path, watch=watch)
  assert reading.duration_s(path) == len(samples) / rate_hz
  return samples, watch.notes


@pytest.mark.parametrize('suffix', CHUNKED)
def test_more_chunks_of_sound_are_not_passed_over(tmp_path, suffix):
  form, sound, other = CHUNKED[suffix]
  content = encoded(form)
  more = encoded(form, noise(RATE_HZ // 2))
  more = more[more.index(sound) :]
  for between in (b'', other):
    with pytest.raises(reading.BadFile, match=r'1\.00 s are .* and 0\.50 s'):
      read(tmp_path / f'a.{suffix}', content + between + more)


@pytest.mark.parametrize('info', [b'', LIST])
def test_sound_in_pieces_is_refused_as_such(tmp_path, info):
  """Pieces of sound and of silence in a list, as RIFF allows."""
  content = encoded('WAV')
  place = content.index(b'data')
  sound = content[place:]
  pieces = b'wavl' + sound + struct.pack('<4sII', b'slnt', 4, 8000) + sound
  held = info + b'LIST' + struct.pack('<I', len(pieces)) + pieces
  with pytest.raises(reading.BadFile, match=r"in pieces \(a list 'wavl'"):
    read(tmp_path / 'a.wav', content[:place] + held)
  if info:  # a list of texts is passed over
    read(tmp_path / 'a.wav', content[:place] + info + sound)


@pytest.mark.parametrize('suffix', CHUNKED)
def test_recordings_behind_chunks_are_read(tmp_path, suffix):
  """As those that `cat` joins and a tagger or an editor had in hand before."""
  form, _, other = CHUNKED[suffix]
  content = encoded(form)
  alone, _ = read(tmp_path / f'a.{suffix}', content)
  for behind in (other, other + ID3, ID3 + other):
    whole = content + behind + content + behind
    samples, (note,) = read(tmp_path / f'a.{suffix}', whole)
    np.testing.assert_array_equal(samples, np.tile(alone, 2))
    assert 'holds 2 recordings one after the other' in note


@pytest.mark.parametrize('suffix', CHUNKED)
def test_a_second_recording_that_was_cut_is_refused(tmp_path, suffix):
  """However much lies before it."""
  content = encoded(CHUNKED[suffix][0])
  with pytest.raises(reading.BadFile, match=r'is cut short'):
    read(tmp_path / f'a.{suffix}', content + content[:-4000])


@pytest.mark.parametrize(('missing', 'told'), [(0, ''), (8, ''), (5000, 'cut')])
def test_a_long_header_does_not_hide_a_cut(tmp_path, missing, told):
  """It may be counted in the size, with or without its first bytes."""
  path = tmp_path / 'a.wav'
  content = encoded('WAV')
  content = content[:36] + LIST + content[36:]
  path.write_bytes(content)
  with_data_size(path, len(content) - missing)
  if told:
    with pytest.raises(reading.BadFile, match='is cut short'):
      reading.read(path)
  else:
    samples, (note,) = read(path, path.read_bytes())
    assert samples.size == RATE_HZ
    assert f'promises {len(content) - missing} bytes of sound' in note


@pytest.mark.parametrize('size', [0, 0x7FFF_F000, 0xFFFF_FFFF])
@pytest.mark.parametrize(
  'behind', [ID3, LIST, LIST[:-1], LIST + ID3, ID3 + b'id3 \0\0\0\0']
)
def test_tags_behind_sound_of_unknown_size_are_no_sound(tmp_path, size, behind):
  """As of a recorder that writes to a pipe and its texts at the end."""
  path = tmp_path / 'a.wav'
  path.write_bytes(encoded('WAV'))
  alone, _ = read(path, path.read_bytes())
  with_data_size(path, size)
  content = path.read_bytes()
  np.testing.assert_array_equal(read(path, content + behind)[0], alone)
  # What does not fill the file to its end may be sound.
  more = read(path, content + behind + b'\1\2' * 500)[0].size - RATE_HZ
  assert more == (len(behind) + 1000) // 2


@pytest.mark.parametrize('form', ['AIFF', 'AU'])
def test_tags_behind_other_sound_of_unknown_size_are_no_sound(tmp_path, form):
  content = encoded(form)
  place = content.index(b'SSND') + 4 if form == 'AIFF' else 8
  content = content[:place] + b'\xff' * 4 + content[place + 4 :]
  for behind in (ID3, CHUNKED['aiff'][2] if form == 'AIFF' else ID3 + ID3):
    samples, notes = read(tmp_path / f'a.{form}', content + behind)
    assert samples.size == RATE_HZ and not notes


@pytest.mark.parametrize('sizes', [bytes(24), b'\xff' * 24])
def test_an_rf64_file_that_was_not_closed_is_read_to_its_end(tmp_path, sizes):
  content = encoded('RF64')
  alone, _ = read(tmp_path / 'a.wav', content)
  place = content.index(b'ds64') + 8
  content = content[:place] + sizes + content[place + 24 :]
  for behind in (b'', LIST):
    samples, _ = read(tmp_path / 'a.wav', content + behind)
    np.testing.assert_array_equal(samples, alone)


def test_flac_behind_a_tag_is_looked_at_like_any(tmp_path):
  content = encoded('FLAC', noise(20_000))
  path = tmp_path / 'a.flac'
  assert read(path, ID3 + content)[0].size == 20_000
  samples, (note,) = read(path, ID3 + content + ID3 + content)
  assert samples.size == 40_000 and 'holds 2 recordings' in note
  with pytest.raises(reading.BadFile, match='cut short'):
    read(path, ID3 + content[:-3000])


@pytest.mark.parametrize('form', ['WAV', 'AIFF', 'AU', 'CAF', 'W64', 'OGG'])
def test_a_recording_behind_a_tag_is_looked_at_like_any(tmp_path, form):
  path = tmp_path / 'a'
  content = encoded(form, subtype=None)
  alone, _ = read(path, content)
  np.testing.assert_array_equal(read(path, ID3 + content)[0], alone)
  samples, (note,) = read(path, ID3 + content + ID3 + content)
  np.testing.assert_array_equal(samples, np.tile(alone, 2))
  assert 'holds 2 recordings' in note
  with pytest.raises(reading.BadFile, match='is cut short'):
    read(path, ID3 + content[: len(content) // 2])


def test_aac_behind_a_tag_is_not_taken_for_mp3(tmp_path):
  """As pieces of streams begin, with the time in the tag."""
  av = pytest.importorskip('av')
  file = io.BytesIO()
  with av.open(file, 'w', format='adts') as target:
    stream = target.add_stream('aac', rate=RATE_HZ, layout='mono')
    sound = np.float32(noise(1024))[None]
    frame = av.AudioFrame.from_ndarray(sound, format='fltp', layout='mono')
    frame.sample_rate = RATE_HZ
    for packet in (*stream.encode(frame), *stream.encode(None)):
      target.mux(packet)
  alone, _ = read(tmp_path / 'a.aac', file.getvalue())
  behind, _ = read(tmp_path / 'a.aac', ID3 + file.getvalue())
  np.testing.assert_array_equal(behind, alone)


def pages(content):
  found = []
  while content:
    length = 27 + content[26] + sum(content[27 : 27 + content[26]])
    found.append(content[:length])
    content = content[length:]
  return found


def test_a_damaged_page_of_ogg_is_told(tmp_path):
  """libsndfile leaves it out and repeats other sound at the end."""
  content = bytearray(encoded('OGG', noise(60_000), subtype='VORBIS'))
  content[len(content) // 2] ^= 1
  path = tmp_path / 'a.ogg'
  path.write_bytes(content)
  with pytest.raises(reading.BadFile, match='is damaged: the page at its byte'):
    reading.read(path)


def test_what_surrounds_the_pages_of_ogg(tmp_path):
  first, second = (
    encoded('OGG', noise(count), subtype='VORBIS') for count in (9000, 40_000)
  )
  path = tmp_path / 'a.ogg'
  alone, notes = read(path, first)
  assert not notes
  for behind in (ID3, bytes(900), b'TAG' + bytes(125)):
    np.testing.assert_array_equal(read(path, first + behind)[0], alone)
  with pytest.raises(reading.BadFile, match='not a whole page'):
    read(path, first + b'\1\2\3')
  mixed = [*pages(first)[:1], *pages(second)[:1]]
  mixed += [*pages(first)[1:], *pages(second)[1:]]
  samples, (note,) = read(path, b''.join(mixed))
  np.testing.assert_array_equal(samples, alone)
  assert note == 'holds 2 tracks of sound; the first was read'


def test_a_hole_in_mp3_without_a_length_is_told(tmp_path):
  path = tmp_path / 'a.mp3'
  content = encoded('MP3', noise(20_000), subtype=None)
  content = content[mpeg.frame(content).num_bytes :]
  size = len(content) // mpeg.frame(content).num_bytes
  place = size // 2 * mpeg.frame(content).num_bytes
  for behind in (b'', b'TAG' + bytes(125), bytes(500)):
    assert not read(path, content + behind)[1]
  hole = content[: place + 50] + content[place + 150 :]
  _, (note,) = read(path, hole)
  assert 'bytes between its frames that are none' in note


@pytest.mark.parametrize('mode', ['CONSTANT', 'VARIABLE'])
@pytest.mark.parametrize('tagged', [True, False])
def test_mp3_in_wav_has_the_samples_of_its_frames(tmp_path, mode, tagged):
  """As dictation recorders write it: libsndfile takes a length of its own."""
  file = io.BytesIO()
  samples = np.concatenate([np.zeros(RATE_HZ), noise()])
  soundfile.write(
    file, samples, RATE_HZ, format='MP3', bitrate_mode=mode,
    compression_level=0.5,
  )  # fmt: skip
  content = file.getvalue()
  if not tagged:
    content = content[mpeg.frame(content).num_bytes :]
  alone, _ = read(tmp_path / 'a.mp3', content)
  fmt = struct.pack(
    '<HHIIHHHHIHHH', 0x55, 1, RATE_HZ, 8000, 1, 0, 12, 1, 2, 1, 1, 0
  )
  head = b'RIFF\0\0\0\0WAVEfmt ' + struct.pack('<I', len(fmt)) + fmt + b'data'
  for size, behind in ((len(content), LIST), (0, b''), (0xFFFF_FFFF, LIST)):
    padding = b'\0' * (len(content) % 2)
    whole = head + struct.pack('<I', size) + content + padding + behind
    samples, _ = read(tmp_path / 'a.wav', whole)
    np.testing.assert_array_equal(samples, alone)


def block(kind, body):
  return bytes([kind]) + len(body).to_bytes(3, 'little') + body


VOC = b'Creative Voice File\x1a' + struct.pack('<HHH', 26, 0x10A, 0x1129)
SAMPLES = (np.arange(8000) % 251).astype('u1').tobytes()
BYTES = block(1, bytes([131, 0]) + SAMPLES)  # 8 kHz, 8 bits
WORDS = block(9, struct.pack('<IBBHI', 8000, 16, 1, 4, 0) + 2 * SAMPLES)
MORE, SILENCE = block(2, SAMPLES), block(3, struct.pack('<HB', 4000, 131))
REPEAT, REPEATED = block(6, b'\2\0'), block(7, b'')
MARK, TEXT = block(4, b'\1\0'), block(5, b'take one\0')


@pytest.mark.parametrize('sound', [BYTES, WORDS], ids=['bytes', 'words'])
def test_blocks_of_voc_are_one_recording(tmp_path, sound):
  """libsndfile takes what is behind 16 bits for sound, and refuses 8 bits."""
  path = tmp_path / 'a.voc'
  alone, _ = read(path, VOC + sound + b'\0')
  assert alone.size == 8000
  for blocks in (TEXT + sound, sound + TEXT + MARK):
    np.testing.assert_array_equal(read(path, VOC + blocks + b'\0')[0], alone)
  for blocks in (
    sound + sound,
    sound + MORE,
    sound + TEXT + MORE,
    sound + SILENCE,
    SILENCE + sound,
    REPEAT + sound + REPEATED,
  ):
    for end in (b'\0', b'', bytes(600)):
      with pytest.raises(reading.BadFile, match='has several blocks of sound'):
        read(path, VOC + blocks + end)
  whole = VOC + sound + MARK + b'\0'
  samples, (note,) = read(path, whole + whole)
  np.testing.assert_array_equal(samples, np.tile(alone, 2))
  assert 'holds 2 recordings' in note


def test_voc_that_libsndfile_does_not_read_is_given_to_ffmpeg(tmp_path):
  pytest.importorskip('av')
  path = tmp_path / 'a.voc'
  alone, _ = read(path, VOC + BYTES + b'\0')
  for content in (VOC + BYTES, VOC + MARK + BYTES + b'\0'):
    np.testing.assert_array_equal(read(path, content)[0], alone)


def test_what_lies_behind_a_codec_of_ffmpeg_is_known_too(tmp_path):
  av = pytest.importorskip('av')
  file = io.BytesIO()
  with av.open(file, 'w', format='wav') as target:
    stream = target.add_stream('g726', rate=8000, layout='mono')
    stream.codec_context.bit_rate = 32_000
    sound = np.int16(9999 * noise(8000))[None]
    frame = av.AudioFrame.from_ndarray(sound, format='s16', layout='mono')
    frame.sample_rate = 8000
    for packet in (*stream.encode(frame), *stream.encode(None)):
      target.mux(packet)
  path = tmp_path / 'a.wav'
  content = file.getvalue()
  alone, notes = read(path, content)
  assert alone.size == 8000 and not notes
  with pytest.raises(reading.BadFile, match='2 recordings one after the other'):
    read(path, content + content)
  path.write_bytes(content)
  with_data_size(path, 0)
  samples, (note,) = read(path, path.read_bytes() + LIST)
  np.testing.assert_array_equal(samples, alone)
  assert 'says 0 bytes' in note
