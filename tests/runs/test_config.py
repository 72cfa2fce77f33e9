"""Configs: complete, checked, and compared field by field."""

from __future__ import annotations

import dataclasses
import json
import re

import pytest
import tiny
import two_blocks
from ml_collections import ConfigDict

from sernet_jax import features
from sernet_jax.common.errors import InputError
from sernet_jax.nn import networks, sizes
from sernet_jax.nn.spec import PAPER_BLOCKS
from sernet_jax.runs import config as config_lib, config_flags, defaults, run

CONFIGS = sorted(path.stem for path in (tiny.ROOT / 'configs').glob('*.py'))


@pytest.mark.parametrize('name', CONFIGS)
def test_every_config_is_complete_and_valid(name):
  settings = tiny.load_config(name)
  experiment = config_lib.experiment(settings)
  assert experiment.name.startswith(name)
  own = ('cross', 'lflb', 'quickstart', 'recipe', 'robust', 'timnet')
  assert name in own or settings.train.epochs == 300


def test_iemocap_reads_part_and_length_after_the_colon():
  settings = tiny.load_config('iemocap', 'improvised,7s')
  assert settings.data.part == 'improvised'
  assert settings.data.duration_s == 7.0
  assert settings.name == 'iemocap-improvised-7s'
  with pytest.raises(ValueError, match=r"'improvized'.* is unknown"):
    tiny.load_config('iemocap', 'improvized')


def test_settings_reach_the_specs():
  experiment = config_lib.experiment(
    tiny.emodb(
      features__preset='reference',
      features__num_coefficients=20,
      data__duration_s=7.0,
      model__paths=('joint',),
      loss__name='focal',
      optim__epsilon=1e-8,
    )
  )
  assert experiment.mfcc == dataclasses.replace(
    features.PRESETS['reference'], num_coefficients=20
  )
  assert experiment.audio.num_samples == 112_000
  assert experiment.model_for(4).paths == ('joint',)
  assert experiment.model_for(4).num_classes == 4
  assert experiment.loss.name == 'focal'
  assert experiment.optim.epsilon == 1e-8


def test_a_size_reaches_the_network():
  settings = tiny.emodb(model__size='tiny', model__pooling='statistics')
  model = config_lib.experiment(settings).model_for(4)
  assert model == sizes.spec('tiny', num_classes=4, pooling='statistics')
  with pytest.raises(InputError, match=r'model\.filters is 48'):
    config_lib.experiment(tiny.emodb(model__size='tiny', model__filters=48))


def test_blocks_may_be_left_out_and_then_mean_the_papers():
  paper, other = tiny.load_config('manifest'), two_blocks.get_config()
  assert 'blocks' not in paper.model
  specs = [config_lib.experiment(c).model.blocks for c in (paper, other)]
  assert specs == [PAPER_BLOCKS, two_blocks.BLOCKS]
  read_back = ConfigDict(config_lib.to_dict(other))
  assert config_lib.experiment(read_back).model.blocks == two_blocks.BLOCKS
  named = tiny.emodb(model__blocks=((8, (3, 3), (2, 2)),))
  with pytest.raises(InputError, match=r'block 1 is .* and the pool None'):
    config_lib.experiment(named)


@pytest.mark.parametrize(
  ('fields', 'message'),
  [
    ({'train__epochs': 0}, 'train.epochs is 0'),
    ({'seed': -1}, 'seed is -1'),
    ({'loss__name': 'focl'}, "did you mean 'focal'"),
    ({'features__preset': 'papr'}, "did you mean 'paper'"),
    ({'features__kind': 'mfc'}, "did you mean 'mfcc'"),
    ({'data__corpus': 'emodbb'}, "did you mean 'emodb'"),
    ({'data__on_bad_file': 'ignore'}, "'error', 'skip'"),
    ({'data__segments': 'centre'}, "did you mean 'center'"),
    ({'model__paths': ('temporal', 'temporal')}, 'name each path once'),
    ({'optim__learning_rate': -1.0}, 'optim.learning_rate is -1.0'),
    ({'protocol__name': 'loo'}, "did you mean 'loso'"),
    ({'train__epochs': 'many'}, "train.epochs is 'many', a str"),
    ({'train__tensorboard': 1}, 'train.tensorboard is 1, a int'),
    ({'seed': True}, 'seed is True, a bool'),
    ({'train__epochs': 10**11}, f'train.epochs is {10**11}; give one below'),
    (
      {'protocol__shots': 2**31},
      'protocol.shots is 2147483648; give one below',
    ),
    ({'loss__gamma': 1e300}, 'loss.gamma is 1e+300, beyond what 32 bits hold'),
    ({'optim__l2': 1e-300}, 'optim.l2 is 1e-300, beyond what 32 bits hold'),
    (
      {'data__duration_s': 1e9},
      'duration_s is 1000000000.0; give seconds that',
    ),
    ({'data__duration_s': 1e-9}, 'duration_s is 1e-09; give seconds that hold'),
  ],
)
def test_a_bad_value_is_named_with_its_cure(fields, message):
  with pytest.raises(InputError, match=re.escape(message)):
    config_lib.experiment(tiny.emodb(**fields))


def test_each_network_has_a_config_to_start_from():
  for name, entry in networks.NETWORKS.items():
    if isinstance(entry.settings, str):  # not of a tutorial
      config = config_flags.load_file(defaults.config_of(name))
      assert config_lib.experiment(config).model.name == name


def test_unknown_and_missing_fields_are_named():
  extra = tiny.emodb()
  extra.train.epoch = 3
  with pytest.raises(
    InputError, match=r"unknown field 'train.epoch'.*'epochs'"
  ):
    config_lib.experiment(extra)
  lacking = tiny.emodb()
  del lacking.optim.l2
  with pytest.raises(InputError, match=r"lacks the field 'optim.l2'"):
    config_lib.experiment(lacking)
  flat = tiny.emodb(data='emodb')
  with pytest.raises(InputError, match=r"data is 'emodb'; it must hold"):
    config_lib.experiment(flat)


@pytest.mark.parametrize('name', ['../../x', '/tmp/x', 'a/b', 'a\n', '', '..'])
def test_the_default_folder_stays_in_runs(name):
  with pytest.raises(InputError, match='cannot be part of a folder below runs'):
    run.default_workdir(tiny.emodb(name=name))
  assert run.default_workdir(tiny.emodb(name='größer')).parent.name == 'runs'


def test_a_dict_is_not_the_value_of_a_field():
  with pytest.raises(InputError, match=r"train.epochs is {'a': 1}, a dict"):
    config_lib.experiment(tiny.emodb(train__epochs={'a': 1}))


def test_none_is_not_the_value_of_a_field():
  """Which ml_collections would take."""
  with pytest.raises(InputError, match=r'train.epochs is None, a NoneType'):
    config_lib.experiment(tiny.emodb(train__epochs=None))


def test_a_list_and_a_whole_number_fit_where_json_and_people_write_them():
  experiment = config_lib.experiment(
    tiny.emodb(protocol__folds=['03'], optim__learning_rate=1)
  )
  assert experiment.protocol.folds == ('03',)
  assert experiment.optim.learning_rate == 1.0


def test_to_dict_survives_json():
  content = config_lib.to_dict(tiny.emodb())
  assert json.loads(json.dumps(content)) == content
