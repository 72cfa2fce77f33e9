"""The English of the field: words that are not used, openings of docstrings.

CONTRIBUTING.md has the rule.
"""

from __future__ import annotations

import ast
import pathlib
import re

import pytest
import tiny

FOLDERS = ('sernet_jax', 'configs', 'docs', 'experiments', 'tests')
# Places that may not be clean yet.
TO_DO: tuple[str, ...] = ()
# Pages that quote the words.
QUOTE = ('CONTRIBUTING.md', 'tests/repo/test_english.py')

# Word -> what to write.
WORDS = {
  r'sooner': 'faster, earlier',
  r'(?<!there )(?:is|are) no (?!longer|more\b)': 'is not a, there is no',
  r'(?:has|have) not\b(?! (?:been|yet|run|done|changed|measured|ended))': (
    'does not have'
  ),
  r'heeds?\b|heeded': 'uses, respects',
  r'counts? not\b': 'does not count, ignored',
  r'to be had\b': 'available',
  r'gone on with': 'resumed',
  r'by_(?:x|kernel|scale|bias|shift)\b': 'dx, dkernel, dscale',
}
NEVER_FIRST = {
  *('Of', 'Whose', 'What', 'Those', 'Which', 'Whether', 'Where', 'How', 'By'),
  *('With', 'From', 'In', 'On', 'At', 'As', 'See', 'Who', 'Is', 'E.g'),
}

FILES = sorted(
  path
  for pattern in ('*.md', *(f'{folder}/**/*.*' for folder in FOLDERS))
  for path in tiny.ROOT.glob(pattern)
  if path.suffix in ('.py', '.md', '.j2')
  and '__pycache__' not in path.parts
  and tiny.ROOT / 'docs/experiments' not in path.parents
)


def name_of(path: pathlib.Path) -> str:
  return str(path.relative_to(tiny.ROOT))


def is_clean(name: str) -> bool:
  return not name.startswith(TO_DO) and name not in QUOTE


@pytest.mark.parametrize('word', WORDS)
def test_words_that_are_not_used(word):
  pattern = re.compile(rf'\b(?:{word})', re.IGNORECASE)
  found = []
  for path in FILES:
    if not is_clean(name_of(path)):
      continue
    # Sentences may break across lines, and strings across quotes.
    text = re.sub(r"['\"]?\n\s*(?:f?['\"]|#)?\s*", ' ', path.read_text())
    found += [
      f'{name_of(path)}: {text[max(0, m.start() - 30) : m.end() + 20]}'
      for m in pattern.finditer(text)
    ]
  assert not found, f'write {WORDS[word]}:\n' + '\n'.join(found)


def test_docstrings_begin_with_a_verb_or_a_noun():
  found = []
  for path in FILES:
    name = name_of(path)
    # A docstring of a test goes on where its name ends.
    if path.suffix != '.py' or name.startswith('tests/') or not is_clean(name):
      continue
    for node in ast.walk(ast.parse(path.read_text())):
      if isinstance(
        node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
      ):
        text = ast.get_docstring(node) or 'A'
        if text.split()[0].strip('`,.:;') in NEVER_FIRST:
          found.append(
            f'{name}:{node.lineno if hasattr(node, "lineno") else 1}: {text.splitlines()[0]}'
          )
  assert not found, '\n'.join(found)


def test_the_files_are_found():
  assert len(FILES) > 300
