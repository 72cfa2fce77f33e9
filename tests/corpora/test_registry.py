"""The table of corpora, and reading one by its name."""

from __future__ import annotations

import pathlib

import pytest
import tiny
from recordings import put_wav

from sernet_jax.common import files as files_lib
from sernet_jax.common.errors import InputError
from sernet_jax.corpora import registry, vocabulary
from sernet_jax.corpora.readers import (
  acted_english,
  acted_other_languages,
  emozionalmente,
  openly_licensed,
)
from sernet_jax.corpora.synthetic import speech

PUBLISHED = {
  name: entry.published
  for name, entry in registry.CORPORA.items()
  if entry.published
}
ACTED = (
  *acted_english.ENTRIES,
  *acted_other_languages.ENTRIES,
  *openly_licensed.ENTRIES,
  emozionalmente.ENTRY,
)


def test_the_published_counts_add_up():
  totals = {name: facts.utterances for name, facts in PUBLISHED.items()}
  assert totals == {
    'emodb': 535,
    'iemocap': 5531,
    'ravdess': 1440,
    'cremad': 7442,
    'savee': 480,
    'tess': 2800,
    'emovo': 588,
    'nemo': 4481,
    'shemo': 3000,
    'emozionalmente': 6902,
    'jl': 1200,
    'subesco': 7000,
    'mesd': 864,
    'emouerj': 377,
    'oreau': 502,
  }
  assert set(PUBLISHED) < set(registry.NAMES)


def test_the_page_of_corpora_shows_the_table():
  text = (tiny.ROOT / 'docs/corpora.md').read_text()
  rows = {
    cells[1].strip(): [cell.strip() for cell in cells[2:-1]]
    for cells in (
      line.split('|') for line in text.splitlines() if line.startswith('| `')
    )
  }
  assert set(rows) >= {f'`{name}`' for name in PUBLISHED}
  for name, facts in PUBLISHED.items():
    assert rows[f'`{name}`'] == [
      facts.language,
      str(facts.speakers),
      str(facts.utterances),
      ', '.join(facts.classes),
      f'{facts.hours:g}' if facts.hours else 'not stated',
      facts.licence,
      f'[{facts.title}]({facts.source})',
    ]


def test_every_corpus_is_one_entry():
  assert set(registry.NAMES) == {
    'emodb',
    'iemocap',
    'manifest',
    'folders',
    'audformat',
    'embedded',
    'embedded_high',
    'embedded_low',
    *(entry.name for entry in ACTED),
  }
  for name, entry in registry.CORPORA.items():
    assert entry.name == name
  for entry in ACTED:
    assert entry.folder == entry.name
    assert set(entry.published.classes) <= set(vocabulary.NAMES)


def test_the_embedded_corpus_is_synthetic_and_says_so(tmp_path, monkeypatch):
  monkeypatch.setenv('SERNET_CACHE', str(tmp_path))
  made = []

  def generate(root):
    made.append(root)
    for name in ('01a01Wa', '02b01Na', '03a01Fa', '03a01Ta'):
      put_wav(root / 'wav' / f'{name}.wav')

  monkeypatch.setattr(speech, 'generate', generate)
  corpus = registry.load('embedded')
  assert made[0].parent == tmp_path
  assert made[0].name == f'embedded-{speech.VERSION}'
  assert corpus.synthetic
  assert corpus.name == 'embedded'
  assert corpus.classes == ('anger', 'happiness', 'neutral', 'sadness')
  assert [(u.speaker, u.label) for u in corpus.utterances] == [
    ('01', 'anger'),
    ('02', 'neutral'),
    ('03', 'happiness'),
    ('03', 'sadness'),
  ]


def test_load_knows_its_names(tmp_path):
  with pytest.raises(InputError, match="did you mean 'iemocap'"):
    registry.load('iemocp')
  with pytest.raises(InputError, match=r'data\.corpus=manifest'):
    registry.load('emodb', manifest_path=tmp_path / 'mine.csv')


def test_the_cache_is_where_the_variable_says(tmp_path, monkeypatch):
  monkeypatch.setenv('SERNET_CACHE', str(tmp_path))
  assert files_lib.cache_dir() == tmp_path
  monkeypatch.delenv('SERNET_CACHE')
  assert files_lib.cache_dir() == pathlib.Path.home() / '.cache/sernet_jax'
