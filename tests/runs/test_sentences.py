"""Weights that have said the tested sentences, where nobody should have."""

from __future__ import annotations

import csv
import json

import pytest
import tiny
import tiny_runs

from sernet_jax.common.errors import InputError
from sernet_jax.corpora import protocols
from sernet_jax.corpora.protocols import ProtocolSpec
from sernet_jax.corpora.utterances import Corpus, Utterance
from sernet_jax.predict import bundle, run_bundles
from sernet_jax.runs import config as config_lib, run
from sernet_jax.runs.data import Data, load_corpus
from sernet_jax.runs.weights import (
  hearing,
  history,
  sentences,
  start as start_lib,
  teachers,
)

pytestmark = pytest.mark.usefixtures('blank_figures')

FOLDS = 'ann_text1', 'ann_text2'


@pytest.fixture(scope='module')
def told(place):
  """The list of the corpus with the sentences t0 to t3."""
  path = place / 'corpus' / 'told.csv'
  with (place / 'corpus' / 'list.csv').open() as file:
    rows = list(csv.DictReader(file))
  with path.open('w', newline='') as file:
    writer = csv.DictWriter(file, [*rows[0], 'text'])
    writer.writeheader()
    for row in rows:
      writer.writerow({**row, 'text': f't{row["path"][-5]}'})
  return path


def settings(place, told, **changes):
  fields = {
    'protocol__name': 'loso_text',
    'protocol__text_groups': 4,
    'protocol__folds': FOLDS,
    'train__epochs': 1,
  }
  return tiny.config(
    told, place / 'features', **{**tiny.QUICK, **fields, **changes}
  )


@pytest.fixture(scope='module')
def source(place, told, blank_figures):
  """Two folds that have heard all but t0 and all but t1."""
  workdir = place / 'source'
  run.train(settings(place, told), workdir)
  return workdir


def cautions(place, told, how, weights, **changes):
  """What history.json would say of a run that starts from or learns from."""
  config = settings(place, told, **{f'train__{how}': str(weights)}, **changes)
  experiment = config_lib.experiment(config)
  data = Data(experiment, load_corpus(experiment))
  if how == 'start_from':
    start = start_lib.load(str(weights))
    return start_lib.record(start, experiment, data)['cautions']
  before = {'heard': {fold.name: {} for fold in data.folds}, 'cautions': []}
  them = teachers.load(experiment, data)
  return teachers.record(them, experiment, data, before)['cautions']


@pytest.mark.parametrize('how', ['start_from', 'teachers'])
def test_weights_that_have_heard_tested_sentences_are_refused(
  place, told, source, how
):
  (text,) = cautions(place, told, how, source)
  assert text.endswith('none of the tested speakers.')
  # Folds of the same names that test t0 and t2, t1 and t3.
  words = r'has heard sentences that are tested \(t2, t3; in 2 of 2 folds, such'
  with pytest.raises(InputError, match=words) as caught:
    cautions(place, told, how, source, protocol__text_groups=2)
  assert f'train.{how}={source}' in str(caught.value)
  # Where sentences may be known, nothing is asked of them.
  if how == 'start_from':
    fold = {'protocol__name': 'loso', 'protocol__folds': ('ann',)}
    (text,) = cautions(place, told, how, f'{source}/ann_text1', **fold)
    assert text.endswith('none of the tested speakers.')


@pytest.mark.parametrize('kind', ['file', 'chain', 'other corpus'])
def test_weights_that_do_not_say_their_sentences_are_told(
  place, told, source, tmp_path, kind
):
  """Files, runs that began with other weights, and other recordings."""
  if kind == 'file':
    weights = tmp_path / 'ann.safetensors'
    first, *_ = run_bundles.from_run(source)
    bundle.save(weights, first, 'float32')
  else:
    weights = tiny_runs.copy_of(source, tmp_path)
  if kind == 'chain':
    path = weights / 'history.json'
    content = json.loads(path.read_text())
    content['start'] = {'from': 'emodb', 'sha256': 'ab'}
    path.write_text(json.dumps(content))
  if kind == 'other corpus':
    path = weights / 'results.json'
    path.write_text(path.read_text().replace('"told"', '"elsewhere"'))
  text = cautions(place, told, 'start_from', weights)[-1]
  assert 'do not say which sentences they have heard (in 2 of 2' in text


def test_recordings_are_known_under_other_speakers():
  """Somebody renamed the speakers of the list that the weights have heard."""
  corpus = Corpus(
    'list',
    ('high', 'low'),
    tuple(
      Utterance(f'{who}_{label}', f'/{who}_{label}', label, f'speaker {who}')
      for who in 'abc'
      for label in ('high', 'low')
    ),
  )
  folds = protocols.make(corpus, ProtocolSpec('loso', folds=('speaker a',)))
  assert not hearing.known({'list': ('a', 'b')}, {'list': ('speaker a',)})

  def said(apart, names, of='list'):
    trained = {'speaker a': [None, history.Trained(of, names)]}
    prior = history.Prior('RUN/c', {}, trained)
    return sentences.again(prior, corpus, folds, apart)

  heard = ['a_high', 'a_low', 'b_low']
  with pytest.raises(InputError, match=r'\(2, such as a_high, a_low\), so the'):
    said(True, heard)
  (text,) = said(False, heard)
  assert 'weights that were trained on 2 of the tested recordings' in text
  assert said(True, ['b_high', 'c_low']) == said(True, heard, 'other') == []
