"""Every preset against the library it is named for.

`data/features_<preset>.npz` holds what the libraries compute, with their
versions in `how`; `golden/make_features.py` makes the files. Bounds are in
the unit of the coefficients, whose largest is about 10 (paper, reference,
tflite), 700
(librosa, torchaudio: decibels) and 100 (the others).
"""

from __future__ import annotations

import dataclasses
import json
import pathlib
import warnings

import jax
import numpy as np
import pytest

from sernet_jax import features
from sernet_jax.audio import reading, segments
from sernet_jax.features import mel
from sernet_jax.features.spec import MfccSpec

pytestmark = pytest.mark.usefixtures('full_optimization')

DATA = pathlib.Path(__file__).parents[1] / 'data'
EVERY, EVERY64 = 4, 16  # see golden/make_features.py
# Largest distance on real speech, on noise and click, and in float64: about
# three times what was measured. torchaudio's tables stay float32 in float64.
# The click leaves bands of exact silence, -1024 after the DCT for librosa.
BOUNDS = {
  'paper': (1e-4, 2e-5, 1e-10),
  'reference': (1e-4, 2e-5, 1e-10),
  'tflite': (5e-5, 2e-5, None),
  'librosa': (1e-3, 4e-3, 1e-10),
  'torchaudio': (2e-3, 1e-3, 1e-3),
  'kaldi': (2e-3, 5e-4, 5e-4),
  'kaldi_energy': (2e-3, 5e-4, None),
  'python_speech_features': (2e-4, 1e-4, 1e-10),
}


def golden(preset):
  with np.load(DATA / f'features_{preset}.npz') as file:
    return dict(file)


def prepared(root, spec, names):
  rate_hz = spec.sample_rate_hz
  return np.stack(
    [
      segments.prepare(
        reading.load_mono(root / f'wav/{name}.wav', rate_hz), 3 * rate_hz
      )
      for name in names
    ]
  )


def distance(actual, expected):
  assert actual.shape == expected.shape
  return np.abs(np.asarray(actual, np.float64) - expected).max()


@pytest.mark.parametrize('preset', BOUNDS)
def test_real_speech_is_as_the_library_computes_it(preset, emodb_root):
  spec, figures = features.PRESETS[preset], golden(preset)
  waveform = prepared(emodb_root, spec, figures['files'])
  actual = features.mfcc(waveform, spec)[:, ::EVERY]
  assert distance(actual, figures['real']) <= BOUNDS[preset][0]


@pytest.mark.parametrize('index', range(4))
def test_arguments_of_librosa_mean_what_they_mean_there(index):
  figures = golden('librosa_words')
  words = json.loads(str(figures['words'][index]))
  spec = MfccSpec.librosa(**words)
  actual = features.mfcc(figures['noise'], spec)
  assert distance(actual, figures[f'mfcc{index}']) <= 1e-3


def test_defaults_in_other_words_are_the_presets():
  assert MfccSpec.librosa() == features.PRESETS['librosa']
  with pytest.warns(UserWarning, match='hold no FFT bin'):
    assert MfccSpec.torchaudio() == features.PRESETS['torchaudio']


def test_arguments_of_torchaudio_are_translated():
  def hamming_window():
    """Called as torch's."""

  mel = {'n_fft': 512, 'win_length': 400, 'n_mels': 26, 'power': 1.0}
  spec = MfccSpec.torchaudio(
    n_mfcc=13,
    log_mels=True,
    melkwargs=mel | {'window_fn': hamming_window, 'mel_scale': 'slaney'},
  )
  assert (spec.frame_samples, spec.hop_samples, spec.fft_size) == (
    400,
    200,
    512,
  )
  assert (spec.window, spec.power, spec.mel_scale) == ('hamming', 1, 'slaney')
  assert (spec.compression, spec.log_offset, spec.top_db) == ('ln', 1e-6, None)
  assert (spec.num_mel_bands, spec.num_coefficients) == (26, 13)


@pytest.mark.parametrize(
  ('library', 'arguments', 'match'),
  [
    ('librosa', {'lifter': 22}, 'lifter is 22'),
    ('librosa', {'dct_type': 3}, 'dct_type is 3'),
    ('librosa', {'norm': None}, 'norm is None'),
    ('librosa', {'mel_norm': 'l1'}, "mel_norm is 'l1'"),
    ('librosa', {'window': 'boxcar'}, "window is 'boxcar'"),
    ('librosa', {'pad_mode': 'edge'}, "pad_mode is 'edge'"),
    ('librosa', {'power': 1.5}, 'power is 1.5'),
    ('librosa', {'win_length': 401}, 'win_length is 401'),
    ('librosa', {'win_length': 400, 'center': False}, 'moves the frames'),
    ('torchaudio', {'melkwargs': {'n_mel': 3}}, "did you mean 'n_mels'"),
    ('torchaudio', {'melkwargs': {'window_fn': 'kaiser'}}, 'window_fn is'),
    ('torchaudio', {'norm': None}, 'norm is None'),
  ],
)
def test_what_cannot_be_translated_is_one_sentence(library, arguments, match):
  with pytest.raises(features.InputError, match=match):
    getattr(MfccSpec, library)(**arguments)


@pytest.mark.parametrize('preset', BOUNDS)
def test_noise_and_click_are_as_the_library_computes_them(preset):
  spec, figures = features.PRESETS[preset], golden(preset)
  with np.load(DATA / 'mfcc_synthetic.npz') as signals:
    rows = dict(
      zip(signals['names'].tolist(), signals['waveform'], strict=True)
    )
  waveform = np.stack([rows['noise'], rows['click']])
  actual = features.mfcc(waveform, spec)
  expected = np.stack([figures['noise'], figures['click']])
  assert distance(actual, expected) <= BOUNDS[preset][1]


@pytest.mark.parametrize(
  'preset', [name for name, bound in BOUNDS.items() if bound[2]]
)
def test_float64_is_as_the_library_computes_it(preset, emodb_root):
  spec, figures = features.PRESETS[preset], golden(preset)
  waveform = prepared(emodb_root, spec, figures['files'][:1])[0]
  with jax.enable_x64(True):
    actual = np.asarray(features.mfcc(waveform.astype(np.float64), spec))
  assert actual.dtype == np.float64
  assert distance(actual[::EVERY64], figures['real64']) <= BOUNDS[preset][2]


def test_the_separable_network_hears_what_its_code_asks_librosa_for():
  words = MfccSpec.librosa(
    sr=16_000, n_fft=1024, win_length=640, hop_length=160, window='hamming'
  )
  # But for the places of frames, and for bands 80 dB below the loudest.
  expected = dataclasses.replace(words, padding='none', top_db=None)
  assert features.PRESETS['zhong2020'] == expected


def test_presets_are_data():
  for name, spec in features.PRESETS.items():
    assert isinstance(spec, MfccSpec), name
    assert hash(spec) == hash(features.PRESETS[name])
  assert features.PRESETS['paper'] == MfccSpec()
  assert len(set(features.PRESETS.values())) == len(features.PRESETS)


def test_the_presets_of_light_sernet_are_the_published_ones():
  paper, reference = features.PRESETS['paper'], features.PRESETS['reference']
  assert (paper.window, paper.lower_edge_hz) == ('hamming', 40.0)
  assert (reference.window, reference.lower_edge_hz) == ('hann', 80.0)
  for spec in (paper, reference):
    assert (spec.frame_samples, spec.hop_samples, spec.fft_size) == (
      1024,
      256,
      1024,
    )
    assert (spec.num_mel_bands, spec.num_coefficients) == (128, 40)


def test_a_spec_with_empty_bands_warns_and_numbers_them():
  # An FFT of 16 samples at 16 kHz has bins at every whole kHz.
  corners_hz = mel.to_hz(
    np.linspace(mel.from_hz(300.0, 'htk'), mel.from_hz(7600.0, 'htk'), 14),
    'htk',
  )
  empty = [
    band
    for band in range(12)
    if not any(
      corners_hz[band] < bin_hz < corners_hz[band + 2]
      for bin_hz in range(0, 8001, 1000)
    )
  ]
  assert 0 < len(empty) < 12
  numbers = ', '.join(map(str, empty))
  with pytest.warns(
    UserWarning, match=f'^{len(empty)} of 12 mel bands .*: {numbers}; '
  ) as caught:
    MfccSpec(
      frame_samples=16, hop_samples=8, fft_size=16, num_mel_bands=12,
      num_coefficients=5, lower_edge_hz=300.0,
    )  # fmt: skip
  assert caught[0].filename == __file__


def test_torchaudios_bands_are_empty_where_torchaudio_warns_too():
  empty = np.flatnonzero(
    ~features.mel_matrix(features.PRESETS['torchaudio']).any(axis=0)
  )
  numbers = ', '.join(map(str, empty))
  with pytest.warns(UserWarning, match=f': {numbers};'):
    dataclasses.replace(features.PRESETS['torchaudio'], num_coefficients=13)


def test_no_other_preset_has_empty_bands():
  with warnings.catch_warnings():
    warnings.simplefilter('error')
    for name, spec in features.PRESETS.items():
      if name != 'torchaudio':
        dataclasses.replace(spec)


@pytest.mark.parametrize('preset', features.PRESETS)
def test_values_and_gradients_are_finite(preset):
  spec = features.PRESETS[preset]
  generator = np.random.default_rng(0)
  speech = generator.uniform(-0.5, 0.5, 4096).astype(np.float32)
  loud, padded = np.clip(9 * speech, -1, 1), speech.copy()
  padded[:1500] = 0
  padded[3000:] = 0
  waveform = np.stack(
    [np.zeros_like(speech), np.full_like(speech, 1e-30), loud, padded]
  )

  @jax.jit
  def value_and_gradient(x):
    return jax.value_and_grad(lambda x: (features.mfcc(x, spec) ** 2).sum())(x)

  value, gradient = value_and_gradient(waveform)
  assert np.isfinite(value)
  assert np.isfinite(gradient).all()
  assert np.any(np.asarray(gradient[3, 1500:3000]) != 0)
