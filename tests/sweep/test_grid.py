"""Axes in words become the settings of jobs, or one sentence says why not."""

from __future__ import annotations

import argparse
import pathlib
import re
import shlex

import pytest
import tiny

from sernet_jax.common import trees
from sernet_jax.common.errors import InputError
from sernet_jax.results import selections
from sernet_jax.runs import defaults
from sernet_jax.sweep import (
  axes as axes_lib,
  grid as sweep_grid,
  settings as settings_lib,
)


def values(text):
  axis = axes_lib.parse_axis(text)
  assert len(axis.fields) == 1
  return [value for (value,) in axis.values]


@pytest.mark.parametrize(
  ('text', 'expected'),
  [
    ('loss.name=cross_entropy,focal', ['cross_entropy', 'focal']),
    ('seed=0:5', [0, 1, 2, 3, 4]),
    ('seed=0:6:2', [0, 2, 4]),
    ('seed=7,0:2', [7, 0, 1]),
    ('seed=3:0:-1', [3, 2, 1]),
    ('data.duration_s=1:4', [1.0, 2.0, 3.0]),
    ('loss.gamma=0.5,2', [0.5, 2.0]),
    ('optim.learning_rate=1e-4,1e-3', [1e-4, 1e-3]),
    (
      'model.paths=spectral+temporal+joint,joint',
      [('spectral', 'temporal', 'joint'), ('joint',)],
    ),
    ('protocol.folds=03+08,()', [('03', '08'), ()]),
  ],
)
def test_values_have_the_type_of_their_field(text, expected):
  found = values(text)
  assert found == expected
  assert [type(value) for value in found] == [type(e) for e in expected]


def test_another_network_has_axes_of_its_own():
  known = defaults.fields('acrnn')
  axis = axes_lib.parse_axis('model.convolutions=1,3:5', known)
  assert axis.values == ((1,), (3,), (4,))
  with pytest.raises(InputError, match=r"'model\.size' is not a field"):
    axes_lib.parse_axis('model.size=tiny', known)
  config = defaults.get_config('acrnn')
  config.features.kind = 'log_mel_deltas'
  config.features.preset = 'chen2018'
  jobs = sweep_grid.jobs(config, [axis])
  assert [job.config.model.convolutions for job in jobs] == [1, 3, 4]


def test_a_network_is_no_axis_of_a_config_of_another():
  axis = axes_lib.parse_axis('model.name=acrnn')
  with pytest.raises(InputError, match='start from the config of acrnn, --con'):
    sweep_grid.jobs(tiny.load_config('emodb'), [axis])


def test_fields_that_change_together():
  axis = axes_lib.parse_axis(
    'loss.name/loss.gamma=cross_entropy/2,focal/1,focal/3'
  )
  assert axis.fields == ('loss.name', 'loss.gamma')
  assert axis.values == (
    ('cross_entropy', 2.0),
    ('focal', 1.0),
    ('focal', 3.0),
  )


@pytest.mark.parametrize(
  ('text', 'message'),
  [
    ('los.name=focal', "did you mean 'loss.name'?"),
    ('model.convolutions=3', 'it is one of acrnn, '),
    ('loss.name', 'is not an axis'),
    ('loss.name=', 'is not an axis'),
    ('seed=a,b', "'a' does not fit seed; give a int such as 0"),
    ('seed=0.5', "'0.5' does not fit seed"),
    ('seed=5:0', 'is empty; the end of a range is exclusive'),
    ('seed=0:5:0', 'is empty; the end of a range is exclusive'),
    ('seed=0:x', 'is not a range'),
    ('seed=0:1000000000', 'more than 100,000 values'),
    ('optim.learning_rate=1e-4,nan', "'nan' does not fit"),
    ('loss.name=focal,', 'empty value'),
    ('seed=1,1', 'gives a value twice'),
    ('seed/seed=1/1', 'names a field twice'),
    ('loss.name/loss.gamma=focal', 'has 1 values for 2 fields'),
    ('data.root=/a,/b', 'changes no figure'),
    ('train.tensorboard=true,false', 'changes no figure'),
  ],
)
def test_an_axis_that_makes_no_sense_is_one_sentence(text, message):
  with pytest.raises(InputError) as error:
    axes_lib.parse_axis(text)
  assert message in str(error.value)
  assert '\n' not in str(error.value)


def grid(*axes, yes=False):
  parsed = [axes_lib.parse_axis(text) for text in axes]
  return sweep_grid.jobs(tiny.load_config('emodb'), parsed, yes)


def test_the_grid_is_every_combination_and_the_last_axis_is_the_fastest():
  jobs = grid('loss.name=cross_entropy,focal', 'seed=0:2')
  assert [job.name for job in jobs] == [
    'loss.name=cross_entropy,seed=0',
    'loss.name=cross_entropy,seed=1',
    'loss.name=focal,seed=0',
    'loss.name=focal,seed=1',
  ]
  assert [job.experiment.loss.name for job in jobs] == [
    'cross_entropy',
    'cross_entropy',
    'focal',
    'focal',
  ]
  assert [job.experiment.seed for job in jobs] == [0, 1, 0, 1]


def test_jobs_do_not_share_a_config():
  first, second = grid('train.epochs=1,2')
  assert (first.config.train.epochs, second.config.train.epochs) == (1, 2)
  assert tiny.load_config('emodb').train.epochs == 300


@pytest.mark.parametrize(
  ('axes', 'message'),
  [
    ([], 'at least one axis'),
    (['seed=0:2', 'seed=3:5'], 'two axes change seed'),
    (['seed=0:1001'], 'has 1,001 jobs'),
    (['loss.name=focal,fokal'], "did you mean 'focal'?"),
    (
      ['model.filters=96,97'],
      'the job model.filters=97 cannot run: filters is 97, which 3 paths',
    ),
    (
      ['model.name=light_sernet,timnet'],
      '; or train each network by its own config and compare the runs',
    ),
    (['model.paths=spektral'], "did you mean 'spectral'?"),
    (['data.duration_s=0:2'], 'duration_s is 0.0'),
    (['seed=-1:1'], 'seed is -1'),
  ],
)
def test_a_grid_is_refused_before_anything_runs(axes, message):
  with pytest.raises(InputError, match=re.escape(message)):
    grid(*axes)


def test_a_very_large_grid_goes_on_with_yes(monkeypatch):
  monkeypatch.setattr(sweep_grid, 'MANY_JOBS', 10)
  with pytest.raises(InputError, match='has 11 jobs'):
    grid('seed=0:11')
  assert len(grid('seed=0:11', yes=True)) == 11


def test_names_of_folders_stay_within_what_file_systems_take():
  """Slashes and very long values become a hash; names differ still."""
  long = '+'.join(f'speaker_with_a_long_name_{k:02}' for k in range(20))
  jobs = grid(f'protocol.folds={long},{long}+x')
  names = [job.name for job in jobs]
  assert len(set(names)) == 2
  assert all(len(name.encode()) < 200 for name in names)
  (slashed,) = grid('data.manifest=/my/list.csv')
  assert '/' not in slashed.name and slashed.name != '..'


def test_numbers_that_differ_late_are_two_jobs_and_two_settings():
  jobs = grid('optim.decay_factor=0.8607079764250578,0.860708')
  names = [job.name for job in jobs]
  assert names == [
    'optim.decay_factor=0.8607079764250578',
    'optim.decay_factor=0.860708',
  ]
  assert [settings_lib.setting_name(job.changes) for job in jobs] == names
  assert settings_lib.format_value(1e-3) == '0.001'
  assert settings_lib.format_value(2.0) == '2'


README = sorted(
  path
  for depth in ('*', '*/*')
  for path in (tiny.ROOT / 'experiments').glob(f'{depth}/README.md')
)


def commands(path: pathlib.Path) -> list[list[str]]:
  """The sweeps in the code blocks of a page."""
  blocks = re.findall(r'```\n(.*?)```', path.read_text(), re.DOTALL)
  lines = [
    line for block in blocks for line in block.replace('\\\n', ' ').splitlines()
  ]
  return [shlex.split(line)[3:] for line in lines if 'sernet_jax.sweep' in line]


def test_every_claim_of_the_paper_has_a_page():
  claims = {path.parent.name for path in README}
  assert claims >= {
    'table1',
    'parallel_paths',
    'loss',
    'input_length',
    'front_end',
    'precision',
    'cost',
    'iemocap',
  }


@pytest.mark.parametrize(
  'path',
  [path for path in README if 'sernet_jax.sweep' in path.read_text()],
  ids=lambda path: path.parent.name,
)
def test_the_commands_of_the_experiments_build_their_grids(path):
  """Flags exist, every job passes the specs, the baseline is a setting."""
  parser = argparse.ArgumentParser(allow_abbrev=False)
  parser.add_argument('--config', required=True)
  parser.add_argument('--axis', action='append', required=True)
  parser.add_argument('--workdir', required=True)
  parser.add_argument('--baseline')
  parser.add_argument('--selection', choices=selections.HONEST)
  found = commands(path)
  assert found
  workdirs = set()
  for words in found:
    given, rest = parser.parse_known_args(words)
    file, *text = given.config.split(':')
    assert (tiny.ROOT / file).is_file()
    config = tiny.load_config(pathlib.Path(file).stem, *text)
    for word in rest:
      field, _, value = word.removeprefix('--config.').partition('=')
      assert word.startswith('--config.')
      before = trees.flatten(config.to_dict())[field]
      config.update_from_flattened_dict({field: type(before)(value)})
    axes = [axes_lib.parse_axis(text) for text in given.axis]
    jobs = sweep_grid.jobs(config, axes)
    assert len(jobs) > 1
    settings = {settings_lib.setting_name(job.changes) for job in jobs}
    assert given.baseline is None or given.baseline in settings
    assert given.workdir not in workdirs
    workdirs.add(given.workdir)
