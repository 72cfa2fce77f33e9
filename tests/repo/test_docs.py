"""The pages are true: their code runs, their commands and fields exist."""

from __future__ import annotations

import pathlib
import re
import shlex
import subprocess
import sys

import pytest
import tiny

from sernet_jax.runs import defaults, differences

DOCS = tiny.ROOT / 'docs'
PAGES = sorted(
  page
  for pattern in ('*.md', 'tutorials/*.md', 'api/*.md')
  for page in DOCS.glob(pattern)
)
TUTORIALS = sorted(DOCS.glob('tutorials/*.md'))
# Their examples are doctests; see tests/features/test_docs.py.
DOCTESTS = {'features.md'}


NOT_RUN = '# not run here'


def blocks(page: pathlib.Path) -> list[tuple[str, str]]:
  """(language, text) of the fenced blocks of a page, in order."""
  return re.findall(r'^```(\w*)\n(.*?)^```$', page.read_text(), re.M | re.S)


def shell(text: str) -> list[list[str]]:
  """The package's commands in a block, without comments."""
  return [
    shlex.split(line, comments=True)
    for line in text.replace('\\\n', ' ').splitlines()
    if line.startswith('python -m sernet_jax') and NOT_RUN not in line
  ]


@pytest.mark.parametrize('page', TUTORIALS, ids=lambda page: page.stem)
def test_a_tutorial_runs_from_top_to_bottom(page, tmp_path, monkeypatch):
  if 'onnxruntime' in page.read_text():
    pytest.importorskip('onnxruntime')
    pytest.importorskip('onnx')
  (tmp_path / 'configs').symlink_to(tiny.ROOT / 'configs')
  monkeypatch.chdir(tmp_path)
  monkeypatch.setenv('SERNET_CACHE', str(tmp_path / 'cache'))
  monkeypatch.setenv('PYTHONPATH', str(tiny.ROOT))
  names = {'__name__': page.stem}
  ran = 0
  for language, text in blocks(page):
    if language == 'python':
      # Without the annotations of this file's __future__.
      exec(compile(text, str(page), 'exec', dont_inherit=True), names)
      ran += 1
    for words in shell(text) if not language else ():
      done = subprocess.run(
        [sys.executable, *words[1:]],
        capture_output=True,
        text=True,
        timeout=300,
      )
      assert done.returncode == 0, f'{words}: {done.stderr}'
      ran += 1
  assert ran >= 4


OTHERS = [
  page
  for page in (tiny.ROOT / 'README.md', *PAGES)
  if page not in TUTORIALS
  and page.name not in DOCTESTS
  and any(language == 'python' for language, _ in blocks(page))
]


@pytest.mark.parametrize('page', OTHERS, ids=lambda page: page.stem)
def test_python_of_other_pages_runs(page):
  names = {'__name__': page.stem}
  for language, text in blocks(page):
    if language == 'python' and "'runs/" not in text:
      # Without the annotations of this file's __future__.
      exec(compile(text, str(page), 'exec', dont_inherit=True), names)


@pytest.mark.parametrize(
  'page',
  [tiny.ROOT / 'README.md', tiny.ROOT / 'CONTRIBUTING.md', *PAGES],
  ids=lambda page: page.stem,
)
def test_commands_name_modules_scripts_configs_and_fields_that_exist(page):
  for language, text in blocks(page):
    if language:
      continue
    for name in re.findall(r'python -m (sernet_jax[\w.]*)', text):
      path = tiny.ROOT / name.replace('.', '/')
      assert path.with_suffix('.py').exists() or (path / '__main__.py').exists()
    for name in re.findall(r'[\w]+/[\w/]+\.py', text):
      assert (tiny.ROOT / name).exists(), name
    for field in re.findall(r'--(?:config\.|axis )([a-z][\w.]+)=', text):
      assert field in defaults.fields(), field


def test_the_page_of_fields_lists_all_with_type_and_default():
  text = (DOCS / 'configuration.md').read_text()
  lines = [line for line in text.splitlines() if line.startswith('| `')]
  rows = {
    line.split('`')[1]: [cell.strip() for cell in line.strip('|').split('|')]
    for line in lines
  }
  fields = defaults.fields()
  assert list(rows) == list(fields), 'in the order of the defaults'
  for field, (name, kind, default, meaning) in rows.items():
    assert kind == type(fields[field]).__name__, field
    assert default == f'`{fields[field]!r}`', field
    assert 5 < len(meaning) < 120, field
    assert name.endswith(' *') == (field in differences.FREE), field


def test_every_page_is_in_the_table_of_contents():
  listed = set()
  for page in (DOCS / 'index.md', DOCS / 'api/index.md'):
    for kind, text in re.findall(
      r'^```(\{toctree\})\n(.*?)^```$', page.read_text(), re.M | re.S
    ):
      assert kind
      names = [
        line.rpartition('<')[-1].rstrip('>')
        for line in text.splitlines()
        if line and line[0] != ':'
      ]
      listed |= {(page.parent / f'{name}.md').resolve() for name in names}
  pages = {page.resolve() for page in PAGES} - {(DOCS / 'index.md').resolve()}
  assert pages <= listed


@pytest.mark.parametrize(
  'page',
  [
    page
    for page in sorted(tiny.ROOT.rglob('*.md'))
    if '| `best_on_test`' in page.read_text(encoding='utf-8')
  ],
  ids=lambda page: str(page.relative_to(tiny.ROOT)),
)
def test_tables_say_by_what_best_on_test_is_chosen(page):
  text = page.read_text(encoding='utf-8')
  for line in re.findall(r'.*\| `best_on_test`.*', text):
    assert 'WA' in line.split('`best_on_test`')[1], line
