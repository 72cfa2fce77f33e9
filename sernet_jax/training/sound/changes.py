"""Random changes of a batch of mel bands, and the features made of it.

Shapes in comments: b examples, t frames, m bands.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from sernet_jax.features import augment, kinds, spectral
from sernet_jax.training.sound import bands
from sernet_jax.training.sound.spec import SoundSpec

# Frequencies of a telephone's and a codec's band, drawn evenly between.
_LOW_HZ, _HIGH_HZ = (50.0, 350.0), (3_300.0, 7_000.0)
_ROOM_S, _WET = (0.1, 1.0), (0.02, 1.0)
_SNR_DB = (0.0, 30.0)
# Concentration of Freq-MixStyle's share, as its authors have it.
_MIXSTYLE_ALPHA = 0.3


def factors(key: jax.Array, change: float, num: int) -> jax.Array:
  """Draws factors from 1 / (1 + change) to 1 + change, even in logarithm."""
  exponent = jax.random.uniform(key, (num,), minval=-1.0, maxval=1.0)
  return (1.0 + change) ** exponent


def mixed(
  key: jax.Array,
  mel: jax.Array,
  own: jax.Array,
  targets: jax.Array,
  mask: jax.Array,
  alpha: float,
) -> tuple[jax.Array, jax.Array, jax.Array]:
  """Blends two examples and their targets; the longer one's frames count."""
  partner, share = _blend(key, mask, alpha)
  weight = share[:, None, None]
  mel = weight * mel + (1 - weight) * mel[partner]
  # An example that nothing was mixed into keeps its own frames.
  other = jnp.where((share < 1)[:, None], own[partner], 0.0)
  share = share[:, None]
  targets = share * targets + (1 - share) * targets[partner]
  return mel, jnp.maximum(own, other), targets


def _blend(
  key: jax.Array, mask: jax.Array, alpha: float
) -> tuple[jax.Array, jax.Array]:
  """Draws a partner and the own share of each example; 1 beside padding."""
  partner_key, share_key = jax.random.split(key)
  partner = jax.random.permutation(partner_key, len(mask))
  share = jax.random.beta(share_key, alpha, alpha, mask.shape, jnp.float32)
  return partner, jnp.where(mask * mask[partner] > 0, share, 1.0)


def of_sound(
  keys: jax.Array,
  mel: jax.Array,
  own: jax.Array,
  speed: jax.Array,
  spec: SoundSpec,
) -> jax.Array:
  """Applies what voice, room, noise, line and level do; (b, t, m)."""
  change, front = spec.augment, spec.mfcc
  num = len(mel)
  if change.speed or change.warp:
    factor = speed * factors(keys[0], change.warp, num)
    mel = bands.warp(mel, factor, front)
  if change.room:
    draw = jax.random.uniform(keys[1], (3, num))
    decay_s = _ROOM_S[0] * (_ROOM_S[1] / _ROOM_S[0]) ** draw[0]
    wet = _WET[0] * (_WET[1] / _WET[0]) ** draw[1]
    wet = jnp.where(draw[2] < change.room, wet, 0.0)
    hop_s = front.hop_samples / front.sample_rate_hz
    mel = bands.add_room(mel, decay_s, wet, hop_s)
  if change.noise:
    draw_key, noise_key = jax.random.split(keys[2])
    draw = jax.random.uniform(draw_key, (2, num))
    snr_db = _SNR_DB[0] + (_SNR_DB[1] - _SNR_DB[0]) * draw[0]
    # 120 dB below the speech, noise changes nothing.
    snr_db = jnp.where(draw[1] < change.noise, snr_db, 120.0)
    mel = bands.add_noise(noise_key, mel, own, snr_db)
  draw = jax.random.uniform(keys[3], (4, num))
  if change.narrow_band:
    chosen = draw[0] < change.narrow_band
    low_hz = _LOW_HZ[0] + (_LOW_HZ[1] - _LOW_HZ[0]) * draw[1]
    high_hz = _HIGH_HZ[0] + (_HIGH_HZ[1] - _HIGH_HZ[0]) * draw[2]
    low_hz = jnp.where(chosen, low_hz, 0.0)
    high_hz = jnp.where(chosen, high_hz, front.sample_rate_hz / 2)
    mel = bands.limit_band(mel, low_hz, high_hz, front)
  if change.gain_db:
    gain_db = change.gain_db * (2 * draw[3] - 1)
    mel = mel * (10.0 ** (gain_db / 20.0))[:, None, None]
  return mel * own[..., None]


def coefficients(
  keys: jax.Array,
  mel: jax.Array,
  own: jax.Array,
  mask: jax.Array,
  spec: SoundSpec,
) -> jax.Array:
  """Compresses the bands, mixes statistics, masks, and applies the DCT."""
  change = spec.augment
  values = spectral.compress(mel, spec.mfcc)  # (b, t, m)
  if change.mixstyle:
    draw_key, blend_key = jax.random.split(keys[0])
    partner, share = _blend(blend_key, mask, _MIXSTYLE_ALPHA)
    chosen = jax.random.uniform(draw_key, mask.shape) < change.mixstyle
    share = jnp.where(chosen, share, 1.0)
    values = bands.mix_statistics(values, own, partner, share)
  if change.time_masks or change.band_masks:
    count = jnp.maximum(own.sum(axis=1), 1.0)[:, None, None]
    mean = (values * own[..., None]).sum(axis=1, keepdims=True) / count
    # Masks lie where the utterance does, which padding may precede.
    first = jnp.argmax(own > 0, axis=1)
    behind = jnp.argmax(own[:, ::-1] > 0, axis=1)
    # The fill is 0, so that a hidden cell has the mean of its band.
    off = augment.spec_augment(
      keys[1],
      values - mean,
      own.shape[1] - behind - first,
      change.time_masks,
      min(change.time_mask_frames, spec.num_frames),
      change.band_masks,
      min(change.band_mask_bands, spec.mfcc.num_mel_bands),
      first_frames=first,
    )
    values = mean + off
  # Frames of nobody are silence, as zeros in the waveform would be.
  silence = spectral.compress(jnp.zeros((1, 1, 1), mel.dtype), spec.mfcc)
  values = jnp.where(own[..., None] > 0, values, silence)
  frames = own.sum(axis=1).astype(jnp.int32) if spec.masked else None
  return kinds.KINDS[spec.kind].finish(values, spec.mfcc, frames)
