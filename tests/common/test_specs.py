"""Specs refuse nonsense in one sentence that says the value and the cure."""

from __future__ import annotations

import dataclasses
import math

import pytest

from sernet_jax.audio.spec import AudioSpec
from sernet_jax.common import errors
from sernet_jax.common.errors import InputError
from sernet_jax.corpora.protocols import ProtocolSpec
from sernet_jax.features.spec import MfccSpec
from sernet_jax.nn.spec import ModelSpec
from sernet_jax.training.specs import LossSpec, OptimSpec, TrainSpec

ALL = (
  AudioSpec, MfccSpec, ModelSpec, LossSpec, OptimSpec, ProtocolSpec, TrainSpec
)  # fmt: skip
NAN, INF = math.nan, math.inf


@pytest.mark.parametrize('kind', ALL)
def test_specs_are_frozen_hashable_and_compared_by_value(kind):
  assert kind() == kind() and hash(kind()) == hash(kind())
  field = dataclasses.fields(kind)[0].name
  with pytest.raises(dataclasses.FrozenInstanceError):
    setattr(kind(), field, None)


def test_lists_become_tuples():
  """As a config file gives them."""
  model = ModelSpec(paths=['joint', 'temporal'])
  assert model.paths == ('joint', 'temporal')
  assert ProtocolSpec(folds=['03', 8]).folds == ('03', '8')
  hash(model)


def test_defaults_are_the_papers():
  assert AudioSpec().num_samples == 48_000
  assert AudioSpec(duration_s=7.0).num_samples == 112_000
  assert (TrainSpec().epochs, TrainSpec().batch_size) == (300, 32)
  assert (ModelSpec().filters, ModelSpec().dropout) == (96, 0.3)
  assert ModelSpec().batch_norm_momentum == 0.99
  assert ModelSpec().batch_norm_epsilon == 1e-3
  assert (OptimSpec().learning_rate, OptimSpec().l2) == (1e-4, 1e-6)
  assert (OptimSpec().beta1, OptimSpec().beta2) == (0.9, 0.999)
  assert OptimSpec().epsilon == 1e-7
  assert (LossSpec().name, LossSpec().gamma) == ('cross_entropy', 2.0)
  assert (ProtocolSpec().name, ProtocolSpec().validation) == ('loso', 'none')
  mfcc = MfccSpec()
  assert (mfcc.window, mfcc.lower_edge_hz) == ('hamming', 40.0)
  assert (mfcc.frame_samples, mfcc.hop_samples) == (1024, 256)
  assert (mfcc.num_mel_bands, mfcc.num_coefficients) == (128, 40)


BAD = [
  (AudioSpec, {'duration_s': 0.0}, 'duration_s is 0.0; .*above 0'),
  (AudioSpec, {'duration_s': NAN}, 'duration_s is nan; .*finite'),
  (AudioSpec, {'sample_rate_hz': -1}, 'sample_rate_hz is -1'),
  (AudioSpec, {'segments': 'centre'}, "'centre'.* did you mean 'center'"),
  (MfccSpec, {'hop_samples': 0}, 'hop_samples is 0'),
  (MfccSpec, {'window': 'haming'}, "'haming'.* did you mean 'hamming'"),
  (MfccSpec, {'window': 'x'}, "choose one of 'hamming', 'hann'"),
  (MfccSpec, {'frame_samples': 2048}, '2048, longer than fft_size 1024'),
  (MfccSpec, {'num_coefficients': 129}, '129, more than num_mel_bands 128'),
  (MfccSpec, {'upper_edge_hz': 8001.0}, '40.0 to 8001.0 Hz; .*8000.0 Hz'),
  (MfccSpec, {'lower_edge_hz': 7600.0}, 'must rise'),
  (MfccSpec, {'lower_edge_hz': -1.0}, 'lower_edge_hz is -1.0; .*at least 0'),
  (MfccSpec, {'log_offset': -1e-6}, 'log_offset is -1e-06; .*at least 0'),
  (MfccSpec, {'log_offset': 0.0}, 'log_offset is 0.0 and log_floor 0.0'),
  (MfccSpec, {'fft_size': 1025}, 'fft_size is 1025; .*even'),
  (MfccSpec, {'hop_samples': 2.5}, 'hop_samples is 2.5; .*whole'),
  (MfccSpec, {'power': 3}, 'power is 3; give 1 or 2'),
  (MfccSpec, {'mel_scale': 'htc'}, "did you mean 'htk'"),
  (MfccSpec, {'preemphasis': 1.1}, 'preemphasis is 1.1; .*0 to 1'),
  (MfccSpec, {'top_db': 80.0}, "top_db is 80.0, but compression is 'ln'"),
  (MfccSpec, {'lifter': NAN}, 'lifter is nan'),
  (MfccSpec, {'clip': INF}, 'clip is inf'),
  (ModelSpec, {'num_classes': 1}, 'num_classes is 1; .*at least 2'),
  (ModelSpec, {'paths': ()}, 'paths is empty'),
  (ModelSpec, {'paths': ('temporl',)}, "did you mean 'temporal'"),
  (ModelSpec, {'paths': ('joint', 'joint')}, 'name each path once'),
  (ModelSpec, {'filters': 95}, '95, which 3 paths cannot share'),
  (ModelSpec, {'filters': 0}, 'filters is 0'),
  (ModelSpec, {'dropout': 1.0}, 'dropout is 1.0; .*below 1'),
  (ModelSpec, {'dropout': -0.1}, 'dropout is -0.1'),
  (ModelSpec, {'dropout': NAN}, 'dropout is nan'),
  (ModelSpec, {'batch_norm_momentum': 1.0}, 'batch_norm_momentum is 1.0'),
  (ModelSpec, {'batch_norm_epsilon': 0.0}, 'batch_norm_epsilon is 0.0'),
  (LossSpec, {'name': 'focl'}, "loss.name is 'focl'.* did you mean 'focal'"),
  (LossSpec, {'gamma': -1.0}, 'loss.gamma is -1.0; .*at least 0'),
  (LossSpec, {'gamma': INF}, 'loss.gamma is inf'),
  (LossSpec, {'class_weights': 'balance'}, "did you mean 'balanced'"),
  (OptimSpec, {'learning_rate': 0.0}, 'optim.learning_rate is 0.0'),
  (OptimSpec, {'learning_rate': NAN}, 'optim.learning_rate is nan'),
  (OptimSpec, {'decay_every_epochs': 0}, 'optim.decay_every_epochs is 0'),
  (OptimSpec, {'decay_start_epochs': -1}, 'optim.decay_start_epochs is -1'),
  (OptimSpec, {'decay_factor': 0.0}, 'optim.decay_factor is 0.0'),
  (OptimSpec, {'l2': -1e-6}, 'optim.l2 is -1e-06'),
  (OptimSpec, {'beta1': 1.0}, 'optim.beta1 is 1.0; .*below 1'),
  (OptimSpec, {'beta2': -0.5}, 'optim.beta2 is -0.5'),
  (OptimSpec, {'epsilon': 0.0}, 'optim.epsilon is 0.0'),
  (ProtocolSpec, {'name': 'los'}, "did you mean 'loso'"),
  (ProtocolSpec, {'validation': 'speakers'}, "did you mean 'speaker'"),
  (TrainSpec, {'epochs': 0}, 'train.epochs is 0; .*1 or more'),
  (TrainSpec, {'batch_size': 0}, 'train.batch_size is 0'),
  (TrainSpec, {'checkpoint_epochs': -1}, 'train.checkpoint_epochs is -1'),
]


@pytest.mark.parametrize(('kind', 'fields', 'message'), BAD)
def test_nonsense_is_refused(kind, fields, message):
  with pytest.raises(InputError, match=message) as error:
    kind(**fields)
  text = str(error.value)
  assert '\n' not in text and not text.endswith('.')


@pytest.mark.parametrize(
  ('kind', 'fields'),
  [
    (ModelSpec, {'dropout': 0.0, 'batch_norm_momentum': 0.0}),
    (ModelSpec, {'num_classes': 2, 'paths': ('joint',), 'filters': 1}),
    (LossSpec, {'name': 'focal', 'gamma': 0.0}),
    (OptimSpec, {'l2': 0.0, 'decay_start_epochs': 0, 'beta1': 0.0}),
    (MfccSpec, {'lower_edge_hz': 0.0, 'upper_edge_hz': 8000.0}),
    (MfccSpec, {'num_coefficients': 128, 'frame_samples': 512}),
    (MfccSpec, {'log_offset': 0.0, 'log_floor': 1e-10, 'clip': None}),
    (TrainSpec, {'epochs': 1, 'batch_size': 1, 'checkpoint_epochs': 1}),
  ],
)
def test_values_on_the_bound_are_accepted(kind, fields):
  made = kind(**fields)
  assert all(getattr(made, name) == value for name, value in fields.items())


def test_an_input_error_is_a_value_error():
  assert issubclass(InputError, ValueError)
  with pytest.raises(InputError, match=r'^give it$'):
    errors.require(False, 'give it')
  errors.require(True, 'never')


def test_the_nearest_name_or_all_of_them():
  options = ('spectrogram', 'mfcc', 'log_mel')
  assert errors.nearest('mfc', options) == "did you mean 'mfcc'?"
  assert errors.nearest('zzz', options) == (
    "choose one of 'log_mel', 'mfcc', 'spectrogram'"
  )
  errors.require_choice('kind', 'mfcc', options)
  with pytest.raises(InputError, match=r"kind is 'mfc', .*'mfcc'"):
    errors.require_choice('kind', 'mfc', options)
