"""One vocabulary: labels of any corpus by shared names, chosen and merged."""

from __future__ import annotations

import collections
import re

import pytest

from sernet_jax.common.errors import InputError
from sernet_jax.corpora import vocabulary
from sernet_jax.corpora.readers import (
  acted_english,
  acted_other_languages,
  emodb,
  iemocap,
)
from sernet_jax.corpora.synthetic import speech
from sernet_jax.corpora.utterances import Corpus, Utterance


def corpus_of(**labels):
  """A corpus with so many utterances of each label."""
  utterances = [
    Utterance(f'{label}{n:03}', f'/x/{label}{n}.wav', label, f's{n % 3}')
    for label, count in labels.items()
    for n in range(count)
  ]
  return Corpus(
    'mine',
    tuple(sorted(labels)),
    tuple(sorted(utterances, key=lambda u: u.name)),
    expected_speakers=('s0',),
  )


def counts(corpus):
  return dict(collections.Counter(u.label for u in corpus.utterances))


def test_every_corpus_uses_names_of_the_vocabulary():
  maps = [
    getattr(module, name)
    for module in (acted_english, acted_other_languages, emodb, iemocap)
    for name in dir(module)
    if name.endswith('LABELS') and name != 'OTHER_LABELS'
  ]
  used = {label for map_ in maps for label in map_.values()}
  assert used | set(speech.CLASSES) <= set(vocabulary.NAMES)
  assert len(maps) == 9
  assert set(vocabulary.SYNONYMS.values()) <= set(vocabulary.NAMES)
  assert not set(vocabulary.SYNONYMS) & set(vocabulary.NAMES)


@pytest.mark.parametrize(
  ('label', 'name'),
  [
    ('anger', 'anger'),
    ('Angry', 'anger'),
    (' JOY ', 'happiness'),
    ('Pleasant surprise', 'surprise'),
    ('fru', 'frustration'),
    ('meh', None),
    ('', None),
  ],
)
def test_other_words_have_shared_names(label, name):
  assert vocabulary.shared(label) == name


def test_nothing_asked_changes_nothing():
  corpus = corpus_of(joy=2, grief=3)
  assert vocabulary.choose(corpus, '') is corpus
  assert vocabulary.choose(corpus, ' , ') is corpus


def test_classes_are_selected_in_alphabetical_order():
  corpus = corpus_of(anger=2, boredom=3, calm=4, neutral=5, sadness=1)
  chosen = vocabulary.choose(corpus, 'sadness,anger')
  assert chosen.classes == ('anger', 'sadness')
  assert counts(chosen) == {'anger': 2, 'sadness': 1}
  assert chosen.problems == (
    '12 utterances of other classes are left out: neutral 5, calm 4, '
    'boredom 3.',
  )
  assert chosen.expected_speakers == ()  # may have said something else only


def test_classes_are_merged():
  corpus = corpus_of(anger=2, calm=4, neutral=5)
  chosen = vocabulary.choose(corpus, 'anger, neutral=neutral+calm')
  assert counts(chosen) == {'anger': 2, 'neutral': 9}
  assert chosen.problems == ()
  # Of a merged class a known emotion may be absent.
  chosen = vocabulary.choose(
    corpus_of(anger=2, neutral=5), 'anger,neutral=neutral+calm'
  )
  assert counts(chosen) == {'anger': 2, 'neutral': 5}


def test_labels_are_found_as_written_and_by_their_shared_name():
  corpus = corpus_of(joy=2, Angry=3, cheer=4)
  chosen = vocabulary.choose(corpus, 'anger,happiness=happiness+cheer')
  assert counts(chosen) == {'anger': 3, 'happiness': 6}
  kept = vocabulary.choose(corpus, 'joy,cheer,-Angry')
  assert counts(kept) == {'joy': 2, 'cheer': 4}


def test_a_label_can_be_left_out_of_all_others():
  corpus = corpus_of(joy=2, bored=3, meh=4)
  assert counts(vocabulary.choose(corpus, '-boredom')) == {'joy': 2, 'meh': 4}
  assert counts(vocabulary.choose(corpus, '-meh')) == {'joy': 2, 'bored': 3}


def test_a_label_left_out_is_not_taken_by_its_shared_name():
  corpus = corpus_of(anger=2, happiness=3, joy=4)
  chosen = vocabulary.choose(corpus, 'anger,happiness,-joy')
  assert counts(chosen) == {'anger': 2, 'happiness': 3}


def test_labels_that_no_map_knows_are_listed_with_counts():
  corpus = corpus_of(anger=2, joy=2, meh=4, awe=9)
  words = re.escape('mine has unknown labels: awe 9, meh 4; say')
  with pytest.raises(InputError, match=words) as caught:
    vocabulary.choose(corpus, 'anger,happiness')
  assert "'-awe'" in str(caught.value)
  with pytest.raises(InputError, match=words):
    vocabulary.unify(corpus)
  fine = vocabulary.choose(corpus, 'anger,happiness,-meh,-awe')
  assert counts(fine) == {'anger': 2, 'happiness': 2}
  assert counts(vocabulary.unify(corpus_of(joy=1, sad=2))) == {
    'happiness': 1,
    'sadness': 2,
  }


@pytest.mark.parametrize(
  ('text', 'words'),
  [
    ('anger,happines', "asks for 'happines'.*did you mean 'happiness'"),
    ('anger,calm', "asks for 'calm', which no utterance of mine has"),
    ('anger,neutral=calm', "asks for 'calm'"),
    ('anger,happiness=happiness+gle', "asks for 'gle'"),
    ('anger,-hapiness', "leaves out 'hapiness'.*did you mean 'happiness'"),
    ('anger,anger', "the class 'anger' twice"),
    ('anger,happiness=joy+anger', "the label 'anger' in 'anger' and in"),
    ('anger,-anger', "the label 'anger' in 'anger' and in '-anger'"),
    ('anger,x=', "the item 'x='"),
    ('=anger', "the item '=anger'"),
    ('anger,-', "the item '-'"),
  ],
)
def test_what_makes_no_sense_is_refused_in_words(text, words):
  with pytest.raises(InputError, match=words):
    vocabulary.choose(corpus_of(anger=2, happiness=3), text)
