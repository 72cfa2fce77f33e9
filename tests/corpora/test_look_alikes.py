"""Speakers and labels that are probably one."""

from __future__ import annotations

import pytest

from sernet_jax.corpora import look_alikes
from sernet_jax.corpora.utterances import Corpus, Utterance


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
