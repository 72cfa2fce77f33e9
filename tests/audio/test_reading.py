"""Reading and preparing recordings, and what is said about bad ones."""

from __future__ import annotations

import json
import os
import pathlib
import struct

import hypothesis
import numpy as np
import pytest
import soundfile
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sernet_jax.audio import reading
from sernet_jax.audio.spec import AudioSpec
from sernet_jax.common import files
from sernet_jax.common.errors import InputError

RATE_HZ = 16_000
LOSSLESS = 1e-4  # 16 bits and the resampler
LOSSY = 0.02  # of an amplitude of 0.125; 0.013 was measured for MP3 at 8 kHz
GOLDEN = pathlib.Path(__file__).parents[1] / 'data/emodb_prepared.json'


def tone(seconds=1.0, rate_hz=RATE_HZ, frequency_hz=440.0, amplitude=0.5):
  time_s = np.arange(round(seconds * rate_hz)) / rate_hz
  return amplitude * np.sin(2 * np.pi * frequency_hz * time_s)


def noise(num_samples=RATE_HZ):
  return 0.1 * np.random.default_rng(0).standard_normal(num_samples)


@pytest.fixture
def emodb_wav():
  root = pathlib.Path(
    os.environ.get('SERNET_EMODB') or files.cache_dir() / 'emodb'
  )
  if not (root / 'wav').is_dir():
    pytest.skip('EMO-DB is absent: set SERNET_EMODB or download it')
  return root / 'wav'


def test_prepare_equals_the_authors_on_real_speech(emodb_wav):
  golden = json.loads(GOLDEN.read_text())
  for index, name in enumerate(golden['files']):
    segment = reading.load_segments(emodb_wav / f'{name}.wav', AudioSpec())
    assert segment.shape == (1, 48_000)
    segment = segment.astype(np.float64)
    # The samples agree to the bit, so the sums differ by their rounding only.
    np.testing.assert_allclose(
      segment.sum(), golden['prepared_sum'][index], rtol=0, atol=1e-9
    )
    np.testing.assert_allclose(
      np.abs(segment).sum(), golden['prepared_abs_sum'][index], rtol=1e-13
    )


@pytest.mark.parametrize(
  ('length', 'expected'),
  [
    (7, [1, 2, 3, 4]),  # excess 3: one off the left, two off the right
    (6, [1, 2, 3, 4]),
    (4, [0, 1, 2, 3]),
  ],
)
def test_a_long_waveform_is_cut_to_its_centre(length, expected):
  segment = reading.prepare(np.arange(length), 4)
  scale = np.percentile(np.array(expected, np.float32), 99.9)
  np.testing.assert_allclose(
    segment, np.minimum(np.array(expected) / scale, 1), rtol=1e-6
  )


def test_a_short_waveform_gets_the_odd_zero_on_the_right():
  segment = reading.prepare(np.array([1.0, -1.0]), 5)
  np.testing.assert_array_equal(segment, [0, 1, -1, 0, 0])


def test_the_scale_is_that_of_the_crop_not_of_the_padded_segment():
  waveform = np.full(100, 0.25)
  np.testing.assert_array_equal(reading.prepare(waveform, 1000)[450:550], 1.0)


_waveforms = hnp.arrays(
  np.float32,
  st.integers(1, 400),
  elements=st.floats(-1, 1, width=32, allow_subnormal=False),
)


@hypothesis.settings(deadline=None)
@hypothesis.given(_waveforms, st.integers(1, 300))
def test_prepare_gives_the_length_asked_for_within_one(waveform, num_samples):
  segment = reading.prepare(waveform, num_samples)
  assert segment.shape == (num_samples,)
  assert segment.dtype == np.float32
  assert np.isfinite(segment).all()
  assert np.abs(segment).max() <= 1


@hypothesis.settings(deadline=None)
@hypothesis.given(
  hnp.arrays(np.int16, st.integers(1, 400)),
  st.floats(1e-3, 1e3),
  st.integers(1, 500),
)
def test_prepare_does_not_depend_on_the_volume(waveform, gain, num_samples):
  np.testing.assert_allclose(
    reading.prepare(waveform * gain, num_samples),
    reading.prepare(waveform, num_samples),
    rtol=0,
    atol=1e-6,  # of full scale 1: a few roundings of float32
  )


@pytest.mark.parametrize('waveform', [[], [[1.0]], [1.0, np.nan], [np.inf]])
def test_prepare_refuses_what_is_no_waveform(waveform):
  with pytest.raises(InputError, match='waveform has'):
    reading.prepare(np.array(waveform), 4)


@pytest.mark.parametrize(
  ('seconds', 'count'),
  [(0.2, 1), (1.0, 1), (1.49, 1), (1.5, 2), (2.0, 2), (2.4, 2), (3.6, 4)],
)
def test_all_segments_count_a_rest_of_at_least_half(seconds, count):
  spec = AudioSpec(duration_s=1.0, segments='all')
  assert reading.segments(tone(seconds), spec).shape == (count, RATE_HZ)


def test_all_segments_leave_out_the_silent_ones():
  spec = AudioSpec(duration_s=1.0, segments='all')
  waveform = np.concatenate([tone(), np.zeros(RATE_HZ), 0.5 * tone()])
  parts = reading.segments(waveform, spec)
  assert len(parts) == 2
  np.testing.assert_allclose(parts[0], parts[1], atol=1e-6)


@pytest.mark.parametrize(
  ('suffix', 'options', 'tolerance'),
  [
    ('wav', {'subtype': 'PCM_16'}, LOSSLESS),
    ('wav', {'subtype': 'PCM_24'}, LOSSLESS),
    ('wav', {'subtype': 'PCM_32'}, LOSSLESS),
    ('wav', {'subtype': 'FLOAT'}, LOSSLESS),
    ('wav', {'subtype': 'DOUBLE'}, LOSSLESS),
    ('wav', {'format': 'WAVEX'}, LOSSLESS),
    ('wav', {'format': 'RF64'}, LOSSLESS),
    ('wav', {'endian': 'BIG'}, LOSSLESS),
    ('flac', {}, LOSSLESS),
    ('wav', {'subtype': 'PCM_U8'}, 1 / 128),
    ('wav', {'subtype': 'ULAW'}, LOSSY),
    ('ogg', {}, LOSSY),
    ('ogg', {'format': 'OGG', 'subtype': 'OPUS'}, LOSSY),
    ('mp3', {}, LOSSY),
  ],
)
@pytest.mark.parametrize('rate_hz', [8_000, 16_000, 48_000])
def test_every_format_and_rate_gives_the_same_tone(
  tmp_path, suffix, options, tolerance, rate_hz
):
  path = tmp_path / f'a.{suffix}'
  # The mean with the opposite second channel is a quarter of the first.
  left = tone(1.0, rate_hz)
  soundfile.write(path, np.stack([left, -0.5 * left], 1), rate_hz, **options)
  waveform = reading.load_mono(path, RATE_HZ)
  assert waveform.dtype == np.float32
  assert waveform.size == RATE_HZ
  middle = slice(4000, 12_000)
  np.testing.assert_allclose(
    waveform[middle], tone()[middle] / 4, atol=tolerance
  )
  assert np.abs(waveform[middle]).max() > 0.1
  assert reading.duration_s(path) == pytest.approx(1.0, abs=1e-3)


def test_write_wav_clips_and_comes_back(tmp_path):
  path = tmp_path / 'a.wav'
  reading.write_wav(path, np.array([0.0, 0.5, -0.25, 2.0]), 8_000)
  samples, rate_hz = reading.read(path)
  assert rate_hz == 8_000
  np.testing.assert_allclose(samples, [0, 0.5, -0.25, 1], atol=1 / 32_768)


def with_data_size(path, size):
  """Writes `size` into the header of a WAV file."""
  content = path.read_bytes()
  place = content.index(b'data') + 4
  path.write_bytes(
    content[:place] + struct.pack('<I', size) + content[place + 4 :]
  )


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


def make_bad(folder):
  """Files that cannot be used, as {name: (path, words of the reason)}."""
  good = folder / 'good.wav'
  reading.write_wav(good, tone(), RATE_HZ)
  bad = {}

  def add(name, words, content=None, **options):
    path = folder / name
    if isinstance(content, bytes):
      path.write_bytes(content)
    elif content is not None:
      soundfile.write(path, content, RATE_HZ, **options)
    bad[name] = path, words
    return path

  add('missing.wav', 'does not exist')
  add('empty.wav', 'is empty', b'')
  add('no_samples.wav', 'holds no samples', np.zeros(0))
  add('silent.wav', 'is silent', np.zeros(100))
  add(
    'nan.wav',
    '2 samples that are not finite',
    np.array([0, np.nan, np.inf]),
    subtype='FLOAT',
  )
  add('text.wav', 'is not audio', b'path,label,speaker\n' * 9)
  add('headless.raw', 'sound without a header', b'12' * 99)
  add('cut.wav', 'is cut short', good.read_bytes()[:-100])
  add('cut_in_header.wav', 'is cut short', good.read_bytes()[:30])
  unclosed = add('unclosed.wav', 'holds no samples', good.read_bytes())
  with_data_size(unclosed, 0)
  for suffix in 'flac', 'ogg', 'mp3':
    whole = folder / f'whole.{suffix}'
    soundfile.write(whole, noise(), RATE_HZ)
    content = whole.read_bytes()
    add(f'cut.{suffix}', 'cut short', content[: len(content) // 2])
  (folder / 'folder.wav').mkdir()
  add('folder.wav', 'is a folder')
  return bad


def test_every_kind_of_bad_file_has_its_own_reason(tmp_path):
  for path, words in make_bad(tmp_path).values():
    with pytest.raises(reading.BadFile, match=words) as caught:
      reading.read(path)
    assert str(path) in str(caught.value)
    assert caught.value.path == str(path)


def test_a_file_that_may_not_be_read(tmp_path, monkeypatch):
  path = tmp_path / 'a.wav'
  reading.write_wav(path, tone(), RATE_HZ)

  def refuse(path):
    raise PermissionError(13, 'Permission denied')

  # As by chmod 0, which does not stop the administrator.
  monkeypatch.setattr(reading.containers, 'fault', refuse)
  with pytest.raises(reading.BadFile, match='may not be read'):
    reading.read(path)


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
  assert size == pytest.approx(2 * RATE_HZ, abs=2000)
  assert reading.duration_s(path) == size / RATE_HZ


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
      b'\xff\xfb',
    ]
  ),
  st.binary(max_size=100),
)
def test_any_bytes_are_a_container_or_have_a_fault(tmp_path, head, rest):
  path = tmp_path / 'any'
  path.write_bytes(head + rest)
  assert isinstance(reading.containers.fault(path), str)
  assert isinstance(reading.containers.states_length(path), bool)


@hypothesis.settings(
  deadline=None,
  suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)
@hypothesis.given(
  st.sampled_from(['wav', 'ogg']), st.floats(0, 1, exclude_max=True)
)
def test_no_cut_goes_unnoticed(tmp_path, suffix, share):
  """The two formats of which libsndfile reads the rest without a word."""
  whole = tmp_path / f'whole.{suffix}'
  if not whole.exists():
    soundfile.write(whole, noise(2000), RATE_HZ)
  content = whole.read_bytes()
  path = tmp_path / f'cut.{suffix}'
  path.write_bytes(content[: int(share * len(content))])
  with pytest.raises(reading.BadFile):
    reading.read(path)


def test_silence_in_the_middle_is_named_as_such(tmp_path):
  path = tmp_path / 'a.wav'
  reading.write_wav(
    path, np.concatenate([tone(), np.zeros(RATE_HZ), tone()]), RATE_HZ
  )
  with pytest.raises(reading.BadFile, match='silent in its segments'):
    reading.load_segments(path, AudioSpec(duration_s=1.0))


def write_many(folder, count):
  paths = [folder / f'{i:03}.wav' for i in range(count)]
  for i, path in enumerate(paths):
    reading.write_wav(path, tone(0.1, frequency_hz=100 + 10 * i), RATE_HZ)
  return paths


def test_read_all_keeps_the_order(tmp_path):
  paths = write_many(tmp_path, 150)
  spec = AudioSpec(duration_s=0.1)
  results = list(reading.read_all(paths, spec))
  assert [index for index, _ in results] == list(range(150))
  for path, (_, segments) in zip(paths, results, strict=True):
    np.testing.assert_array_equal(segments, reading.load_segments(path, spec))


def test_read_all_runs_ahead_by_a_bounded_number(tmp_path, monkeypatch):
  paths = write_many(tmp_path, 300)
  started = []
  load = reading.load_segments

  def counted(path, spec):
    started.append(path)
    return load(path, spec)

  monkeypatch.setattr(reading, 'load_segments', counted)
  reader = reading.read_all(paths, AudioSpec(duration_s=0.1))
  next(reader)
  reader.close()
  assert len(started) <= 65


def test_read_all_names_every_bad_file_at_once(tmp_path):
  bad = make_bad(tmp_path)
  paths = [tmp_path / 'good.wav', *(path for path, _ in bad.values())]
  with pytest.raises(InputError) as caught:
    list(reading.read_all(paths, AudioSpec()))
  message = str(caught.value)
  assert f'{len(bad)} of {len(paths)} recordings' in message
  assert 'on_bad_file=skip' in message
  for path, words in bad.values():
    assert str(path) in message
    assert words in message


def test_read_all_skips_and_says_what(tmp_path):
  bad = make_bad(tmp_path)
  paths = [path for path, _ in bad.values()]
  paths.insert(3, tmp_path / 'good.wav')
  skipped = {}
  results = list(reading.read_all(paths, AudioSpec(), 'skip', skipped))
  assert [index for index, _ in results] == [3]
  assert set(skipped) == {str(path) for path, _ in bad.values()}
  assert skipped[str(tmp_path / 'silent.wav')].startswith('is silent')


def test_read_all_with_nothing_left_is_an_error(tmp_path):
  paths = [tmp_path / 'a.wav', tmp_path / 'b.wav']
  with pytest.raises(InputError, match='none is left'):
    list(reading.read_all(paths, AudioSpec(), 'skip'))


def test_read_all_checks_its_mode_at_once():
  with pytest.raises(InputError, match="did you mean 'skip'"):
    reading.read_all([], AudioSpec(), 'skipp')
