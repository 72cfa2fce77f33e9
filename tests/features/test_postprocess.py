"""Deltas, normalization, PCEN: against libraries, by hand, with masks."""

from __future__ import annotations

import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sernet_jax import features
from sernet_jax.common.errors import InputError

pytestmark = pytest.mark.usefixtures('full_optimization')

DATA = pathlib.Path(__file__).parents[1] / 'data'


@pytest.fixture(scope='module')
def golden():
  with np.load(DATA / 'features_around.npz') as file:
    return dict(file)


def frames(*shape):
  return np.random.default_rng(1).standard_normal(shape).astype(np.float32)


def close(actual, expected, atol=1e-5):
  np.testing.assert_allclose(actual, expected, rtol=0, atol=atol)


@pytest.mark.parametrize(('radius', 'key'), [(2, 'deltas'), (4, 'deltas9')])
def test_deltas_are_the_libraries(golden, radius, key):
  close(features.deltas(golden['frames'], radius), golden[key])


def test_the_delta_of_a_ramp_is_its_slope():
  ramp = 3.0 * np.arange(20, dtype=np.float32)[:, None]
  close(features.deltas(ramp)[2:-2], np.full((16, 1), 3.0))


def test_deltas_do_not_depend_on_padding():
  short = frames(8, 4)
  padded = np.full((2, 15, 4), np.nan, np.float32)
  padded[0, :8] = short
  padded[1] = frames(15, 4)
  counts = np.array([8, 15])
  actual = jax.jit(features.deltas, static_argnums=1)(padded, 2, counts)
  close(actual[0, :8], features.deltas(short))
  close(actual[0, 8:], 0)
  close(actual[1], features.deltas(padded[1]))


def test_more_frames_than_there_are_count_as_all():
  values = frames(2, 12, 4)
  close(
    features.add_deltas(values, num_frames=np.array([12, 99])),
    features.add_deltas(values),
  )


def test_deltas_stand_beside_what_they_come_from():
  values = frames(3, 12, 4)
  both = features.add_deltas(values)
  first = features.deltas(values)
  assert both.shape == (3, 12, 12)
  close(both[..., :4], values)
  close(both[..., 4:8], first)
  close(both[..., 8:], features.deltas(first))


@pytest.mark.parametrize('kind', ['u1', 'i1', 'i2', 'u4', 'bool'])
def test_integers_are_taken_for_what_they_count(kind):
  """Differences of unsigned ones do not wrap, quotients are not cut off."""
  values = np.array([[3, 1], [2, 9], [1, 0], [0, 5]], kind)
  exact = values.astype(np.float32)
  for function in (features.deltas, features.add_deltas, features.normalize):
    found = function(values)
    assert found.dtype == np.float32
    close(found, function(exact), 1e-6)
  spec = features.MfccSpec()
  bands = np.arange(384).reshape(3, 128).astype(kind)
  close(
    features.cepstrum(bands, spec),
    features.cepstrum(bands.astype(np.float32), spec),
  )
  counts = np.array(3, kind)
  if kind != 'bool':
    close(features.deltas(exact, 2, counts), features.deltas(exact, 2, 3))


def test_arrays_in_the_other_order_of_bytes():
  values = np.abs(frames(6, 128))
  turned = values.astype(values.dtype.newbyteorder('S'))
  spec = features.MfccSpec(log_offset=0.0, log_floor=1e-3)
  key = jax.random.key(0)
  for function in (
    features.normalize,
    features.deltas,
    features.add_deltas,
    features.pcen,
    lambda x: features.compress(x, spec),
    lambda x: features.cepstrum(x, spec),
    lambda x: features.running_normalize(features.running_init(128), x),
    lambda x: features.spec_augment(key, x, max_time_frames=3),
    lambda x: features.mixup(key, x, x),
  ):
    for found, expected in zip(
      jax.tree.leaves(function(turned)),
      jax.tree.leaves(function(values)),
      strict=True,
    ):
      np.testing.assert_array_equal(found, expected)


def test_normalized_utterances_have_mean_0_and_variance_1():
  values = 5 + 3 * frames(2, 40, 4)
  normal = features.normalize(values)
  close(normal.mean(axis=-2), 0)
  close(normal.var(axis=-2), 1, 1e-4)
  centered = features.normalize(values, variance=False)
  close(centered, values - values.mean(axis=-2, keepdims=True))


def test_normalization_does_not_depend_on_padding():
  short = 5 + 3 * frames(8, 4)
  padded = np.full((15, 4), np.nan, np.float32)
  padded[:8] = short
  mask = np.arange(15) < 8
  actual = features.normalize(padded, mask)
  close(actual[:8], features.normalize(short))
  close(actual[8:], 0)


@pytest.mark.parametrize('dtype', ['float16', 'bfloat16'])
def test_normalization_of_few_bits_is_that_of_float32(dtype):
  values = jnp.asarray(500 * frames(40, 4), dtype)
  normal = features.normalize(values)
  assert normal.dtype == dtype
  expected = features.normalize(values.astype(jnp.float32))
  close(normal.astype(np.float32), expected, 0.02)
  state, running = features.running_normalize(features.running_init(4), values)
  assert state.mean.dtype == running.dtype == np.float32


def test_mistakes_around_are_named():
  values = frames(2, 9, 4)
  with pytest.raises(InputError, match='epsilon is 0'):
    features.normalize(values, epsilon=0)
  with pytest.raises(InputError, match=r'\(2, 9, 4\).*\(3, 4\)'):
    features.running_normalize(features.running_init(4, (3,)), values)
  mel = np.abs(values)
  for changes, words in [
    ({'smoothing': 3}, 'smoothing is 3; .* at most 1'),
    ({'power': -1}, 'power is -1'),
    ({'gain': 2}, 'gain is 2; .* 0 to 1'),
    ({'state': np.ones(4)}, r'\(4,\).*\(2, 9, 4\)'),
  ]:
    with pytest.raises(InputError, match=words):
      features.pcen(mel, **changes)
  for bad in (mel.astype(np.int32), mel[:, :0]):
    with pytest.raises(InputError, match=r'floating point .* with a frame'):
      features.pcen(bad)


def test_pcen_can_be_trained(golden):
  """A gain for each band, as its authors train it."""
  gains = np.linspace(0.2, 0.9, golden['mel'].shape[-1]).astype(np.float32)
  together, _ = features.pcen(golden['mel'], gain=gains)
  for band, gain in enumerate(gains):
    alone, _ = features.pcen(golden['mel'][:, [band]], gain=float(gain))
    close(together[:, [band]], alone)
  gradient = jax.jit(
    jax.grad(lambda gain: features.pcen(golden['mel'], gain=gain)[0].sum())
  )(gains)
  assert np.isfinite(gradient).all() and np.all(gradient != 0)


@pytest.mark.parametrize('mask', [None, np.zeros(6, bool)])
def test_constant_or_empty_frames_have_finite_gradients(mask):
  constant = jnp.full((6, 3), 2.0)

  def total(x):
    return (features.normalize(x, mask) ** 2).sum()

  assert np.isfinite(jax.grad(total)(constant)).all()
  assert np.isfinite(total(constant))


def test_running_normalization_is_that_of_the_frames_so_far():
  values = 5 + 3 * frames(20, 4)
  state = features.running_init(4)
  state, normal = features.running_normalize(state, values)
  for t in (0, 3, 19):
    past = values[: t + 1].astype(np.float64)
    expected = (past[-1] - past.mean(axis=0)) / np.sqrt(past.var(axis=0) + 1e-8)
    close(normal[t], expected, 1e-4)
  close(state.mean, values.mean(axis=0))
  close(state.squares / state.count, values.var(axis=0), 1e-4)


def test_running_normalization_does_not_depend_on_chunks_or_masked_frames():
  values = 5 + 3 * frames(2, 20, 4)
  begin = features.running_init(4, (2,))
  options = {'decay': 0.9}
  _, whole = features.running_normalize(begin, values, **options)
  state, first = features.running_normalize(begin, values[:, :7], **options)
  # Two frames that are none, as a stream returns them.
  gap = np.full((2, 2, 4), np.nan, np.float32)
  rest = np.concatenate([values[:, 7:], gap], axis=1)
  mask = np.arange(15) < 13
  _, second = features.running_normalize(state, rest, mask, **options)
  close(np.concatenate([first, second[:, :13]], axis=1), whole)
  close(second[:, 13:], 0)


def test_a_decay_forgets():
  values = np.concatenate([np.zeros((200, 1)), np.ones((200, 1))])
  state = features.running_init(1)
  state, _ = features.running_normalize(state, jnp.asarray(values), decay=0.9)
  close(state.mean, 1.0, 1e-4)
  with pytest.raises(InputError, match=r'decay is 1\.5'):
    features.running_normalize(state, jnp.asarray(values), decay=1.5)


def test_pcen_is_librosas(golden):
  ones = np.ones(6, np.float32)
  actual, _ = features.pcen(golden['mel'], ones)
  close(actual, golden['pcen'])
  actual, _ = features.pcen(
    golden['mel'], ones, smoothing=0.1, gain=0.8, bias=1.0, power=0.25,
    epsilon=1e-3,
  )  # fmt: skip
  close(actual, golden['pcen_other'])


def test_pcen_goes_on_where_it_stopped(golden):
  mel = golden['mel']
  whole, last = features.pcen(mel)
  first, state = features.pcen(mel[:11])
  second, end = features.pcen(mel[11:], state)
  close(np.concatenate([first, second]), whole)
  close(end, last)


def test_pcen_of_silence_has_finite_gradients():
  def total(mel):
    return features.pcen(mel)[0].sum()

  gradient = jax.grad(total)(jnp.zeros((10, 3)))
  assert np.isfinite(gradient).all()
  with pytest.raises(InputError, match='bias is 0'):
    features.pcen(np.ones((4, 2), np.float32), bias=0)
