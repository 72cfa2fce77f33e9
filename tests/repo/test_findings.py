"""Scripts in findings/, which continuous integration does not run."""

from __future__ import annotations

import re

import pytest
import tiny

FOLDER = tiny.ROOT / 'findings'
SCRIPTS = sorted(FOLDER.glob('*.sh'))


def test_the_page_lists_each_script_by_its_first_sentence():
  page = (FOLDER / 'README.md').read_text()
  found = dict(re.findall(r'^- `([\w.]+)`:\n  (.*)$', page, re.MULTILINE))
  assert found == {
    path.name: path.read_text().splitlines()[1].removeprefix('# ')
    for path in SCRIPTS
  }


@pytest.mark.parametrize('path', SCRIPTS, ids=lambda path: path.stem)
def test_a_script_pins_what_it_installs_and_says_what_to_expect(path):
  text = path.read_text()
  head = text.split('set -euo pipefail')[0]
  for part in ('# Versions: ', 'Date: 20', '# Expected: ', '# Seen: '):
    assert part in head, part
  assert 'mktemp -d' in text and "trap 'rm -rf" in text
  assert 'sernet' not in text
  packages = re.findall(r'[\w\]-]+==\d', text)
  installed = re.findall(r'pip" install (.*(?:\\\n.*)*)', text)
  assert packages and installed
