"""Mel scales and triangular filters, as numpy tables in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

SCALES = ('htk', 'slaney')
SIDES = ('mel', 'hz', 'bins')
AREAS = ('none', 'slaney')

# The Slaney scale is linear up to 1 kHz (15 mel) and logarithmic above.
_HZ_PER_MEL = 200.0 / 3.0
_KNEE_HZ = 1000.0
_KNEE_MEL = _KNEE_HZ / _HZ_PER_MEL
_LOG_STEP = np.log(6.4) / 27.0


def from_hz(frequency_hz: npt.ArrayLike, scale: str) -> np.ndarray:
  """Converts frequencies in Hz to mel.

  'htk' is 1127 ln(1 + f / 700); 'slaney' is that of the Auditory Toolbox.
  """
  return from_hz_in(np, np.asarray(frequency_hz, np.float64), scale)


def from_hz_in(library: Any, frequency_hz: Any, scale: str) -> Any:
  """Computes `from_hz` of an array of numpy or jax.numpy, in its type."""
  if scale == 'htk':
    return 1127.0 * library.log1p(frequency_hz / 700.0)
  above = library.maximum(frequency_hz, _KNEE_HZ) / _KNEE_HZ
  logarithmic = _KNEE_MEL + library.log(above) / _LOG_STEP
  linear = frequency_hz / _HZ_PER_MEL
  return library.where(frequency_hz < _KNEE_HZ, linear, logarithmic)


def to_hz(value: npt.ArrayLike, scale: str) -> np.ndarray:
  """Converts mel values to frequencies in Hz; the inverse of `from_hz`."""
  value = np.asarray(value, np.float64)
  if scale == 'htk':
    return 700.0 * np.expm1(value / 1127.0)
  above = np.maximum(value, _KNEE_MEL) - _KNEE_MEL
  logarithmic = _KNEE_HZ * np.exp(_LOG_STEP * above)
  return np.where(value < _KNEE_MEL, value * _HZ_PER_MEL, logarithmic)


def triangles(
  sample_rate_hz: float,
  fft_size: int,
  num_bands: int,
  lower_edge_hz: float,
  upper_edge_hz: float,
  scale: str = 'htk',
  sides: str = 'mel',
  area: str = 'none',
  half_bin: bool = False,
) -> np.ndarray:
  """Returns the weights from FFT bins to mel bands.

  The corners of the triangles are evenly spaced on the scale; each triangle
  rises from the center of the band below it to 1 and falls to the center of
  the band above it.

  Args:
    sample_rate_hz: of the waveform.
    fft_size: an even number.
    num_bands: number of triangles.
    lower_edge_hz: first corner.
    upper_edge_hz: last corner.
    scale: one of `SCALES`.
    sides: what the sides of a triangle are straight in: 'mel'; 'hz'; or
      'bins', which rounds the corners down to bins of an FFT that is one
      sample longer, as python_speech_features does.
    area: 'slaney' divides a triangle by half its width in Hz.
    half_bin: leave out bins that lie less than half a bin above the lower
      edge, as TensorFlow's `Mfcc` op does.

  Returns:
    float64 (fft_size // 2 + 1, num_bands).
  """
  num_bins = fft_size // 2 + 1
  bins_hz = np.linspace(0.0, sample_rate_hz / 2, num_bins)
  corners = np.linspace(
    from_hz(lower_edge_hz, scale), from_hz(upper_edge_hz, scale), num_bands + 2
  )
  corners_hz = to_hz(corners, scale)
  # x, of the bins, and corners: in the unit in which the sides are straight.
  if sides == 'mel':
    x = from_hz(bins_hz, scale)
  elif sides == 'hz':
    x, corners = bins_hz, corners_hz
  else:
    x = np.arange(num_bins, dtype=np.float64)
    corners = np.floor((fft_size + 1) * corners_hz / sample_rate_hz)
  x = x[:, None]  # (bins, 1), against corners (bands,)
  lower, center, upper = corners[:-2], corners[1:-1], corners[2:]
  # Both (bins, bands). Each side goes on as a straight line, above 1 on the
  # far side of the center, where the other one is the smaller.
  with np.errstate(divide='ignore', invalid='ignore'):
    rising = (x - lower) / (center - lower)
    falling = (upper - x) / (upper - center)
  if sides == 'bins':  # Corners may coincide, so each side has its own range.
    left = (lower <= x) & (x < center)
    right = (center <= x) & (x < upper)
    weights = np.where(left, rising, 0.0) + np.where(right, falling, 0.0)
  else:
    weights = np.maximum(0.0, np.minimum(rising, falling))
  weights[0] = 0.0  # no band holds DC
  if half_bin:
    # The op's own expression: bin + 1 of the lower edge, rounded.
    weights[: int(1.5 + lower_edge_hz * fft_size / sample_rate_hz)] = 0.0
  if area == 'slaney':  # a flat spectrum gives all bands the same
    weights *= 2.0 / (corners_hz[2:] - corners_hz[:-2])
  return weights


def empty_bands(weights: np.ndarray) -> tuple[int, ...]:
  """Returns the indices of the bands that no bin contributes to."""
  return tuple(np.flatnonzero(~weights.any(axis=0)).tolist())
