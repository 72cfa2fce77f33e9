"""Tables in text, and names of what is nested."""

from __future__ import annotations

import pytest

from sernet_jax.common import text, trees


def test_columns_line_up():
  assert text.table([['name', 'n'], ['a', '100'], ['bc', '']]) == [
    'name    n',
    'a     100',
    'bc',
  ]
  assert text.table([['a', 'b'], ['cc', 'ddd']], left=(0, 1)) == [
    'a   b',
    'cc  ddd',
  ]


def test_leaves_have_the_names_of_all_levels():
  tree = {'a': {'b': 1, 'c': {'d': [2]}}, 'e': {}, 'f': None}
  leaves = {'a.b': 1, 'a.c.d': [2], 'e': {}, 'f': None}
  assert trees.flatten(tree) == leaves
  assert list(trees.flatten(tree, '/')) == ['a/b', 'a/c/d', 'e', 'f']


@pytest.mark.parametrize(
  ('given', 'shown'),
  [
    ('größe 3.wav', 'größe 3.wav'),
    ('a\x1b[2Jb', 'a\\x1b[2Jb'),
    ('a\nb\tc\x7f', 'a\\nb\\tc\\x7f'),
    ('evil\u202egnp.wav', 'evil\\u202egnp.wav'),
    ('\x9b1m', '\\x9b1m'),
  ],
)
def test_controls_are_written_out(given, shown):
  assert text.printable(given) == shown


@pytest.mark.parametrize(
  'given', ['=1+2', '+a', '-3', '@x', "'=1", "'", "''=", '', 'a=b', "'a", '=']
)
def test_cells_are_no_formulas_and_come_back(given):
  cell = text.cell(given)
  assert not cell.startswith(('=', '+', '-', '@'))
  assert text.from_cell(cell) == given


def test_only_a_whole_is_a_hundred_per_cent():
  assert text.percent(1438 / 1440, 0) == '99'
  assert text.percent(0.99999) == '99.9'
  assert (text.percent(1), text.percent(1.0, 0)) == ('100.0', '100')
  assert (text.percent(0.5), text.percent(0)) == ('50.0', '0.0')


def test_names_are_neither_images_nor_links_nor_tags():
  name = '![x](http://example.org/a.png) <img src=a> &lt; `a` \x1b[2J'
  shown = text.markdown(name)
  assert shown.startswith(r'\!\[x\](http')
  for mark in '![<`&':
    assert shown.count(mark) == shown.count(f'\\{mark}')
  assert '\x1b' not in shown
  assert text.markdown('anger, größe 3.5') == 'anger, größe 3.5'
