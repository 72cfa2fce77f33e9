"""The front end in C computes what `features.mfcc` does, without a heap."""

from __future__ import annotations

import dataclasses

import c_sources
import numpy as np
import pytest

from sernet_jax import features
from sernet_jax.audio import reading, segments
from sernet_jax.common.errors import InputError
from sernet_jax.export.device import c_folder, c_front_end
from sernet_jax.features.spec import MfccSpec

FEW = {'num_mel_bands': 26, 'num_coefficients': 13}
# Everything that the tables can take: a frame that is not a multiple of the
# hop and shorter than the FFT, other triangles, an orthogonal, liftered DCT.
OTHER = {
  'frame_samples': 400,
  'hop_samples': 160,
  'fft_size': 512,
  'window': 'hann',
  'num_mel_bands': 26,
  'num_coefficients': 13,
  'mel_scale': 'slaney',
  'mel_sides': 'hz',
  'mel_area': 'slaney',
  'dct': 'ortho',
  'lifter': 22.0,
  'clip': 30.0,
}


@pytest.fixture(scope='module')
def library(tmp_path_factory):
  """A function of fields of `MfccSpec` -> the compiled sources."""

  def make(fields):
    folder = tmp_path_factory.mktemp('c')
    bundle = c_sources.small_bundle(**fields)
    c_folder.write(folder, bundle)
    return c_sources.Library(folder, bundle)

  return {name: make(f) for name, f in (('paper', {}), ('other', OTHER))}


def spec_of(name):
  return MfccSpec(**(OTHER if name == 'other' else {}))


def sounds(seconds=0.5):
  """Name -> float (samples,) in [-1, 1], in steps of 16 bits."""
  random = np.random.default_rng(0)
  time_s = np.arange(round(16_000 * seconds)) / 16_000
  click = np.zeros(time_s.size)
  click[time_s.size // 2] = 0.9
  voice = sum(
    np.sin(2 * np.pi * 120 * k * time_s) / k for k in range(1, 60)
  ) * np.sin(np.pi * 3 * time_s)
  noise = random.normal(size=time_s.size)
  made = {
    'noise': 0.2 * noise,
    'quiet noise': 0.002 * noise,
    'click': click,
    'voice in noise': 0.3 * voice + 0.003 * noise,
    'silence': np.zeros(time_s.size),
  }
  return {
    name: np.round(np.clip(x, -1, 1) * 32_767) / 32_768
    for name, x in made.items()
  }


@pytest.mark.parametrize('name', ['paper', 'other'])
@pytest.mark.parametrize('sound', sounds())
def test_float_is_within_a_thousandth(library, name, sound):
  samples = np.float32(sounds()[sound])
  expected = np.asarray(features.mfcc(samples, spec_of(name)))
  actual = library[name].mfcc(samples)
  assert actual.shape[1] == expected.shape[1]
  np.testing.assert_allclose(actual[: len(expected)], expected, atol=1e-3)


def test_float_is_within_a_thousandth_of_the_authors_code(library, data_dir):
  """On noise and click; in the others bands are empty, see data/README."""
  with np.load(data_dir / 'mfcc_synthetic.npz') as file:
    for name, samples, expected in zip(
      file['names'], file['waveform'], file['mfcc_hamming'], strict=True
    ):
      actual = library['paper'].mfcc(samples)[: len(expected)]
      bound = 1e-3 if name in ('noise', 'click') else 1e-2
      np.testing.assert_allclose(actual, expected, atol=bound, err_msg=name)


@pytest.mark.parametrize('name', ['paper', 'other'])
@pytest.mark.parametrize('sound', sounds())
def test_fixed_point_is_close(library, name, sound):
  samples = sounds()[sound]
  whole = np.int16(samples * 32_768)
  scale = library[name].scale(whole)
  spec = spec_of(name)
  expected = features.mfcc(segments.prepare(samples, samples.size), spec)
  bits = c_front_end.coefficient_bits(spec)
  actual = library[name].fixed(whole, scale, bits)[: len(expected)]
  difference = np.abs(actual - np.asarray(expected))
  # 16-bit coefficients have steps of 2^-bits.
  assert difference.mean() < 2 * 2.0**-bits
  assert difference.max() < 0.06


def test_real_speech(library, data_dir, emodb_root):
  """Four recordings, against the authors' code on every second frame."""
  with np.load(data_dir / 'mfcc_emodb.npz') as file:
    names, expected = file['files'], file['mfcc_paper']
  for name, rows in zip(names, expected, strict=True):
    samples, rate_hz = reading.read(emodb_root / 'wav' / f'{name}.wav')
    assert rate_hz == 16_000
    actual = library['paper'].mfcc(segments.prepare(samples, 48_000))[:184]
    np.testing.assert_allclose(actual[::2], rows, atol=1e-3)
    left = max(0, samples.size - 48_000) // 2
    whole = np.int16(samples[left : left + 48_000] * 32_768)
    missing = 48_000 - whole.size
    padded = np.pad(whole, (missing // 2, missing - missing // 2))
    scale = np.percentile(np.abs(whole.astype(float)), 99.9)
    bits = c_front_end.coefficient_bits(MfccSpec())
    fixed = library['paper'].fixed(padded, scale, bits)[:184]
    assert np.abs(fixed[::2] - rows).mean() < 2e-3
    # The worst are frames that hold a few samples of sound at their edge.
    assert np.abs(fixed[::2] - rows).max() < 0.3


@pytest.mark.parametrize('count', [1, 2, 999, 1000, 1001, 9600])
def test_the_scale_is_the_percentile(library, count):
  samples = np.random.default_rng(count).normal(size=count) * 9000
  samples = np.clip(samples, -32_768, 32_767).astype(np.int16)
  expected = np.percentile(np.abs(samples.astype(float)), 99.9)
  assert library['paper'].scale(samples) == pytest.approx(expected, rel=1e-6)


def test_the_least_and_the_greatest_sample_do_not_overflow(library):
  samples = np.random.default_rng(2).choice([-32_768, 32_767], 4096)
  assert library['paper'].scale(samples) == 32_768
  rows = library['paper'].fixed(samples, 32_768.0, 11)
  expected = np.asarray(features.mfcc(samples / 32_768.0, MfccSpec()))
  np.testing.assert_allclose(rows[: len(expected)], expected, atol=0.02)


@pytest.mark.parametrize(
  ('fields', 'match'),
  [
    ({'padding': 'end'}, "padding='none', and this model has 'end'"),
    ({'power': 2}, 'power=1'),
    ({'preemphasis': 0.97}, 'preemphasis'),
    ({'compression': 'db'}, "compression='ln'"),
    ({'clip': None}, 'clip'),
    ({'frame_samples': 400, 'fft_size': 400, **FEW}, 'power of two'),
    ({'zeroth': 'frame_energy'}, 'zeroth'),
  ],
)
def test_other_front_ends_are_refused(tmp_path, fields, match):
  mfcc = dataclasses.replace(c_sources.small_bundle().mfcc, **fields)
  bundle = dataclasses.replace(c_sources.small_bundle(), mfcc=mfcc)
  with pytest.raises(InputError, match=match):
    c_folder.write(tmp_path / 'c', bundle)
  assert not (tmp_path / 'c').exists()


def test_there_is_no_heap(tmp_path):
  content = c_folder.sources(c_sources.small_bundle())
  for name, text in content.items():
    for word in (b'alloc(', b'free(', b'stdlib.h'):
      assert word not in text, name
