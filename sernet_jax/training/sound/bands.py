"""Changes of mel bands: pure functions, the random key first.

They work on bands before the logarithm, where a change of a voice, a room or
a line is a product or a sum, and before the DCT, behind which a band is no
longer one number. Shapes in comments: b examples, t frames, m bands.
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np

from sernet_jax.features import mel
from sernet_jax.features.spec import MfccSpec

# Power of a band relative to the mean power, below which noise hides nothing.
_LEAST_POWER = 1e-12
_EPSILON = 1e-6


def warp(values: jax.Array, factor: jax.Array, spec: MfccSpec) -> jax.Array:
  """Moves the spectrum along the frequency axis: shorter or longer throats.

  Band m takes the value at its center frequency divided by the factor, between
  the two bands next to it (vocal tract length perturbation, Jaitly & Hinton
  2013, on mel bands instead of FFT bins); what would lie beyond the last band
  is the last band's.

  Args:
    values: (batch, frames, bands), at least 0.
    factor: (batch,), above 1 for higher formants.
    spec: of the bands.

  Returns:
    The shape of `values`.
  """
  bands = spec.num_mel_bands
  centers, step = _centers(spec)
  hz = jnp.asarray(mel.to_hz(centers, spec.mel_scale), values.dtype)
  # (b, m)
  wanted = mel.from_hz_in(jnp, hz / factor[:, None], spec.mel_scale)
  position = (wanted - centers[0]) / step
  position = jnp.clip(position, 0, bands - 1)
  # Weights of the two neighbors as a matrix: (b, from, to).
  distance = jnp.abs(position[:, None, :] - jnp.arange(bands)[None, :, None])
  matrix = jnp.maximum(0.0, 1.0 - distance)
  return jnp.einsum(
    'btm,bmn->btn', values, matrix, precision=jax.lax.Precision.HIGHEST
  )


def _centers(spec: MfccSpec) -> tuple[np.ndarray, float]:
  """Centers of the bands on the mel scale, (m,), and what lies between two."""
  low, high = mel.from_hz(
    [spec.lower_edge_hz, spec.upper_edge_hz], spec.mel_scale
  )
  corners = np.linspace(low, high, spec.num_mel_bands + 2)
  return corners[1:-1], float(corners[1] - corners[0])


def add_noise(
  key: jax.Array, values: jax.Array, own: jax.Array, snr_db: jax.Array
) -> jax.Array:
  """Adds noise of a random color to the power of the bands.

  Noise and speech are taken as uncorrelated, so that their powers add. The
  color is a straight line in decibels over the bands, up to 15 dB above and
  below at its ends; a band's level varies from frame to frame by some 1.5 dB.

  Args:
    key: random key.
    values: (batch, frames, bands) of magnitudes.
    own: (batch, frames) of 0 and 1, the frames that hold the utterance.
    snr_db: (batch,), power of the utterance over that of the noise.

  Returns:
    The shape of `values`.
  """
  color_key, level_key = jax.random.split(key)
  bands = values.shape[-1]
  power = jnp.square(values)
  count = jnp.maximum(own.sum(axis=1), 1.0) * bands  # (b,)
  mean = (power * own[..., None]).sum(axis=(1, 2)) / count  # (b,)
  tilt_db = jax.random.uniform(
    color_key, (len(values), 1), minval=-15.0, maxval=15.0
  )
  color = 10.0 ** (tilt_db / 10.0 * jnp.linspace(-1.0, 1.0, bands))  # (b, m)
  color /= color.mean(axis=1, keepdims=True)
  level = jnp.maximum(mean * 10.0 ** (-snr_db / 10.0), _LEAST_POWER)  # (b,)
  wobble = jnp.exp(0.35 * jax.random.normal(level_key, values.shape))
  noise = level[:, None, None] * color[:, None] * wobble
  return jnp.sqrt(power + noise)


def add_room(
  values: jax.Array, decay_s: jax.Array, wet: jax.Array, hop_s: float
) -> jax.Array:
  """Adds the tail of a room: each band decays exponentially.

  Args:
    values: (batch, frames, bands) of magnitudes.
    decay_s: (batch,), time in which the tail falls by 60 dB.
    wet: (batch,), energy of the whole tail over that of the direct sound.
    hop_s: seconds from frame to frame.

  Returns:
    The shape of `values`.
  """
  frames = values.shape[1]
  lag = np.arange(frames)[:, None] - np.arange(frames)[None]  # (to, from)
  # 60 dB are a factor of 1e6 of power.
  rate = math.log(1e6) * hop_s / decay_s  # of power, a frame
  tail = jnp.where(
    lag > 0, jnp.exp(-rate[:, None, None] * np.maximum(lag, 0)), 0
  )
  # The sum of a whole tail is 1 / (exp(rate) - 1).
  tail = tail * (jnp.expm1(rate) * wet)[:, None, None]
  power = jnp.square(values)
  return jnp.sqrt(power + jnp.einsum('bts,bsm->btm', tail, power))


def limit_band(
  values: jax.Array,
  low_hz: jax.Array,
  high_hz: jax.Array,
  spec: MfccSpec,
  floor: float = 1e-3,
) -> jax.Array:
  """Keeps a band of frequencies, as a telephone or a codec does.

  Args:
    values: (batch, frames, bands).
    low_hz: (batch,), lower edge.
    high_hz: (batch,), upper edge.
    spec: of the bands.
    floor: factor outside.

  Returns:
    The shape of `values`.
  """
  centers, _ = _centers(spec)
  hz = mel.to_hz(centers, spec.mel_scale)  # (m,)
  inside = (hz >= low_hz[:, None]) & (hz <= high_hz[:, None])  # (b, m)
  return values * jnp.where(inside, 1.0, floor)[:, None]


def mix_statistics(
  log_mel: jax.Array, own: jax.Array, partner: jax.Array, share: jax.Array
) -> jax.Array:
  """Gives each band a mean and deviation between two utterances'.

  Freq-MixStyle (Kim et al., arXiv 2206.12513): what a voice and a microphone
  have in common over an utterance is exchanged, what happens in time stays.

  Args:
    log_mel: (batch, frames, bands).
    own: (batch, frames) of 0 and 1.
    partner: int32 (batch,), whose statistics are mixed in.
    share: (batch,), of the utterance's own statistics; 1 changes nothing.

  Returns:
    The shape of `log_mel`.
  """
  weight = own[..., None]
  count = jnp.maximum(own.sum(axis=1), 1.0)[:, None]  # (b, 1)
  mean = (log_mel * weight).sum(axis=1) / count  # (b, m)
  off = (log_mel - mean[:, None]) * weight
  deviation = jnp.sqrt(jnp.square(off).sum(axis=1) / count + _EPSILON)
  share = share[:, None]
  new_mean = share * mean + (1 - share) * mean[partner]
  new_deviation = share * deviation + (1 - share) * deviation[partner]
  ratio = new_deviation / deviation
  return (log_mel - mean[:, None]) * ratio[:, None] + new_mean[:, None]
