"""What of a sweep is kept in the repository, and the tables of its page."""

from __future__ import annotations

import json
import shlex

import pytest
import tiny
from chosen_runs import BAD, FOCAL, GOOD, make_run, only

from experiments.lib import provenance
from sernet_jax.common.errors import InputError
from sernet_jax.results import run_folder
from sernet_jax.sweep.comparison import compare_runs, page as page_lib

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
  content = compare_runs.compare(
    [*map(only, runs)],
    baseline='loss.name=cross_entropy',
  )
  command = 'python -m sernet_jax.sweep --workdir=/some/where'
  page_lib.write(tmp_path, content, command)
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
  assert '| `loss=cross_entropy` | 1 | 58.3 [' in settings
  line = next(x for x in settings.splitlines() if '`loss=focal`' in x)
  cells = [cell.strip() for cell in line.strip('|').split('|')]
  assert cells[3] == '83.3'
  assert cells[5].startswith('+25.0 [+')
  assert cells[6] == f'{2 / 64:.3f}'
  assert '| `loss=focal` | 83 | 83 |' in recalls


@pytest.mark.parametrize(
  ('command', 'kept'),
  [
    ('main --workdir=/a/b --x=1', 'main --x=1'),
    ('main --workdir /a/b --x=1', 'main --x=1'),
    ("main '--workdir=/my runs/a' --x=1", 'main --x=1'),
    ('main --config.data.root=/a --config.data.cache_dir=/b', 'main'),
    ('compare /a/b/one,seed=0 ../two --output=c', 'compare one,seed=0 ../two'),
    (
      'main --config.data.manifest=/a/b/my.csv',
      'main --config.data.manifest=my.csv',
    ),
    (
      'main --config.data.corpora=emodb,ravdess:/data/ravdess',
      'main --config.data.corpora=emodb,ravdess:ravdess',
    ),
    ('sweep --axis a/b=mfcc/paper/40', 'sweep --axis a/b=mfcc/paper/40'),
  ],
)
def test_a_command_without_the_folders_of_a_machine(command, kept):
  assert provenance.without_paths(command) == kept


def test_a_command_keeps_its_quotes():
  command = shlex.join(
    ['main', "--config.protocol.folds=('03',)", '--workdir=a']
  )
  kept = provenance.without_paths(command)
  assert shlex.split(kept) == ['main', "--config.protocol.folds=('03',)"]


def test_settings_without_intervals_or_a_common_seed_are_dashes(
  collect, tmp_path
):
  runs = [
    make_run(tmp_path / 'one', {'ann': 5}),
    make_run(tmp_path / 'other', {'ann': 9}, {**FOCAL, 'seed': 1}),
  ]
  content = compare_runs.compare(
    [*map(only, runs)],
    baseline='loss.name=cross_entropy',
  )
  page_lib.write(tmp_path, content, 'python -m sernet_jax.sweep')
  target = tmp_path / 'claim'
  target.mkdir()
  (target / 'README.md').write_text(PAGE)
  collect.main(str(tmp_path), str(target))
  page = (target / 'README.md').read_text()
  assert '| `loss=focal` | 1 | 90.0 | 90.0 | 90.0 | - | - | 90.0 |' in page


def test_a_run_is_kept_without_paths_and_only_when_it_is_done(
  collect, tmp_path
):
  run = run_folder.RunFolder(
    make_run(
      tmp_path / 'run',
      GOOD,
      {
        'data.root': '/some/where',
        'data.corpora': 'emodb:/some/de,mine=/some/my.csv',
        'train.epochs': 40,
      },
      {'skipped_files': {'/some/where/wav/a.wav': 'is empty'}},
      {'command': 'python -m sernet_jax.main --workdir=/some/run'},
    )
  )
  (run.path / 'figures').mkdir()
  for name in collect.FIGURES:
    (run.path / 'figures' / f'{name}.png').write_bytes(b'a picture')
  row = {'fold': 'ann', 'epoch': 1, 'seconds': 2.5}
  run.append_metrics([row])
  collect.main(str(run.path), str(tmp_path / 'claim'))
  text = (tmp_path / 'claim' / 'results.json').read_text()
  kept = json.loads(text)
  assert '/some' not in text
  assert kept['command'] == 'python -m sernet_jax.main'
  # Which they were tells runs apart, where they lay does not.
  assert kept['config']['data']['corpora'] == 'emodb=emodb,mine=my.csv'
  assert kept['results']['skipped_files'] == {'wav/a.wav': 'is empty'}
  assert kept['median_seconds_per_epoch_of_a_fold'] == 2.5
  assert (tmp_path / 'claim' / f'{collect.FIGURES[0]}.png').exists()

  config = run.read_config()
  config['train']['epochs'] = 300  # begun to go on
  run.write_config(config)
  with pytest.raises(
    InputError, match='results of 40 epochs and is on its way'
  ):
    collect.main(str(run.path), str(tmp_path / 'later'))


def test_a_folder_without_a_page_gets_results_alone(collect, tmp_path):
  run = only(make_run(tmp_path / 'one', BAD))
  command = 'python -m sernet_jax.compare'
  page_lib.write(tmp_path, compare_runs.compare([run]), command)
  collect.main(str(tmp_path), str(tmp_path / 'claim'))
  assert (tmp_path / 'claim' / 'results.json').exists()
  assert not (tmp_path / 'claim' / 'README.md').exists()


def test_what_is_not_finished_is_one_sentence(collect, tmp_path):
  with pytest.raises(InputError, match='not a finished run or sweep; run its'):
    collect.main(str(tmp_path), str(tmp_path / 'claim'))
  assert not (tmp_path / 'claim').exists()
