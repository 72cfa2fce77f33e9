"""Constant tables of the front end, in numpy and float64."""

from __future__ import annotations

import numpy as np

from sernet_jax.features.spec import MfccSpec

# Name -> (a, b, exponent) of (a - b cos) ** exponent.
_COSINE_WINDOWS = {
  'hamming': (0.54, 0.46, 1.0),
  'hann': (0.5, 0.5, 1.0),
  'povey': (0.5, 0.5, 0.85),
  'rectangular': (1.0, 0.0, 1.0),
}


def window(spec: MfccSpec) -> np.ndarray:
  """Returns the window, (frame_samples,)."""
  constant, cosine, exponent = _COSINE_WINDOWS[spec.window]
  length = spec.frame_samples
  period = length if spec.window_periodic else max(length - 1, 1)
  phase = 2 * np.pi * np.arange(length) / period
  shape = constant - cosine * np.cos(phase)
  return shape if exponent == 1.0 else np.maximum(shape, 0.0) ** exponent


def mel_matrix(spec: MfccSpec) -> np.ndarray:
  """Returns the weights from FFT bins to mel bands, (bins, bands).

  At the defaults: triangles with evenly spaced corners on the scale
  1127 ln(1 + f / 700) and with straight sides in mel, not in Hz; the DC bin
  has no weight, and the triangles are not normalized by their area. The same
  as `tf.signal.linear_to_mel_weight_matrix`, which computes in float32.
  """
  return spec.mel_weights()


_GROUP_BANDS = 32


def mel_groups(spec: MfccSpec) -> list[tuple[int, np.ndarray]]:
  """Returns `mel_matrix` in parts, without most of its zeros.

  Returns:
    For each 32 bands, lowest first: their lowest bin, and their weights
    (bins, bands) from there to their highest bin.
  """
  matrix, groups = mel_matrix(spec), []
  for start in range(0, spec.num_mel_bands, _GROUP_BANDS):
    part = matrix[:, start : start + _GROUP_BANDS]
    bins = np.flatnonzero(part.any(axis=1))
    first, last = (bins[0], bins[-1]) if bins.size else (0, 0)
    groups.append((int(first), part[first : last + 1]))
  return groups


def dct_matrix(spec: MfccSpec) -> np.ndarray:
  """Returns the DCT-II times sqrt(2 / bands), (bands, coefficients).

  `spec.dct` and `spec.lifter` scale its columns.
  """
  bands = spec.num_mel_bands
  band = np.arange(bands)[:, None] + 0.5
  coefficient = np.arange(spec.num_coefficients)
  matrix = np.sqrt(2.0 / bands) * np.cos(np.pi / bands * band * coefficient)
  if spec.dct == 'ortho':
    matrix[:, 0] *= np.sqrt(0.5)
  if spec.lifter > 0:
    angle = np.pi * coefficient / spec.lifter
    matrix *= 1.0 + spec.lifter / 2 * np.sin(angle)
  return matrix
