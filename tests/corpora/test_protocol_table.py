"""The table of protocols, and the pages that name them."""

from __future__ import annotations

import re

import pytest
import tiny

from sernet_jax.corpora.protocols import PROTOCOLS
from sernet_jax.results.selections import SELECTIONS

PAGES = [tiny.ROOT / 'README.md', *sorted((tiny.ROOT / 'docs').glob('**/*.md'))]


def test_names_are_keys_and_every_entry_says_what_it_means():
  assert list(PROTOCOLS) == [
    'loso',
    'loso_adapted',
    'speaker_groups',
    'loso_text',
    'random10',
    'emobox',
    'paper2021',
    'all',
    'loco',
    'cross',
  ]
  for name, entry in PROTOCOLS.items():
    assert entry.name == name
    assert entry.title and entry.shows and entry.does_not_show
  assert len({entry.title for entry in PROTOCOLS.values()}) == len(PROTOCOLS)


def test_who_is_on_both_sides():
  def names(which):
    return {name for name, entry in PROTOCOLS.items() if which(entry)}

  assert names(lambda p: p.crosses_corpora) == {'loco', 'cross'}
  assert names(lambda p: p.trains_on_tests) == {'all'}
  assert names(lambda p: not p.mixes_speakers) == {
    'loso',
    'loso_adapted',
    'speaker_groups',
    'loso_text',
    'loco',
    'cross',
  }
  for entry in PROTOCOLS.values():
    assert ('mixed' in entry.title) == (
      entry.mixes_speakers and not entry.trains_on_tests
    )


@pytest.mark.parametrize(
  ('name', 'folds', 'tests', 'corpora', 'complete'),
  [
    ('loso', 10, 535, '', True),
    ('loso', 9, 500, '', False),
    ('random10', 10, 535, '', True),
    ('paper2021', 10, 1070, '', True),
    ('paper2021', 5, 535, '', False),
    ('loco', 3, 535, 'abc', True),
    ('loco', 2, 400, 'abc', False),
    ('cross', 6, 1070, 'abc', True),
    ('cross', 5, 900, 'abc', False),
  ],
)
def test_a_complete_run_is_known(name, folds, tests, corpora, complete):
  found = PROTOCOLS[name].is_complete(folds, tests, 535, corpora)
  assert found == complete


def test_the_page_of_protocols_shows_the_table():
  text = (tiny.ROOT / 'docs/protocols.md').read_text().split('\n## ')[0]
  assert re.findall(r'^\| `(\w+)`', text, re.MULTILINE) == list(PROTOCOLS)


def test_the_page_of_protocols_shows_the_selections():
  text = (tiny.ROOT / 'docs/protocols.md').read_text()
  text = text.split('\n## Selections')[1].split('\n## ')[0]
  assert re.findall(r'^\| `(\w+)`', text, re.MULTILINE) == list(SELECTIONS)


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.stem)
def test_the_pages_name_no_other_protocols(page):
  text = page.read_text()
  names = set(re.findall(r"protocol\.name='?=?'?([a-z]+\d*)", text))
  assert names <= set(PROTOCOLS)
