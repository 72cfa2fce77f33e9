"""Cutting and scaling segments, of one recording and of many."""

from __future__ import annotations

import json
import os
import pathlib

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sounds import RATE_HZ, make_bad, tone

from sernet_jax.audio import quality, reading, segments as segments_lib
from sernet_jax.audio.spec import EPSILON, AudioSpec
from sernet_jax.common import files
from sernet_jax.common.errors import InputError

GOLDEN = pathlib.Path(__file__).parents[1] / 'data/emodb_prepared.json'


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
    segment = segments_lib.load_segments(emodb_wav / f'{name}.wav', AudioSpec())
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
def test_a_long_waveform_is_cut_to_its_center(length, expected):
  segment = segments_lib.prepare(np.arange(length), 4)
  scale = np.percentile(np.array(expected, np.float32), 99.9)
  np.testing.assert_allclose(
    segment, np.minimum(np.array(expected) / scale, 1), rtol=1e-6
  )


@pytest.mark.parametrize('length', [1, 2, 999, 1001, 16_000, 48_000])
def test_the_scale_is_the_percentile_whatever_the_version_of_numpy(length):
  """numpy 2.0 to 2.3 counts places in float32, and is 1e-5 away."""
  for seed in range(20):
    waveform = np.random.default_rng(seed).normal(size=length)
    waveform = waveform.astype(np.float32)
    exact = np.percentile(np.abs(waveform).astype(np.float64), 99.9)
    np.testing.assert_allclose(
      segments_lib.scale(waveform), exact + EPSILON, rtol=2.5e-7
    )


def test_a_short_waveform_gets_the_odd_zero_on_the_right():
  segment = segments_lib.prepare(np.array([1.0, -1.0]), 5)
  np.testing.assert_array_equal(segment, [0, 1, -1, 0, 0])


def test_the_scale_is_that_of_the_crop_not_of_the_padded_segment():
  waveform = np.full(100, 0.25)
  np.testing.assert_array_equal(
    segments_lib.prepare(waveform, 1000)[450:550], 1.0
  )


_waveforms = hnp.arrays(
  np.float32,
  st.integers(1, 400),
  elements=st.floats(-1, 1, width=32, allow_subnormal=False),
)


@hypothesis.settings(deadline=None)
@hypothesis.given(_waveforms, st.integers(1, 300))
def test_prepare_gives_the_length_asked_for_within_one(waveform, num_samples):
  segment = segments_lib.prepare(waveform, num_samples)
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
    segments_lib.prepare(waveform * gain, num_samples),
    segments_lib.prepare(waveform, num_samples),
    rtol=0,
    atol=1e-6,  # of full scale 1: a few roundings of float32
  )


@pytest.mark.parametrize('waveform', [[], [[1.0]], [1.0, np.nan], [np.inf]])
def test_prepare_refuses_what_is_no_waveform(waveform):
  with pytest.raises(InputError, match='waveform has'):
    segments_lib.prepare(np.array(waveform), 4)


@pytest.mark.parametrize(
  ('waveform', 'num_samples', 'match'),
  [
    (tone(), 0, 'num_samples is 0; give a whole'),
    (tone(), 100.0, r'num_samples is 100\.0; give'),
    (tone() + 1j, 100, 'waveform has type complex128; give real'),
    ('abc', 100, 'waveform has type <U3; give real'),
    (None, 100, 'waveform has type object'),
  ],
)
def test_prepare_refuses_other_types(waveform, num_samples, match):
  with pytest.raises(InputError, match=match):
    segments_lib.prepare(waveform, num_samples)
  with pytest.raises(InputError, match='sample_rate_hz is 16000'):
    AudioSpec(sample_rate_hz=16_000.5)


@pytest.mark.parametrize(
  ('seconds', 'count'),
  [(0.2, 1), (1.0, 1), (1.49, 1), (1.5, 2), (2.0, 2), (2.4, 2), (3.6, 4)],
)
def test_all_segments_count_a_rest_of_at_least_half(seconds, count):
  spec = AudioSpec(duration_s=1.0, segments='all')
  assert segments_lib.cut_and_prepare(tone(seconds), spec).shape == (
    count,
    RATE_HZ,
  )


def test_all_segments_leave_out_the_silent_ones():
  spec = AudioSpec(duration_s=1.0, segments='all')
  waveform = np.concatenate([tone(), np.zeros(RATE_HZ), 0.5 * tone()])
  parts = segments_lib.cut_and_prepare(waveform, spec)
  assert len(parts) == 2
  np.testing.assert_allclose(parts[0], parts[1], atol=1e-6)


@pytest.mark.parametrize('seconds', [0.5, 2.0])
def test_what_scaling_leaves_constant_is_no_segment(tmp_path, seconds):
  """Also where it is shorter than a segment, which adds zeros around it."""
  clicks = np.full(round(seconds * RATE_HZ), 0.3)
  clicks[7::4000] = 0.5
  assert segments_lib.prepare_sound(clicks, RATE_HZ) is None
  spec = AudioSpec(duration_s=1.0, segments='all')
  with pytest.raises(InputError, match='silent in every segment'):
    segments_lib.cut_and_prepare(clicks, spec)
  voiced = segments_lib.cut_and_prepare(np.append(tone(), clicks), spec)
  np.testing.assert_array_equal(
    voiced, [segments_lib.prepare_sound(tone(), RATE_HZ)]
  )
  path = tmp_path / 'a.wav'
  reading.write_wav(path, clicks, RATE_HZ)
  for load in (segments_lib.load_segments, segments_lib.load_whole):
    with pytest.raises(reading.BadFile, match='is silent'):
      load(path, spec)


def test_of_a_silent_middle_the_loudest_part_is_taken(tmp_path):
  path = tmp_path / 'a.wav'
  reading.write_wav(
    path, np.concatenate([tone(), np.zeros(RATE_HZ), tone()]), RATE_HZ
  )
  (found,) = segments_lib.load_segments(path, AudioSpec(duration_s=1.0))
  np.testing.assert_allclose(found, np.float32(2 * tone()), atol=1e-3)


SILENT = {
  'offset': lambda size: np.full(size, 0.3),
  'clicks': lambda size: np.where(np.arange(size) % 4000 == 7, 0.5, 0.3),
  'dither': lambda size: np.random.default_rng(0).integers(-1, 2, size) / 2**15,
}


@pytest.mark.parametrize(
  ('kind', 'rate_hz'),
  [
    ('offset', 16_000),
    ('offset', 44_100),
    ('clicks', 16_000),
    ('dither', 8000),
  ],
)
def test_what_is_next_to_silence_is_no_middle(tmp_path, kind, rate_hz):
  """Resampling leaves the last digits of an offset, and dither some of 16 bits:
  scaled, they would be a segment at full level."""
  path = tmp_path / 'a.wav'
  voice, silence = tone(2, rate_hz), SILENT[kind](4 * rate_hz)
  reading.write_wav(path, np.concatenate([voice, silence, voice]), rate_hz)
  watch = quality.Watch()
  spec = AudioSpec(duration_s=1.0)
  (found,) = segments_lib.load_segments(path, spec, watch)
  (note,) = [
    note for note in watch.notes if 'its loudest 1 s were taken' in note
  ]
  assert 'is silent in its middle' in note
  assert found[:8000].std() > 0.6  # of a sine 0.7
  spec = AudioSpec(duration_s=1.0, segments='all')
  # A resampled voice rings into the segments beside it.
  assert len(segments_lib.load_segments(path, spec)) <= 6
  # Of a recording without anything louder, all is kept.
  if kind == 'dither':
    reading.write_wav(path, silence, rate_hz)
    watch = quality.Watch()
    assert len(segments_lib.load_segments(path, spec, watch)) == 4
    assert any('as silence with dither has' in note for note in watch.notes)


def write_many(folder, count):
  paths = [folder / f'{i:03}.wav' for i in range(count)]
  for i, path in enumerate(paths):
    reading.write_wav(path, tone(0.1, frequency_hz=100 + 10 * i), RATE_HZ)
  return paths


def test_read_all_keeps_the_order(tmp_path):
  paths = write_many(tmp_path, 150)
  spec = AudioSpec(duration_s=0.1)
  results = list(segments_lib.read_all(paths, spec))
  assert [index for index, _ in results] == list(range(150))
  for path, (_, segments) in zip(paths, results, strict=True):
    np.testing.assert_array_equal(
      segments, segments_lib.load_segments(path, spec)
    )


def test_read_all_runs_ahead_by_a_bounded_number(tmp_path, monkeypatch):
  paths = write_many(tmp_path, 300)
  started = []
  load = segments_lib.load_segments

  def counted(path, spec, watch):
    started.append(path)
    return load(path, spec, watch)

  monkeypatch.setattr(segments_lib, 'load_segments', counted)
  reader = segments_lib.read_all(paths, AudioSpec(duration_s=0.1))
  next(reader)
  reader.close()
  assert len(started) <= 65


def test_read_all_names_every_bad_file_at_once(tmp_path):
  bad = make_bad(tmp_path)
  paths = [tmp_path / 'good.wav', *(path for path, _ in bad.values())]
  with pytest.raises(InputError) as caught:
    list(segments_lib.read_all(paths, AudioSpec()))
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
  results = list(segments_lib.read_all(paths, AudioSpec(), 'skip', skipped))
  assert [index for index, _ in results] == [3]
  assert set(skipped) == {str(path) for path, _ in bad.values()}
  assert skipped[str(tmp_path / 'silent.wav')].startswith('is silent')


def test_read_all_with_nothing_left_is_an_error(tmp_path):
  paths = [tmp_path / 'a.wav', tmp_path / 'b.wav']
  with pytest.raises(InputError, match='none is left'):
    list(segments_lib.read_all(paths, AudioSpec(), 'skip'))


def test_read_all_checks_its_mode_at_once():
  with pytest.raises(InputError, match="did you mean 'skip'"):
    segments_lib.read_all([], AudioSpec(), 'skipp')
