"""Utterances that are parts of longer files."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
from sounds import with_data_size

from sernet_jax.audio import part_reading, quality, reading, segments
from sernet_jax.audio.part import Part
from sernet_jax.audio.spec import AudioSpec
from sernet_jax.common.errors import InputError


@pytest.fixture
def file(tmp_path):
  """One second at 8 kHz; the middle fifth is silent."""
  samples = np.random.default_rng(0).uniform(-1, 1, 8000).astype(np.float32)
  samples[3200:4800] = 0
  path = tmp_path / 'a.wav'
  soundfile.write(path, samples, 8000, subtype='FLOAT')
  return str(path), samples


def test_a_part_is_the_samples_between_its_times(file):
  path, samples = file
  for part, expected in (
    (Part(path, 0.1, 0.25), samples[800:2000]),
    (Part(path, 0.75), samples[6000:]),
    (Part(path, 0.0, 0.5), samples[:4000]),
    (Part(path, 0.75, 9.0), samples[6000:]),  # the file ends before
    (path, samples),
  ):
    found, rate_hz = part_reading.read(part)
    assert rate_hz == 8000
    np.testing.assert_array_equal(found, expected)


def test_a_part_sounds_like_a_file_of_its_own(file, tmp_path):
  path, samples = file
  alone = tmp_path / 'alone.wav'
  soundfile.write(alone, samples[800:2000], 8000, subtype='FLOAT')
  part = Part(path, 0.1, 0.25)
  np.testing.assert_array_equal(
    part_reading.load_mono(part, 16_000), reading.load_mono(alone, 16_000)
  )
  spec = AudioSpec(16_000, 0.1)
  np.testing.assert_array_equal(
    segments.load_segments(part, spec), segments.load_segments(alone, spec)
  )


def test_what_is_odd_about_a_file_is_told_of_its_parts(tmp_path):
  """Its channels and its container, each time that a part is read."""
  path = tmp_path / 'stereo.wav'
  sound = np.random.default_rng(0).uniform(-0.5, 0.5, 16_000)
  soundfile.write(path, np.stack([sound, -0.98 * sound], 1), 16_000)
  with_data_size(path, 0)
  for part in (Part(str(path), 0.0, 0.5), Part(str(path), 0.5), str(path)):
    for channel, count in (('mean', 2), ('1', 1)):
      watch = quality.Watch()
      spec = AudioSpec(duration_s=0.5, channel=channel)
      segments.load_segments(part, spec, watch)
      found = watch.sentences(7600.0, channel)
      assert 'writes to a pipe' in found[0]
      assert len(found) == count
    assert '2 channels that lose 39.' in watch.sentences(7600.0)[1]


def test_bad_parts_are_named_with_their_times(file):
  path, _ = file
  spec = AudioSpec(8000, 0.1)
  parts = [Part(path, 0.4, 0.6), Part(path, 0.0, 0.2), Part(path, 2.0)]
  skipped: dict[str, str] = {}
  read = list(segments.read_all(parts, spec, 'skip', skipped, progress=False))
  assert [index for index, _ in read] == [1]
  assert skipped == {
    f'{path} (0.4 to 0.6 s)': 'is silent: all its 1600 samples are 0',
    f'{path} (2 to end)': 'lies behind the end of the file',
  }


@pytest.mark.parametrize(('end_s', 'told'), [(1.05, False), (1.25, True)])
def test_a_part_that_ends_behind_its_file_is_told(tmp_path, end_s, told):
  """Annotations are a few hundredths late, but not tenths."""
  path = tmp_path / 'a.wav'
  noise = np.random.default_rng(0).uniform(-0.5, 0.5, 8000)
  soundfile.write(path, noise, 8000)
  watch = quality.Watch()
  spec = AudioSpec(8000, 0.5)
  segments.load_segments(Part(str(path), 0.5, end_s), spec, watch)
  assert watch.notes == told * [
    'ends 0.25 s behind the end of its file; what is there was taken'
  ]


@pytest.mark.parametrize('rate_hz', [8000, 96_000])
def test_channels_that_cancel_in_a_part_alone_are_named(tmp_path, rate_hz):
  """Also behind the first of the blocks in which a file is decoded."""
  count = 60 * rate_hz
  path = tmp_path / 'stereo.wav'
  sound = np.random.default_rng(0).uniform(-0.5, 0.5, (count, 1))
  sound = np.repeat(sound.astype(np.float32), 2, axis=1)
  cancelled = slice(count - 2 * rate_hz, count - rate_hz)
  sound[cancelled, 1] *= -1
  sound[: rate_hz // 2] = 0
  soundfile.write(path, sound, rate_hz, subtype='FLOAT')
  part = Part(str(path), 58, 59)
  with pytest.raises(reading.BadFile, match='of its channels, which cancel'):
    part_reading.read(part)
  samples, _ = part_reading.read(part, '1')
  np.testing.assert_array_equal(samples, sound[cancelled, 1])
  words = f'is silent: all its {rate_hz // 2} samples are 0;'
  with pytest.raises(reading.BadFile, match=words):
    part_reading.read(Part(str(path), 0.0, 0.5))


@pytest.mark.parametrize('start', [0, 1])
def test_no_part_of_the_only_file_is_left(tmp_path, start):
  """However many parts it has, and where a stopped run goes on too."""
  path = tmp_path / 'silent.wav'
  soundfile.write(path, np.zeros(8000), 8000)
  parts = [Part(str(path), 0.0, 0.5), Part(str(path), 0.5)]
  for on_bad_file, cure in (('skip', 'none is left'), ('error', 'repair them')):
    skipped = {str(path): 'is silent'} if start else {}
    found = segments.read_all(
      parts, AudioSpec(8000, 0.1), on_bad_file, skipped, False, start
    )
    with pytest.raises(InputError, match=f'^2 of 2 recordings .*; {cure}'):
      list(found)


@pytest.mark.parametrize(('start_s', 'end_s'), [(1, 1), (2, 1), (-1, 1)])
def test_times_that_make_no_part(start_s, end_s):
  with pytest.raises(InputError, match='does not end after it begins'):
    Part('a.wav', start_s, end_s)


def test_parts_an_hour_into_a_file_have_names_of_their_own():
  parts = [Part('a.wav', start_s, 3602.5) for start_s in (3600.119, 3600.123)]
  assert [str(part) for part in parts] == [
    'a.wav (3600.119 to 3602.5 s)',
    'a.wav (3600.123 to 3602.5 s)',
  ]


def test_a_file_that_is_replaced_is_read_again(file):
  path, _ = file
  before, _ = part_reading.read(Part(path, 0.0, 0.1))
  soundfile.write(path, np.linspace(0, 0.5, 8000), 8000)
  after, _ = part_reading.read(Part(path, 0.0, 0.1))
  assert not np.array_equal(before, after)
  with pytest.raises(reading.BadFile, match='does not exist'):
    part_reading.read(Part(path + 'x', 0.0, 0.1))
