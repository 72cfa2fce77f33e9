"""Configs by path or name: what they may hold, and what is wrong with others."""

from __future__ import annotations

import json
import re

import pytest
import tiny

from sernet_jax.common.errors import InputError
from sernet_jax.runs import config as config_lib, config_flags, defaults
from sernet_jax.training import optim


def written(tmp_path, body, name='mine.py'):
  path = tmp_path / name
  path.write_text(body)
  return path


def test_names_find_the_configs_in_the_package_from_anywhere(
  tmp_path, monkeypatch
):
  monkeypatch.chdir(tmp_path)
  names = sorted(path.stem for path in (tiny.ROOT / 'configs').glob('*.py'))
  assert list(config_flags.shipped()) == names
  for name in names:
    assert config_flags.load_file(name) == tiny.load_config(name)
  one = config_flags.load_file('iemocap:improvised,7s')
  assert (one.data.part, one.data.duration_s) == ('improvised', 7.0)
  written(tmp_path, 'def get_config(): return {"name": "a"}', 'emodb')
  assert config_flags.load_file('emodb').name == 'a'  # a file comes first


# Of the public codes that docs/networks.md names; rates of all are constant.
AS_PUBLISHED = {
  'cpac': ('margin', 0.1, 0.001, 0.975, 0.932, 64, 300),
  'gmtcn': ('cross_entropy', 0.0, 0.001, 0.93, 0.98, 64, 300),
  'lflb': ('cross_entropy', 0.0, 0.0006, 0.9, 0.999, 4, 100),
  'separable': ('focal', 0.0, 0.0003, 0.9, 0.999, 64, 300),
  'timnet': ('cross_entropy', 0.1, 0.001, 0.93, 0.98, 64, 500),
}


@pytest.mark.parametrize('name', AS_PUBLISHED)
def test_networks_are_trained_as_their_codes_train_them(name):
  made = config_lib.experiment(tiny.load_config(name))
  loss, rates = made.loss, made.optim
  assert AS_PUBLISHED[name] == (
    loss.name,
    loss.label_smoothing,
    rates.learning_rate,
    rates.beta1,
    rates.beta2,
    made.train.batch_size,
    made.train.epochs,
  )
  assert made.model.published_epochs in (0, made.train.epochs)
  last = optim.learning_rate(rates)(made.train.epochs - 1)
  assert float(last) == pytest.approx(rates.learning_rate)
  # Keras' share of the old value, where there is a BatchNorm.
  if name in ('lflb', 'timnet'):
    assert made.model.batch_norm_momentum == 0.99


@pytest.mark.parametrize(
  'body',
  [
    "return {'train': {'epochs': 3}, 'protocol': {'folds': ['03']}}",
    'config = ConfigDict()\n  config.train = ConfigDict({"epochs": 3})\n'
    '  config.protocol = {"folds": ("03",)}\n  return config',
  ],
)
def test_a_config_states_only_what_differs(tmp_path, body):
  text = f'from ml_collections import ConfigDict\ndef get_config():\n  {body}\n'
  config = config_flags.load_file(str(written(tmp_path, text)))
  expected = defaults.get_config()
  expected.name = 'mine'
  expected.train.epochs = 3
  expected.protocol.folds = ('03',)
  assert config == expected
  assert config_lib.experiment(config).train.epochs == 3


def test_the_config_of_a_run_is_a_config(tmp_path):
  settings = tiny.load_config('quickstart')
  settings.protocol.folds = ('a', 'b')
  path = tmp_path / 'config.json'
  path.write_text(json.dumps(config_lib.to_dict(settings)))
  assert config_flags.load_file(str(path)) == settings


@pytest.mark.parametrize(
  ('body', 'message'),
  [
    ('', 'has no function get_config'),
    ('get_config = 3', 'has no function get_config'),
    ('def get_config(): pass', 'returns None; end it with'),
    ('def get_config(): return [1]', 'returns a list; return a ConfigDict'),
    ('x = (\n', 'line 1: .*never closed'),
    ('import nothing_of_that_name', r'line 1 \(ModuleNotFoundError'),
    ('\ndef get_config(): return {"seed": 1/0}', r'line 2 \(ZeroDivision'),
    ('raise SystemExit(3)', r'line 1 \(SystemExit: 3\)'),
    ('a = "\\0"\nb = \0', r'not Python that runs \([^N]*null bytes\)'),
    ('def get_config(part): return {}', 'needs an argument; append it, as in'),
    ('def get_config(): return {3: 4}', 'gives no config|unknown field'),
    (
      'from sernet_jax.runs.defaults import get_config as d\n'
      'def get_config():\n  c = d()\n  c.train.epochs = "3"\n  return c',
      r'line 4 \(TypeError',
    ),
    ('def get_config(): return {"train": 3}', 'train is 3; it must hold'),
    ('def get_config(): return {"trian": {}}', "did you mean 'train'"),
    ('def get_config(): return {"train": {"epoch": 3}}', "mean 'epochs'"),
  ],
)
def test_a_file_that_is_no_config_is_one_sentence(tmp_path, body, message):
  path = written(tmp_path, body)
  with pytest.raises(InputError) as caught:
    config_lib.experiment(config_flags.load_file(str(path)))
  assert re.search(message, str(caught.value))
  assert '\n' not in str(caught.value)


@pytest.mark.parametrize(
  ('text', 'message'),
  [
    ('configs/emodb', 'write --config=emodb for'),
    ('emodb:7s', 'takes no argument; leave out :7s'),
    ('nothing.json', 'is not a file'),
    ('x' * 300, 'is not a file'),
    ('a\0b', 'is not a file'),
  ],
)
def test_other_names_are_one_sentence(text, message, monkeypatch, tmp_path):
  monkeypatch.chdir(tmp_path)
  with pytest.raises(InputError, match=message):
    config_flags.load_file(text)


def test_json_of_something_else_is_one_sentence(tmp_path):
  for body in ('[]', '{', '{"a": NaN}', '{"results": {}}'):
    path = written(tmp_path, body, 'config.json')
    with pytest.raises(InputError):
      config_lib.experiment(config_flags.load_file(str(path)))
