"""The table of experiments is whole and claims nothing that was not run."""

from __future__ import annotations

import json
import re

import pytest
import tiny
from chosen_runs import BAD, GOOD, compare, make_run
from commands import sernet

from sernet_jax.common.errors import InputError

FOLDER = tiny.ROOT / 'experiments'
NO_CLAIM = {'benchmarks', 'lib'}


def claims():
  """Names of the folders, 'emodb/loso_40' where several lie in one."""
  for path in FOLDER.iterdir():
    if path.is_dir() and path.name not in NO_CLAIM and path.name[0] not in '._':
      inner = path.glob('*/README.md')
      pages = [path] if (path / 'README.md').exists() else map(_parent, inner)
      yield from (str(page.relative_to(FOLDER)) for page in pages)


def _parent(path):
  return path.parent


CLAIMS = sorted(claims())


def rows():
  """Name of the experiment -> the cells of its line."""
  found = {}
  for line in (FOLDER / 'README.md').read_text().splitlines():
    match = re.match(r'\| \[`([\w/]+)`\]', line)
    if match:
      found[match[1]] = [cell.strip() for cell in line.strip('|').split('|')]
  return found


def test_the_table_lists_every_experiment():
  assert sorted(rows()) == CLAIMS
  assert all(len(cells) == 5 and all(cells) for cells in rows().values())


def test_the_page_of_findings_opens_with_all_of_them():
  text = (FOLDER / 'README.md').read_text()
  first, *_ = re.findall(r'(?:^\|.*\n)+', text, re.MULTILINE)
  linked = set(re.findall(r'\(([\w/]+)/README\.md\)', first))
  assert linked == set(CLAIMS)
  cells = [cell for row in rows().values() for cell in row[1:]]
  assert max(map(len, cells)) < 80, 'a cell holds a value or a short phrase'


def test_the_front_page_shows_five_findings_of_that_page():
  text = (tiny.ROOT / 'README.md').read_text()
  results = text.split('## Results')[1].split('\n## ')[0]
  (table,) = re.findall(r'(?:^\|.*\n)+', results, re.MULTILINE)
  lines = [line.strip('|').split('|') for line in table.splitlines()[2:]]
  assert len(lines) == 5
  assert all(len(cell) < 80 for line in lines for cell in line)
  assert '(experiments/README.md)' in results
  findings = (FOLDER / 'README.md').read_text()
  for *_, cell in lines:
    figures = re.findall(r'\d[\d.]*\d', cell)
    assert figures and all(figure in findings for figure in figures), cell


def test_the_front_page_fits_two_screens():
  text = (tiny.ROOT / 'README.md').read_text()
  assert len(text.splitlines()) <= 150
  assert (
    'pip install -e . && python -m sernet_jax.main '
    '--config=configs/quickstart.py'
  ) in text
  assert "pip install -e '.[test]' && pytest" in text


def environments(content):
  """Where the figures were made: of the file, or of each row or run."""
  rows = [*content.get('rows', []), *content.get('runs', [])]
  found = [row['environment'] for row in rows if 'environment' in row]
  found += [one for row in rows for one in row.get('environments', [])]
  return found or [content['environment']]


@pytest.mark.parametrize('name', CLAIMS)
def test_a_finding_has_results_and_says_how_far_it_was_trained(name):
  _, _, protocol, epochs, found = rows()[name]
  path = FOLDER / name / 'results.json'
  if not path.exists():
    assert found.startswith('not run'), f'{name} has no results.json'
    assert epochs == '-'
    return
  content = json.loads(path.read_text())
  assert not found.startswith('not run')
  for environment in environments(content):
    for part in ('date', 'packages', 'cpu'):
      assert environment[part]
  results = content.get('results') or content.get('run')
  if isinstance(results, dict):
    assert str(results['epochs']) in epochs
    assert results['protocol'] in protocol
    assert results['epochs'] == 300 or 'of 300' in epochs


def test_no_results_name_folders_of_a_machine():
  for path in FOLDER.rglob('results.json'):
    text = path.read_text()
    found = re.search(r'(?<![\w.])/(root|home|tmp|work|Users)/\S*', text)
    assert not found, f'{path}: {found and found[0]}'


def test_results_of_different_protocols_are_not_compared(tmp_path):
  one = make_run(tmp_path / 'one', GOOD)
  other = make_run(tmp_path / 'other', BAD, {'protocol.name': 'random10'})
  with pytest.raises(InputError, match=r'a figure means something else under'):
    compare(one, other)


@pytest.mark.parametrize('module', ['main', 'sweep'])
def test_an_experiment_without_its_corpus_is_one_sentence(tmp_path, module):
  """A sweep says so before any of its jobs begins."""
  axes = ['--axis=seed=0:2'] if module == 'sweep' else []
  done = sernet(
    '--config=configs/emodb.py',
    f'--config.data.root={tmp_path}',
    f'--workdir={tmp_path / "runs"}',
    *axes,
    module=module,
  )
  assert done.returncode == 2
  assert len(done.stderr.strip().splitlines()) == 1
  assert 'sernet_jax.download emodb' in done.stderr
  assert not (tmp_path / 'runs').exists()
