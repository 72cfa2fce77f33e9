"""Training examples cut and changed on the device."""

from __future__ import annotations

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sernet_jax import features
from sernet_jax.common.errors import InputError
from sernet_jax.features.spec import MfccSpec
from sernet_jax.training.sound import bands, examples
from sernet_jax.training.sound.augment_spec import AugmentSpec
from sernet_jax.training.sound.corpus import Sound
from sernet_jax.training.sound.spec import SoundSpec

MFCC = MfccSpec(
  frame_samples=256,
  hop_samples=128,
  fft_size=256,
  num_mel_bands=16,
  num_coefficients=8,
)
HALF = dataclasses.replace(MFCC, hop_samples=64)
# Utterances of 0.2 to 0.02 s: 24, 11, 5 and 1 frames.
SAMPLES = (3200, 1536, 800, 320)
FRAMES = 12


@pytest.fixture(scope='module')
def waveforms():
  random = np.random.default_rng(0)
  return [random.normal(size=n).astype(np.float32) / 4 for n in SAMPLES]


@pytest.fixture(scope='module')
def sound(waveforms):
  mels = [np.asarray(features.mel_spectrogram(w, HALF)) for w in waveforms]
  rows = np.array([len(m) for m in mels], np.int32)
  return Sound(
    features=np.zeros((4, 1, 1), np.float32),
    frames=np.ones(4, np.int32),
    mels=np.concatenate(mels),
    starts=np.concatenate([[0], np.cumsum(rows)[:-1]]).astype(np.int32),
    rows=rows,
    speakers=np.array([0, 0, 1, 1], np.int32),
  )


def spec(crop='center', masked=True, kind='mfcc', **changes):
  return SoundSpec(kind, MFCC, FRAMES, crop, masked, AugmentSpec(**changes))


@functools.cache
def compiled(fixed):
  return jax.jit(functools.partial(examples.make, spec=fixed))


SEGMENTS = jnp.array([0, 1, 2, 3])
# Two classes; 0 and 2 share one, and so do 1 and 3.
TARGETS = jax.nn.one_hot(jnp.array([0, 1, 0, 1]), 2)
ALL = jnp.ones(4)


def make(sound, fixed, seed=0, mask=ALL):
  key = jax.random.key(seed)
  return compiled(fixed)(key, sound, SEGMENTS, TARGETS, mask)


def test_unchanged_examples_are_the_features(sound, waveforms):
  found = make(sound, spec())
  assert found.frames.tolist() == [12, 11, 5, 1]
  np.testing.assert_array_equal(found.targets, TARGETS)
  for index, waveform in enumerate(waveforms):
    expected = np.asarray(features.mfcc(waveform, MFCC))
    first = max(0, len(expected) - FRAMES) // 2  # the middle of a longer one
    own = int(found.frames[index])
    np.testing.assert_allclose(
      found.x[index, :own], expected[first : first + own], atol=2e-5
    )


@pytest.mark.parametrize('crop', ['center', 'random'])
def test_phonemes_are_the_last_column_whatever_is_cut(sound, crop):
  said = np.arange(4 * 20, dtype=np.int32).reshape(4, 20)
  made = compiled(spec(crop))(
    jax.random.key(0),
    sound._replace(phonemes=said),
    np.array([2, 0], np.int32),
    np.eye(2, dtype=np.float32),
    np.ones(2, np.float32),
  )
  assert made.x.shape == (2, FRAMES, MFCC.num_coefficients + 1)
  np.testing.assert_array_equal(made.x[..., -1], said[[2, 0], :FRAMES])


def test_a_random_crop_is_somewhere_in_the_utterance(sound, waveforms):
  whole = np.asarray(features.mfcc(waveforms[0], HALF))  # every half hop
  begins = set()
  for seed in range(8):
    x = np.asarray(make(sound, spec('random'), seed).x[0])
    distance = [np.abs(whole[k : k + 24 : 2] - x).max() for k in range(25)]
    begins.add(int(np.argmin(distance)))
    assert min(distance) < 2e-5
  assert len(begins) > 3


def test_without_masks_a_short_utterance_lies_in_silence(sound):
  found = make(sound, spec('random', masked=False))
  silence = features.mfcc(np.zeros(256, np.float32), MFCC)[0]
  x = np.asarray(found.x[3])
  silent = np.isclose(x, silence, atol=1e-4).all(axis=1)
  assert silent.sum() == FRAMES - 1
  places = {
    int(
      np.argmin(
        np.isclose(
          make(sound, spec('random', masked=False), seed).x[3],
          silence,
          atol=1e-4,
        ).all(axis=1)
      )
    )
    for seed in range(6)
  }
  assert len(places) > 1


def test_speed_changes_how_many_frames_there_are(sound):
  found = [make(sound, spec(speed=0.5), seed) for seed in range(12)]
  counts = {int(each.frames[1]) for each in found}
  assert min(counts) < 11 <= max(counts)
  assert all(int(each.frames[3]) == 1 for each in found)


def test_joined_utterances_are_of_one_class_and_two_speakers(sound, waveforms):
  found = make(sound, spec(join=1.0))
  # 2 (5 frames) is followed by 0, 3 (1 frame) by 1.
  assert found.frames.tolist() == [12, 12, 12, 12]
  for index, partner, own in ((2, 0, 5), (3, 1, 1)):
    other = np.asarray(features.mfcc(waveforms[partner], MFCC))
    np.testing.assert_allclose(
      found.x[index, own:], other[: FRAMES - own], atol=2e-5
    )
  np.testing.assert_array_equal(found.targets, TARGETS)


@pytest.mark.parametrize(
  'changes', [{'join': 1.0}, {'mixup': 5.0}, {'mixstyle': 1.0}]
)
def test_padding_is_never_mixed_into_an_example(sound, changes):
  """Padding repeats utterance 0, which may be a test's."""
  mask = jnp.array([0.0, 1.0, 1.0, 1.0])
  other = sound._replace(
    mels=np.concatenate(
      [sound.mels[: sound.rows[0]] * 9, sound.mels[sound.rows[0] :]]
    )
  )
  for seed in range(4):
    one, two = (make(s, spec(**changes), seed, mask) for s in (sound, other))
    np.testing.assert_array_equal(one.x[1:], two.x[1:])
    np.testing.assert_array_equal(one.targets[1:], two.targets[1:])


def test_mixup_blends_sounds_and_labels_alike(sound):
  found = make(sound, spec(kind='log_mel', mixup=5.0))
  plain = make(sound, spec(kind='log_mel'))
  np.testing.assert_allclose(found.targets.sum(axis=1), 1.0, rtol=1e-6)
  mixed = np.flatnonzero(np.abs(found.targets - TARGETS).max(axis=1) > 0.01)
  assert mixed.size
  for index in mixed:
    share = float(found.targets[index] @ TARGETS[index])
    linear = np.exp(np.asarray(plain.x)) - MFCC.log_offset  # (b, t, m)
    others = [share * linear[index] + (1 - share) * linear[k] for k in range(4)]
    x = np.exp(np.asarray(found.x[index])) - MFCC.log_offset
    own = int(found.frames[index])
    assert min(np.abs(o[:own] - x[:own]).max() for o in others) < 1e-3


def test_gain_moves_the_level_alone(sound):
  plain = make(sound, spec(kind='log_mel'))
  found = make(sound, spec(kind='log_mel', gain_db=12.0))
  for index in range(4):
    own = int(found.frames[index])
    shift = np.asarray(found.x[index, :own] - plain.x[index, :own])
    assert shift.std() < 1e-2
    assert 0.01 < abs(shift.mean()) <= np.log(10 ** (12 / 20)) + 1e-3


def test_masks_hide_bands_and_frames(sound):
  fixed = spec(
    kind='log_mel',
    time_masks=2,
    time_mask_frames=4,
    band_masks=2,
    band_mask_bands=4,
  )
  plain, found = make(sound, spec(kind='log_mel')), make(sound, fixed)
  changed = np.abs(np.asarray(found.x - plain.x)[0]) > 1e-4
  assert 0 < changed.mean() < 0.7
  hidden = changed.all(axis=0) | (changed.mean(axis=0) > 0.6)
  assert hidden.sum() <= 8


@pytest.mark.parametrize('crop', ['center', 'random'])
def test_masks_hide_the_same_frames_of_an_utterance_amid_padding(sound, crop):
  """Wherever it lies where padding is heard, as where it begins at once."""
  masks = {'time_masks': 3, 'time_mask_frames': 4}
  hidden = 0
  for seed in range(4):
    seen = {}
    for masked in (True, False):
      plain = make(sound, spec(crop, masked, 'log_mel'), seed)
      found = make(sound, spec(crop, masked, 'log_mel', **masks), seed)
      changed = (np.abs(found.x - plain.x) > 1e-4).any(axis=2)  # (4, frames)
      silence = np.log(np.float32(MFCC.log_offset))
      heard = (np.abs(plain.x - silence) > 1e-3).any(axis=2)
      seen[masked] = [
        (np.flatnonzero(row) - np.flatnonzero(own)[0]).tolist()
        for row, own in zip(changed, heard, strict=True)
      ]
    assert seen[False] == seen[True]
    hidden += len(seen[True][2])
  assert hidden > 0


def test_a_key_gives_the_same_bits_whatever_else_is_drawn(sound):
  fixed = spec('random', speed=0.1, warp=0.1, noise=0.5, room=0.5, mixstyle=0.5)
  one, two = (make(sound, fixed, 3) for _ in range(2))
  np.testing.assert_array_equal(one.x, two.x)
  assert np.abs(one.x - make(sound, fixed, 4).x).max() > 0.01
  assert np.isfinite(one.x).all()


def test_a_warp_moves_a_tone_as_far_as_its_factor_says():
  spec_128 = MfccSpec()
  time = np.arange(16_000) / 16_000

  def tone(hz):
    wave = np.sin(2 * np.pi * hz * time).astype(np.float32)
    return features.mel_spectrogram(wave, spec_128)[None]

  factors = jnp.array([1.25])
  warped = np.asarray(bands.warp(tone(800.0), factors, spec_128))[0]
  expected = np.asarray(tone(1000.0))[0]
  assert abs(int(warped[20].argmax()) - int(expected[20].argmax())) <= 1
  same = bands.warp(tone(800.0), jnp.array([1.0]), spec_128)
  np.testing.assert_allclose(same, tone(800.0), rtol=1e-3, atol=1e-3)


def test_noise_has_the_power_that_is_asked_for():
  values = jnp.ones((2, 50, 16))
  own = jnp.ones((2, 50))
  noisy = bands.add_noise(
    jax.random.key(0), values, own, jnp.array([0.0, 20.0])
  )
  added = np.asarray(jnp.square(noisy) - 1).mean(axis=(1, 2))
  np.testing.assert_allclose(added, [1.0, 0.01], rtol=0.2)


def test_a_room_adds_a_tail_that_decays():
  click = jnp.zeros((1, 60, 1)).at[0, 10].set(1.0)
  decay_s, wet, hop_s = 0.3, 0.5, 0.016
  tail = (
    np.asarray(
      bands.add_room(click, jnp.array([decay_s]), jnp.array([wet]), hop_s)
    )[0, :, 0]
    ** 2
  )
  assert not tail[:10].any()
  np.testing.assert_allclose(tail[10], 1.0)
  np.testing.assert_allclose(tail[11:].sum(), wet, rtol=0.01)
  # 60 dB in decay_s.
  np.testing.assert_allclose(
    10 * np.log10(tail[12] / tail[22]), 60 * 10 * hop_s / decay_s, rtol=1e-3
  )


def test_a_narrow_band_keeps_what_is_inside():
  found = bands.limit_band(
    jnp.ones((1, 1, 128)), jnp.array([300.0]), jnp.array([3400.0]), MfccSpec()
  )[0, 0]
  np.testing.assert_allclose(np.unique(found), [0.001, 1.0])
  hz = np.asarray(features.mel_matrix(MfccSpec())).argmax(axis=0) * 15.625
  kept = hz[np.asarray(found) == 1.0]
  assert 280 < kept.min() < 340
  assert 3300 < kept.max() < 3420


def test_mixed_statistics_are_between_those_of_two():
  random = np.random.default_rng(5)
  values = random.normal(size=(2, 30, 4)).astype(np.float32)
  values = jnp.asarray(values).at[1].add(5.0)
  own = jnp.ones((2, 30))
  found = bands.mix_statistics(
    values, own, jnp.array([1, 0]), jnp.array([0.25, 1.0])
  )
  np.testing.assert_allclose(
    found[0].mean(axis=0),
    0.25 * values[0].mean(axis=0) + 0.75 * values[1].mean(axis=0),
    rtol=1e-4,
  )
  np.testing.assert_allclose(found[1], values[1], atol=1e-4)


def test_front_ends_that_cannot_be_cut_by_frames_are_refused():
  for change, word in (
    ({'padding': 'zeros'}, 'padding'),
    ({'compression': 'db', 'top_db': 80.0}, 'top_db'),
    ({'zeroth': 'frame_energy'}, 'zeroth'),
  ):
    front = dataclasses.replace(MFCC, **change)
    with pytest.raises(InputError, match=word):
      SoundSpec('mfcc', front, FRAMES, 'random', True, AugmentSpec())
  with pytest.raises(InputError, match=r'features\.kind'):
    SoundSpec('spectrogram', MFCC, FRAMES, 'random', True, AugmentSpec())


@pytest.mark.parametrize(
  ('field', 'value'),
  [('speed', 1.0), ('warp', -0.1), ('join', 1.5), ('time_masks', -1)],
)
def test_settings_that_make_no_sense_are_refused(field, value):
  with pytest.raises(InputError, match=rf'augment\.{field}'):
    AugmentSpec(**{field: value})


def test_defaults_change_nothing():
  assert not AugmentSpec().any
  assert AugmentSpec(speed=0.1).any
  assert AugmentSpec(band_masks=1).any
