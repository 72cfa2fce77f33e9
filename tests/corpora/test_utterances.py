"""A corpus and what is left of it."""

from __future__ import annotations

import pytest
from recordings import make_emodb

from sernet_jax.common.errors import InputError
from sernet_jax.corpora.readers import emodb
from sernet_jax.corpora.utterances import Corpus, Utterance, check, keep


@pytest.mark.parametrize(
  ('name', 'words'),
  [('a\0b', 'with control'), ('a\nb', 'with control'), ('x' * 101, '101 char')],
)
def test_names_that_cannot_be_shown_are_refused(name, words):
  def corpus(label='joy', speaker='ann'):
    rows = ('1', 'anger', 'bob'), ('2', label, speaker)
    return Corpus(
      'made',
      tuple(sorted({'anger', label})),
      tuple(Utterance(n, f'/no/{n}', one, who) for n, one, who in rows),
    )

  for what in ('label', 'speaker'):
    with pytest.raises(InputError, match=f'has the {what} .*{words}'):
      check(corpus(**{what: name}))
    check(corpus(**{what: 'x' * 100}))


def test_keep_drops_bad_recordings_and_counts_them(tmp_path):
  make_emodb(tmp_path)
  corpus = emodb.emodb(tmp_path)
  skipped = {corpus.utterances[3].path: 'is silent'}
  kept = keep(corpus, skipped)
  assert len(kept.utterances) == 69
  assert corpus.utterances[3] not in kept.utterances
  assert '1 recordings could not be used.' in kept.problems
  assert keep(corpus, {}) is corpus


def test_keep_refuses_to_lose_a_class(tmp_path):
  make_emodb(tmp_path)
  corpus = emodb.emodb(tmp_path)
  skipped = [u.path for u in corpus.utterances if u.label == 'fear']
  with pytest.raises(InputError, match="no utterance of class 'fear'"):
    keep(corpus, skipped)
