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
NO_CLAIM = {'benchmarks', 'interop', 'lib'}
CLAIMS = sorted(
  path.name
  for path in FOLDER.iterdir()
  if path.is_dir() and path.name not in NO_CLAIM and path.name[0] not in '._'
)


def rows():
  """Name of the experiment -> the cells of its line."""
  found = {}
  for line in (FOLDER / 'README.md').read_text().splitlines():
    match = re.match(r'\| \[`(\w+)`\]', line)
    if match:
      found[match[1]] = [cell.strip() for cell in line.strip('|').split('|')]
  return found


def test_the_table_lists_every_experiment():
  assert sorted(rows()) == CLAIMS
  assert all(len(cells) == 5 and all(cells) for cells in rows().values())


def test_the_readme_opens_its_results_with_all_of_them():
  text = (tiny.ROOT / 'README.md').read_text()
  results = text.split('## Results')[1].split('\n## ')[0]
  first, *_ = re.findall(r'(?:^\|.*\n)+', results, re.MULTILINE)
  linked = set(re.findall(r'\(experiments/(\w+)', first))
  assert linked == set(CLAIMS)


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
