"""Folds: who is on which side, and what is refused."""

from __future__ import annotations

import collections
import dataclasses
import importlib.resources
import itertools
import json

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from sernet_jax.common.errors import InputError
from sernet_jax.corpora import protocols
from sernet_jax.corpora.protocols import ProtocolSpec
from sernet_jax.corpora.utterances import Corpus, Utterance

EMODB_LETTERS = {
  'W': 'anger', 'L': 'boredom', 'E': 'disgust', 'A': 'fear',
  'F': 'happiness', 'T': 'sadness', 'N': 'neutral',
}  # fmt: skip
LOSO, RANDOM10, EMOBOX, PAPER2021 = (
  ProtocolSpec(name=name)
  for name in ('loso', 'random10', 'emobox', 'paper2021')
)
HELD_OUT = ProtocolSpec(validation='speaker')


def make_corpus(pairs, num_classes, name='made'):
  """A corpus from (speaker, class number) pairs, one per utterance."""
  classes = tuple(f'class{number}' for number in range(num_classes))
  return Corpus(
    name,
    classes,
    tuple(
      Utterance(f'{i:04}', f'/no/{i:04}.wav', classes[label], speaker)
      for i, (speaker, label) in enumerate(pairs)
    ),
  )


def full_corpus(speakers, num_classes=3, each=2):
  """Every speaker says every class `each` times, in a mixed order."""
  pairs = list(itertools.product(speakers, range(num_classes), range(each)))
  order = np.random.default_rng(0).permutation(len(pairs))
  return make_corpus([pairs[i][:2] for i in order], num_classes)


@st.composite
def speaker_corpora(draw):
  """Three to seven speakers who each say every class."""
  speakers = [f's{i}' for i in range(draw(st.integers(3, 7)))]
  num_classes = draw(st.integers(2, 4))
  pairs = list(itertools.product(speakers, range(num_classes)))
  pairs += draw(st.lists(st.sampled_from(pairs), max_size=20))
  return make_corpus(draw(st.permutations(pairs)), num_classes)


@st.composite
def class_corpora(draw):
  """Classes of unequal size, 20 to 80 utterances, one speaker."""
  sizes = draw(st.lists(st.integers(2, 20), min_size=2, max_size=4))
  sizes[0] = max(sizes[0], 20 - sum(sizes[1:]))
  labels = [label for label, size in enumerate(sizes) for _ in range(size)]
  labels = draw(st.permutations(labels))
  return make_corpus([('s', label) for label in labels], len(sizes))


def speakers_of(corpus, places):
  return {corpus.utterances[i].speaker for i in places}


def times_tested(folds):
  """How often each place is in a test set."""
  return collections.Counter(i for fold in folds for i in fold.test.tolist())


def check_parts(corpus, folds):
  """Parts are ascending, disjoint and together the whole corpus."""
  for fold in folds:
    parts = (fold.train, fold.validation, fold.test)
    for part in parts:
      assert part.dtype == np.int32
      assert np.all(np.diff(part) > 0)
    together = np.sort(np.concatenate(parts))
    np.testing.assert_array_equal(together, np.arange(len(corpus.utterances)))
    assert len(fold.test) and len(fold.train)


def same(folds, others):
  return len(folds) == len(others) and all(
    one.name == other.name and np.array_equal(one.test, other.test)
    for one, other in zip(folds, others, strict=True)
  )


# loso


@hypothesis.settings(max_examples=40)
@hypothesis.given(speaker_corpora())
def test_loso_tests_each_speaker_once_and_leaks_none(corpus):
  folds = protocols.make(corpus, LOSO)
  check_parts(corpus, folds)
  assert tuple(fold.name for fold in folds) == corpus.speakers
  assert [fold.index for fold in folds] == list(range(len(folds)))
  for fold in folds:
    assert speakers_of(corpus, fold.test) == {fold.name}
    assert fold.name not in speakers_of(corpus, fold.train)
    assert len(fold.validation) == 0
  assert set(times_tested(folds).values()) == {1}


@hypothesis.settings(max_examples=40)
@hypothesis.given(speaker_corpora())
def test_the_validation_speaker_is_the_next_in_order(corpus):
  folds = protocols.make(corpus, HELD_OUT)
  check_parts(corpus, folds)
  speakers = corpus.speakers
  following = dict(zip(speakers, speakers[1:] + speakers[:1], strict=True))
  for fold in folds:
    held_out = following[fold.name]
    assert speakers_of(corpus, fold.test) == {fold.name}
    assert speakers_of(corpus, fold.validation) == {held_out}
    assert speakers_of(corpus, fold.train) == (
      set(speakers) - {fold.name, held_out}
    )


def test_loso_does_not_depend_on_the_seed():
  corpus = full_corpus('abcd')
  assert same(protocols.make(corpus, LOSO, 0), protocols.make(corpus, LOSO, 1))


def test_folds_asked_for_keep_their_places():
  spec = ProtocolSpec(folds=('d', 'b'), validation='speaker')
  corpus = full_corpus('abcd')
  folds = protocols.make(corpus, spec)
  assert [(fold.name, fold.index) for fold in folds] == [('b', 1), ('d', 3)]
  everyone = protocols.make(corpus, HELD_OUT)
  for fold in folds:
    other = everyone[fold.index]
    for part in ('train', 'validation', 'test'):
      np.testing.assert_array_equal(getattr(fold, part), getattr(other, part))


# random10


@hypothesis.settings(max_examples=40)
@hypothesis.given(class_corpora(), st.integers(0, 5))
def test_random10_deals_out_each_class_evenly(corpus, seed):
  folds = protocols.make(corpus, RANDOM10, seed)
  check_parts(corpus, folds)
  assert [fold.name for fold in folds] == [str(n) for n in range(1, 11)]
  assert times_tested(folds) == dict.fromkeys(range(len(corpus.utterances)), 1)
  counts = np.array(
    [np.bincount(corpus.labels[f.test], minlength=8) for f in folds]
  )
  assert np.ptp(counts, axis=0).max() <= 1
  assert np.ptp(counts.sum(axis=1)) <= 1


@pytest.mark.parametrize('spec', [RANDOM10, PAPER2021], ids=lambda s: s.name)
def test_random_folds_follow_from_the_seed(spec):
  corpus = full_corpus('abcdef')
  folds = protocols.make(corpus, spec, 3)
  assert same(folds, protocols.make(corpus, spec, 3))
  assert not same(folds, protocols.make(corpus, spec, 4))


# paper2021


@hypothesis.settings(max_examples=40)
@hypothesis.given(st.integers(2, 9), st.integers(0, 5))
def test_paper2021_tests_ten_pairs_of_ten_parts(tens, seed):
  count = 10 * tens
  corpus = make_corpus([('s', i % 2) for i in range(count)], 2)
  folds = protocols.make(corpus, PAPER2021, seed)
  check_parts(corpus, folds)
  assert len({fold.name for fold in folds}) == len(folds) == 10
  assert len({tuple(fold.test) for fold in folds}) == 10
  # A fifth each, so the tests are twice the corpus: some are tested again.
  assert {len(fold.test) for fold in folds} == {count // 5}
  assert max(times_tested(folds).values()) > 1
  parts = {}
  for fold in folds:
    for part in fold.name.split('+'):
      parts.setdefault(int(part), set(fold.test.tolist()))
      parts[int(part)] &= set(fold.test.tolist())
  assert set(parts) <= set(range(1, 11))
  for fold in folds:
    one, other = (parts[int(part)] for part in fold.name.split('+'))
    assert one | other == set(fold.test.tolist())


def test_paper2021_parts_differ_by_one_at_most():
  corpus = make_corpus([('s', i % 2) for i in range(67)], 2)
  sizes = [len(fold.test) for fold in protocols.make(corpus, PAPER2021)]
  assert set(sizes) <= {12, 13, 14}


# emobox


@pytest.fixture(scope='module')
def emobox_lists():
  return json.loads(
    importlib.resources.files('sernet_jax.corpora')
    .joinpath('data/emobox_folds.json')
    .read_text()
  )


@pytest.fixture(scope='module')
def emodb(emobox_lists):
  """EMO-DB as its file names tell it, without a recording."""
  names = sorted(name for names in emobox_lists.values() for name in names)
  return Corpus(
    'emodb',
    tuple(sorted(EMODB_LETTERS.values())),
    tuple(
      Utterance(name, f'/no/{name}.wav', EMODB_LETTERS[name[5]], name[:2])
      for name in names
    ),
  )


def test_emobox_folds_cover_emodb_once(emodb, emobox_lists):
  folds = protocols.make(emodb, EMOBOX)
  check_parts(emodb, folds)
  assert [fold.name for fold in folds] == [f'fold_{n}' for n in range(1, 6)]
  assert times_tested(folds) == dict.fromkeys(range(535), 1)
  for fold in folds:
    names = [emodb.utterances[i].name for i in fold.test]
    assert names == sorted(emobox_lists[fold.name])
    assert len(names) == 107


def test_emobox_lists_name_the_recordings_of_emodb(emodb):
  assert collections.Counter(u.label for u in emodb.utterances) == {
    'anger': 127,
    'boredom': 81,
    'disgust': 46,
    'fear': 69,
    'happiness': 71,
    'neutral': 79,
    'sadness': 62,
  }
  assert len(emodb.speakers) == 10


def test_emobox_refuses_another_corpus(emodb):
  with pytest.raises(InputError, match=r'made lacks 535 .* and has 24 others'):
    protocols.make(full_corpus('abcd'), EMOBOX)
  part = dataclasses.replace(emodb, utterances=emodb.utterances[1:])
  with pytest.raises(InputError, match=r'emodb lacks 1 .* and has 0 others'):
    protocols.make(part, EMOBOX)


# What is refused


@pytest.mark.parametrize('spec', [LOSO, HELD_OUT])
def test_two_speakers_are_too_few(spec):
  with pytest.raises(InputError, match=r"2 speakers; .* 3, .* 'random10'"):
    protocols.make(full_corpus('ab'), spec)


def test_a_corpus_too_small_for_ten_parts():
  corpus = make_corpus([('s', i % 2) for i in range(9)], 2)
  with pytest.raises(InputError, match=r"9 in all; 'random10' needs .* 10"):
    protocols.make(corpus, RANDOM10)
  corpus = make_corpus([('s', int(i == 0)) for i in range(30)], 2)
  with pytest.raises(InputError, match='1 utterances of class1 '):
    protocols.make(corpus, RANDOM10)
  corpus = make_corpus([('s', i % 2) for i in range(19)], 2)
  with pytest.raises(InputError, match=r'19 utterances; .* at least 20'):
    protocols.make(corpus, PAPER2021)


def test_an_unknown_fold_is_named_with_the_nearest():
  corpus = full_corpus(['anna', 'bert', 'carl'])
  with pytest.raises(InputError, match=r"'brt'.* did you mean 'bert'"):
    protocols.make(corpus, ProtocolSpec(folds=('anna', 'brt')))


def test_a_class_that_only_the_test_speaker_says():
  pairs = [(s, label) for s in 'abcd' for label in (0, 1)] + [('b', 2)]
  corpus = make_corpus(pairs, 3)
  with pytest.raises(InputError, match=r"'b' of 'loso' .* of class2; add"):
    protocols.make(corpus, LOSO)
  # Folds that are not run do not matter.
  protocols.make(corpus, ProtocolSpec(folds=('a', 'c')))


def test_a_class_that_only_the_test_and_validation_speakers_say():
  pairs = [(s, label) for s in 'abcd' for label in (0, 1)]
  corpus = make_corpus([*pairs, ('b', 2), ('c', 2)], 3)
  protocols.make(corpus, LOSO)
  with pytest.raises(InputError, match=r"'b' of 'loso' .* of class2; add"):
    protocols.make(corpus, HELD_OUT)


def test_more_enrolled_than_a_speaker_recorded_is_refused_with_the_folds():
  pairs = [(s, label) for s in 'abc' for label in (0, 1)] + [('c', 1)]
  corpus = make_corpus(pairs, 2)
  three = ProtocolSpec('loso_adapted', enrolled=3)
  with pytest.raises(InputError, match=r"enrolled is 3, .* 'a' has only 2"):
    protocols.make(corpus, three)
  protocols.make(corpus, dataclasses.replace(three, folds=('c',)))
  # Of other protocols nobody hears a voice first.
  protocols.make(corpus, dataclasses.replace(three, name='loso'))


@pytest.mark.parametrize('name', ['random10', 'emobox', 'paper2021'])
def test_a_validation_speaker_is_for_loso_alone(name):
  with pytest.raises(InputError, match=f"'speaker', .* 'loso'.*{name!r}"):
    protocols.make(
      full_corpus('abcd'), ProtocolSpec(name=name, validation='speaker')
    )


def test_a_file_on_both_sides_is_a_bug():
  """Two utterances of one recording must not be told apart by a fold."""
  corpus = full_corpus('abc', each=4)
  path = corpus.utterances[0].path
  shared = [dataclasses.replace(u, path=path) for u in corpus.utterances]
  with pytest.raises(AssertionError, match='shares a file'):
    protocols.make(
      dataclasses.replace(corpus, utterances=tuple(shared)), RANDOM10
    )


def test_all_trains_on_everything():
  tens = make_corpus([(f's{i % 5}', i % 2) for i in range(20)], 2)
  (fold,) = protocols.make(tens, ProtocolSpec(name='all'))
  everything = np.arange(len(tens.utterances))
  np.testing.assert_array_equal(fold.train, everything)
  np.testing.assert_array_equal(fold.test, everything)
  assert fold.validation.size == 0


# Recordings that sound the same


def with_copies(corpus, sounds):
  """Gives utterances the sounds {index: sound}."""
  return dataclasses.replace(
    corpus,
    utterances=tuple(
      dataclasses.replace(u, sound=sounds.get(i, ''))
      for i, u in enumerate(corpus.utterances)
    ),
  )


@pytest.mark.parametrize('spec', [RANDOM10, PAPER2021], ids=lambda s: s.name)
def test_copies_are_never_parted(spec):
  """A list with every file twice, as a public case had it."""
  corpus = full_corpus('abcd', each=5)  # 60
  half = len(corpus.utterances) // 2
  doubled = with_copies(
    corpus, {i: str(i % half) for i in range(len(corpus.utterances))}
  )
  folds = protocols.make(doubled, spec)
  check_parts(doubled, folds)
  for fold in folds:
    heard = {doubled.utterances[i].sound for i in fold.train}
    assert not heard & {doubled.utterances[i].sound for i in fold.test}
  if spec is RANDOM10:
    assert set(times_tested(folds).values()) == {1}
    assert {len(fold.test) for fold in folds} == {6}


@pytest.mark.parametrize('spec', [RANDOM10, PAPER2021], ids=lambda s: s.name)
def test_one_copy_moves_little(spec):
  corpus = full_corpus('abcdef', each=4)
  before = protocols.make(corpus, spec, 1)
  assert same(before, protocols.make(with_copies(corpus, {3: 'x'}), spec, 1))
  folds = protocols.make(with_copies(corpus, {3: 'x', 9: 'x'}), spec, 1)
  for fold in folds:
    assert (3 in fold.test) == (9 in fold.test)


def test_copies_of_two_speakers_are_refused_where_speakers_are_kept_apart():
  corpus = make_corpus([(s, n % 2) for n in range(4) for s in 'abcd'], 2)
  shared = with_copies(corpus, {0: 'x', 1: 'x'})
  words = r"fold 'a' of 'loso' would test .*0001 \(b\) and 0000 \(a\); keep"
  with pytest.raises(InputError, match=words):
    protocols.make(shared, LOSO)
  protocols.make(with_copies(corpus, {0: 'x', 4: 'x'}), LOSO)  # of one speaker


# speaker_groups


GROUPS = ProtocolSpec('speaker_groups')


def joined_speakers(**speakers):
  """A joined corpus of these speakers, each of whom says two classes."""
  pairs = [
    (f'{name}/{who}', label)
    for name, them in speakers.items()
    for who in them
    for label in range(2)
  ]
  corpus = make_corpus(pairs, 2)
  utterances = [
    dataclasses.replace(u, corpus=u.speaker.split('/')[0])
    for u in corpus.utterances
  ]
  return dataclasses.replace(corpus, utterances=tuple(utterances))


@pytest.mark.parametrize('validation', ['none', 'speaker'])
def test_groups_of_one_corpus_are_neighbors(validation):
  """As on record for RAVDESS, experiments/recipe."""
  speakers = [f'{i:02}' for i in range(1, 25)]
  corpus = full_corpus(speakers)
  folds = protocols.make(corpus, ProtocolSpec('speaker_groups', validation))
  check_parts(corpus, folds)
  names = ['01-06', '07-12', '13-18', '19-24']
  assert [fold.name for fold in folds] == names
  for i, fold in enumerate(folds):
    quarters = [set(speakers[6 * k : 6 * k + 6]) for k in range(4)]
    assert speakers_of(corpus, fold.test) == quarters[i]
    if validation == 'speaker':
      held_out = quarters[(i + 1) % 4]
      assert speakers_of(corpus, fold.validation) == held_out
  one = joined_speakers(x=speakers)
  assert [fold.name for fold in protocols.make(one, GROUPS)] == [
    f'x/{name.replace("-", "-x/")}' for name in names
  ]


@pytest.mark.parametrize(
  'sizes',
  [(10, 24), (24, 10, 6), (6, 6, 6, 6), (4, 5, 7, 13), (431, 10), (2, 8, 1)],
)
def test_each_group_of_joined_corpora_has_speakers_of_all(sizes):
  corpora = {
    f'c{i}': [f's{k:03}' for k in range(n)] for i, n in enumerate(sizes)
  }
  corpus = joined_speakers(**corpora)
  folds = protocols.make(corpus, GROUPS)
  check_parts(corpus, folds)
  assert set(times_tested(folds).values()) == {1}
  assert [fold.name for fold in folds] == [f'group{i}' for i in range(1, 5)]
  tested = [speakers_of(corpus, fold.test) for fold in folds]
  for parts in (
    tested,
    *([[s for s in t if s[:2] == c] for t in tested] for c in corpora),
  ):
    counts = [len(part) for part in parts]
    assert max(counts) - min(counts) <= 1


def test_groups_of_joined_corpora_mix_names_of_both_sexes():
  corpus = joined_speakers(
    first=[f'{sex}{i:02}' for sex in 'fm' for i in range(10)],
    turns=[f'{i:02}{"mf"[i % 2]}' for i in range(24)],
  )
  for fold in protocols.make(corpus, GROUPS):
    speakers = speakers_of(corpus, fold.test)
    sexes = [s for s in speakers if s.startswith('first')]
    assert {s.split('/')[1][0] for s in sexes} == {'f', 'm'}
    sexes = [s for s in speakers if s.startswith('turns')]
    assert {s[-1] for s in sexes} == {'f', 'm'}


# loso_text


def spoken(speakers='abcd', texts=('t1', 't2', 't3', 't4', 't5'), classes=2):
  """Every speaker says every sentence in every class."""
  triples = list(itertools.product(speakers, texts, range(classes)))
  corpus = make_corpus([(s, label) for s, _, label in triples], classes)
  return dataclasses.replace(
    corpus,
    utterances=tuple(
      dataclasses.replace(u, text=text)
      for u, (_, text, _) in zip(corpus.utterances, triples, strict=True)
    ),
  )


@pytest.mark.parametrize('validation', ['none', 'speaker'])
@pytest.mark.parametrize('groups', [2, 3, 5])
def test_loso_text_hears_neither_speaker_nor_sentence(groups, validation):
  corpus = spoken()
  spec = ProtocolSpec('loso_text', validation, text_groups=groups)
  folds = protocols.make(corpus, spec)
  assert len(folds) == 4 * groups
  assert times_tested(folds) == dict.fromkeys(range(40), 1)
  assert [fold.name for fold in folds[:2]] == ['a_text1', 'a_text2']

  def texts_of(places):
    return {corpus.utterances[i].text for i in places}

  for fold in folds:
    (speaker,) = speakers_of(corpus, fold.test)
    held_out = {speaker} | speakers_of(corpus, fold.validation)
    assert len(held_out) == (2 if validation == 'speaker' else 1)
    # Whatever is neither theirs nor tested text is trained on, nothing else.
    expected = [
      i
      for i, u in enumerate(corpus.utterances)
      if u.speaker not in held_out and u.text not in texts_of(fold.test)
    ]
    assert fold.train.tolist() == expected
    assert texts_of(fold.validation) <= texts_of(fold.test)
  entry = protocols.PROTOCOLS['loso_text']
  assert entry.is_complete(len(folds), 40, 40)


def test_loso_text_deals_out_sentences_in_turn():
  folds = protocols.make(spoken(), ProtocolSpec('loso_text'))
  tested = [
    sorted({spoken().utterances[i].text for i in fold.test})
    for fold in folds[:2]
  ]
  assert tested == [['t1', 't3', 't5'], ['t2', 't4']]


def test_a_speaker_without_the_sentences_of_a_group_has_no_fold_for_it():
  corpus = spoken(texts=('t1', 't2'))
  kept = tuple(
    u for u in corpus.utterances if (u.speaker, u.text) != ('b', 't2')
  )
  corpus = dataclasses.replace(corpus, utterances=kept)
  spec = ProtocolSpec('loso_text', 'speaker')
  folds = protocols.make(corpus, spec)
  assert 'b_text2' not in [fold.name for fold in folds]
  assert len(folds) == 7
  by_name = {fold.name: fold for fold in folds}
  # The next speaker who says them validates.
  assert speakers_of(corpus, by_name['a_text2'].validation) == {'c'}


def test_what_loso_text_cannot_do_is_said():
  with pytest.raises(InputError, match=r"24 utterances \(such as .*'loso'"):
    protocols.make(full_corpus('abcd'), ProtocolSpec('loso_text'))
  with pytest.raises(InputError, match=r'text_groups is 6 but .* 5 sentences'):
    protocols.make(spoken(), ProtocolSpec('loso_text', text_groups=6))
  with pytest.raises(InputError, match=r'text_groups is 1; give 2 or more'):
    ProtocolSpec('loso_text', text_groups=1)
  with pytest.raises(InputError, match='2 speakers'):
    protocols.make(spoken('ab'), ProtocolSpec('loso_text'))


@pytest.mark.parametrize(
  'name', ['loso', 'loso_adapted', 'loso_text', 'speaker_groups']
)
@pytest.mark.parametrize('corpora', ['x', 'xy'])
def test_some_unknown_speakers_cannot_be_left_out_either(name, corpora):
  speakers = [*'abcdefgh', 'unknown']
  corpus = joined_speakers(**dict.fromkeys(corpora, speakers))
  total = 18 * len(corpora)
  words = f'of {total // 9} of {total} recordings of made are unknown'
  with pytest.raises(InputError, match=words):
    protocols.make(corpus, ProtocolSpec(name))


def test_unknown_speakers_can_be_mixed_but_not_left_out():
  corpus = make_corpus([('unknown', i % 2) for i in range(40)], 2)
  with pytest.raises(InputError, match=r'speakers of made are unknown.*random'):
    protocols.make(corpus, LOSO)
  assert len(protocols.make(corpus, RANDOM10)) == 10
