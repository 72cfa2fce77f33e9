"""Windows and resampling give the same for pieces of any size."""

from __future__ import annotations

import hypothesis
import numpy as np
import pytest
import small_model
import soundfile
from hypothesis import strategies

from sernet_jax.audio import decoding, reading, timeline
from sernet_jax.common.errors import InputError


def cut(samples, sizes):
  """The samples in pieces of these sizes, and the rest."""
  places = np.cumsum(sizes)
  return np.split(samples, places[places < len(samples)])


@hypothesis.given(
  total=strategies.integers(1, 60),
  length=strategies.integers(1, 12),
  hop=strategies.integers(1, 12),
  sizes=strategies.lists(strategies.integers(0, 25), max_size=12),
)
def test_windows_of_any_pieces(total, length, hop, sizes):
  """Their starts, their content, and that together they hold every sample."""
  hop = min(hop, length)
  samples = np.arange(1, total + 1, dtype=np.float32)
  windows = timeline.Windows(length, hop)
  found = []
  for piece in cut(samples, sizes):
    found += [(start, part.copy()) for start, part in windows.push(piece)]
    assert len(windows._kept) <= length  # memory is bounded
  found += windows.finish()
  count = 1 + max(0, -((length - total) // hop))
  assert [start for start, _ in found] == [k * hop for k in range(count)]
  for start, part in found:
    np.testing.assert_array_equal(part, samples[start : start + length])
  assert found[-1][0] + len(found[-1][1]) == total
  assert not [*windows.finish()]


@pytest.mark.parametrize('rate_hz', [8000, 11_025, 44_100, 48_000])
@pytest.mark.parametrize('size', [1, 100, 4411, 100_003])
def test_resampling_in_pieces_gives_the_bits_of_one_call(rate_hz, size):
  """What `audio.load_mono` makes, whatever the pieces."""
  import soxr

  samples = small_model.sound(size / rate_hz, rate_hz=rate_hz)
  expected = soxr.resample(
    samples, rate_hz, 16_000, quality=reading.RESAMPLER_QUALITY
  )
  resampler = timeline.Resampler(rate_hz, 16_000)
  found = [resampler.push(piece) for piece in cut(samples, [7, 900, 33_333])]
  found.append(resampler.push(samples[:0], last=True))
  np.testing.assert_array_equal(np.concatenate(found), expected)


@pytest.mark.parametrize('kind', ['wav', 'flac', 'ogg', 'mp3'])
def test_pieces_are_the_recording(tmp_path, monkeypatch, kind):
  """Blocks far smaller than the file, two channels, another rate."""
  path = tmp_path / f'a.{kind}'
  left = small_model.sound(1.3, rate_hz=44_100)
  soundfile.write(path, np.stack([left, left / 3], 1), 44_100)
  expected = reading.load_mono(path, 16_000)
  monkeypatch.setattr(decoding, '_BLOCK_SAMPLES', 5000)
  found = np.concatenate([*timeline.pieces(path, 16_000)])
  np.testing.assert_array_equal(found, expected)
  part = timeline.slice_of(path, 16_000, 3000, 9000)
  np.testing.assert_array_equal(part, expected[3000:9000])


def test_what_cannot_be_used_says_why(tmp_path):
  path = tmp_path / 'a.wav'
  soundfile.write(path, np.zeros(9000), 16_000)
  with pytest.raises(reading.BadFile, match='is silent'):
    [*timeline.pieces(path, 16_000)]
  samples = np.ones(9000, np.float32)
  samples[70] = np.nan
  soundfile.write(path, samples, 16_000, subtype='FLOAT')
  with pytest.raises(reading.BadFile, match='1 samples that are not finite'):
    [*timeline.pieces(path, 16_000)]
  soundfile.write(path, samples[:0], 16_000)
  with pytest.raises(reading.BadFile, match='holds no samples'):
    [*timeline.pieces(path, 16_000)]
  soundfile.write(path, samples[:1], 96_000)
  with pytest.raises(reading.BadFile, match='shorter than one sample'):
    [*timeline.pieces(path, 16_000)]


@pytest.mark.parametrize('hop_s', [0.0, -1.0, 3.1, float('nan'), 1e-9])
def test_hops_that_make_no_sense(hop_s):
  with pytest.raises(InputError, match=r'hop_s is .*not above .* 3 s'):
    timeline.hop_samples(hop_s, 16_000, 48_000)
