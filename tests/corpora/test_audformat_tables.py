"""Databases in audformat become corpora; needs the extra `audformat`."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from sernet_jax.audio import reading
from sernet_jax.common.errors import InputError
from sernet_jax.corpora import registry
from sernet_jax.corpora.readers import audformat_tables

# audformat 1.4 calls pandas 3 in a way that is going to change.
pytestmark = pytest.mark.filterwarnings(
  'ignore:The inplace keyword:DeprecationWarning'
)


@pytest.fixture
def audformat():
  return pytest.importorskip(
    'audformat', reason="pip install 'sernet_jax[audformat]' to test it"
  )


FILES = ('audio/a.wav', 'audio/b.wav', 'audio/c.wav', 'audio/d.wav')


def write(audformat, folder, labels=('anger', 'happiness', 'anger', None)):
  """A database as audb leaves it: a table of emotions, one of speakers."""
  database = audformat.Database('made_up')
  database.schemes['emotion'] = audformat.Scheme(labels=['anger', 'happiness'])
  database.schemes['speaker'] = audformat.Scheme(
    labels={'s1': {'gender': 'female'}, 's2': {'gender': 'male'}}
  )
  index = audformat.filewise_index(list(FILES))
  database['emotion.gold'] = audformat.Table(index)
  database['emotion.gold']['emotion'] = audformat.Column(scheme_id='emotion')
  database['emotion.gold']['emotion'].set(list(labels))
  database['files'] = audformat.Table(index)
  database['files']['speaker'] = audformat.Column(scheme_id='speaker')
  database['files']['speaker'].set(['s1', 's2', 's1', 's2'])
  database.save(str(folder))
  (folder / 'audio').mkdir()
  for file in FILES[:-1]:
    reading.write_wav(folder / file, np.full(160, 0.1), 16_000)
  return database


def test_a_database_becomes_a_corpus(tmp_path, audformat):
  write(audformat, tmp_path)
  corpus = registry.load('audformat', tmp_path)
  assert corpus.name == 'made_up'
  assert corpus.classes == ('anger', 'happiness')
  assert [(u.name, u.label, u.speaker) for u in corpus.utterances] == [
    ('audio/a.wav', 'anger', 's1'),
    ('audio/b.wav', 'happiness', 's2'),
    ('audio/c.wav', 'anger', 's1'),
  ]
  assert corpus.utterances[0].path == str(tmp_path / 'audio/a.wav')
  assert corpus.problems == (
    '1 of 4 recordings have no emotion or no speaker and are left out.',
  )


def test_what_is_not_there_is_told(tmp_path, audformat):
  write(audformat, tmp_path, ('anger', 'happiness', 'anger', 'happiness'))
  corpus = audformat_tables.load(tmp_path)
  assert corpus.problems == ('1 recordings are missing: audio/d.wav.',)
  with pytest.raises(
    InputError, match=r"no 'emotions'.*did you mean 'emotion'"
  ):
    audformat_tables.load(tmp_path, emotion='emotions')
  with pytest.raises(
    InputError, match=r"no table 'file': did you mean 'files'"
  ):
    audformat_tables.load(tmp_path, table='file')


def test_parts_of_recordings_are_refused(tmp_path, audformat):
  database = write(audformat, tmp_path)
  index = audformat.segmented_index(['audio/a.wav'], ['0s'], ['1s'])
  database['emotion.gold'] = audformat.Table(index)
  database['emotion.gold']['emotion'] = audformat.Column(scheme_id='emotion')
  database['emotion.gold']['emotion'].set(['anger'])
  database.save(str(tmp_path))
  with pytest.raises(InputError, match='labels 1 parts of recordings'):
    audformat_tables.load(tmp_path)


def test_without_the_library_the_error_says_how_to_get_it(
  tmp_path, monkeypatch
):
  with pytest.raises(InputError, match=r'data\.root is empty'):
    registry.load('audformat')
  with pytest.raises(InputError, match=r'holds no db\.yaml'):
    registry.load('audformat', tmp_path)
  (tmp_path / 'db.yaml').touch()
  monkeypatch.setitem(sys.modules, 'audformat', None)
  with pytest.raises(InputError, match=r'pip install .*\[audformat\]'):
    registry.load('audformat', tmp_path)
