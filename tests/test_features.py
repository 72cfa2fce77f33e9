"""The MFCC op against TensorFlow's figures, its shapes, gradients and errors.

`data/mfcc_emodb.npz` and `data/mfcc_synthetic.npz` come from the Light-SERNet
authors' TensorFlow code (TensorFlow 2.21, CPU, oneDNN off). These float32
figures are themselves up to 4.1e-5 away from a float64 computation on speech
and 9e-6 on noise and click. The chirp and the voice leave mel bands empty,
where the logarithm amplifies float32 rounding: up to 3e-3 with a Hamming
window, and up to 2.7 with a Hann window, so these are not compared.
"""

from __future__ import annotations

import os
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sernet_jax import audio, corpora, features
from sernet_jax.spec import InputError, MfccSpec

DATA = pathlib.Path(__file__).parent / 'data'
REAL_BOUND = 1e-4
BOUNDS = {'noise': 2e-5, 'click': 2e-5, 'chirp': 5e-3, 'voice': 5e-3}
PAPER, REFERENCE = features.PRESETS['paper'], features.PRESETS['reference']
HANN_40_HZ = MfccSpec(window='hann')
SMALL = MfccSpec(
  frame_samples=64, hop_samples=16, fft_size=64, num_mel_bands=8,
  num_coefficients=5, lower_edge_hz=300.0,
)  # fmt: skip


def eager(waveform, spec):
  with jax.disable_jit():
    return features.mfcc(waveform, spec)


def vmapped(waveform, spec):
  return jax.vmap(lambda one: features.mfcc(one, spec))(waveform)


WAYS = pytest.mark.parametrize(
  'compute', [features.mfcc, eager, vmapped], ids=['jit', 'eager', 'vmap']
)


def distance(actual, expected):
  actual, expected = np.asarray(actual), np.asarray(expected)
  assert actual.shape == expected.shape
  return np.abs(actual.astype(np.float64) - expected).max()


@pytest.fixture(scope='module')
def synthetic():
  with np.load(DATA / 'mfcc_synthetic.npz') as golden:
    return dict(golden)


@pytest.fixture(scope='module')
def real():
  root = pathlib.Path(
    os.environ.get('SERNET_EMODB') or corpora.cache_dir() / 'emodb'
  )
  if not (root / 'wav').is_dir():
    pytest.skip('EMO-DB is absent: set SERNET_EMODB or download it')
  with np.load(DATA / 'mfcc_emodb.npz') as golden:
    golden = dict(golden)
  golden['waveform'] = np.stack(
    [
      audio.prepare(audio.load_mono(root / f'wav/{name}.wav', 16_000), 48_000)
      for name in golden['files']
    ]
  )
  return golden


def noise(*shape):
  return np.random.default_rng(0).uniform(-0.5, 0.5, shape).astype(np.float32)


@WAYS
@pytest.mark.parametrize('preset', ['paper', 'reference'])
def test_real_speech_is_as_tensorflow_computes_it(real, preset, compute):
  actual = compute(real['waveform'], features.PRESETS[preset])
  assert actual.dtype == jnp.float32
  assert distance(actual[:, ::2], real[f'mfcc_{preset}']) <= REAL_BOUND


@WAYS
@pytest.mark.parametrize(
  ('signal', 'spec', 'key'),
  [
    ('noise', PAPER, 'mfcc_hamming'),
    ('noise', HANN_40_HZ, 'mfcc_hann'),
    ('click', PAPER, 'mfcc_hamming'),
    ('click', HANN_40_HZ, 'mfcc_hann'),
    ('chirp', PAPER, 'mfcc_hamming'),
    ('voice', PAPER, 'mfcc_hamming'),
  ],
)
def test_signals_are_as_tensorflow_computes_them(
  synthetic, signal, spec, key, compute
):
  row = synthetic['names'].tolist().index(signal)
  actual = compute(synthetic['waveform'], spec)[row]
  assert distance(actual, synthetic[key][row]) <= BOUNDS[signal]


def test_spectrogram_and_log_mel_are_as_tensorflow_computes_them(synthetic):
  waveform = synthetic['waveform']
  spectrogram = features.spectrogram(waveform, HANN_40_HZ)[:, 8:25:16]
  scale = np.abs(synthetic['spectrogram']).max()
  assert distance(spectrogram, synthetic['spectrogram']) <= 1e-6 * scale
  log_mel = features.log_mel_spectrogram(waveform, HANN_40_HZ)[:, ::4]
  rows = [1, 3]  # noise and click fill every band
  assert distance(log_mel[rows, ...], synthetic['log_mel'][rows]) <= 2e-5


def test_mel_matrix_is_tensorflows(synthetic):
  matrix = features.mel_matrix(HANN_40_HZ)
  assert matrix.dtype == np.float64
  # TensorFlow computes the corners in float32.
  assert distance(matrix, synthetic['mel_matrix']) <= 1e-4
  assert np.all(matrix[0] == 0)
  assert np.all(matrix.sum(axis=0) > 0)


@pytest.mark.parametrize(
  ('num_samples', 'frames'),
  [(48_000, 184), (112_000, 434), (1023, 0), (1024, 1), (1279, 1), (1280, 2)],
)
def test_num_frames_is_the_length_of_the_result(num_samples, frames):
  assert features.num_frames(num_samples, PAPER) == frames
  if frames:
    shape = jax.eval_shape(
      lambda x: features.mfcc(x, PAPER),
      jax.ShapeDtypeStruct((num_samples,), np.float32),
    ).shape
    assert shape == (frames, 40)


@pytest.mark.parametrize('leading', [(), (1,), (2, 3), (0,)])
def test_any_leading_dimensions(leading):
  waveform = noise(*leading, 200)
  frames = features.num_frames(200, SMALL)
  for compute, last in [
    (features.spectrogram, 33),
    (features.log_mel_spectrogram, 8),
    (features.mfcc, 5),
  ]:
    result = compute(waveform, SMALL)
    assert result.shape == (*leading, frames, last)
  one_by_one = [features.mfcc(row, SMALL) for row in waveform.reshape(-1, 200)]
  if one_by_one:
    expected = np.reshape(one_by_one, (*leading, frames, 5))
    assert distance(features.mfcc(waveform, SMALL), expected) <= 1e-5


def test_a_hop_that_does_not_divide_the_frame_gives_the_same_frames():
  whole = MfccSpec(**{**vars(SMALL), 'hop_samples': 8})
  odd = MfccSpec(**{**vars(SMALL), 'hop_samples': 24})
  waveform = noise(400)
  every_third = features.mfcc(waveform, whole)[::3]
  assert distance(features.mfcc(waveform, odd), every_third) <= 1e-5


@pytest.mark.parametrize(
  'waveform',
  [
    np.zeros((2, 1500), np.float32),
    np.full((2, 1500), 1e-30, np.float32),
    np.pad(noise(2, 400), ((0, 0), (500, 600))),
    1e4 * noise(2, 1500),
  ],
  ids=['zeros', 'near_silence', 'zero_padding', 'clipped'],
)
@pytest.mark.parametrize('spec', [PAPER, REFERENCE], ids=['paper', 'reference'])
def test_values_and_gradients_are_finite(waveform, spec):
  def total(x):
    return (features.mfcc(x, spec) ** 2).sum()

  value, gradient = jax.value_and_grad(total)(jnp.asarray(waveform))
  assert np.isfinite(value)
  assert np.isfinite(gradient).all()


def test_the_gradient_is_the_slope():
  waveform, direction = noise(300), noise(2, 300)[1]

  def along(step):
    return features.mfcc(waveform + step * direction, SMALL).sum()

  slope = jax.grad(along)(0.0)
  step = 1e-2
  measured = (along(step) - along(-step)) / (2 * step)
  assert abs(slope - measured) <= 1e-2 * abs(slope)


@pytest.mark.parametrize(
  ('waveform', 'words'),
  [
    (np.zeros(2000, np.complex64), ['complex64']),
    (np.zeros(63, np.float32), ['(63,)', '64']),
    (np.float32(1.0), ['()', '64']),
  ],
)
def test_a_bad_waveform_is_refused_with_value_and_bound(waveform, words):
  for compute in (
    features.spectrogram,
    features.log_mel_spectrogram,
    features.mfcc,
  ):
    with pytest.raises(InputError) as error:
      compute(waveform, SMALL)
    assert all(word in str(error.value) for word in words)


@pytest.mark.parametrize(
  ('changes', 'words'),
  [
    ({'upper_edge_hz': 8001.0}, ['8001', '8000']),
    ({'lower_edge_hz': 7600.0}, ['7600']),
    ({'num_coefficients': 129}, ['129', '128']),
    ({'frame_samples': 1025}, ['1025', '1024']),
    ({'hop_samples': 0}, ['hop_samples', '0']),
    ({'window': 'haming'}, ['haming', "'hamming'"]),
    ({'log_offset': float('nan')}, ['log_offset', 'nan']),
  ],
)
def test_a_spec_that_contradicts_itself_is_refused(changes, words):
  with pytest.raises(InputError) as error:
    MfccSpec(**changes)
  assert all(word in str(error.value) for word in words)
