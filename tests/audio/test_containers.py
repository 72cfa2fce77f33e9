"""Damage of files that decoders do not report."""

from __future__ import annotations

import struct

import hypothesis
import numpy as np
import pytest
import soundfile
from hypothesis import strategies as st
from sounds import RATE_HZ, noise, tone, with_data_size

from sernet_jax.audio import containers, reading


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
  assert isinstance(containers.fault(path), str)
  assert isinstance(containers.states_length(path), bool)


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
