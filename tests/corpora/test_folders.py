"""Folders of classes, read by a pattern."""

from __future__ import annotations

import dataclasses

import pytest
import tiny
from recordings import put_wav

from sernet_jax.common.errors import InputError
from sernet_jax.corpora import registry
from sernet_jax.corpora.readers import folders
from sernet_jax.corpora.specs import DataSpec
from sernet_jax.runs import config as config_lib, differences
from sernet_jax.runs.data import load_corpus


def put(root, *names):
  for name in names:
    put_wav(root / name)


def test_numbered_folders_of_classes_as_ased_has_them(tmp_path):
  put(
    tmp_path / 'ASED_V1',
    '01Neutral/n1-02-02-01-03.wav',
    '02Fearful/f4-02-02-01-11.wav',
    '02Fearful/._f4-02-02-01-11.wav',
    '02Fearful/notes/f.wav',
  )
  pattern = r'\d*(?P<label>\w+)/\w+-(?P<text>\d+)-\d+-\d+-(?P<speaker>\d+)'
  for root in (tmp_path, tmp_path / 'ASED_V1'):
    corpus = registry.load('folders', root, pattern=pattern)
    assert corpus.classes == ('Fearful', 'Neutral')
    assert [(u.label, u.speaker, u.text) for u in corpus.utterances] == [
      ('Neutral', '03', '02'),
      ('Fearful', '11', '02'),
    ]
    assert '1 recordings do not fit' in corpus.problems[0]
  assert corpus.name == 'ASED_V1'
  assert corpus.utterances[0].name == '01Neutral/n1-02-02-01-03.wav'


@pytest.mark.parametrize(
  ('pattern', 'speaker_from', 'speakers'),
  [
    ('{label}/{speaker}_*', '', ['ann', 'bob']),
    ('{label}/*', 'unknown', ['unknown'] * 2),
    ('{label}/*', r'/([a-z]+)_\d', ['ann', 'bob']),
  ],
)
def test_who_speaks(tmp_path, pattern, speaker_from, speakers):
  put(tmp_path, 'joy/ann_1.wav', 'sad/bob_2.wav')
  corpus = folders.folders(tmp_path, pattern, speaker_from)
  assert [u.speaker for u in corpus.utterances] == speakers
  assert [u.label for u in corpus.utterances] == ['joy', 'sad']


def test_where_the_corpus_lies_does_not_say_who_speaks(tmp_path):
  put(tmp_path / 'my_data_1', 'joy/ann_1.wav', 'sad/bob_2.wav')
  root = tmp_path / 'my_data_1'
  corpus = folders.folders(root, '{label}/*', r'([^/]*)_')
  assert corpus.speakers == ('ann', 'bob')


def test_a_corpus_is_called_as_its_folder_however_that_is_written(
  tmp_path, monkeypatch
):
  put(tmp_path / 'mine', 'joy/ann_1.wav', 'sad/bob_2.wav')
  monkeypatch.chdir(tmp_path / 'mine' / 'joy')
  corpus = folders.folders('..', '{label}/{speaker}_*')
  assert corpus.name == 'mine' and len(corpus.utterances) == 2


def test_a_path_that_does_not_say_who_speaks_is_told_from_others(tmp_path):
  put(tmp_path, 'joy/v_ann.wav', 'sad/v_2.wav', 'sad/bob.wav')
  corpus = folders.folders(tmp_path, '{label}/v_*', '_([a-z]+)')
  assert [u.name for u in corpus.utterances] == ['joy/v_ann.wav']
  assert corpus.problems == (
    "1 recordings do not fit '{label}/v_*' and were left out: sad/bob.wav.",
    "1 recordings do not fit data.speaker_from='_([a-z]+)' and were left out: "
    'sad/v_2.wav.',
  )


def test_the_folder_may_be_the_speaker_and_other_formats_count(tmp_path):
  put(tmp_path, 'ann/x-joy.wav', 'ann/readme.txt')
  (tmp_path / 'bob').mkdir()
  (tmp_path / 'bob/y-sad.flac').touch()
  corpus = folders.folders(tmp_path, '*-{label}', 'folder')
  assert [(u.name, u.speaker) for u in corpus.utterances] == [
    ('ann/x-joy.wav', 'ann'),
    ('bob/y-sad.flac', 'bob'),
  ]


@pytest.mark.parametrize(
  ('pattern', 'speaker_from', 'words'),
  [
    ('', '', r'data.pattern is .., which has no \{label\}'),
    ('{speaker}/*', '', r'has no \{label\}'),
    ('{label}/{speker}_*', '', "did you mean 'speaker'"),
    ('{label}/{speaker}_{label}', '', r'\{label\} twice'),
    ('*{label}/{speaker}', '', r"nothing parts what stands before '.label"),
    ('{label}/{speaker}{text}', '', 'nothing parts what stands before'),
    (r'(?P<label>.*)/(?P<who>.*)', '', 'group who is not known'),
    (r'(?P<speaker>.*)_\d', '', r'no group \(\?P<label>'),
    (r'(?P<label>', '', 'is not a regular expression'),
    ('{label}/*', '', 'say who speaks in one of them'),
    ('{label}/{speaker}', 'folder', 'say who speaks in one of them'),
    ('{label}/{speaker}-*', '', r'fits .*1 do not, such as joy/ann_1.wav'),
    ('{label}/*', '([^/]*)-', r'fits data\.speaker_from=.*such as joy/ann_1'),
  ],
)
def test_patterns_that_cannot_be_used(tmp_path, pattern, speaker_from, words):
  put(tmp_path, 'joy/ann_1.wav')
  with pytest.raises(InputError, match=words):
    folders.folders(tmp_path, pattern, speaker_from)


def test_labels_are_merged_by_the_vocabulary_when_asked(tmp_path):
  put(tmp_path, 'joy/a_1.wav', 'Happy/b_1.wav', 'angry/b_2.wav')
  config = tiny.load_config('manifest')
  config.data.corpus = 'folders'
  config.data.root = str(tmp_path)
  config.data.cache_dir = str(tmp_path / 'cache')
  config.data.pattern = '{label}/{speaker}_*'
  corpus = load_corpus(config_lib.experiment(config))
  assert corpus.classes == ('Happy', 'angry', 'joy')
  assert any('mean the same (happiness)' in p for p in corpus.problems)
  config.data.merge_labels = True
  corpus = load_corpus(config_lib.experiment(config))
  assert corpus.classes == ('anger', 'happiness')
  assert not any('mean the same' in p for p in corpus.problems)
  put(tmp_path, 'awe/b_1.wav')
  with pytest.raises(InputError, match='unknown labels: awe 1'):
    load_corpus(config_lib.experiment(config))
  config.data.classes = '-awe'
  corpus = load_corpus(config_lib.experiment(config))
  assert corpus.classes == ('anger', 'happiness')


@pytest.mark.parametrize(
  ('field', 'value', 'corpus'),
  [
    ('columns', 'path=file', 'manifest'),
    ('speaker_from', 'folder', 'manifest and data.corpus=folders'),
    ('pattern', '{label}', 'folders'),
    ('table', 'emotion', 'audformat'),
    ('emotion', 'emotion', 'audformat'),
    ('speaker', 'speaker', 'audformat'),
  ],
)
def test_fields_that_would_do_nothing_are_refused(field, value, corpus):
  with pytest.raises(InputError, match=f'is for data.corpus={corpus} and does'):
    DataSpec(**{field: value})
  owner = corpus.split(' and ')[0]
  assert DataSpec(corpus=owner, **{field: value}).ways[field] == value
  if owner == 'audformat':
    DataSpec(corpora='emodb,audformat:/x', **{field: value})


def test_runs_from_before_these_fields_are_the_same_runs():
  config = config_lib.to_dict(tiny.load_config('emodb'))
  before = {**config, 'data': dict(config['data'])}
  added = {'merge_labels': False, **dict.fromkeys(DataSpec().ways, '')}
  assert added.items() <= before['data'].items()
  for field in added:
    del before['data'][field]
  assert differences.between(config, before) == []
  assert differences.short_hash(config) == differences.short_hash(before)
  changed = {**config, 'data': config['data'] | {'merge_labels': True}}
  assert differences.short_hash(changed) != differences.short_hash(config)
  assert dataclasses.replace(DataSpec(), merge_labels=True) != DataSpec()
