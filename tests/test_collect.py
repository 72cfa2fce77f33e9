"""What of a sweep is kept in the repository, and the tables of its page."""

from __future__ import annotations

import json

import pytest
import tiny
from test_comparison import BAD, FOCAL, GOOD, make_run

from sernet_jax import comparison, comparison_page
from sernet_jax.spec import InputError

PAGE = """# A claim

<!-- settings -->
<!-- /settings -->

<!-- recalls -->
<!-- /recalls -->
"""


@pytest.fixture
def collect():
  return tiny.load_script(tiny.ROOT / 'experiments' / 'collect.py')


def test_tables_and_figures_of_a_sweep_without_paths(collect, tmp_path):
  runs = [
    make_run(tmp_path / 'one', BAD),
    make_run(tmp_path / 'other', GOOD, FOCAL),
  ]
  content = comparison.compare(
    [comparison.read(run) for run in runs],
    baseline='loss.name=cross_entropy',
  )
  command = 'python -m sernet_jax.sweep --workdir=/some/where'
  comparison_page.write(tmp_path, content, command)
  target = tmp_path / 'claim'
  target.mkdir()
  (target / 'README.md').write_text(PAGE)
  collect.main(str(tmp_path), str(target))
  kept = json.loads((target / 'results.json').read_text())
  assert kept['command'] == 'python -m sernet_jax.sweep'
  assert [run['folder'] for run in kept['runs']] == ['one', 'other']
  assert 'platform' not in kept['runs'][0]['environment']
  assert any(target.glob('*.png'))
  page = (target / 'README.md').read_text()
  settings, recalls = page.split('<!-- /settings -->')
  # 70 and 100 of 120 right, both classes alike.
  assert '| `loss.name=cross_entropy` | 1 | 58.3 [' in settings
  line = next(x for x in settings.splitlines() if '`loss.name=focal`' in x)
  cells = [cell.strip() for cell in line.strip('|').split('|')]
  assert cells[3] == '83.3'
  assert cells[5].startswith('+25.0 [+')
  assert cells[6] == f'{2 / 64:.3f}'
  assert '| `loss.name=focal` | 83 | 83 |' in recalls


def test_a_folder_without_a_page_gets_results_alone(collect, tmp_path):
  run = comparison.read(make_run(tmp_path / 'one', BAD))
  command = 'python -m sernet_jax.compare'
  comparison_page.write(tmp_path, comparison.compare([run]), command)
  collect.main(str(tmp_path), str(tmp_path / 'claim'))
  assert (tmp_path / 'claim' / 'results.json').exists()
  assert not (tmp_path / 'claim' / 'README.md').exists()


def test_what_is_not_finished_is_one_sentence(collect, tmp_path):
  with pytest.raises(InputError, match='no finished run or sweep; run its'):
    collect.main(str(tmp_path), str(tmp_path / 'claim'))
  assert not (tmp_path / 'claim').exists()
