"""From the text of a ConfigDict to specs that check themselves."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Collection
from typing import Any

import ml_collections

from sernet_jax import features
from sernet_jax.audio.spec import AudioSpec
from sernet_jax.common import trees
from sernet_jax.common.errors import nearest, require, require_choice
from sernet_jax.corpora import joined, registry, vocabulary
from sernet_jax.corpora.specs import ProtocolSpec
from sernet_jax.features import kinds
from sernet_jax.features.spec import MfccSpec
from sernet_jax.nn.spec import ModelSpec
from sernet_jax.training.specs import LossSpec, OptimSpec, TrainSpec

# Every field a config must have; the values are EMO-DB's.
DEFAULTS: dict[str, Any] = {
  'name': 'emodb',
  'seed': 0,
  'data': {
    'corpus': 'emodb',
    'corpora': '',
    'root': '',
    'part': 'all',
    'excited': 'default',
    'manifest': '',
    'classes': '',
    'duration_s': 3.0,
    'segments': 'center',
    'on_bad_file': 'error',
    'cache_dir': '',
  },
  'features': {'kind': 'mfcc', 'preset': 'paper', 'num_coefficients': 40},
  'model': {
    'paths': ('spectral', 'temporal', 'joint'),
    'filters': 96,
    'dropout': 0.3,
    'batch_norm_momentum': 0.99,
  },
  'loss': {'name': 'cross_entropy', 'gamma': 2.0, 'class_weights': 'none'},
  'optim': {
    'learning_rate': 1e-4,
    'decay_start_epochs': 50,
    'decay_every_epochs': 20,
    'decay_factor': OptimSpec().decay_factor,
    'l2': 1e-6,
  },
  'protocol': {'name': 'loso', 'validation': 'none', 'folds': ()},
  'train': {
    'epochs': 300,
    'batch_size': 32,
    'checkpoint_epochs': 10,
    'report_epochs': 0,
    'fold_mapping': 'auto',
    'seeds': 1,
    'precision': 'float32',
    'tensorboard': False,
  },
}

# Fields a run may change when it is resumed: they change no number of it.
FREE = {
  'data.root',
  'data.cache_dir',
  'train.epochs',
  'train.checkpoint_epochs',
  'train.report_epochs',
  'train.fold_mapping',
  'train.tensorboard',
}
# Fields that older runs lack; empty, they are as if they were not there.
_LATER = {'data.corpora', 'data.classes'}

# Fields younger than some run folders: there, and in the names of folders,
# a missing one has this value.
YOUNG: dict[str, Any] = {'train.seeds': 1, 'train.precision': 'float32'}


_MOST_SEEDS = 2**31  # seeds are int32 on the device


@dataclasses.dataclass(frozen=True)
class Experiment:
  """All settings of a run, checked."""

  name: str
  seed: int
  data: dict[str, Any]
  audio: AudioSpec
  feature_kind: str
  mfcc: MfccSpec
  model: ModelSpec
  loss: LossSpec
  optim: OptimSpec
  protocol: ProtocolSpec
  train: TrainSpec
  tensorboard: bool

  @property
  def seeds(self) -> tuple[int, ...]:
    """The seeds that every fold is trained with."""
    return tuple(range(self.seed, self.seed + self.train.seeds))

  def model_for(self, num_classes: int) -> ModelSpec:
    """The network for a corpus, which alone knows its classes."""
    return dataclasses.replace(self.model, num_classes=num_classes)


def field_names() -> list[str]:
  """Every field of a config with its sections, e.g. 'train.epochs'."""
  return sorted(trees.flatten(DEFAULTS))


def to_dict(config: ml_collections.ConfigDict) -> dict[str, Any]:
  """Nested dicts of JSON's types; tuples become lists."""
  return json.loads(json.dumps(config.to_dict()))


def experiment(config: ml_collections.ConfigDict) -> Experiment:
  """The specs of a config.

  Raises:
    InputError: if a field is unknown, missing, of another type or has a
      value that makes no sense.
  """
  given = config.to_dict()
  _check_fields(given, DEFAULTS, '')
  data, front, train = given['data'], given['features'], given['train']
  require_choice('features.preset', front['preset'], features.PRESETS)
  require_choice('features.kind', front['kind'], kinds.KINDS)
  require_choice('data.corpus', data['corpus'], registry.NAMES)
  _check_corpora(data)
  vocabulary.parse(data['classes'])
  require_choice('data.on_bad_file', data['on_bad_file'], ('error', 'skip'))
  require_choice('data.excited', data['excited'], ('default', 'yes', 'no'))
  require(
    given['seed'] >= 0, f'seed is {given["seed"]}; give 0 or a positive number'
  )
  require(
    given['seed'] + train['seeds'] <= _MOST_SEEDS,
    f'seed is {given["seed"]}; give one below {_MOST_SEEDS - train["seeds"]}',
  )
  mfcc = dataclasses.replace(
    features.PRESETS[front['preset']],
    num_coefficients=front['num_coefficients'],
  )
  return Experiment(
    name=given['name'],
    seed=given['seed'],
    data=data,
    audio=AudioSpec(mfcc.sample_rate_hz, data['duration_s'], data['segments']),
    feature_kind=front['kind'],
    mfcc=mfcc,
    model=ModelSpec(**given['model']),
    loss=LossSpec(**given['loss']),
    optim=OptimSpec(**given['optim']),
    protocol=ProtocolSpec(**given['protocol']),
    train=TrainSpec(**{k: v for k, v in train.items() if k != 'tensorboard'}),
    tensorboard=train['tensorboard'],
  )


def differences(
  one: dict[str, Any],
  other: dict[str, Any],
  free: Collection[str] = frozenset(FREE),
) -> list[tuple[str, Any, Any]]:
  """(field, value, other value) of all fields but the free ones.

  By default those that shape the results.
  """
  ours, theirs = _kept(one, free), _kept(other, free)
  return [
    (field, ours.get(field), theirs.get(field))
    for field in sorted(ours.keys() | theirs.keys())
    if ours.get(field) != theirs.get(field)
  ]


def short_hash(config: dict[str, Any]) -> str:
  """Eight hex digits of the fields that shape the results."""
  kept = {
    k: v
    for k, v in _kept(config, FREE).items()
    if k not in YOUNG or v != YOUNG[k]
  }
  text = json.dumps(kept, sort_keys=True)
  return hashlib.sha256(text.encode()).hexdigest()[:8]


def _kept(config: dict[str, Any], free: Collection[str]) -> dict[str, Any]:
  """The fields that are not free, flat; what older runs lack is filled in."""
  fields = {**YOUNG, **trees.flatten(config)}
  kept = {
    field: value
    for field, value in fields.items()
    if field not in free and not (field in _LATER and not value)
  }
  if 'data.root' in free and fields.get('data.corpus') == 'audformat':
    kept['data.root'] = joined.database(fields['data.root'])
  if 'data.corpora' in kept:  # folders are as free as data.root
    kept['data.corpora'] = joined.without_roots(kept['data.corpora'])
  return kept


def _check_corpora(data: dict[str, Any]) -> None:
  entries = joined.parse(data['corpora'])
  for field in ('root', 'manifest') if entries else ():
    require(
      not data[field],
      f'data.{field} is {data[field]!r} but data.corpora is '
      f'{data["corpora"]!r}; say it there, as NAME:FOLDER or a path that ends '
      'in .csv',
    )


def _check_fields(given, expected, prefix) -> None:
  for key in given:
    require(
      key in expected,
      f'the config has the unknown field {prefix + key!r}: '
      f'{nearest(key, expected)}',
    )
  for key, default in expected.items():
    field = prefix + key
    require(
      key in given,
      f'the config lacks the field {field!r}; add it, for instance {default!r}',
    )
    value = given[key]
    if isinstance(default, dict):
      require(
        isinstance(value, dict),
        f'{field} is {value!r}; it must hold the fields {sorted(default)}',
      )
      _check_fields(value, default, f'{field}.')
      continue
    kind = type(default)
    if kind is tuple:
      fits = isinstance(value, tuple | list)
    elif kind is float:
      fits = isinstance(value, float | int) and not isinstance(value, bool)
    elif kind is int:
      fits = isinstance(value, int) and not isinstance(value, bool)
    else:
      fits = isinstance(value, kind)
    require(
      fits,
      f'{field} is {value!r}, a {type(value).__name__}; give a '
      f'{kind.__name__} such as {default!r}',
    )
