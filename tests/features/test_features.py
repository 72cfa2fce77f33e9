"""The MFCC op against TensorFlow's figures.

`data/mfcc_emodb.npz` and `data/mfcc_synthetic.npz` come from the Light-SERNet
authors' TensorFlow code (TensorFlow 2.21, CPU, oneDNN off). These float32
figures are themselves up to 4.1e-5 away from a float64 computation on speech
and 9e-6 on noise and click. The chirp and the voice leave mel bands empty,
where the logarithm amplifies float32 rounding: up to 3e-3 with a Hamming
window, and up to 2.7 with a Hann window, so these are not compared.
"""

from __future__ import annotations

import functools
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sernet_jax import features
from sernet_jax.audio import reading, segments
from sernet_jax.features.spec import MfccSpec

pytestmark = pytest.mark.usefixtures('full_optimization')

DATA = pathlib.Path(__file__).parents[1] / 'data'

REAL_BOUND = 1e-4

BOUNDS = {'noise': 2e-5, 'click': 2e-5, 'chirp': 5e-3, 'voice': 5e-3}

PAPER = features.PRESETS['paper']

HANN_40_HZ = MfccSpec(window='hann')


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
def real(emodb_root):
  with np.load(DATA / 'mfcc_emodb.npz') as golden:
    golden = dict(golden)
  golden['waveform'] = np.stack(
    [
      segments.prepare(
        reading.load_mono(emodb_root / f'wav/{name}.wav', 16_000), 48_000
      )
      for name in golden['files']
    ]
  )
  return golden


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


def test_the_chain_at_its_defaults_is_the_plain_one(synthetic):
  """Options that do nothing change nothing: the paper's chain written out."""

  @jax.jit
  def plain(waveform):
    hops = waveform.reshape(len(waveform), -1, 256)
    count = hops.shape[1] - 3
    frames = jnp.concatenate(
      [hops[:, i : i + count] for i in range(4)], axis=-1
    )
    turn = 2 * np.pi * np.arange(1024) / 1024
    window = jnp.asarray(0.54 - 0.46 * np.cos(turn), jnp.float32)
    spectrum = jnp.fft.rfft(frames * window)
    magnitude = jnp.sqrt(spectrum.real**2 + spectrum.imag**2)
    product = functools.partial(jnp.matmul, precision=jax.lax.Precision.HIGHEST)
    mel = product(magnitude, features.mel_matrix(PAPER).astype(np.float32))
    table = features.dct_matrix(PAPER).astype(np.float32)
    return jnp.clip(product(jnp.log(mel + 1e-6), table), -10, 10)

  waveform = synthetic['waveform']
  # To the bit on some processors; a product in groups of bands may add up in
  # another order.
  np.testing.assert_allclose(
    features.mfcc(waveform, PAPER), plain(waveform), rtol=0, atol=5e-6
  )
