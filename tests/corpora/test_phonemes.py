"""Phonemes of corpora: of a made-up IEMOCAP tree, and of EMO-DB's sentences."""

from __future__ import annotations

import sys

import iemocap_tree as tree
import numpy as np
import pytest

from sernet_jax.common.errors import InputError
from sernet_jax.corpora import phonemes, registry
from sernet_jax.corpora.readers import emodb as reader
from sernet_jax.corpora.readers.tables import alignments
from sernet_jax.corpora.utterances import Corpus, Utterance


@pytest.fixture
def root(tmp_path):
  tree.put_dialog(tmp_path, 'Ses01F_impro01')
  return tmp_path


def corpus_of(root):
  return registry.load('iemocap', root)


def emodb(*texts):
  utterances = tuple(
    Utterance(f'{n}', f'/{n}.wav', 'neutral', '03', text=text)
    for n, text in enumerate(texts)
  )
  return Corpus('emodb', ('neutral',), utterances)


def test_the_47_of_iemocap_are_numbered_from_1():
  symbols = alignments.SYMBOLS
  assert len(symbols) == len(set(symbols)) == 47
  assert not {*symbols} & {*alignments.SILENT}


def test_alignments_become_numbers(root):
  corpus = corpus_of(root)
  for index, utterance in enumerate(corpus.utterances):
    said = 'SIL AA AE ZH SIL +LAUGHTER+' if index else '+BREATHING+ K AE T SIL'
    tree.put_alignment(root, utterance.name, said)
  rows = phonemes.rows(phonemes.with_phonemes(corpus, 'iemocap', 47), 5)
  assert rows.dtype == np.int32
  k, ae, t = (alignments.SYMBOLS.index(s) + 1 for s in ('K', 'AE', 'T'))
  np.testing.assert_array_equal(rows[0], [k, ae, t, 0, 0])
  np.testing.assert_array_equal(rows[1], [1, 2, 47, 0, 0])
  noted = phonemes.with_phonemes(corpus, 'iemocap', 47)
  assert noted.cautions == corpus.cautions  # nothing to say


def test_what_is_said_behind_the_places_is_left_out(root):
  corpus = corpus_of(root)
  for utterance in corpus.utterances:
    tree.put_alignment(root, utterance.name, 'AA ' * 9)
  assert (
    phonemes.rows(phonemes.with_phonemes(corpus, 'iemocap', 47), 4).tolist()[0]
    == [1] * 4
  )


def test_missing_alignments_and_unknown_symbols_are_said(root):
  corpus = corpus_of(root)
  for utterance in corpus.utterances[2:]:
    tree.put_alignment(root, utterance.name, 'AA QQ SIL')
  cautions = phonemes.with_phonemes(corpus, 'iemocap', 47).cautions
  count = len(corpus.utterances)
  first, second = cautions[len(corpus.cautions) :]
  assert first.startswith(f'2 of {count} recordings have no phonemes (Ses01F')
  assert second == (
    f'{count - 2} symbols are none of the 47 phonemes (QQ) and are left out.'
  )
  rows = phonemes.rows(phonemes.with_phonemes(corpus, 'iemocap', 47), 3)
  assert rows[:2].tolist() == [[0, 0, 0]] * 2
  assert rows[2].tolist() == [1, 0, 0]


def test_a_tree_without_alignments_is_refused(root):
  with pytest.raises(InputError, match=r'no recording .*model\.phonemes=0'):
    phonemes.with_phonemes(corpus_of(root), 'iemocap', 47)


@pytest.mark.parametrize('line', ['0 9 -500', 'from 9 -500 AA', '0 - -500 AA'])
def test_a_damaged_alignment_is_named(root, line):
  corpus = corpus_of(root)
  path = tree.put_alignment(root, corpus.utterances[0].name, 'AA')
  path.write_text(path.read_text().replace(' Total', f'{line}\n Total'))
  with pytest.raises(InputError, match=rf'{path.name}, line 3, cannot be read'):
    phonemes.with_phonemes(corpus, 'iemocap', 47)


def test_corpora_without_text_are_refused():
  with pytest.raises(InputError, match=r"'ravdess', whose .* emodb or iemocap"):
    phonemes.require_known('ravdess', 47)


def test_more_phonemes_than_the_network_knows_are_refused():
  with pytest.raises(InputError, match=r'model\.phonemes is 40, .* 47 of them'):
    phonemes.require_known('iemocap', 40)


def test_the_package_is_named_where_it_is_missing(monkeypatch):
  reader.pronounced.cache_clear()
  monkeypatch.setitem(sys.modules, 'espeakng_loader', None)
  with pytest.raises(InputError, match=r'phonemizer-fork and espeakng-loader'):
    phonemes.with_phonemes(emodb('a01'), 'emodb', 47)


def test_the_ten_sentences_of_emodb_are_pronounced():
  """By eSpeak NG 1.52: final d and b are t and p, ch is two sounds."""
  pytest.importorskip('phonemizer', reason='needs the extra "phonemes"')
  reader.pronounced.cache_clear()
  spoken = reader.pronounced()
  assert set(spoken) == set(reader.SENTENCES)
  assert {s for said in spoken.values() for s in said} == set(reader.SYMBOLS)
  assert ''.join(spoken['a02']) == 'dasvɪlziːammɪtvɔxapɡeːbən'
  # Each compound as its parts are said: Eis-Schrank, weg-bringen.
  assert ''.join(spoken['a01']).endswith('aɪsʃraŋk')
  assert 'vɛkbɾɪŋən' in ''.join(spoken['b09'])
  corpus = emodb('a02', 'a02', 'b09', 'zz9')
  rows = phonemes.rows(phonemes.with_phonemes(corpus, 'emodb', 47), 60)
  assert 1 <= rows.max() <= 40 and rows[0].tolist() == rows[1].tolist()
  assert rows[0].tolist() != rows[2].tolist() and not rows[3].any()
  noted = phonemes.with_phonemes(corpus, 'emodb', 47)
  assert 'they carry no emotion' in noted.remarks[-1]
  assert noted.cautions[0].startswith('1 of 4 recordings have no phonemes')
