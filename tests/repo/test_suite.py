"""The list of long files of tests."""

from __future__ import annotations

import slow
import tiny


def test_long_files_are_there():
  found = {
    f'{path.parent.name}/{path.stem}'
    for path in (tiny.ROOT / 'tests').glob('*/test_*.py')
  }
  assert found >= slow.FILES
