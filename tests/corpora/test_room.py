"""The names that the room makes public."""

from __future__ import annotations

import commands
import pytest

from sernet_jax import corpora
from sernet_jax.corpora import registry, utterances


def test_public_names_are_those_of_their_modules():
  assert corpora.load is registry.load
  assert corpora.NAMES is registry.NAMES
  for name in ('Corpus', 'Utterance', 'check', 'keep'):
    assert getattr(corpora, name) is getattr(utterances, name)
  assert set(corpora.__all__) == set(corpora._HOMES)
  with pytest.raises(AttributeError, match='has no attribute'):
    _ = corpora.lode


def test_importing_the_room_loads_no_reader():
  program = (
    'import sys, sernet_jax.corpora; '
    "print({'soundfile', 'jax', 'numpy'} & set(sys.modules))"
  )
  assert commands.python(program) == 'set()'
