"""Defaults come from the specs, and a config states what differs from them."""

from __future__ import annotations

import ast
import re
import subprocess
import sys

import ml_collections
import pytest
import tiny

from sernet_jax import features
from sernet_jax.common import trees
from sernet_jax.runs import config as config_lib, defaults

CONFIGS = sorted(path.stem for path in (tiny.ROOT / 'configs').glob('*.py'))


def test_emodb_is_the_default():
  assert tiny.load_config('emodb').to_dict() == defaults.get_config().to_dict()


@pytest.mark.parametrize('name', CONFIGS)
def test_every_config_says_its_command_and_states_only_what_differs(name):
  text = (tiny.ROOT / 'configs' / f'{name}.py').read_text()
  assert f'--config=configs/{name}.py' in text
  imports = re.findall(r'^(?:import|from) (\w+)', text, re.MULTILINE)
  assert set(imports) <= {'ml_collections', 'sernet_jax'}


@pytest.mark.parametrize('name', CONFIGS)
def test_a_config_has_at_most_25_lines_beside_its_docstring(name):
  text = (tiny.ROOT / 'configs' / f'{name}.py').read_text()
  first, *_ = ast.parse(text).body
  code = text.splitlines()[first.end_lineno :]
  assert len('\n'.join(code).strip().splitlines()) <= 25


def test_defaults_of_the_features_are_those_of_the_preset():
  front = defaults.get_config().features
  preset = features.PRESETS[front.preset]
  assert front.num_coefficients == preset.num_coefficients


def test_fields_are_flat_and_in_the_order_of_the_sections():
  fields = defaults.fields()
  assert list(fields)[:3] == ['name', 'seed', 'data.corpus']
  assert fields == trees.flatten(defaults.get_config().to_dict())


def test_changes_stay_in_the_config_they_were_made_in():
  defaults.get_config().train.epochs = 3
  assert defaults.get_config().train.epochs == 300


def test_a_config_that_states_every_field_is_the_same_experiment():
  """As configs were written before there were defaults to start from."""
  whole = ml_collections.ConfigDict(defaults.get_config().to_dict())
  assert config_lib.experiment(whole) == config_lib.experiment(
    defaults.get_config()
  )


def test_a_config_file_loads_no_jax():
  program = f"""
import runpy, sys
runpy.run_path({str(tiny.ROOT / 'configs/emodb.py')!r})['get_config']()
assert not {{'jax', 'flax', 'optax', 'soundfile'}} & set(sys.modules)
"""
  subprocess.run([sys.executable, '-c', program], check=True, cwd=tiny.ROOT)
