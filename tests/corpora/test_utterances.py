"""A corpus and what is left of it."""

from __future__ import annotations

import pytest
from recordings import make_emodb

from sernet_jax.common.errors import InputError
from sernet_jax.corpora.readers import emodb
from sernet_jax.corpora.utterances import keep


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
