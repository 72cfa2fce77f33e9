"""The table of long files of tests."""

from __future__ import annotations

import pathlib
import types

import slow
import tiny


def test_long_files_are_there():
  found = {
    f'{path.parent.name}/{path.stem}'
    for path in (tiny.ROOT / 'tests').glob('*/test_*.py')
  }
  assert found >= slow.FILES.keys()


def test_long_files_start_first_and_some_are_marked():
  marked = []
  files = 'nn/test_spec', 'runs/test_loop', 'nn/test_docs', 'nn/test_model'
  items = [
    types.SimpleNamespace(
      path=pathlib.Path('tests', f'{name}.py'),
      add_marker=lambda mark, name=name: marked.append((name, mark.name)),
    )
    for name in files
  ]
  slow.sort(items)
  assert [f'{item.path.parent.name}/{item.path.stem}' for item in items] == [
    *('runs/test_loop', 'nn/test_model'),
    *('nn/test_spec', 'nn/test_docs'),  # as they were
  ]
  assert marked == [('nn/test_model', 'slow')]
