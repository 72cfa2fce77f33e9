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

import ast
import dataclasses
from collections.abc import Mapping
from typing import Any

from ml_collections import ConfigDict

from sernet_jax.audio.spec import AudioSpec
from sernet_jax.common import trees
from sernet_jax.common.errors import InputError
from sernet_jax.common.text import listing
from sernet_jax.corpora.protocols import ProtocolSpec
from sernet_jax.corpora.specs import DataSpec
from sernet_jax.nn import networks
from sernet_jax.training.sound.augment_spec import AugmentSpec
from sernet_jax.training.specs import LossSpec, OptimSpec, TrainSpec


def get_config(network: str = networks.DEFAULT) -> ConfigDict:
  """Returns the settings of the paper on EMO-DB, every field of a config.

  Args:
    network: of `networks.NETWORKS`, whose fields the section `model` has.
  """
  return ConfigDict(_sections(network))


def optional(network: str) -> tuple[str, ...]:
  """Lists the fields that a config may have beside the defaults."""
  return tuple(f'model.{name}' for name in networks.NETWORKS[network].optional)


def network_of(given: Mapping[str, Any]) -> str:
  """Returns the name of a config's network; the default for none or unknown."""
  model = given.get('model')
  name = model.get('name') if isinstance(model, Mapping | ConfigDict) else None
  return (
    name
    if isinstance(name, str) and name in networks.names()
    else networks.DEFAULT
  )


def of_network(model: Mapping[str, Any]) -> dict[str, Any]:
  """Drops fields of the default network that nobody has changed.

  A config that names another network may have been made of the defaults.

  Args:
    model: the section of a config.
  """
  own = networks.fields(network_of({'model': model}))
  others = networks.fields(networks.DEFAULT)
  if all(field in own or field not in others for field in model):
    return dict(model)
  return {
    field: value
    for field, value in model.items()
    if field not in others or value != others[field]
  }


def config_of(network: str) -> str:
  """Returns the name of the config in the package that trains a network."""
  return 'emodb' if network == networks.DEFAULT else network


def owners(field: str) -> list[str]:
  """Lists the networks that have a field such as 'model.filters'."""
  section, _, name = field.partition('.')
  return [
    one
    for one, entry in networks.NETWORKS.items()
    if section == 'model' and name in (*networks.fields(one), *entry.optional)
  ]


def of_another_network(field: str) -> str:
  """Says whose a field is, to follow that it is not this network's.

  Returns:
    '' if no network has it.
  """
  others = owners(field)
  if not others:
    return ''
  return (
    f'it is one of {listing(others, 5)}, and each network has fields of its own; '
    f'start from the config of such a network, as --config={config_of(others[0])}'
  )


def merged(given: Mapping[str, Any]) -> ConfigDict:
  """Returns the defaults with other values, level by level.

  Args:
    given: nested, as in a config.json; its lists become tuples. Unknown fields
      are kept, for `config.experiment` to name.
  """
  settings = _sections(network_of(given))
  if isinstance(given.get('model'), Mapping | ConfigDict):
    given = {**given, 'model': of_network(_plain(given['model']))}
  _update(settings, given)
  return ConfigDict(settings)


def _plain(section: Mapping[str, Any]) -> dict[str, Any]:
  """Returns a section with tuples for its lists."""
  return {
    name: tuple(value) if isinstance(value, list) else value
    for name, value in section.items()
  }


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


def fields(network: str = networks.DEFAULT) -> dict[str, Any]:
  """Returns every field with its section, e.g. 'train.epochs', in order.

  Args:
    network: whose fields the section `model` has.
  """
  return trees.flatten(_sections(network))


def tuples_of_text() -> tuple[str, ...]:
  """Lists the fields that hold any number of texts, e.g. 'protocol.folds'."""
  sections = {
    'data': DataSpec,
    'augment': AugmentSpec,
    'loss': LossSpec,
    'model': networks.settings_class(networks.DEFAULT),
    'protocol': ProtocolSpec,
    'train': TrainSpec,
  }
  return tuple(
    f'{section}.{field.name}'
    for section, spec in sections.items()
    for field in dataclasses.fields(spec)
    if field.type == 'tuple[str, ...]'
  )


def read_tuple(field: str, value: str) -> tuple[Any, ...]:
  """Reads a tuple as Python writes one; of texts also A,B.

  Args:
    field: whose value it is.
    value: as somebody has written it.

  Raises:
    InputError: for what begins as Python writes a tuple, but is not one.
  """
  of_text = field in tuples_of_text()
  if of_text and not value.startswith(('(', '[', '"', "'")):
    return tuple(filter(None, map(str.strip, value.split(','))))
  try:
    found = ast.literal_eval(value)
  except (ValueError, SyntaxError, MemoryError, RecursionError):
    found = None
  if isinstance(found, str):
    found = (found,)
  if isinstance(found, tuple | list):
    if not of_text:
      return tuple(found)
    # Numbers too: folds are called by speakers, and those often by numbers.
    if all(isinstance(one, str | int) for one in found):
      return tuple(map(str, found))
  example = "('a', 'b'), or a,b" if of_text else 'one such as (2, 2)'
  raise InputError(
    f'--config.{field}={value[:80]} begins as a tuple does in Python, but is '
    f'not one; write {example}'
  )


def _sections(network: str = networks.DEFAULT) -> dict[str, Any]:
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
    # features.spec has these three too, but loads numpy, which --help need not.
    'features': {'kind': 'mfcc', 'preset': 'paper', 'num_coefficients': 40},
    'model': networks.fields(network),
    'augment': _fields(AugmentSpec),
    'loss': _fields(LossSpec),
    'optim': _fields(OptimSpec),
    'protocol': _fields(ProtocolSpec),
    'train': _fields(TrainSpec) | {'tensorboard': False, 'loggers': ''},
  }


def _fields(spec: type) -> dict[str, Any]:
  """Names and defaults of the fields of a spec."""
  return {field.name: field.default for field in dataclasses.fields(spec)}
