"""Tables in text, and names of what is nested."""

from __future__ import annotations

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
