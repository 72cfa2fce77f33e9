"""A ConfigDict as specs that check themselves."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Sequence
from typing import Any

import ml_collections

from sernet_jax import features
from sernet_jax.audio.spec import AudioSpec
from sernet_jax.common.errors import (
  InputError,
  nearest,
  require,
  require_choice,
  require_not_negative,
)
from sernet_jax.common.text import listing
from sernet_jax.corpora import dimensions
from sernet_jax.corpora.protocols import ProtocolSpec
from sernet_jax.corpora.specs import DataSpec
from sernet_jax.features import kinds
from sernet_jax.features.spec import MfccSpec
from sernet_jax.nn import networks
from sernet_jax.nn.network import Spec
from sernet_jax.nn.spec import ModelSpec
from sernet_jax.results import selections
from sernet_jax.runs import defaults
from sernet_jax.runs.logs import writers
from sernet_jax.training.adaptation import AdaptationSpec
from sernet_jax.training.recipes import Recipe
from sernet_jax.training.sound.augment_spec import AugmentSpec
from sernet_jax.training.sound.spec import CROPS, SoundSpec
from sernet_jax.training.specs import LossSpec, OptimSpec, TrainSpec

_MOST_SEEDS = 2**31  # seeds are int32 on the device, as other whole numbers
_FLOAT32 = 1e-37, 1e37
# Type of a field -> types that a config may give instead.
_ALSO_FITS = {float: (float, int), tuple: (tuple, list)}


@dataclasses.dataclass(frozen=True)
class Experiment:
  """All settings of a run, checked."""

  name: str
  seed: int
  data: DataSpec
  audio: AudioSpec
  feature_kind: str
  mfcc: MfccSpec
  crop: str
  test_duration_s: float
  augment: AugmentSpec
  model: Spec
  loss: LossSpec
  optim: OptimSpec
  protocol: ProtocolSpec
  train: TrainSpec
  loggers: tuple[str, ...]

  @property
  def seeds(self) -> tuple[int, ...]:
    """The seeds that every fold is trained with."""
    return tuple(range(self.seed, self.seed + self.train.seeds))

  @property
  def sound(self) -> SoundSpec | None:
    """Settings of examples made of sound; None for fixed features."""
    fixed = self.crop == 'center' and not self.augment.any
    if fixed and not self.model.masked:
      return None
    return SoundSpec(
      kind=self.feature_kind,
      mfcc=self.mfcc,
      num_frames=features.num_frames(self.audio.num_samples, self.mfcc),
      crop=self.crop,
      masked=self.model.masked,
      augment=self.augment,
    )

  @property
  def test_audio(self) -> AudioSpec:
    """Segments that tests hear."""
    duration_s = self.test_duration_s or self.audio.duration_s
    return dataclasses.replace(self.audio, duration_s=duration_s)

  @property
  def selections(self) -> tuple[str, ...]:
    """Names of the selections that the run reports."""
    return selections.reported(self.protocol, self.optim.average > 0)

  @property
  def frozen(self) -> tuple[str, ...]:
    """Names of the layers that training leaves as they start."""
    parts = self.model.parts
    named = {name for part in self.train.frozen_parts for name in parts[part]}
    return tuple(one.name for one in self.model.layers() if one.name in named)

  def model_for(self, num_classes: int) -> Spec:
    """The network for a corpus, which alone knows its classes."""
    return dataclasses.replace(self.model, num_classes=num_classes)

  def recipe(self, num_classes: int) -> Recipe:
    """Everything that training compiles, for a corpus of so many classes."""
    return Recipe(
      model=self.model_for(num_classes),
      loss=self.loss,
      optim=self.optim,
      batch_size=self.train.batch_size,
      tracked=selections.tracked(self.protocol),
      choose_by=self.protocol.choose_by,
      precision=self.train.precision,
      sound=self.sound,
      frozen=self.frozen,
    )

  def trials(self, folds: Sequence[str]) -> list[dict[str, Any]]:
    """Names each trial as the files of a run do, in the order of the arrays.

    Args:
      folds: their names.

    Returns:
      `fold`, and `seed` if the run has several: all folds of the first seed,
      then of the next.
    """
    several = len(self.seeds) > 1
    return [
      {'fold': fold, 'seed': seed} if several else {'fold': fold}
      for seed in self.seeds
      for fold in folds
    ]


def to_dict(config: ml_collections.ConfigDict) -> dict[str, Any]:
  """Returns nested dicts of JSON's types; tuples become lists."""
  return json.loads(json.dumps(config.to_dict()))


def experiment(config: ml_collections.ConfigDict) -> Experiment:
  """Builds the specs of a config.

  Raises:
    InputError: if a field is unknown, missing, of another type or has a
      value that makes no sense.
  """
  given = config.to_dict()
  if isinstance(given.get('model'), dict):
    name = given['model'].get('name', networks.DEFAULT)
    networks.require_known(name)
    given['model'] = defaults.of_network(given['model'])
  expected = defaults.get_config(defaults.network_of(given)).to_dict()
  network = expected['model']['name']
  _check_names(given, expected, defaults.optional(network))
  _check_fields(given, expected)
  data, front, train = given['data'], given['features'], given['train']
  duration_s, segments = data.pop('duration_s'), data.pop('segments')
  crop, test_duration_s = data.pop('crop'), data.pop('test_duration_s')
  channel = data.pop('channel')
  loggers = writers.parse(train.pop('loggers'))
  if train.pop('tensorboard') and 'tensorboard' not in loggers:
    loggers = ('tensorboard', *loggers)
  require_choice('features.preset', front['preset'], features.PRESETS)
  require_choice('features.kind', front['kind'], kinds.KINDS)
  require(
    given['seed'] >= 0, f'seed is {given["seed"]}; give 0 or a positive number'
  )
  require(
    given['seed'] + train['seeds'] <= _MOST_SEEDS,
    f'seed is {given["seed"]}; give one below {_MOST_SEEDS - train["seeds"]}',
  )
  require_choice('data.crop', crop, CROPS)
  require_not_negative('data.test_duration_s', test_duration_s)
  mfcc = dataclasses.replace(
    features.PRESETS[front['preset']],
    num_coefficients=front['num_coefficients'],
  )
  made = Experiment(
    name=given['name'],
    seed=given['seed'],
    data=DataSpec(**data),
    audio=AudioSpec(mfcc.sample_rate_hz, duration_s, segments, channel),
    feature_kind=front['kind'],
    mfcc=mfcc,
    crop=crop,
    test_duration_s=float(test_duration_s),
    augment=AugmentSpec(**given['augment']),
    model=_network(given['model'], len(dimensions.parse(data['dimensions']))),
    loss=LossSpec(**given['loss']),
    optim=OptimSpec(**given['optim']),
    protocol=ProtocolSpec(**given['protocol']),
    train=TrainSpec(**train),
    loggers=loggers,
  )
  _require_combinations(made)
  AdaptationSpec(made.protocol.enrolled, made.protocol.prior)
  return made


def _network(fields: dict[str, Any], count: int) -> Spec:
  """Makes the settings of a network with outputs for dimensions."""
  made = networks.make(**fields)
  if not count:
    return made
  require(
    isinstance(made, ModelSpec),
    f'model.name is {made.name!r}, which has no outputs beside its classes; '
    f'leave out data.dimensions, or set model.name={ModelSpec.name!r}',
  )
  return dataclasses.replace(made, dimensions=count)


def _require_combinations(made: Experiment) -> None:
  """Refuses settings that do not go together."""
  sound = made.sound  # checks the front end
  soft = made.augment.mixup > 0 or made.loss.label_smoothing > 0
  require(
    not soft or made.loss.name != 'focal',
    f'loss.name is {made.loss.name!r}, which has no form for mixed labels; set '
    "loss.name='cross_entropy', or augment.mixup and loss.label_smoothing to 0",
  )
  require(
    sound is None or made.audio.segments == 'center',
    f'data.segments is {made.audio.segments!r}, but training cuts its examples '
    'anew each epoch (data.crop, augment or model.pooling); set '
    "data.segments='center', and data.test_duration_s for longer tests",
  )
  mixed = [n for n in ('join', 'mixup') if getattr(made.augment, n)]
  require(
    not (mixed and made.data.dimensions),
    f'augment.{"".join(mixed[:1])} puts two utterances into one example, which '
    'data.dimensions has no one value for; set it to 0, or leave out the '
    'dimensions',
  )
  if made.model.phoneme_kinds:
    require(
      not mixed,
      f'augment.{"".join(mixed[:1])} puts two utterances into one example, and '
      'model.phonemes knows what one says; set either to 0',
    )
    require(
      not made.data.corpora,
      'model.phonemes reads those of one corpus, but data.corpora names several; '
      'set model.phonemes=0 to read sound alone',
    )
  width = kinds.KINDS[made.feature_kind].width(made.mfcc)
  made.model.require_features(made.feature_kind, width)
  for part in made.train.frozen_parts:
    require_choice('train.freeze', part, made.model.parts)
  require(
    len(made.frozen) < len(made.model.layers()),
    f'train.freeze is {made.train.freeze!r}, which leaves nothing to train; '
    'leave out the head',
  )
  require(
    sound is not None or not made.test_duration_s,
    f'data.test_duration_s is {made.test_duration_s}, which needs examples cut '
    "by training; set model.pooling='masked' or data.crop='random', or leave "
    'it at 0',
  )


def _own_config(network: str) -> str:
  return (
    f'each network has fields of its own, so start from the config of {network}, '
    f'--config={defaults.config_of(network)}'
  )


def _check_names(
  given: dict[str, Any],
  expected: dict[str, Any],
  optional: Sequence[str],
  prefix: str = '',
) -> None:
  """Refuses fields that do not exist, before any that a typo left out."""
  for key, value in given.items():
    field = f'{prefix}{key}'
    if key not in expected and field not in optional:
      owners = defaults.owners(field)
      if owners:
        raise InputError(
          f'the config has the field {field!r} of {listing(owners, 5)}, but '
          f'model.name is {expected["name"]!r}; {_own_config(expected["name"])}'
        )
      raise InputError(
        f'the config has the unknown field {field!r}: '
        f'{nearest(str(key), expected)}'
      )
    if isinstance(value, dict) and isinstance(expected.get(key), dict):
      _check_names(value, expected[key], optional, f'{prefix}{key}.')


def _check_fields(
  given: dict[str, Any], expected: dict[str, Any], prefix: str = ''
) -> None:
  """Compares names and types of all fields with those of the defaults.

  ml_collections would name neither section nor cure, and takes None for
  anything and True for a whole number.
  """
  for key, default in expected.items():
    field = prefix + key
    cure = f'add it, for instance {default!r}'
    if prefix == 'model.':
      cure = f'{_own_config(expected["name"])}, or {cure}'
    require(key in given, f'the config lacks the field {field!r}; {cure}')
    value, kind = given[key], type(default)
    if kind is dict:
      require(
        isinstance(value, dict),
        f'{field} is {value!r}; it must hold the fields {sorted(default)}',
      )
      _check_fields(value, default, f'{field}.')
      continue
    require(
      isinstance(value, _ALSO_FITS.get(kind, kind))
      and isinstance(value, bool) == (kind is bool),
      f'{field} is {value!r}, a {type(value).__name__}; give a '
      f'{kind.__name__} such as {default!r}',
    )
    _check_size(field, value)


def _check_size(field: str, value: Any) -> None:
  """Refuses numbers that 32 bits do not hold, in which all is computed."""
  if isinstance(value, int) and not isinstance(value, bool):
    require(
      abs(value) < _MOST_SEEDS,
      f'{field} is {value}; give one below {_MOST_SEEDS}',
    )
  if isinstance(value, float) and value and math.isfinite(value):
    least, most = _FLOAT32
    require(
      least <= abs(value) <= most,
      f'{field} is {value!r}, beyond what 32 bits hold; give 0, or a number from '
      f'{least:g} to {most:g}',
    )
