"""Recordings that are there twice, by path or by sound."""

from __future__ import annotations

import dataclasses
import shutil

import numpy as np
import pytest
import soundfile
from recordings import write_list

from sernet_jax.common.errors import InputError
from sernet_jax.corpora import duplicates, joined, protocols
from sernet_jax.corpora.protocols import ProtocolSpec
from sernet_jax.corpora.readers import manifest
from sernet_jax.corpora.utterances import Corpus, Utterance


def test_a_file_under_two_speakers_is_refused(tmp_path):
  one = write_list(tmp_path / 'one')
  two = write_list(tmp_path / 'two', ('anger', 'happiness'))
  joined.load(f'{one},{two}')
  copy = tmp_path / 'two' / 'ann_anger_0.wav'
  copy.unlink()
  copy.symlink_to(tmp_path / 'one' / 'ann_joy_0.wav')
  with pytest.raises(InputError, match=r'one/ann_joy_0.wav and .*ann_anger_0'):
    joined.load(f'{one},{two}')


def test_a_copy_in_two_corpora_is_not_trained_and_tested(tmp_path):
  one = write_list(tmp_path / 'one')
  two = write_list(tmp_path / 'two', ('anger', 'joy'))
  copied = tmp_path / 'one/bob_joy_1.wav'
  shutil.copy(copied, tmp_path / 'two/ann_anger_0.wav')
  corpus = duplicates.with_sounds(joined.load(f'{one},{two}'))
  for name in ('loso', 'loco'):
    with pytest.raises(InputError) as caught:
      protocols.make(corpus, ProtocolSpec(name=name))
    assert 'two/ann_anger_0.wav (two/ann)' in str(caught.value)
    assert 'one/bob_joy_1.wav (one/bob)' in str(caught.value)
  protocols.make(corpus, ProtocolSpec(name='random10'))


def test_each_kind_of_copies_is_named_labels_first(tmp_path):
  path = write_list(tmp_path / 'one')
  corpus = manifest.manifest(path)
  assert duplicates.with_sounds(corpus) is corpus
  for source, copy in (
    ('ann_joy_0', 'ann_joy_1'),
    ('ann_joy_0', 'bob_joy_0'),
    ('cyd_joy_0', 'cyd_anger_1'),
  ):
    shutil.copy(tmp_path / f'one/{source}.wav', tmp_path / f'one/{copy}.wav')
  found = duplicates.with_sounds(corpus)
  assert found.problems == (
    '1 recording sounds exactly like one with another label, so that one label '
    'of each pair is wrong: cyd_anger_1.wav (anger) and cyd_joy_0.wav (joy).',
    '1 recording sounds exactly like one of another speaker: ann_joy_0.wav '
    '(ann) and bob_joy_0.wav (bob).',
    '1 recording sounds exactly like one of the same speaker and label and '
    'counts twice: ann_joy_0.wav and ann_joy_1.wav.',
  )
  assert len({u.sound for u in found.utterances} - {''}) == 2


def test_sound_is_compared_not_bytes(tmp_path):
  """The same samples as WAV and FLAC, beside others of the same length."""
  random = np.random.default_rng(0)
  for name, same in (('a.wav', 1), ('b.flac', 1), ('c.wav', 0), ('d.wav', 0)):
    source = np.random.default_rng(1) if same else random
    samples = source.integers(-9999, 9999, 800, np.int16)
    soundfile.write(tmp_path / name, samples, 16_000)
  samples, _ = soundfile.read(tmp_path / 'a.wav', dtype='int16')
  soundfile.write(tmp_path / 'e.wav', samples, 8000)  # another rate
  utterances = tuple(
    Utterance(path.name, str(path), 'joy', 'ann')
    for path in sorted(tmp_path.iterdir())
  )
  corpus = duplicates.with_sounds(Corpus('made', ('joy',), utterances))
  assert [u.name for u in corpus.utterances if u.sound] == ['a.wav', 'b.flac']
  assert corpus.firsts.tolist() == [0, 0, 2, 3, 4]


def test_what_was_found_is_kept_until_a_file_changes(tmp_path, monkeypatch):
  corpus = manifest.manifest(write_list(tmp_path / 'one'))
  copy = tmp_path / 'one/ann_joy_1.wav'
  shutil.copy(tmp_path / 'one/ann_joy_0.wav', copy)
  found = duplicates.with_sounds(corpus, tmp_path / 'cache')
  (note,) = (tmp_path / 'cache').glob('sounds-*.json')
  with monkeypatch.context() as patch:
    patch.setattr(duplicates, '_digest', None)  # nothing is read again
    assert duplicates.with_sounds(corpus, tmp_path / 'cache') == found
  note.write_text('{"sounds": ')
  assert duplicates.with_sounds(corpus, tmp_path / 'cache') == found
  shutil.copy(tmp_path / 'one/ann_joy_0.wav', tmp_path / 'one/bob_joy_1.wav')
  again = duplicates.with_sounds(corpus, tmp_path / 'cache')
  assert len(again.problems) == 2


def test_files_that_cannot_be_read_are_no_copies_of_each_other(tmp_path):
  for name in 'ab':
    (tmp_path / f'{name}.wav').touch()
  utterances = tuple(
    Utterance(name, str(tmp_path / f'{name}.wav'), 'joy', name)
    for name in 'abc'
  )
  corpus = Corpus('made', ('joy',), utterances)
  assert duplicates.with_sounds(corpus) is corpus


def test_two_parts_of_one_file_are_two_recordings(tmp_path):
  path = str(tmp_path / 'a.wav')
  samples = np.random.default_rng(0).uniform(-1, 1, 800)
  soundfile.write(path, np.concatenate([samples, samples[:400]]), 16_000)
  whole = Utterance('0', path, 'joy', 'ann', start_s=0.0, end_s=0.025)
  others = [
    dataclasses.replace(whole, name='1', start_s=0.025, end_s=0.05),
    dataclasses.replace(
      whole, name='2', speaker='bob', start_s=0.05, end_s=None
    ),
  ]
  joined.require_distinct([whole, *others])
  corpus = Corpus('made', ('joy',), (whole, *others))
  assert duplicates.with_sounds(corpus).firsts.tolist() == [0, 1, 0]
  with pytest.raises(InputError, match='belong to two speakers'):
    joined.require_distinct(
      [whole, dataclasses.replace(whole, name='3', speaker='bob')]
    )
