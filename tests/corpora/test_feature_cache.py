"""Features of a corpus: as computed one by one, and computed once."""

from __future__ import annotations

import os
import pathlib

import numpy as np
import pytest
import tiny

from sernet_jax import features
from sernet_jax.audio import reading, segments as segments_lib
from sernet_jax.audio.spec import AudioSpec
from sernet_jax.common.errors import InputError
from sernet_jax.corpora.cache import feature_cache
from sernet_jax.corpora.readers import manifest
from sernet_jax.corpora.utterances import Corpus, Utterance
from sernet_jax.features.spec import MfccSpec

SPEC = MfccSpec(num_coefficients=8)
AUDIO = AudioSpec(duration_s=0.2)


@pytest.fixture
def corpus(tmp_path):
  return manifest.manifest(tiny.write_corpus(tmp_path / 'corpus'))


def load(corpus, tmp_path, **changes):
  arguments = {
    'kind': 'mfcc',
    'spec': SPEC,
    'audio_spec': AUDIO,
    'folder': tmp_path / 'cache',
    **changes,
  }
  return feature_cache.load(corpus, **arguments)


def test_every_utterance_has_the_features_of_its_file(corpus, tmp_path):
  found = load(corpus, tmp_path)
  assert found.features.shape == (24, 9, 8)
  assert found.skipped == {}
  np.testing.assert_array_equal(found.segment_utterances, np.arange(24))
  for place in (0, 11, 23):
    segment = segments_lib.load_segments(corpus.utterances[place].path, AUDIO)[
      0
    ]
    alone = features.mfcc(segment, SPEC)
    np.testing.assert_allclose(found.features[place], alone, atol=1e-5)


@pytest.mark.parametrize(
  ('kind', 'width'), [('log_mel', 128), ('spectrogram', 513)]
)
def test_other_inputs_of_the_network(corpus, tmp_path, kind, width):
  assert load(corpus, tmp_path, kind=kind).features.shape == (24, 9, width)


def test_the_second_time_no_file_is_read(corpus, tmp_path, monkeypatch):
  first = load(corpus, tmp_path)

  def fail(*args, **kwargs):
    raise AssertionError('the cache was not used')

  monkeypatch.setattr(segments_lib, 'read_all', fail)
  second = load(corpus, tmp_path)
  assert isinstance(second.features, np.memmap)
  np.testing.assert_array_equal(first.features, second.features)


def test_a_changed_file_or_setting_is_noticed(corpus, tmp_path):
  first = load(corpus, tmp_path)
  path = corpus.utterances[0].path
  samples, rate_hz = reading.read(path)
  reading.write_wav(path, samples[::-1], rate_hz)
  os.utime(path, ns=(1, 1))
  second = load(corpus, tmp_path)
  assert np.any(first.features[0] != second.features[0])
  np.testing.assert_array_equal(first.features[1:], second.features[1:])
  hann = MfccSpec(num_coefficients=8, window='hann')
  assert np.any(load(corpus, tmp_path, spec=hann).features != second.features)


def test_all_segments_know_their_utterance(tmp_path):
  csv = tiny.write_corpus(tmp_path / 'corpus', duration_s=0.5)
  spec = AudioSpec(duration_s=0.2, segments='all')
  found = load(manifest.manifest(csv), tmp_path, audio_spec=spec)
  np.testing.assert_array_equal(
    found.segment_utterances, np.repeat(np.arange(24), 3)
  )


def test_bad_files_stop_or_are_skipped_and_remembered(corpus, tmp_path):
  bad = corpus.utterances[5].path
  name = pathlib.Path(bad).name
  pathlib.Path(bad).write_bytes(b'not sound')
  with pytest.raises(InputError, match=name):
    load(corpus, tmp_path)
  assert not list((tmp_path / 'cache').glob('*.part'))
  for _ in range(2):  # computed, then from the cache
    found = load(corpus, tmp_path, on_bad_file='skip')
    assert list(found.skipped) == [bad]
    assert len(found.corpus.utterances) == 23
    assert found.features.shape[0] == 23
    np.testing.assert_array_equal(found.segment_utterances, np.arange(23))
  with pytest.raises(InputError, match=name):
    load(corpus, tmp_path)  # asked to stop, the cache does not hide it


def test_a_segment_shorter_than_a_frame_is_refused(corpus, tmp_path):
  with pytest.raises(InputError, match=r'data.duration_s is 0.05.*0.064 s'):
    load(corpus, tmp_path, audio_spec=AudioSpec(duration_s=0.05))


def test_an_unwritable_cache_is_one_sentence(corpus, tmp_path):
  (tmp_path / 'file').write_text('in the way')
  with pytest.raises(InputError, match='file'):
    load(corpus, tmp_path, folder=tmp_path / 'file' / 'cache')


class Killed(BaseException):
  """As if the process had ended here."""


@pytest.mark.parametrize('segments', ['center', 'all'])
def test_killed_work_goes_on_to_the_same_bits(tmp_path, monkeypatch, segments):
  monkeypatch.setattr(feature_cache, '_BATCH', 5)
  monkeypatch.setattr(feature_cache, '_BLOCK', 2)
  corpus = manifest.manifest(tiny.write_corpus(tmp_path / 'corpus', 0.5))
  bad = corpus.utterances[3].path
  pathlib.Path(bad).write_bytes(b'not sound')
  spec = AudioSpec(duration_s=0.2, segments=segments)
  whole = load(corpus, tmp_path, audio_spec=spec, on_bad_file='skip')
  whole_bits = np.array(whole.features)
  note, read = feature_cache._note, segments_lib.load_segments
  kills = []

  def kill_after_note(*args):
    note(*args)
    raise Killed

  def fold(kill):
    again = tmp_path / 'again'
    with monkeypatch.context() as patch:
      if kill:
        patch.setattr(feature_cache, '_note', kill_after_note)
      return load(
        corpus, again.parent, audio_spec=spec, on_bad_file='skip', folder=again
      )

  read_now = []
  monkeypatch.setattr(
    segments_lib,
    'load_segments',
    lambda *a: (read_now.append(a[0]), read(*a))[1],
  )
  while True:
    read_now.clear()
    try:
      found = fold(kill=len(kills) < 3)
      break
    except Killed:
      kills.append(len(read_now))
  assert len(kills) >= 2
  assert len(read_now) < 24  # the last one read only what was left
  np.testing.assert_array_equal(np.array(found.features), whole_bits)
  np.testing.assert_array_equal(
    found.segment_utterances, whole.segment_utterances
  )
  assert found.skipped == whole.skipped == {bad: found.skipped[bad]}
  left = {path.suffix for path in (tmp_path / 'again').iterdir()}
  assert left == {'.f32', '.json', '.lock'}


def test_work_cut_off_within_a_block_is_cut_back(corpus, tmp_path, monkeypatch):
  monkeypatch.setattr(feature_cache, '_BATCH', 4)
  monkeypatch.setattr(feature_cache, '_BLOCK', 1)
  whole = np.array(load(corpus, tmp_path).features)
  note = feature_cache._note
  calls = []

  def die(*args):
    calls.append(1)
    if len(calls) == 3:  # the block is written, its note only half
      path = args[1]
      with path.open('a') as file:
        file.write('{"names": ["x')
      raise Killed
    return note(*args)

  again = tmp_path / 'again'
  with monkeypatch.context() as patch:
    patch.setattr(feature_cache, '_note', die)
    with pytest.raises(Killed):
      load(corpus, tmp_path, folder=again)
  assert [p.suffix for p in again.iterdir() if p.suffix == '.part'] == ['.part']
  found = load(corpus, tmp_path, folder=again)
  np.testing.assert_array_equal(np.array(found.features), whole)


def test_a_dot_in_the_name_of_a_corpus_keeps_caches_apart(tmp_path):
  path = tiny.write_corpus(tmp_path / 'corpus')
  dotted = path.rename(path.with_name('my.list.csv'))
  corpus = manifest.manifest(dotted)
  one = load(corpus, tmp_path)
  hann = MfccSpec(num_coefficients=8, window='hann')
  other = load(corpus, tmp_path, spec=hann)
  assert np.any(one.features != other.features)


def test_parts_of_a_file_are_utterances_with_features_of_their_own(tmp_path):
  samples = np.random.default_rng(0).uniform(-1, 1, 8000)
  reading.write_wav(tmp_path / 'whole.wav', samples, 16_000)
  reading.write_wav(tmp_path / 'alone.wav', samples[1600:4800], 16_000)
  path = str(tmp_path / 'whole.wav')
  corpus = Corpus(
    'made',
    ('a', 'b'),
    (
      Utterance('0', path, 'a', 'x', start_s=0.1, end_s=0.3),
      Utterance('1', path, 'b', 'y', start_s=0.3),
      Utterance('2', str(tmp_path / 'alone.wav'), 'a', 'z'),
      Utterance('3', path, 'a', 'x', start_s=5.0),  # behind the end
    ),
  )
  spec = MfccSpec(num_coefficients=8)
  found = feature_cache.load(
    corpus, 'mfcc', spec, AudioSpec(16_000, 0.2), tmp_path / 'cache', 'skip'
  )
  assert [u.name for u in found.corpus.utterances] == ['0', '1', '2']
  assert found.skipped == {
    f'{path} (5 to end)': 'lies behind the end of the file'
  }
  np.testing.assert_array_equal(found.features[0], found.features[2])
  assert not np.array_equal(found.features[0], found.features[1])
