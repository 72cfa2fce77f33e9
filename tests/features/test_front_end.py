"""Shapes, lengths, blocks, gradients, precision and errors of the front end."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sernet_jax import features
from sernet_jax.common.errors import InputError
from sernet_jax.features import blocks, fft, framing
from sernet_jax.features.spec import MfccSpec

PAPER = features.PRESETS['paper']

SMALL = MfccSpec(
  frame_samples=64, hop_samples=16, fft_size=64, num_mel_bands=8,
  num_coefficients=5, lower_edge_hz=300.0,
)  # fmt: skip


def distance(actual, expected):
  actual, expected = np.asarray(actual), np.asarray(expected)
  assert actual.shape == expected.shape
  return np.abs(actual.astype(np.float64) - expected).max()


def noise(*shape):
  return np.random.default_rng(0).uniform(-0.5, 0.5, shape).astype(np.float32)


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


@pytest.mark.parametrize('hop', [8, 24])
def test_frames_are_pieces_with_derivatives_in_both_modes(hop):
  """Backwards every sample collects what the frames that hold it say."""
  spec = MfccSpec(**{**vars(SMALL), 'hop_samples': hop})
  waveform, change = noise(2, 3, 200)
  count, length = features.num_frames(200, spec), spec.frame_samples
  pieces = [slice(k * hop, k * hop + length) for k in range(count)]

  def split(x):
    return framing.split(x, count, spec)

  frames, changes = jax.jvp(split, (waveform,), (change,))
  for k, piece in enumerate(pieces):
    np.testing.assert_array_equal(frames[:, k], waveform[:, piece])
    np.testing.assert_array_equal(changes[:, k], change[:, piece])
  weights = noise(*frames.shape)
  expected = np.zeros_like(waveform)
  for k, piece in enumerate(pieces):
    expected[:, piece] += weights[:, k]
  (collected,) = jax.vjp(split, waveform)[1](weights)
  np.testing.assert_allclose(collected, expected, rtol=0, atol=1e-5)


def test_the_gradient_is_the_slope():
  waveform, direction = noise(300), noise(2, 300)[1]

  def along(step):
    return features.mfcc(waveform + step * direction, SMALL).sum()

  slope = jax.grad(along)(0.0)
  step = 1e-2
  measured = (along(step) - along(-step)) / (2 * step)
  assert abs(slope - measured) <= 1e-2 * abs(slope)


def test_the_magnitude_is_that_of_complex_numbers_with_its_derivatives():
  """Also at 0, where the square root alone has no derivative."""
  random = np.random.default_rng(0)
  values = (random.normal(size=50) + 1j * random.normal(size=50)) * 10.0 ** (
    random.integers(-8, 8, 50)
  )
  values = jnp.asarray(np.append(values, 0), jnp.complex64)
  change = jnp.asarray(random.normal(size=51) + 0.5j, jnp.complex64)
  ours, theirs = (
    (
      *jax.jvp(function, (values,), (change,)),
      jax.grad(lambda v, f=function: (f(v) ** 2).sum())(values),
      jax.grad(
        lambda v, f=function: jax.grad(lambda u: f(u).sum())(v).real.sum()
      )(values[:-1]),
    )
    for function in (fft.magnitude, jnp.abs)
  )
  # Second derivatives are differences of large numbers.
  for one, other, rtol in zip(ours, theirs, [1e-5] * 3 + [1e-3], strict=True):
    np.testing.assert_allclose(one, other, rtol=rtol, atol=1e-30)
  assert ours[1][-1] == ours[2][-1] == 0


LENGTHS = np.array([500, 64, 333, 63, 33, 32, 0])

PADDINGS = pytest.mark.parametrize(
  'spec',
  [
    SMALL,
    dataclasses.replace(SMALL, hop_samples=24),
    dataclasses.replace(SMALL, padding='zeros'),
    dataclasses.replace(SMALL, padding='reflect'),
    dataclasses.replace(SMALL, padding='end'),
    dataclasses.replace(SMALL, padding='zeros', compression='db', top_db=30.0),
    dataclasses.replace(
      SMALL, padding='end', preemphasis=0.97, preemphasis_over='waveform'
    ),
  ],
  ids=lambda spec: f'{spec.padding}-{spec.hop_samples}-{spec.compression}',
)


@PADDINGS
def test_frames_do_not_depend_on_how_far_an_utterance_is_padded(spec):
  waveform = noise(len(LENGTHS), 500)
  alone = waveform.copy()
  for row, length in zip(waveform, LENGTHS, strict=True):
    row[length:] = np.nan  # must not be looked at
  together = features.mfcc(waveform, spec, LENGTHS)
  mask = features.frame_mask(LENGTHS, 500, spec)
  assert mask.shape == together.shape[:-1]
  for row, length in enumerate(LENGTHS):
    frames = features.num_frames(int(length), spec)
    assert mask[row].sum() == frames
    assert np.all(together[row, frames:] == 0)
    if frames:
      expected = features.mfcc(alone[row, :length], spec)
      assert distance(together[row, :frames], expected) <= 1e-4
    assert mask[row, :frames].all()


def test_a_sample_mask_is_as_good_as_lengths():
  waveform, lengths = noise(len(LENGTHS), 500), LENGTHS
  samples = np.arange(500) < lengths[:, None]
  for compute in (features.mfcc, features.log_mel_spectrogram):
    np.testing.assert_array_equal(
      compute(waveform, SMALL, samples), compute(waveform, SMALL, lengths)
    )
  np.testing.assert_array_equal(
    features.frame_mask(samples, 500, SMALL),
    features.frame_mask(lengths, 500, SMALL),
  )


def test_num_frames_takes_arrays_and_traced_values():
  for padding in ('none', 'zeros', 'reflect', 'end'):
    spec = dataclasses.replace(SMALL, padding=padding)
    counts = [features.num_frames(int(n), spec) for n in LENGTHS]
    for dtype in (np.int64, np.int32, np.uint16, np.uint32):
      lengths = LENGTHS.astype(dtype)
      np.testing.assert_array_equal(features.num_frames(lengths, spec), counts)
    traced = jax.jit(features.num_frames, static_argnums=1)(LENGTHS, spec)
    np.testing.assert_array_equal(traced, counts)
    assert features.num_frames(-5, spec) == 0


@pytest.mark.parametrize('padding', ['none', 'zeros', 'reflect', 'end'])
@pytest.mark.parametrize('kind', [*np.typecodes['AllInteger']])
def test_num_frames_does_not_wrap(padding, kind):
  """Up to the largest number that its type holds, and down to the least."""
  spec = dataclasses.replace(SMALL, padding=padding)
  bounds = np.iinfo(kind)
  most = min(bounds.max, 2**34)  # whose frames int32 holds
  several = [bounds.min, 0, 31, 32, 33, 64, 100, most - 1, most]
  counts = [features.num_frames(n, spec) for n in several]
  lengths = np.array(several, kind)
  arrays = [lengths, lengths.astype(lengths.dtype.newbyteorder('S'))]
  if bounds.bits <= 32:
    arrays += [jnp.asarray(lengths)]
    traced = jax.jit(features.num_frames, static_argnums=1)(lengths, spec)
    np.testing.assert_array_equal(traced, counts)
  for array in arrays:
    found = features.num_frames(array, spec)
    np.testing.assert_array_equal(found, counts)
    assert found.dtype == (array.dtype if bounds.min else np.int32)
  one = features.num_frames(lengths[-1], spec)
  assert (one, type(one)) == (counts[-1], found.dtype.type)


@pytest.mark.parametrize(
  'length',
  [
    np.uint32(2**32 - 1),
    np.int64(2**32 + 10),
    np.uint64(2**64 - 1),
    np.int32(900),
  ],
)
def test_lengths_of_any_type_are_clipped(length):
  full = features.frame_mask(300, 300, SMALL)
  assert full.all()
  for lengths in (length, np.array(length), np.array([length])[0:1]):
    mask = features.frame_mask(lengths, 300, SMALL)
    np.testing.assert_array_equal(mask.reshape(-1), full)
  waveform = noise(1, 300)
  np.testing.assert_array_equal(
    features.mfcc(waveform, SMALL, np.array([length])),
    features.mfcc(waveform, SMALL),
  )
  few = features.frame_mask(np.array([200], np.uint8), 300, SMALL)
  assert few.sum() == features.num_frames(200, SMALL)


@pytest.mark.parametrize('padding', ['none', 'zeros', 'reflect', 'end'])
def test_where_there_is_no_frame_a_waveform_is_refused(padding):
  spec = dataclasses.replace(SMALL, padding=padding)

  def shape(x):
    return features.mfcc(x, spec)

  for num_samples in range(70):
    waveform = jax.ShapeDtypeStruct((num_samples,), np.float32)
    frames = features.num_frames(num_samples, spec)
    if frames:
      assert jax.eval_shape(shape, waveform).shape == (frames, 5)
    else:
      with pytest.raises(InputError, match=f'at least .* {padding!r}'):
        jax.eval_shape(shape, waveform)


def test_lengths_count_within_the_array():
  waveform = noise(3, 300)
  actual = features.mfcc(waveform, SMALL, np.array([900, -3, 300]))
  expected = features.mfcc(waveform, SMALL)
  np.testing.assert_array_equal(actual[::2], expected[::2])
  assert np.all(actual[1] == 0)


@pytest.mark.parametrize('preset', features.PRESETS)
def test_blocks_of_frames_give_the_numbers_of_the_whole(preset, monkeypatch):
  """As CPUs take large batches, with blocks that overlap and lengths."""
  spec = features.PRESETS[preset]
  waveform = noise(2, 3, 6000)
  lengths = np.array([[6000, 5999, 3000], [1100, 17, 0]])

  def compute(most):
    monkeypatch.setattr(blocks, 'BLOCK_FRAMES', most)

    @jax.jit
    def both(x):
      mfcc = features.mfcc.__wrapped__(x, spec, lengths)
      full = features.mfcc.__wrapped__(x, spec)
      return mfcc, full, features.log_mel_spectrogram.__wrapped__(x, spec)

    def total(x):
      return sum((y**2).mean() for y in both(x)[:2])

    # The gradients of one round of blocks and of two.
    gradient = jax.grad(total) if preset in ('paper', 'librosa') else both
    return jax.tree.leaves((both(waveform), gradient(waveform)))

  for actual, expected in zip(compute(25), compute(10**9), strict=True):
    scale = np.abs(expected).max()
    np.testing.assert_allclose(actual, expected, rtol=0, atol=2e-5 * scale)


@pytest.mark.parametrize('padding', ['zeros', 'reflect'])
def test_a_last_block_of_half_a_frame_is_mirrored(padding, monkeypatch):
  """Blocks of one frame, which begin half a frame apart."""
  spec = dataclasses.replace(SMALL, padding=padding, hop_samples=32)
  waveform = noise(416)  # 13 hops: half of the last frame is padding
  whole = features.log_mel_spectrogram(waveform, spec)
  monkeypatch.setattr(blocks, 'BLOCK_FRAMES', 1)
  parts = jax.jit(lambda x: features.log_mel_spectrogram.__wrapped__(x, spec))
  assert distance(parts(waveform), whole) <= 1e-4


def test_lengths_may_be_mapped():
  waveform, lengths = noise(len(LENGTHS), 500), LENGTHS
  mapped = jax.vmap(lambda x, n: features.mfcc(x, SMALL, n))
  assert (
    distance(mapped(waveform, lengths), features.mfcc(waveform, SMALL, lengths))
    <= 1e-5
  )


def test_lengths_have_finite_gradients_that_stay_in_the_utterance():
  waveform = noise(300)
  waveform[200:] = np.nan

  def total(x):
    return (features.mfcc(x, SMALL, 200) ** 2).sum()

  gradient = np.asarray(jax.grad(total)(waveform))
  assert np.isfinite(gradient).all()
  assert np.any(gradient[:192] != 0)
  assert np.all(gradient[200:] == 0)


def test_lower_precision_is_computed_in_float32():
  waveform = (noise(2, 300) * 32768).astype(np.int16)
  expected = features.mfcc(waveform.astype(np.float32) / 32768, SMALL)
  np.testing.assert_array_equal(features.mfcc(waveform, SMALL), expected)
  short = jnp.asarray(noise(2, 300), jnp.bfloat16)
  actual = features.mfcc(short, SMALL)
  assert actual.dtype == jnp.float32
  expected = features.mfcc(short.astype(jnp.float32), SMALL)
  np.testing.assert_array_equal(actual, expected)
  one_by_one = jax.vmap(lambda one: features.mfcc(one, SMALL))(short)
  assert distance(one_by_one, actual) <= 1e-5

  def total(waveform):
    return features.mfcc(waveform, SMALL).sum()

  slope, exact = jax.grad(total)(short), jax.grad(total)(short.astype('f4'))
  assert slope.dtype == jnp.bfloat16
  assert distance(slope.astype('f4'), exact) <= 2**-8 * np.abs(exact).max()


def test_float64_is_computed_in_float64():
  waveform = noise(2, 300).astype(np.float64)
  with jax.enable_x64(True):
    exact = np.asarray(features.mfcc(waveform, SMALL))
    nearly = np.asarray(features.mfcc(waveform.astype(np.float32), SMALL))
  assert (exact.dtype, nearly.dtype) == (np.float64, np.float32)
  assert 0 < distance(nearly, exact) <= 1e-5


def test_a_sample_that_is_not_finite_spoils_its_frames_alone():
  waveform = noise(300)
  waveform[100] = np.nan
  finite = np.isfinite(features.mfcc(waveform, SMALL)).all(axis=-1)
  begin = np.arange(finite.size) * 16
  np.testing.assert_array_equal(finite, (begin > 100) | (begin + 64 <= 100))


def test_checkpoint_and_derivatives_of_any_mode():
  waveform, direction = noise(2, 300)

  def compute(x):
    return features.mfcc(x, SMALL)

  plain = jax.grad(lambda x: (compute(x) ** 2).sum())(waveform)
  again = jax.grad(lambda x: (jax.checkpoint(compute)(x) ** 2).sum())(waveform)
  np.testing.assert_allclose(plain, again, rtol=1e-5, atol=1e-5)
  _, forward = jax.jvp(compute, (waveform,), (direction,))
  value, pullback = jax.vjp(compute, waveform)
  weight = np.ones(value.shape, np.float32)
  np.testing.assert_allclose(
    (weight * forward).sum(),
    (pullback(weight)[0] * direction).sum(),
    rtol=1e-4,
  )


def test_ranks_and_dtypes_are_strict():
  with (
    jax.numpy_rank_promotion('raise'),
    jax.numpy_dtype_promotion('strict'),
    jax.debug_nans(True),
  ):
    for name, spec in features.PRESETS.items():
      lengths = np.array([3000, 2500], np.int32)
      values = features.mfcc(noise(2, 3000), spec, lengths)
      assert values.shape[-1] == spec.num_coefficients, name


def test_a_spec_is_static_and_compiled_once():
  spec = dataclasses.replace(SMALL, num_coefficients=3)
  before = features.mfcc._cache_size()
  for _ in range(3):
    features.mfcc(noise(2, 300), dataclasses.replace(spec))
  assert features.mfcc._cache_size() == before + 1


def test_the_other_compressions():
  mel = features.mel_spectrogram(noise(300), SMALL)
  for changes, expected in [
    ({}, np.log(mel + 1e-6)),
    ({'log_offset': 0.0, 'log_floor': 0.3}, np.log(np.maximum(mel, 0.3))),
    ({'compression': 'db'}, 10 * np.log10(mel + 1e-6)),
    ({'compression': 'power'}, (mel + 1e-6) ** (1 / 3)),
    ({'compression': 'power', 'exponent': 0.1}, (mel + 1e-6) ** 0.1),
  ]:
    spec = dataclasses.replace(SMALL, **changes)
    actual = features.log_mel_spectrogram(noise(300), spec)
    np.testing.assert_allclose(actual, expected, rtol=2e-5, atol=2e-5)
    np.testing.assert_array_equal(features.compress(mel, spec), actual)


def test_energies_replace_the_zeroth_coefficient():
  waveform = noise(64)
  plain = features.mfcc(waveform, SMALL)[0]
  spectrum = features.spectrogram(waveform, SMALL)[0]
  for zeroth, energy in [
    ('frame_energy', (waveform**2).sum()),
    ('spectrum_energy', spectrum.sum()),
  ]:
    spec = dataclasses.replace(SMALL, zeroth=zeroth)
    actual = features.mfcc(waveform, spec)[0]
    assert distance(actual[0], np.log(energy + 1e-6)) <= 1e-5
    np.testing.assert_array_equal(actual[1:], plain[1:])


@pytest.mark.parametrize(
  ('lengths', 'words'),
  [
    (np.array([200.0, 300.0]), ['float']),
    (np.array([200, 300, 100]), ['(3,)', '(2, 300)']),
    (np.ones((2, 299), bool), ['(2, 299)', '300']),
  ],
)
def test_bad_lengths_are_refused(lengths, words):
  with pytest.raises(InputError) as error:
    features.mfcc(noise(2, 300), SMALL, lengths)
  assert all(word in str(error.value) for word in words)


@pytest.mark.parametrize(
  ('waveform', 'words'),
  [
    (np.zeros(2000, np.complex64), ['complex64', 'real']),
    (np.zeros(2000, np.int32), ['int32', 'int16']),
    (np.zeros(2000, np.uint8), ['uint8', 'int16']),
    (np.zeros(2000, bool), ['bool']),
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
    ({'log_offset': 0.0}, ['log_offset', 'log_floor', '1e-6']),
    ({'hop_samples': 256.0}, ['hop_samples', '256.0', 'whole']),
    ({'frame_samples': 1023, 'fft_size': 1023}, ['1023', 'even']),
    ({'clip': -1.0}, ['clip', '-1']),
    ({'top_db': 80.0}, ['top_db', '80', "compression='db'"]),
    ({'preemphasis': 1.5}, ['preemphasis', '1.5']),
    ({'padding': 'reflected'}, ['reflected', "'reflect'"]),
    ({'power': 3}, ['power', '3']),
    # Too small for float32, where it would be 0.
    ({'log_offset': 1e-40}, ['log_offset is 1e-40', '1.18e-38']),
    ({'log_offset': 0, 'log_floor': 1e-60}, ['log_floor 1e-60']),
    ({'frame_samples': True}, ['frame_samples is True', 'whole']),
    ({'sample_rate_hz': '16000'}, ["sample_rate_hz is '16000'", 'number']),
    ({'lower_edge_hz': None}, ['lower_edge_hz is None', 'number']),
    ({'preemphasis': None}, ['preemphasis is None', 'number']),
    ({'remove_dc': 'no'}, ["remove_dc is 'no'", 'True or False']),
    ({'clip': np.zeros(())}, ['clip is array', 'number']),
    ({'power': np.array([1, 2])}, ['power is array', 'whole']),
    ({'power': 1.0}, ['power is 1.0', 'whole']),
    # Beyond float32, where they would be infinite or 0.
    ({'spectrum_scale': 1e300}, ['spectrum_scale is 1e+300', '32 bits']),
    ({'spectrum_scale': 1e-300}, ['spectrum_scale is 1e-300', '0 in 32 bits']),
    ({'log_offset': 1e300}, ['log_offset is 1e+300', '32 bits']),
    # Beyond memory.
    ({'fft_size': 2**40}, ['num_mel_bands is 128', 'fft_size 1099511627776']),
    ({'num_mel_bands': 10**9}, ['num_mel_bands is 1000000000', 'lower one']),
    ({'hop_samples': 2**40}, ['hop_samples is 1099511627776', 'at most']),
  ],
)
def test_a_spec_that_contradicts_itself_is_refused(changes, words):
  with pytest.raises(InputError) as error:
    MfccSpec(**changes)
  assert all(word in str(error.value) for word in words)


def test_either_order_of_bytes_is_read():
  """`jax.jit` would take the bytes of floats as they lie."""
  waveform = noise(2, 300)
  lengths = np.array([200, 300])
  other, counts = waveform.astype('>f4'), lengths.astype('>i4')
  np.testing.assert_array_equal(
    features.mfcc(other, SMALL, lengths=counts),
    features.mfcc(waveform, SMALL, lengths),
  )
  state = features.stream_init(SMALL, (2,))
  np.testing.assert_array_equal(
    features.stream_step(state, other, SMALL)[1].values,
    features.stream_step(state, waveform, SMALL)[1].values,
  )
  whole = np.array([[0, 8192, -16384] * 40], '>i2')
  np.testing.assert_array_equal(
    features.mfcc(whole, SMALL), features.mfcc(whole.astype(np.int16), SMALL)
  )


def test_a_name_is_no_spec():
  with pytest.raises(InputError, match=r"spec is 'paper'; give an MfccSpec"):
    features.mfcc(noise(2000), 'paper')


def test_the_least_offset_keeps_silence_finite():
  spec = dataclasses.replace(SMALL, log_offset=2.0**-126)
  value, gradient = jax.value_and_grad(lambda x: features.mfcc(x, spec).sum())(
    np.zeros(200, np.float32)
  )
  assert np.isfinite(value) and np.isfinite(gradient).all()
