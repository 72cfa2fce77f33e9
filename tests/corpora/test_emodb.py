"""EMO-DB, read from the names of its files."""

from __future__ import annotations

import collections
import pathlib

import hypothesis
import pytest
from hypothesis import strategies as st
from recordings import make_emodb, put_wav

from sernet_jax.common.errors import InputError
from sernet_jax.corpora import registry
from sernet_jax.corpora.readers import emodb


def test_emodb_has_the_published_counts(emodb_root):
  corpus = registry.load('emodb', emodb_root)
  assert corpus.problems == ()
  assert len(corpus.utterances) == 535
  assert collections.Counter(u.label for u in corpus.utterances) == {
    'anger': 127,
    'boredom': 81,
    'disgust': 46,
    'fear': 69,
    'happiness': 71,
    'neutral': 79,
    'sadness': 62,
  }
  assert collections.Counter(u.speaker for u in corpus.utterances) == {
    '03': 49,
    '08': 58,
    '09': 43,
    '10': 38,
    '11': 55,
    '12': 35,
    '13': 61,
    '14': 69,
    '15': 56,
    '16': 71,
  }
  assert len({u.group for u in corpus.utterances}) == 10  # texts
  assert corpus.classes == tuple(sorted(corpus.classes))
  first = corpus.utterances[0]
  assert (first.name, first.label, first.speaker) == (
    '03a01Fa',
    'happiness',
    '03',
  )
  assert corpus.classes[corpus.labels[0]] == 'happiness'
  assert corpus == registry.load('emodb', emodb_root / 'wav')


@pytest.mark.parametrize('folder', ['emodb', 'EmoDB/download', 'a/b'])
def test_emodb_may_lie_deeper(tmp_path, folder):
  make_emodb(tmp_path / folder)
  put_wav(tmp_path / folder / 'laryngo/03a01Fa.wav')
  (tmp_path / folder / 'labsil').mkdir()
  corpus = registry.load('emodb', tmp_path)
  assert len(corpus.utterances) == 70
  assert corpus.utterances[0].path.startswith(f'{tmp_path}/{folder}/wav/')
  assert corpus.utterances[0].text == 'a01'


def test_emodb_twice_is_not_guessed(tmp_path):
  make_emodb(tmp_path / 'one')
  make_emodb(tmp_path / 'two')
  with pytest.raises(InputError, match=r'several .*one/wav, .*two/wav.*root='):
    registry.load('emodb', tmp_path)


def test_emodb_says_that_it_is_not_whole(tmp_path):
  make_emodb(tmp_path)
  put_wav(tmp_path / 'wav/._03a01Fa.wav')  # macOS leaves such files
  corpus = registry.load('emodb', tmp_path)
  assert len(corpus.utterances) == 70
  (problem,) = corpus.problems
  assert '70 recordings' in problem
  assert '535' in problem


@pytest.mark.parametrize('root', ['nowhere', 'empty', ''])
def test_without_emodb_the_error_tells_how_to_get_it(
  tmp_path, monkeypatch, root
):
  monkeypatch.setenv('SERNET_CACHE', str(tmp_path))
  (tmp_path / 'empty/wav').mkdir(parents=True)
  with pytest.raises(InputError) as caught:
    registry.load('emodb', tmp_path / root if root else '')
  message = str(caught.value)
  assert str(tmp_path / (root or 'emodb')) in message
  assert 'python -m sernet_jax.download emodb' in message
  assert '--config.data.root=' in message


def test_an_unknown_emotion_letter_is_named(tmp_path):
  make_emodb(tmp_path)
  put_wav(tmp_path / 'wav/03a01Xa.wav')
  with pytest.raises(
    InputError, match=r"03a01Xa.wav has .* letter 'X'.*A fear"
  ):
    registry.load('emodb', tmp_path)


@pytest.mark.parametrize('name', ['03a01F', '3a01Fa', 'speech', '03a01Fa (1)'])
def test_a_name_that_does_not_fit_is_named(tmp_path, name):
  put_wav(tmp_path / f'{name}.wav')
  with pytest.raises(InputError, match='not named like an EMO-DB'):
    emodb.emodb(tmp_path)


def test_a_recording_that_comes_twice_is_an_error(tmp_path):
  put_wav(tmp_path / '03a01Fa.wav')
  put_wav(tmp_path / '03a01Fa.WAV')
  if len(list(tmp_path.iterdir())) < 2:
    pytest.skip('this file system takes both names for one')
  with pytest.raises(InputError, match='03a01Fa twice'):
    emodb.emodb(tmp_path)


@hypothesis.settings(deadline=None)
@hypothesis.given(
  st.from_regex(r'[0-9]{2}[a-z][0-9]{2}', fullmatch=True),
  st.sampled_from('WLEAFNT'),
  st.sampled_from('abcdef'),
)
def test_the_parts_of_an_emodb_name_come_back(start, letter, version):
  path = pathlib.Path(f'/x/{start}{letter}{version}.wav')
  utterance = emodb.parse(path)
  assert utterance.speaker + utterance.group == start
  assert utterance.label == emodb.LABELS[letter]


@hypothesis.settings(deadline=None)
@hypothesis.given(
  st.text(st.characters(exclude_characters='/\0', exclude_categories=['Cs']))
)
def test_any_file_name_is_understood_or_refused_in_words(stem):
  path = pathlib.Path('/x') / f'{stem}.wav'
  try:
    utterance = emodb.parse(path)
  except InputError as error:
    assert str(path) in str(error)
  else:
    assert utterance.label in emodb.LABELS.values()


@pytest.mark.parametrize(
  ('lost', 'words'),
  [
    ({'letters': 'WLAFNT'}, "class 'disgust'"),
    ({'speakers': emodb.SPEAKERS[:-1]}, "speaker '16'"),
  ],
)
def test_a_class_or_speaker_with_no_utterance_is_an_error(
  tmp_path, lost, words
):
  make_emodb(tmp_path, **lost)
  with pytest.raises(InputError, match=f'no utterance of {words};'):
    registry.load('emodb', tmp_path)
