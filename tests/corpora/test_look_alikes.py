"""Speakers and labels that are probably one."""

from __future__ import annotations

import csv

import pytest
import tiny

from sernet_jax.corpora import look_alikes, protocols
from sernet_jax.corpora.protocols import ProtocolSpec
from sernet_jax.corpora.utterances import Corpus, Utterance
from sernet_jax.runs import config as config_lib
from sernet_jax.runs.data import load_corpus


def corpus(speakers=('a', 'b'), labels=('anger', 'joy')):
  pairs = [(who, label) for who in speakers for label in labels]
  return Corpus(
    'made',
    tuple(sorted(labels)),
    tuple(
      Utterance(f'{i:03}', f'/no/{i}.wav', label, who)
      for i, (who, label) in enumerate(pairs)
    ),
  )


@pytest.mark.parametrize(
  ('one', 'other'),
  [
    ('3', '03'),
    ('3', '003'),
    ('spk1', 'SPK1'),
    ('spk1', 'spk01'),
    ('spk1', 'spk 1'),
    ('spk1', 'spk_1'),
    ('ann', 'ann\u00a0'),
    ('ann b', 'ann  b'),
    ('Actor_03', 'actor-3'),
    ('jo\u0308rg', 'j\u00f6rg'),
    ('\uff11', '1'),
    ('ann', 'ann\u200b'),
    ('ann', '\u0430nn'),
    ('3', '3.0'),
    ('03', '3.00'),
  ],
)
def test_one_person_in_two_ways(one, other):
  (problem,) = look_alikes.noted(corpus((one, other, 'else'))).problems
  first, second = sorted((one, other))
  assert problem.startswith(f'The speakers {first!r}, {second!r} look like one')


@pytest.mark.parametrize(
  ('one', 'other'),
  [
    ('3', '3.1'),
    ('0', '0.5'),
    ('30', '3.0'),
    ('3', '30'),
    ('1-1', '11'),
    ('1.1', '11'),
    ('10', '1'),
    ('ann', 'anna'),
  ],
)
def test_two_people(one, other):
  made = corpus((one, other))
  assert look_alikes.noted(made) is made


def test_labels_that_mean_the_same_come_with_the_line_that_merges_them():
  made = corpus(labels=('anger', 'angry', 'rage', 'joy', 'awe'))
  (problem,) = look_alikes.noted(made).problems
  assert problem == (
    "The labels 'anger', 'angry', 'rage' mean the same (anger) and count as "
    'different classes; '
    '--config.data.classes=anger=anger+angry+rage,awe,joy merges them.'
  )


@pytest.mark.parametrize('other', ['anger\u200b', '\u0430nger', '\ufeffanger'])
def test_labels_that_look_the_same(other):
  (problem,) = look_alikes.noted(
    corpus(labels=('anger', other, 'joy'))
  ).problems
  assert f'{other!r} look the same and count as' in problem.replace(
    "'anger', ", ''
  ).replace(", 'anger'", '')


def test_labels_that_differ_only_in_capitals():
  (problem,) = look_alikes.noted(corpus(labels=('Awe', 'awe', 'joy'))).problems
  assert problem.startswith("The labels 'Awe', 'awe' differ only in capitals")
  assert '--config.data.classes=Awe=Awe+awe,joy' in problem
  (problem,) = look_alikes.noted(corpus(labels=('Awe', 'awe', 'a+b'))).problems
  assert problem.endswith('count as different classes.')


def said(texts, corpora=('',)):
  """Three speakers of each corpus who say each text in two ways."""
  rows = [
    (f'{corpus}/' if corpus else '', corpus, who, text, label)
    for corpus in corpora
    for who in 'abc'
    for text in texts
    for label in ('anger', 'joy')
  ]
  return Corpus(
    'made',
    ('anger', 'joy'),
    tuple(
      Utterance(
        f'{i:03}',
        f'/no/{i}.wav',
        label,
        before + who,
        corpus=corpus,
        text=before + text,
      )
      for i, (before, corpus, who, text, label) in enumerate(rows)
    ),
  )


@pytest.mark.parametrize(
  ('one', 'other'),
  [
    ('Come here.', 'come here'),
    ('Come here!', 'come  here'),
    ("it's eleven", 'It\u2019s eleven'),
    ('a1', 'A01'),
  ],
)
def test_no_spelling_of_a_tested_sentence_is_trained(one, other):
  made = said((one, other, 'go away', 'stay'))
  found = look_alikes.noted(made, {''})
  (remark,) = found.remarks
  assert remark.startswith('2 spellings of sentences count as 1: ')
  assert not found.problems
  assert {u.text for u in found.utterances} == {
    min(one, other),
    'go away',
    'stay',
  }
  written = [u.text for u in made.utterances]
  for fold in protocols.make(found, ProtocolSpec('loso_text')):
    tested, trained = (
      {look_alikes._words(written[i]) for i in part}
      for part in (fold.test, fold.train)
    )
    assert tested and trained and not tested & trained
  # Corpora of others have codes for sentences.
  assert look_alikes.noted(made) is made


@pytest.mark.parametrize(
  ('one', 'other'),
  [
    ('come', 'come here'),
    ('1-1', '11'),
    ('?', '!'),
    ('\u0915\u093f', '\u0915\u0940'),
  ],
)
def test_two_sentences(one, other):
  made = said((one, other))
  assert look_alikes.noted(made, {''}) is made


def test_people_and_sentences_of_two_lists():
  made = said(('come', 'go'), ('day1', 'day2', 'emodb'))
  found = look_alikes.noted(made, {'day1', 'day2'})
  (problem,) = found.problems
  assert problem.startswith(
    "3 names of speakers in several lists ('day1/a' and"
  )
  assert found.cautions == (problem,)
  assert 'emodb' not in problem
  assert {u.text for u in found.utterances} == {
    'day1/come',
    'day1/go',
    'emodb/come',
    'emodb/go',
  }
  assert look_alikes.noted(made, {'day1'}) is made
  unknown = tuple(
    Utterance(u.name, u.path, u.label, f'{u.corpus}/unknown', corpus=u.corpus)
    for u in made.utterances
  )
  made = Corpus('made', ('anger', 'joy'), unknown)
  assert look_alikes.noted(made, {'day1', 'day2'}) is made


def test_lists_of_a_config_are_compared(tmp_path):
  """Not those of corpora that others made."""
  lists = []
  for day, text in (('day1', 'Come here.'), ('day2', 'come here')):
    path = tiny.write_corpus(tmp_path / day, 0.3 if day == 'day1' else 0.25)
    rows = list(csv.DictReader(path.read_text().splitlines()))
    with path.open('w', newline='') as file:
      writer = csv.writer(file)
      writer.writerow(['path', 'label', 'speaker', 'text'])
      for row in rows:
        writer.writerow([*row.values(), text])
    lists.append(f'{day}={path}')
  settings = tiny.config(
    '',
    tmp_path / 'cache',
    data__corpora=','.join(lists),
    data__classes='high,low',
  )
  corpus = load_corpus(config_lib.experiment(settings))
  assert {u.text for u in corpus.utterances} == {'day1/Come here.'}
  assert any('3 names of speakers in' in each for each in corpus.cautions)
