"""Spectrogram, log-mel spectrogram and MFCC in jax.numpy.

Loads jax and numpy only, so that other projects can import it alone:

  from sernet_jax import features
  spec = features.MfccSpec()                    # the preset 'paper'
  coefficients = features.mfcc(waveform, spec)  # (..., frames, coefficients)

The chain is the one of Light-SERNet (arXiv 2110.03435) and of `tf.signal`:
frames without padding, periodic window, magnitude of the FFT, triangles on
the HTK mel scale, ln(mel + offset), orthogonal DCT-II without the extra
scale of the zeroth coefficient, clipping.
"""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np

from sernet_jax.spec import InputError, MfccSpec

PRESETS = {
  'paper': MfccSpec(),
  'reference': MfccSpec(window='hann', lower_edge_hz=80.0),
}

_WINDOWS = {'hamming': (0.54, 0.46), 'hann': (0.5, 0.5)}


def num_frames(num_samples: int, spec: MfccSpec) -> int:
  """Frames that fit `num_samples`: 1 + (samples - frame) // hop, or 0."""
  if num_samples < spec.frame_samples:
    return 0
  return 1 + (num_samples - spec.frame_samples) // spec.hop_samples


def window(spec: MfccSpec) -> np.ndarray:
  """Periodic window of shape (frame_samples,), float64."""
  constant, cosine = _WINDOWS[spec.window]
  phase = 2 * np.pi * np.arange(spec.frame_samples) / spec.frame_samples
  return constant - cosine * np.cos(phase)


def mel_matrix(spec: MfccSpec) -> np.ndarray:
  """Weights from magnitude bins to mel bands, (fft_size // 2 + 1, bands).

  Triangles whose corners lie evenly on the scale 1127 ln(1 + f / 700) and
  whose sides are straight in mel, not in Hz; the DC bin gets no weight and
  the triangles are not normalised by their area. float64. The same as
  `tf.signal.linear_to_mel_weight_matrix`, which computes in float32.
  """

  def mel(frequency_hz):
    return 1127.0 * np.log1p(frequency_hz / 700.0)

  bins_hz = np.linspace(0.0, spec.sample_rate_hz / 2, spec.fft_size // 2 + 1)
  corners = np.linspace(
    mel(spec.lower_edge_hz), mel(spec.upper_edge_hz), spec.num_mel_bands + 2
  )
  lower, center, upper = corners[:-2], corners[1:-1], corners[2:]
  bins = mel(bins_hz)[:, None]
  rising = (bins - lower) / (center - lower)
  falling = (upper - bins) / (upper - center)
  weights = np.maximum(0.0, np.minimum(rising, falling))
  weights[0] = 0.0
  return weights


def dct_matrix(spec: MfccSpec) -> np.ndarray:
  """DCT-II times sqrt(2 / bands), (bands, coefficients), float64."""
  bands = spec.num_mel_bands
  band = np.arange(bands)[:, None] + 0.5
  coefficient = np.arange(spec.num_coefficients)
  return np.sqrt(2.0 / bands) * np.cos(np.pi / bands * band * coefficient)


@functools.partial(jax.jit, static_argnames='spec')
def spectrogram(waveform: jax.Array, spec: MfccSpec) -> jax.Array:
  """Magnitude spectrogram.

  Args:
    waveform: (..., samples), floating point, in [-1, 1] by convention.
    spec: the front end.

  Returns:
    (..., frames, fft_size // 2 + 1), float32, at least 0.

  Raises:
    InputError: if the waveform is not real floating point or is shorter than
      one frame.
  """
  frames = _frames(_checked(waveform, spec), spec)
  windowed = frames * _constant(window(spec), frames)
  return jnp.abs(jnp.fft.rfft(windowed, n=spec.fft_size))


@functools.partial(jax.jit, static_argnames='spec')
def log_mel_spectrogram(waveform: jax.Array, spec: MfccSpec) -> jax.Array:
  """ln(mel + log_offset), (..., frames, bands); see `spectrogram`."""
  magnitude = spectrogram(waveform, spec)
  mel = _matmul(magnitude, mel_matrix(spec))
  return jnp.log(mel + spec.log_offset)


@functools.partial(jax.jit, static_argnames='spec')
def mfcc(waveform: jax.Array, spec: MfccSpec) -> jax.Array:
  """Mel-frequency cepstral coefficients, clipped to +-`spec.clip`.

  Args:
    waveform: (..., samples), floating point, in [-1, 1] by convention.
    spec: the front end, e.g. `PRESETS['paper']`.

  Returns:
    (..., frames, coefficients), float32.

  Raises:
    InputError: as `spectrogram`.
  """
  cepstrum = _matmul(log_mel_spectrogram(waveform, spec), dct_matrix(spec))
  return jnp.clip(cepstrum, -spec.clip, spec.clip)


def _checked(waveform: jax.Array, spec: MfccSpec) -> jax.Array:
  waveform = jnp.asarray(waveform)
  if not jnp.issubdtype(waveform.dtype, jnp.floating):
    raise InputError(
      f'waveform has dtype {waveform.dtype}; give real floating point samples, '
      'such as 16-bit integers divided by 32768'
    )
  if waveform.ndim == 0 or waveform.shape[-1] < spec.frame_samples:
    raise InputError(
      f'waveform has shape {waveform.shape}; its last axis must hold at least '
      f'one frame of {spec.frame_samples} samples, so pad it'
    )
  return waveform.astype(jnp.promote_types(waveform.dtype, jnp.float32))


def _frames(waveform: jax.Array, spec: MfccSpec) -> jax.Array:
  """Overlapping frames, (..., frames, frame_samples)."""
  count = num_frames(waveform.shape[-1], spec)
  hop, length = spec.hop_samples, spec.frame_samples
  if length % hop == 0:
    # Slices of whole hops laid side by side cost no gather.
    hops = waveform[..., : (count - 1) * hop + length]
    hops = hops.reshape(*waveform.shape[:-1], -1, hop)
    parts = [hops[..., i : i + count, :] for i in range(length // hop)]
    return jnp.concatenate(parts, axis=-1)
  index = np.arange(count)[:, None] * hop + np.arange(length)
  return waveform[..., index]


def _constant(table: np.ndarray, like: jax.Array) -> jax.Array:
  """A float64 table in the dtype of `like`."""
  return jnp.asarray(table, like.dtype)


def _matmul(x: jax.Array, table: np.ndarray) -> jax.Array:
  # HIGHEST keeps float32 on accelerators whose default is tf32 or bfloat16.
  return jnp.matmul(x, _constant(table, x), precision=jax.lax.Precision.HIGHEST)
