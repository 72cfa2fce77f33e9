"""Defaults of a config, taken from the specs that its sections become.

A config file states only what differs, as a dict or ConfigDict of its own or,
as here, from the defaults on:

  from sernet_jax.runs.defaults import get_config as defaults

  def get_config():
    config = defaults()
    config.train.epochs = 30
    return config
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from ml_collections import ConfigDict

from sernet_jax.audio.spec import AudioSpec
from sernet_jax.common import trees
from sernet_jax.corpora.protocols import ProtocolSpec
from sernet_jax.corpora.specs import DataSpec
from sernet_jax.nn.spec import ModelSpec
from sernet_jax.training.sound.augment_spec import AugmentSpec
from sernet_jax.training.specs import LossSpec, OptimSpec, TrainSpec

# Fields of specs that belong to the network or to Adam, not to a config.
_ARCHITECTURE = (
  'paths',
  'filters',
  'dropout',
  'batch_norm_momentum',
  'pooling',
)
_ADAM = ('beta1', 'beta2', 'epsilon')
# Fields that a config may have beside the defaults: without `blocks` the
# network has the paper's.
OPTIONAL = ('model.blocks',)


def get_config() -> ConfigDict:
  """Returns the settings of the paper on EMO-DB, every field of a config."""
  return ConfigDict(_sections())


def merged(given: Mapping[str, Any]) -> ConfigDict:
  """Returns the defaults with other values, level by level.

  Args:
    given: nested, as in a config.json; its lists become tuples. Unknown fields
      are kept, for `config.experiment` to name.
  """
  settings = _sections()
  _update(settings, given)
  return ConfigDict(settings)


def _update(settings: dict[str, Any], given: Mapping[str, Any]) -> None:
  for key, value in given.items():
    if not isinstance(key, str):
      raise TypeError(f'the field {key!r} has no text for a name')
    if isinstance(value, ConfigDict):
      value = value.to_dict()
    if isinstance(value, Mapping) and isinstance(settings.get(key), dict):
      _update(settings[key], value)
    else:
      settings[key] = tuple(value) if isinstance(value, list) else value


def fields() -> dict[str, Any]:
  """Returns every field with its section, e.g. 'train.epochs', in order."""
  return trees.flatten(_sections())


def _sections() -> dict[str, Any]:
  model = _fields(ModelSpec)
  optim = _fields(OptimSpec)
  return {
    'name': 'emodb',
    'seed': 0,
    'data': _fields(DataSpec)
    | {
      'duration_s': AudioSpec.duration_s,
      'segments': AudioSpec.segments,
      # The part of a longer utterance that training takes, and the length
      # that tests hear; 0 for that of training.
      'crop': 'center',
      'test_duration_s': 0.0,
      'channel': AudioSpec.channel,
    },
    # features.spec has these three too, but loads JAX, which --help need not.
    'features': {'kind': 'mfcc', 'preset': 'paper', 'num_coefficients': 40},
    # nn.sizes decides filters and blocks.
    'model': {'size': 'paper'} | {name: model[name] for name in _ARCHITECTURE},
    'augment': _fields(AugmentSpec),
    'loss': _fields(LossSpec),
    'optim': {k: v for k, v in optim.items() if k not in _ADAM},
    'protocol': _fields(ProtocolSpec),
    'train': _fields(TrainSpec) | {'tensorboard': False, 'loggers': ''},
  }


def _fields(spec: type) -> dict[str, Any]:
  """Names and defaults of the fields of a spec."""
  return {field.name: field.default for field in dataclasses.fields(spec)}
