"""Several corpora as one: speakers apart, nothing twice, labels shared."""

from __future__ import annotations

import dataclasses
import pathlib
import re

import numpy as np
import pytest
import tiny
from recordings import write_list

from sernet_jax.audio import reading
from sernet_jax.common.errors import InputError
from sernet_jax.corpora import joined
from sernet_jax.corpora.readers import manifest
from sernet_jax.corpora.synthetic import speech
from sernet_jax.corpora.utterances import cautioned
from sernet_jax.runs import config as config_lib, differences
from sernet_jax.runs.data import load_corpus


def test_names_speakers_and_labels_of_a_joined_corpus(tmp_path):
  one = write_list(tmp_path / 'one', ('anger', 'joy', 'bored'))
  two = write_list(tmp_path / 'two', ('angry', 'happiness'))
  corpus = joined.load(f'{one},second={two}')
  assert corpus.name == 'one+second'
  assert corpus.classes == ('anger', 'boredom', 'happiness')
  assert len(corpus.utterances) == 18 + 12
  assert corpus.speakers == tuple(
    f'{name}/{who}' for name in ('one', 'second') for who in tiny.SPEAKERS
  )
  first, last = corpus.utterances[0], corpus.utterances[-1]
  assert (first.name, first.corpus) == ('one/ann_anger_0.wav', 'one')
  assert (last.name, last.label) == ('second/cyd_happiness_1.wav', 'happiness')
  assert joined.names(corpus) == ('one', 'second')
  shared = joined.only_shared(corpus)
  assert shared.classes == ('anger', 'happiness')
  assert shared.problems == (
    '6 utterances of other classes are left out: boredom 6.',
  )


def test_the_halves_of_the_synthetic_corpus(tmp_path, monkeypatch):
  random = np.random.default_rng(0)

  def generate(root):
    (root / 'wav').mkdir(exist_ok=True)
    for speaker in speech.SPEAKERS:
      for letter in speech.LETTERS.values():
        path = root / 'wav' / f'{speaker}a01{letter}a.wav'
        reading.write_wav(path, random.uniform(-1, 1, 80), 16_000)

  monkeypatch.setattr(speech, 'generate', generate)
  corpus = joined.load(f'embedded_low:{tmp_path},embedded_high:{tmp_path}')
  assert corpus.synthetic
  assert corpus.speakers == tuple(
    f'embedded_{half}'
    for half in ['high/04', 'high/05', 'high/06', 'low/01', 'low/02', 'low/03']
  )
  with pytest.raises(InputError, match='12 recordings belong to two'):
    joined.load(f'embedded:{tmp_path},embedded_low:{tmp_path}')


def test_cautions_of_a_corpus_stay_when_it_is_joined(tmp_path):
  lists = [write_list(tmp_path / name) for name in ('one', 'two')]
  one, two = (
    dataclasses.replace(manifest.manifest(path), name=path.stem)
    for path in lists
  )
  corpus = joined.join([one, cautioned(two, ['Parts overlap.'])])
  assert corpus.cautions == ('two: Parts overlap.',)
  assert 'two: Parts overlap.' in corpus.problems


@pytest.mark.parametrize(
  ('text', 'words'),
  [
    ('emodb,emodb', "names 'emodb' 2 times; a corpus is joined with others"),
    ('emodb:/a,emodb:/b', "names 'emodb' 2 times"),
    ('a=emodb,a=ravdess', "names 'a' 2 times"),
    ('emodb,ravdes', "names 'ravdes'.*did you mean 'ravdess'"),
    ('emodb,manifest', "names 'manifest', which is neither"),
    ('=emodb', "the item '=emodb'"),
    ('a/b=emodb', "the item 'a/b=emodb'"),
    ('.csv', "names '.csv'|the item '.csv'|cannot be read"),
  ],
)
def test_lists_of_corpora_that_make_no_sense(text, words):
  with pytest.raises(InputError, match=words):
    joined.load(text)


def test_labels_that_no_map_knows_name_their_corpus(tmp_path):
  one = write_list(tmp_path / 'one')
  two = write_list(tmp_path / 'two', ('anger', 'awe'))
  with pytest.raises(InputError, match='two has unknown labels: awe 6'):
    joined.load(f'{one},{two}')
  corpus = joined.load(f'{one},{two}', 'anger,happiness=joy+awe')
  assert corpus.classes == ('anger', 'awe', 'joy')  # merged by `choose`


def test_all_corpora_that_are_not_there_are_named_at_once(
  tmp_path, monkeypatch
):
  """With the folders that are missing, and how to go on without them."""
  monkeypatch.setenv('SERNET_CACHE', str(tmp_path))
  one = write_list(tmp_path / 'one')
  text = f'emodb,{one},savee:{tmp_path}/no, cremad'
  with pytest.raises(InputError) as caught:
    joined.load(text)
  said = str(caught.value)
  assert '3 of 4 corpora cannot be read (emodb, savee, cremad)' in said
  assert f'{tmp_path / "emodb"} holds no EMO-DB recordings' in said
  assert said.endswith(f'leave them out: --config.data.corpora={one}')
  assert 'data.root' not in said
  with pytest.raises(InputError, match=r'1 of 1 corpora|holds no EMO-DB'):
    joined.load('emodb')


def test_corpora_that_share_too_little(tmp_path):
  one = write_list(tmp_path / 'one')
  two = write_list(tmp_path / 'two', ('anger', 'fear'))
  with pytest.raises(InputError, match=r"share the classes \['anger'\].*one: "):
    joined.only_shared(joined.load(f'{one},{two}'))


def settings(**fields):
  config = tiny.load_config('manifest')
  config.update_from_flattened_dict(
    {name.replace('__', '.'): value for name, value in fields.items()}
  )
  return config


def test_a_config_joins_and_merges(tmp_path):
  one = write_list(tmp_path / 'one', ('anger', 'joy', 'bored'))
  two = write_list(tmp_path / 'two', ('anger', 'happiness', 'neutral'))
  experiment = config_lib.experiment(
    settings(
      data__corpora=f'{one},{two}',
      data__classes='anger,neutral=neutral+boredom',
    )
  )
  corpus = load_corpus(experiment)
  assert corpus.classes == ('anger', 'neutral')
  assert len(corpus.utterances) == 24
  crossed = config_lib.experiment(
    settings(data__corpora=f'{one},{two}', protocol__name='loco')
  )
  assert load_corpus(crossed).classes == ('anger', 'happiness')


@pytest.mark.parametrize(
  ('fields', 'words'),
  [
    ({'data__corpora': 'emodb', 'data__root': '/x'}, "data.root is '/x' but"),
    (
      {'data__corpora': 'emodb', 'data__manifest': 'a.csv'},
      "data.manifest is 'a.csv' but",
    ),
    ({'data__corpora': 'emodb,emodbb'}, "did you mean 'emodb'"),
    ({'data__classes': 'anger,anger'}, "the class 'anger' twice"),
  ],
)
def test_a_config_that_contradicts_itself(fields, words):
  with pytest.raises(InputError, match=re.escape(words)):
    config_lib.experiment(settings(**fields))


def test_folders_of_corpora_do_not_tell_runs_apart():
  def plain(**fields):
    return config_lib.to_dict(settings(**fields))

  here = plain(data__corpora='emodb:/here,x=emovo')
  there = plain(data__corpora='emodb:/there, x=emovo:/y')
  other = plain(data__corpora='emodb,emovo')
  assert differences.between(here, there) == []
  assert differences.short_hash(here) == differences.short_hash(there)
  assert [field for field, *_ in differences.between(here, other)] == [
    'data.corpora'
  ]


def test_a_run_from_before_these_fields_goes_on():
  now = config_lib.to_dict(settings())
  before = {**now, 'data': dict(now['data'])}
  del before['data']['corpora'], before['data']['classes']
  assert differences.between(now, before) == []
  assert differences.short_hash(now) == differences.short_hash(before)


def test_the_stem_of_a_manifest_names_it():
  (entry,) = joined.parse('/data/My List.CSV:/sound')
  assert entry == joined.Entry(
    'My List', 'manifest', '/sound', '/data/My List.CSV'
  )
  assert pathlib.Path(entry.manifest).suffix == '.CSV'
