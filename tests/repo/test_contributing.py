"""A newcomer finds what CONTRIBUTING.md points at."""

from __future__ import annotations

import re

import tiny

PAGE = (tiny.ROOT / 'CONTRIBUTING.md').read_text()
ANSWERS = re.findall(r'^\| (Where .+\?) \| `(.+)` \| `(\w+)` \|$', PAGE, re.M)


def test_there_are_ten_questions_or_more():
  assert len(ANSWERS) >= 10
  assert len(ANSWERS) == PAGE.count('\n| Where ')


def test_each_answer_names_a_file_that_defines_the_symbol():
  wrong = []
  for question, file, symbol in ANSWERS:
    path = tiny.ROOT / file
    defined = rf'^\s*(def|class) {symbol}\b|^{symbol}\b.*='
    if not path.is_file() or not re.search(defined, path.read_text(), re.M):
      wrong.append((question, file, symbol))
  assert wrong == []


def test_files_named_in_the_text_exist():
  for name in re.findall(r'`((?:sernet_jax|tests|experiments)/[\w/.]+)`', PAGE):
    assert (tiny.ROOT / name).exists(), name
