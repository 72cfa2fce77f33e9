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


@pytest.mark.parametrize(
  ('share', 'whole', 'tenths'),
  [
    (1.0, '100', '100.0'),
    (1 - 1e-15, '100', '100.0'),  # a mean of ones
    (1 - 1e-7, '>99.99', '>99.99'),
    (0.9997, '99.97', '99.97'),
    (1438 / 1440, '99.9', '99.9'),
    (0.993, '99', '99.3'),
    (0.5, '50', '50.0'),
    (0.003, '0.3', '0.3'),
    (0.0003, '0.03', '0.03'),
    (1e-9, '<0.01', '<0.01'),
    (0.0, '0', '0.0'),
  ],
)
def test_only_all_is_a_hundred_per_cent_and_only_none_0(share, whole, tenths):
  assert (text.percent(share, 0), text.percent(share)) == (whole, tenths)


def test_names_are_neither_images_nor_links_nor_tags():
  name = '![x](http://example.org/a.png) <img src=a> &lt; `a` \x1b[2J'
  shown = text.markdown(name)
  assert shown.startswith(r'\!\[x\](http')
  for mark in '![<`&':
    assert shown.count(mark) == shown.count(f'\\{mark}')
  assert '\x1b' not in shown
  assert text.markdown('anger, größe 3.5') == 'anger, größe 3.5'
