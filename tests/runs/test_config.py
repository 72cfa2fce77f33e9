"""Configs: complete, checked, and compared field by field."""

from __future__ import annotations

import dataclasses
import json
import re

import ml_collections
import pytest
import tiny

from sernet_jax import features
from sernet_jax.common.errors import InputError
from sernet_jax.runs import config as config_lib

CONFIGS = sorted(path.stem for path in (tiny.ROOT / 'configs').glob('*.py'))


@pytest.mark.parametrize('name', CONFIGS)
def test_every_config_is_complete_and_valid(name):
  settings = tiny.load_config(name)
  experiment = config_lib.experiment(settings)
  assert experiment.name.startswith(name)
  assert name in ('cross', 'quickstart') or settings.train.epochs == 300


@pytest.mark.parametrize('name', CONFIGS)
def test_every_config_says_its_command_and_imports_only_ml_collections(name):
  text = (tiny.ROOT / 'configs' / f'{name}.py').read_text()
  assert f'--config=configs/{name}.py' in text
  imports = re.findall(r'^(?:import|from) (\w+)', text, re.MULTILINE)
  assert set(imports) <= {'math', 'ml_collections'}


def test_emodb_is_the_default():
  assert tiny.load_config('emodb').to_dict() == config_lib.DEFAULTS


def test_iemocap_reads_part_and_length_after_the_colon():
  settings = tiny.load_config('iemocap', 'improvised,7s')
  assert settings.data.part == 'improvised'
  assert settings.data.duration_s == 7.0
  assert settings.name == 'iemocap-improvised-7s'
  with pytest.raises(ValueError, match=r"'improvized'.* is unknown"):
    tiny.load_config('iemocap', 'improvized')


def changed(**fields):
  """EMO-DB's config as a person might write it; data__root=1 sets data.root."""
  content = tiny.load_config('emodb').to_dict()
  for name, value in fields.items():
    *sections, field = name.split('__')
    section = content
    for key in sections:
      section = section[key]
    section[field] = value
  return ml_collections.ConfigDict(content)


def test_settings_reach_the_specs():
  experiment = config_lib.experiment(
    changed(
      features__preset='reference',
      features__num_coefficients=20,
      data__duration_s=7.0,
      model__paths=('joint',),
      loss__name='focal',
    )
  )
  assert experiment.mfcc == dataclasses.replace(
    features.PRESETS['reference'], num_coefficients=20
  )
  assert experiment.audio.num_samples == 112_000
  assert experiment.model_for(4).paths == ('joint',)
  assert experiment.model_for(4).num_classes == 4
  assert experiment.loss.name == 'focal'


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
  ],
)
def test_a_bad_value_is_named_with_its_cure(fields, message):
  with pytest.raises(InputError, match=re.escape(message)):
    config_lib.experiment(changed(**fields))


def test_unknown_and_missing_fields_are_named():
  extra = changed()
  extra.train.epoch = 3
  with pytest.raises(
    InputError, match=r"unknown field 'train.epoch'.*'epochs'"
  ):
    config_lib.experiment(extra)
  lacking = changed()
  del lacking.optim.l2
  with pytest.raises(InputError, match=r"lacks the field 'optim.l2'"):
    config_lib.experiment(lacking)
  flat = changed(data='emodb')
  with pytest.raises(InputError, match=r"data is 'emodb'; it must hold"):
    config_lib.experiment(flat)


def test_only_fields_that_shape_the_numbers_tell_runs_apart():
  one = config_lib.to_dict(changed())
  free = config_lib.to_dict(changed(train__epochs=5, data__root='/elsewhere'))
  assert config_lib.differences(one, free) == []
  assert config_lib.short_hash(one) == config_lib.short_hash(free)
  other = config_lib.to_dict(changed(seed=1, loss__gamma=1.0))
  assert config_lib.differences(one, other) == [
    ('loss.gamma', 2.0, 1.0),
    ('seed', 0, 1),
  ]
  assert config_lib.short_hash(one) != config_lib.short_hash(other)


@pytest.mark.parametrize(
  'fields',
  [
    lambda root: {'data__corpus': 'audformat', 'data__root': root},
    lambda root: {'data__corpora': f'emodb,mine=audformat:{root}'},
  ],
)
def test_databases_are_told_apart_by_the_names_of_their_folders(fields):
  one, moved, other = (
    config_lib.to_dict(changed(**fields(root)))
    for root in ('/a/first', '/b/first', '/a/second')
  )
  assert config_lib.short_hash(one) == config_lib.short_hash(moved)
  assert config_lib.short_hash(one) != config_lib.short_hash(other)
  assert config_lib.differences(one, other)


def test_to_dict_survives_json():
  content = config_lib.to_dict(changed())
  assert json.loads(json.dumps(content)) == content
