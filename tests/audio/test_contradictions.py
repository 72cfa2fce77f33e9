"""Headers whose numbers do not fit each other or the file: noted or refused."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile
from sounds import RATE_HZ, noise

from sernet_jax.audio import quality, reading


def written(form, subtype):
  file = io.BytesIO()
  soundfile.write(file, noise(), RATE_HZ, format=form, subtype=subtype)
  return bytearray(file.getvalue())


def read(path, content):
  path.write_bytes(content)
  watch = quality.Watch()
  samples, rate_hz = reading.read(path, watch=watch)
  return len(samples), rate_hz, watch.notes


@pytest.mark.parametrize('suffix', ['au', 'snd', 'gsm', 'vox'])
def test_bytes_are_not_sound_for_the_name_of_their_file(tmp_path, suffix):
  """libsndfile takes them for a telephone's: 8 kHz, u-law, GSM or ADPCM."""
  content = np.random.default_rng(0).bytes(6500)
  path = tmp_path / f'a.{suffix}'
  path.write_bytes(content)
  assert soundfile.info(path).samplerate == 8000
  with pytest.raises(reading.BadFile, match='is not audio libsndfile can read'):
    reading.read(path)
  with pytest.raises(reading.BadFile, match='is not audio libsndfile can read'):
    reading.length(path)


def test_an_au_file_is_read_by_either_name(tmp_path):
  content = written('AU', 'PCM_16')
  for name in ('a.au', 'a.snd', 'a.AU'):
    assert read(tmp_path / name, content)[:2] == (RATE_HZ, RATE_HZ)


def test_channels_of_w64_that_do_not_fit_its_blocks_are_noted(tmp_path):
  content = written('W64', 'PCM_16')
  assert read(tmp_path / 'a.w64', content) == (RATE_HZ, RATE_HZ, [])
  place = content.index(b'fmt ') + 24 + 2
  assert content[place] == 1
  content[place] = 2
  _, _, (note,) = read(tmp_path / 'a.w64', content)
  assert '2 channels and 16 bits' in note and 'does not fit' in note


@pytest.mark.parametrize('subtype', ['GSM610', 'IMA_ADPCM', 'MS_ADPCM'])
def test_a_rate_that_does_not_fit_the_bytes_of_a_second_is_noted(
  tmp_path, subtype
):
  content = written('WAV', subtype)
  assert read(tmp_path / 'a.wav', content)[2] == []
  place = content.index(b'fmt ') + 8 + 5
  content[place] ^= 0x80  # half a second more or less of the same sound
  _, rate_hz, (note,) = read(tmp_path / 'a.wav', content)
  assert rate_hz != RATE_HZ
  assert 'does not fit' in note


def test_an_aiff_file_that_holds_less_than_it_says_is_refused(tmp_path):
  content = written('AIFF', 'PCM_16')
  assert read(tmp_path / 'a.aiff', content)[0] == RATE_HZ
  place = content.index(b'SSND') + 4
  content[place : place + 4] = (8 + 200).to_bytes(4, 'big')
  with pytest.raises(
    reading.BadFile, match=r'says 16000 samples .* and 100 in'
  ):
    read(tmp_path / 'a.aiff', content)
