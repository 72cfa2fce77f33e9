"""CHANGELOG.md leads users of old module paths to the new ones."""

from __future__ import annotations

import re

import tiny

TEXT = (tiny.ROOT / 'CHANGELOG.md').read_text()
TABLE = re.search(r'<!-- moved -->(.*)<!-- /moved -->', TEXT, re.S)[1]
MOVED = {
  line.split('`')[1]: re.findall(r'`([\w.]+)`', line.split('|')[2])
  for line in TABLE.splitlines()
  if line.startswith('| `') and 'now' not in line
}
# Modules of the package when it was one folder, and those that are still there:
# main, features, predict, export and sweep.
BEFORE, STAYED = 137, 5


def test_new_paths_are_modules():
  assert len(MOVED) == BEFORE - STAYED
  for old, places in MOVED.items():
    assert places and re.fullmatch(r'\w+', old)
    for name in places:
      root = (
        tiny.ROOT
        if name.startswith('experiments.')
        else tiny.ROOT / 'sernet_jax'
      )
      path = root / name.replace('.', '/')
      assert path.with_suffix('.py').exists() or path.is_dir(), (old, name)


def test_versions_have_headings_of_keep_a_changelog():
  assert '## [Unreleased]' in TEXT
  kinds = re.findall(r'^### (\w+)$', TEXT, re.M)
  assert set(kinds) <= {
    'Added',
    'Changed',
    'Deprecated',
    'Fixed',
    'Moved',
    'Removed',
    'Security',
  }
