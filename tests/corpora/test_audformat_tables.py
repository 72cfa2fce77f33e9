"""Databases made by audformat and audb become corpora; needs both."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import soundfile

from sernet_jax.audio import part_reading
from sernet_jax.common.errors import InputError
from sernet_jax.corpora import registry
from sernet_jax.corpora.readers import audformat_tables

# audformat 1.4 calls pandas 3 in a way that is going to change.
pytestmark = [
  pytest.mark.filterwarnings('ignore:The inplace keyword'),
  pytest.mark.filterwarnings('ignore::DeprecationWarning'),
  pytest.mark.filterwarnings('ignore::FutureWarning'),
]

FILES = ('audio/a.wav', 'audio/b.wav', 'audio/c.wav', 'audio/d.wav')
SPEAKERS = ('s1', 's2', 's1', 's2')
LABELS = ('anger', 'happiness', 'anger', 'happiness')


@pytest.fixture
def audformat():
  return pytest.importorskip(
    'audformat', reason="pip install 'sernet_jax[audformat]' to test it"
  )


def add(audformat, database, table, index, **columns):
  """A table with columns that have a scheme of their name, or none."""
  database[table] = audformat.Table(index)
  for name, values in columns.items():
    scheme = name if name in database.schemes else None
    database[table][name] = audformat.Column(scheme_id=scheme)
    database[table][name].set(list(values))


def empty(audformat, name='made_up'):
  database = audformat.Database(name)
  database.schemes['emotion'] = audformat.Scheme(labels=['anger', 'happiness'])
  database.schemes['speaker'] = audformat.Scheme(
    labels={'s1': {'gender': 'female'}, 's2': {'gender': 'male'}}
  )
  return database


def record(folder, files=FILES, count=1600):
  """Different noise in each file, 0.1 s."""
  for number, file in enumerate(files):
    (folder / file).parent.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(number)
    samples = random.integers(-9999, 9999, count, np.int16)
    soundfile.write(folder / file, samples, 16_000)


def write(audformat, folder, labels=LABELS, files=FILES):
  """A table of emotions, one of speakers, and the recordings."""
  database = empty(audformat)
  index = audformat.filewise_index(list(files))
  add(audformat, database, 'emotion', index, emotion=labels)
  add(audformat, database, 'files', index, speaker=SPEAKERS)
  database.save(str(folder))
  record(folder, files)
  return database


def read(corpus):
  return [(u.name, u.label, u.speaker) for u in corpus.utterances]


WHOLE = list(zip(FILES, LABELS, SPEAKERS, strict=True))


def test_a_database_becomes_a_corpus(tmp_path, audformat):
  write(audformat, tmp_path)
  corpus = registry.load('audformat', tmp_path)
  assert corpus.name == 'made_up'
  assert corpus.classes == ('anger', 'happiness')
  assert read(corpus) == WHOLE
  assert corpus.utterances[0].path == str(tmp_path / 'audio/a.wav')
  assert (corpus.problems, corpus.remarks) == ((), ())


def test_what_is_not_there_is_told(tmp_path, audformat):
  write(audformat, tmp_path, ('anger', 'happiness', None, 'happiness'))
  (tmp_path / FILES[3]).unlink()
  corpus = audformat_tables.load(tmp_path)
  assert corpus.problems == (
    '1 of 4 recordings have no emotion or no speaker and are left out.',
    '1 recordings are missing: audio/d.wav.',
  )
  for file in FILES[:3]:
    (tmp_path / file).unlink()
  with pytest.raises(InputError, match=r'none of the 3 recordings .*only_meta'):
    audformat_tables.load(tmp_path)


@pytest.mark.parametrize(
  ('ways', 'words'),
  [
    (
      {'emotion': 'emotions'},
      r"no 'emotions'.*did you mean 'emotion'.*data.emo",
    ),
    (
      {'speaker': 'speakr'},
      r"no 'speakr'.*did you mean 'speaker'.*data.speaker",
    ),
    ({'table': 'file'}, r"no table 'file': did you mean 'files'.*data.table"),
    (
      {'table': 'files'},
      r"no 'emotion' in its table 'files'; it is in emotion",
    ),
  ],
)
def test_options_that_name_nothing(tmp_path, audformat, ways, words):
  write(audformat, tmp_path)
  with pytest.raises(InputError, match=words):
    registry.load('audformat', tmp_path, **ways)


def test_other_names_of_emotion_and_speaker(tmp_path, audformat):
  database = write(audformat, tmp_path)
  index = audformat.filewise_index(list(FILES))
  add(audformat, database, 'other', index, style=['x', 'y', 'x', 'y'])
  database.save(str(tmp_path))
  corpus = registry.load(
    'audformat', tmp_path, emotion='style', speaker='gender'
  )
  assert [(u.label, u.speaker) for u in corpus.utterances] == [
    ('x', 'female'),
    ('y', 'male'),
    ('x', 'female'),
    ('y', 'male'),
  ]


def test_laryngograms_are_no_speech(tmp_path, audformat):
  """The tables of EmoDB 2.0, which has a laryngogram of every recording."""
  database = write(audformat, tmp_path)
  twins = [file.replace('audio', 'laryngo') for file in FILES]
  index = audformat.filewise_index(twins)
  add(audformat, database, 'laryngo.emotion', index, emotion=LABELS)
  add(audformat, database, 'laryngo.files', index, speaker=SPEAKERS)
  for name, files in (('train', FILES[:2]), ('test', FILES[2:])):
    some = audformat.filewise_index(list(files))
    labels = [dict(zip(FILES, LABELS, strict=True))[file] for file in files]
    table = f'emotion.categories.{name}.gold_standard'
    add(audformat, database, table, some, emotion=labels)
    some = audformat.filewise_index(
      [file.replace('audio', 'laryngo') for file in files]
    )
    add(audformat, database, f'laryngo.{table}', some, emotion=labels)
  database.save(str(tmp_path))
  record(tmp_path, twins)
  corpus = registry.load('audformat', tmp_path)
  assert read(corpus) == WHOLE
  (remark,) = corpus.remarks
  assert remark.startswith('The labels are from emotion; ')
  assert 'laryngo.emotion' in remark and 'data.table=' in remark
  test = 'emotion.categories.test.gold_standard'
  corpus = registry.load('audformat', tmp_path, table=test)
  assert read(corpus) == WHOLE[2:]
  both = f'{test}+emotion.categories.train.gold_standard'
  assert read(registry.load('audformat', tmp_path, table=both)) == WHOLE
  del database.tables['emotion']  # without the whole table its parts count
  assert read(audformat_tables.corpus(database, tmp_path)) == WHOLE


def test_whole_files_beside_a_table_of_turns(tmp_path, audformat):
  database = empty(audformat)
  add(
    audformat,
    database,
    'emotion',
    audformat.filewise_index(list(FILES)),
    emotion=LABELS,
  )
  files = [FILES[0], FILES[0], FILES[1], FILES[2], FILES[3], FILES[3]]
  add(
    audformat,
    database,
    'turns',
    audformat.segmented_index(
      files,
      ['0s', '0.05s', '0s', '0.02s', '0s', '0.05s'],
      ['0.05s', '0.1s', '0.1s', '0.08s', '0.05s', '0.1s'],
    ),
    speaker=['s1', 's1', 's2', 's1', 's1', 's2'],
  )
  database.save(str(tmp_path))
  record(tmp_path)
  corpus = registry.load('audformat', tmp_path)
  assert read(corpus) == WHOLE[:3]  # two people speak in the last
  assert corpus.problems[0].startswith('1 of 4 recordings have no emotion or')


def test_segments_are_utterances(tmp_path, audformat):
  database = empty(audformat)
  index = audformat.segmented_index(
    [FILES[0], FILES[0], FILES[1], FILES[2], FILES[3]],
    ['0s', '0.06s', '0s', '0s', '0.05s'],
    ['0.04s', '0.1s', '0.1s', None, None],
  )
  labels = ['anger', 'happiness', 'anger', 'happiness', 'anger']
  speakers = ['s1', 's2', 's1', 's2', 's2']
  add(audformat, database, 't', index, emotion=labels, speaker=speakers)
  database.save(str(tmp_path))
  record(tmp_path)
  corpus = registry.load('audformat', tmp_path)
  assert read(corpus) == [
    ('audio/a.wav@0-0.04', 'anger', 's1'),
    ('audio/a.wav@0.06-0.1', 'happiness', 's2'),
    ('audio/b.wav', 'anger', 's1'),  # from 0 to the end is the whole file
    ('audio/c.wav', 'happiness', 's2'),
    ('audio/d.wav@0.05-', 'anger', 's2'),
  ]
  samples, _ = soundfile.read(tmp_path / FILES[0], dtype='float32')
  part, _ = part_reading.read(corpus.utterances[1].recording)
  np.testing.assert_array_equal(part, samples[960:1600])
  assert corpus.problems == ()


def write_three_parts(audformat, folder, starts, ends):
  """A database of three parts of one file, the second by another speaker."""
  database = empty(audformat)
  index = audformat.segmented_index([FILES[0]] * 3, starts, ends)
  add(
    audformat,
    database,
    't',
    index,
    emotion=['anger', 'happiness', 'anger'],
    speaker=['s1', 's2', 's1'],
  )
  database.save(str(folder))
  record(folder)


def test_segments_an_hour_into_a_file_have_names_of_their_own(
  tmp_path, audformat
):
  starts = ['3600.119s', '3600.123s', '2s']
  write_three_parts(audformat, tmp_path, starts, ['3602.5s'] * 3)
  corpus = registry.load('audformat', tmp_path)
  assert sorted(read(corpus)) == [
    ('audio/a.wav@2-3602.5', 'anger', 's1'),
    ('audio/a.wav@3600.119-3602.5', 'anger', 's1'),
    ('audio/a.wav@3600.123-3602.5', 'happiness', 's2'),
  ]


def test_parts_that_overlap_are_pointed_out(tmp_path, audformat):
  starts = ['0s', '0.03s', '0.06s']
  write_three_parts(audformat, tmp_path, starts, ['0.05s', '0.06s', '0.09s'])
  corpus = audformat_tables.load(tmp_path)
  (problem,) = corpus.problems
  assert problem.startswith('1 parts overlap with another part of their file')
  assert corpus.cautions == corpus.problems  # so that reports have it


def test_two_answers_to_one_question_are_refused(tmp_path, audformat):
  database = write(audformat, tmp_path)
  index = audformat.filewise_index(list(FILES))
  del database.tables['emotion']
  add(audformat, database, 'emotion.one', index, emotion=LABELS)
  add(audformat, database, 'emotion.two', index, emotion=LABELS[::-1])
  words = (
    r"'anger' in emotion.one and 'happiness' in emotion.two; .*data.table="
  )
  with pytest.raises(InputError, match=words):
    audformat_tables.corpus(database, tmp_path)
  corpus = audformat_tables.corpus(database, tmp_path, table='emotion.one')
  assert read(corpus) == WHOLE
  parts = audformat.segmented_index([FILES[0]], ['0s'], ['0.05s'])
  add(audformat, database, 'emotion.two', parts, emotion=['anger'])
  with pytest.raises(InputError, match=r'1 parts of recordings that it also'):
    audformat_tables.corpus(database, tmp_path)
  add(audformat, database, 'files2', index, speaker=SPEAKERS[::-1])
  with pytest.raises(InputError, match='several values of speaker: s1, s2'):
    audformat_tables.corpus(database, tmp_path, table='emotion.one')


@pytest.mark.parametrize('format', ['wav', 'flac'])
def test_a_cache_of_audb_is_read_in_every_format(tmp_path, audformat, format):
  """Its tables name .wav whatever format the recordings have."""
  audb = pytest.importorskip('audb', reason='pip install audb to test it')
  source = tmp_path / 'source'
  source.mkdir()
  write(audformat, source)
  (tmp_path / 'host/repo').mkdir(parents=True)
  repository = audb.Repository('repo', str(tmp_path / 'host'), 'file-system')
  audb.publish(str(source), '1.0.0', repository, verbose=False)
  before, audb.config.REPOSITORIES = audb.config.REPOSITORIES, [repository]
  try:
    loaded = audb.load(
      'made_up',
      version='1.0.0',
      format=format,
      cache_root=str(tmp_path / 'cache'),
      verbose=False,
    )
  finally:
    audb.config.REPOSITORIES = before
  corpus = registry.load('audformat', loaded.root)
  assert read(corpus) == WHOLE
  assert all(u.path.endswith(f'.{format}') for u in corpus.utterances)


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


def test_schemes_of_numbers_become_dimensions(audformat, tmp_path):
  database = write(audformat, tmp_path)
  database.schemes['arousal'] = audformat.Scheme(
    'float', minimum=0.0, maximum=1.0
  )
  index = audformat.filewise_index(list(FILES))
  add(
    audformat,
    database,
    'ratings',
    index,
    arousal=[0.25, 1.0, None, 0.5],
    valence=[1, 2, 3, 4],
    notes=['low', 'x', 'y', 'z'],
  )
  database.save(str(tmp_path))
  corpus = registry.load('audformat', tmp_path, dimensions='arousal,valence')
  assert [(d.name, d.low, d.high) for d in corpus.dimensions] == [
    ('arousal', 0, 1),
    ('valence', 1, 4),
  ]
  np.testing.assert_allclose(
    [u.values for u in corpus.utterances],
    [[0.25, 1], [1, 2], [np.nan, 3], [0.5, 4]],
  )
  assert 'scale of valence is taken as 1 to 4' in corpus.remarks[-1]
  with pytest.raises(InputError, match=r"has 'low', which is not a number"):
    registry.load('audformat', tmp_path, dimensions='notes')
  with pytest.raises(InputError, match=r"no 'arousel' .*did you mean"):
    registry.load('audformat', tmp_path, dimensions='arousel')
