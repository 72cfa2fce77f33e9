"""A stream gives the frames of the whole waveform."""

from __future__ import annotations

import dataclasses

import jax
import numpy as np
import pytest

from sernet_jax import features
from sernet_jax.common.errors import InputError
from sernet_jax.features.spec import MfccSpec

SMALL = MfccSpec(
  frame_samples=64, hop_samples=16, fft_size=64, num_mel_bands=8,
  num_coefficients=5, lower_edge_hz=300.0,
)  # fmt: skip
# A product of another size adds up in another order; coefficients are at
# most 10.
ROUNDING = 2e-5


def noise(*shape):
  return np.random.default_rng(0).uniform(-0.5, 0.5, shape).astype(np.float32)


def collect(waveform, spec, size, **options):
  """Frames of a waveform that is fed in chunks of `size`, then ended."""
  state = features.stream_init(spec, waveform.shape[:-1], **options)
  parts = []
  for begin in range(0, waveform.shape[-1], size):
    chunk = waveform[..., begin : begin + size]
    state, frames = features.stream_step(state, chunk, spec)
    parts.append(np.asarray(frames.values)[..., np.asarray(frames.mask), :])
    assert frames.values.shape[-2] == -(-chunk.shape[-1] // spec.hop_samples)
  last = features.stream_end(state, spec)
  parts.append(np.asarray(last.values)[..., np.asarray(last.mask), :])
  return np.concatenate(parts, axis=-2)


@pytest.mark.parametrize('size', [1, 7, 16, 40, 64, 400])
def test_chunks_of_any_size_give_the_frames_of_the_whole(size):
  waveform = noise(400)
  expected = features.mfcc(waveform, SMALL)
  streamed = collect(waveform, SMALL, size)
  np.testing.assert_allclose(streamed, expected, rtol=0, atol=ROUNDING)


@pytest.mark.parametrize(
  'changes',
  [
    {'hop_samples': 24},
    {'hop_samples': 100},
    {'padding': 'zeros'},
    {'padding': 'zeros', 'hop_samples': 24},
    {'padding': 'end'},
    {'padding': 'end', 'hop_samples': 100},
    {'padding': 'end', 'preemphasis': 0.97, 'preemphasis_over': 'waveform'},
    {'padding': 'zeros', 'preemphasis': 0.97, 'preemphasis_over': 'waveform'},
    {'preemphasis': 0.97, 'remove_dc': True, 'zeroth': 'frame_energy'},
  ],
  ids=str,
)
@pytest.mark.parametrize('num_samples', [30, 333])
def test_every_kind_of_framing_streams(changes, num_samples):
  spec = dataclasses.replace(SMALL, **changes)
  waveform = noise(2, num_samples)
  frames = features.num_frames(num_samples, spec)
  streamed = collect(waveform, spec, 50)
  assert streamed.shape == (2, frames, 5)
  if frames:
    expected = features.mfcc(waveform, spec)
    np.testing.assert_allclose(streamed, expected, rtol=0, atol=ROUNDING)


def test_the_paper_streams_hop_by_hop():
  spec, waveform = features.PRESETS['paper'], noise(4096)
  expected = features.mfcc(waveform, spec)
  streamed = collect(waveform, spec, 256)
  np.testing.assert_allclose(streamed, expected, rtol=0, atol=ROUNDING)


def voiced(num_samples):
  """A falling tone with harmonics, and a little noise."""
  phase = np.cumsum(2 * np.pi * np.linspace(180, 90, num_samples) / 16_000)
  tones = sum(np.sin(k * phase) / k for k in range(1, 12))
  return (0.2 * tones + 1e-3 * noise(num_samples)).astype(np.float32)


STREAMING = [
  name
  for name, spec in features.PRESETS.items()
  if spec.padding != 'reflect' and spec.top_db is None
]


@pytest.mark.parametrize('make', [noise, voiced])
@pytest.mark.parametrize('preset', STREAMING)
def test_presets_stream_inside_scan(preset, make):
  """To 1e-5 of the largest coefficient, as the docs say."""
  spec = features.PRESETS[preset]
  waveform = make(24_000)

  @jax.jit
  def scanned(chunks):
    state = features.stream_init(spec)
    state, frames = jax.lax.scan(
      lambda state, chunk: features.stream_step(state, chunk, spec),
      state,
      chunks,
    )
    return frames, features.stream_end(state, spec)

  parts = scanned(waveform.reshape(-1, 480))
  streamed = np.concatenate(
    [np.asarray(part.values)[np.asarray(part.mask)] for part in parts]
  )
  expected = np.asarray(features.mfcc(waveform, spec))
  atol = 1e-5 * np.abs(expected).max()
  np.testing.assert_allclose(streamed, expected, rtol=0, atol=atol)


def test_a_stream_of_nothing_has_no_frames():
  for padding in ('none', 'zeros', 'end'):
    spec = dataclasses.replace(SMALL, padding=padding)
    assert not features.stream_end(features.stream_init(spec), spec).mask.any()
    state, _ = features.stream_step(features.stream_init(spec), noise(1), spec)
    last = features.stream_end(state, spec)
    assert last.mask.sum() == features.num_frames(1, spec)


def test_steps_of_one_size_are_compiled_once():
  spec = dataclasses.replace(SMALL, num_coefficients=4)
  state = features.stream_init(spec)
  before = features.stream_step._cache_size()
  for _ in range(3):
    state, _ = features.stream_step(state, noise(30), spec)
  assert features.stream_step._cache_size() == before + 1


def test_int16_and_float64_stream():
  whole = (noise(300) * 32768).astype(np.int16)
  expected = features.mfcc(whole, SMALL)
  streamed = collect(whole, SMALL, 50)
  np.testing.assert_allclose(streamed, expected, rtol=0, atol=ROUNDING)
  with jax.enable_x64(True):
    waveform = noise(300).astype(np.float64)
    expected = features.mfcc(waveform, SMALL)
    streamed = collect(waveform, SMALL, 50, dtype=np.float64)
    assert streamed.dtype == np.float64
    np.testing.assert_allclose(streamed, expected, rtol=0, atol=1e-13)


def test_what_needs_the_future_is_refused():
  for changes in ({'padding': 'reflect'}, {'compression': 'db', 'top_db': 80}):
    spec = dataclasses.replace(SMALL, **changes)
    with pytest.raises(InputError, match=r'padding|top_db is 80'):
      features.stream_init(spec)
  state = features.stream_init(SMALL, (2,))
  with pytest.raises(InputError, match=r'\(3, 50\).*\(2,\)'):
    features.stream_step(state, noise(3, 50), SMALL)
  with pytest.raises(InputError, match=r'\(2, 0\)'):
    features.stream_step(state, noise(2, 0), SMALL)
  with pytest.raises(InputError, match=r'chunk has shape \(\)'):
    features.stream_step(features.stream_init(SMALL), np.float32(1), SMALL)


@pytest.mark.parametrize('dtype', ['int16', 'bfloat16', 'complex64', 'bool'])
def test_the_arithmetic_of_a_stream_is_floating_point(dtype):
  with pytest.raises(InputError, match=f'dtype is {dtype}; give float32'):
    features.stream_init(SMALL, dtype=jax.numpy.dtype(dtype))
