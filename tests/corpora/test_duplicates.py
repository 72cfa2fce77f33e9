"""Recordings that two speakers share, by path or by content."""

from __future__ import annotations

import shutil

import pytest
from recordings import write_list

from sernet_jax.common.errors import InputError
from sernet_jax.corpora import duplicates, joined
from sernet_jax.corpora.readers import manifest
from sernet_jax.corpora.utterances import Utterance


def test_a_file_under_two_speakers_is_refused(tmp_path):
  one = write_list(tmp_path / 'one')
  two = write_list(tmp_path / 'two', ('anger', 'happiness'))
  joined.load(f'{one},{two}')
  copy = tmp_path / 'two' / 'ann_anger_0.wav'
  shutil.copy(tmp_path / 'one' / 'bob_joy_1.wav', copy)
  with pytest.raises(InputError) as caught:
    joined.load(f'{one},{two}')
  message = str(caught.value)
  assert message.startswith('1 recordings belong to two speakers: ')
  assert 'one/bob_joy_1.wav' in message
  assert str(copy) in message
  copy.unlink()
  copy.symlink_to(tmp_path / 'one' / 'ann_joy_0.wav')
  with pytest.raises(InputError, match=r'one/ann_joy_0.wav and .*ann_anger_0'):
    joined.load(f'{one},{two}')


def test_inspecting_a_manifest_tells_of_copies(tmp_path):
  path = write_list(tmp_path / 'one')
  corpus = manifest.manifest(path)
  assert duplicates.with_copies_noted(corpus) is corpus
  shutil.copy(tmp_path / 'one/ann_joy_0.wav', tmp_path / 'one/bob_joy_0.wav')
  shutil.copy(tmp_path / 'one/ann_joy_0.wav', tmp_path / 'one/ann_joy_1.wav')
  (problem,) = duplicates.with_copies_noted(corpus).problems
  assert problem == (
    '1 recordings are equal byte for byte to one of another speaker: '
    'ann_joy_0.wav (ann) and bob_joy_0.wav (bob).'
  )


def test_empty_files_are_no_copies_of_each_other(tmp_path):
  for name in 'ab':
    (tmp_path / f'{name}.wav').touch()
  duplicates.require_distinct(
    Utterance(name, str(tmp_path / f'{name}.wav'), 'joy', name)
    for name in 'abc'
  )
