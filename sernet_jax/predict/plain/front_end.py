"""The front end in the operations of `protocol`: waveform to coefficients.

- The scale is interpolated linearly between the greatest absolute values, as
  `numpy.percentile` does it.
- The FFT of N = A * B samples is two small matrix products with a twiddle
  factor between them (Cooley and Tukey 1965). With n = B n1 + n2, k = k1 + A k2
  and W_M = exp(-2 pi i / M):

    X[k1 + A k2] = sum_n2 W_B^(n2 k2) W_N^(n2 k1) sum_n1 W_A^(n1 k1) x[n1, n2]

  A real frame's bins above the middle mirror those below, so A / 2 + 1 of the
  A columns k1 are enough.
"""

from __future__ import annotations

import functools
import math

import numpy as np

from sernet_jax.audio.spec import EPSILON, PERCENTILE
from sernet_jax.features.spec import MfccSpec, num_frames
from sernet_jax.features.tables import dct_matrix, mel_matrix, window
from sernet_jax.predict.plain.protocol import Emitter, Value

TAIL = round(1 - PERCENTILE / 100, 9)  # of the samples, above the percentile


_mel_matrix = functools.lru_cache(maxsize=4)(
  mel_matrix
)  # takes 1/5 of numpy's time


def scaled(out: Emitter, x: Value, num_samples: int) -> Value:
  """Computes clip(x / (percentile of abs(x) + eps), -1, 1): `audio.prepare`.

  The percentile is that of the samples from the first to the last one that
  is not 0, so zeros around a short recording change nothing.
  """
  # Ranks from the top, up to the one above the percentile of all samples.
  ranks = np.arange(math.floor(TAIL * max(num_samples - 1, 0)) + 2)
  ranks = ranks[: max(1, min(len(ranks), num_samples))]
  greatest = out.top(out.unary('abs', x), len(ranks))  # (b, ranks)
  rank = _times(out, _plus(out, out.extent(x), -1.0), TAIL)  # (b, 1)
  # Weights 1 - distance of the two neighbors of the rank, 0 for the others.
  distance = out.unary('abs', out.binary('sub', rank, _row(out, ranks)))
  weight = _at_least(out, _plus(out, _times(out, distance, -1.0), 1.0), 0.0)
  scale = out.reduce('sum', out.binary('mul', greatest, weight), (1,))
  return _clipped(out, out.binary('div', x, _plus(out, scale, EPSILON)), 1.0)


def features(
  out: Emitter, x: Value, num_samples: int, kind: str, spec: MfccSpec
) -> Value:
  """Expresses `features.mfcc` and the other kinds of features.

  Args:
    out: carries the operations out.
    x: waveform (batch, num_samples), scaled.
    num_samples: of x.
    kind: one of `features.kinds.KINDS` without deltas.
    spec: the front end.

  Returns:
    (batch, frames, coefficients).
  """
  frames = _frames(out, x, num_samples, spec)
  spectrum, energy = _spectrum(out, frames, spec)  # (b, t, outputs), (b, t, 1)
  bins = _bins(spec)
  if kind == 'spectrogram':
    # Sorted, the outputs that come twice (-1) are in front of all bins.
    return out.take(spectrum, np.argsort(bins)[-_num_bins(spec) :], 2)
  # Rows in the order of the outputs; those that come twice count as 0.
  table = np.where(bins[:, None] >= 0, _mel_matrix(spec)[bins], 0.0)
  log_mel = _compress(out, out.matmul(spectrum, table), spec)  # (b, t, bands)
  if kind == 'log_mel':
    return log_mel
  cepstrum = out.matmul(log_mel, dct_matrix(spec))  # (b, t, coefficients)
  if spec.zeroth != 'cepstrum':
    if spec.zeroth == 'spectrum_energy':
      energy = out.matmul(spectrum, (bins >= 0)[:, None].astype(float))
    rest = out.slice(cepstrum, 2, 1, spec.num_coefficients)
    first = out.unary('log', _floored(out, energy, spec))
    cepstrum = out.concat([first, rest], 2)
  return cepstrum if spec.clip is None else _clipped(out, cepstrum, spec.clip)


def _frames(out: Emitter, x: Value, num_samples: int, spec: MfccSpec) -> Value:
  """Cuts (batch, samples) into (batch, frames, frame_samples)."""
  if spec.preemphasis and spec.preemphasis_over == 'waveform':
    before = out.pad(out.slice(x, 1, 0, num_samples - 1), 1, 1, 0)
    x = out.binary('sub', x, _times(out, before, spec.preemphasis))
  length, hop = spec.frame_samples, spec.hop_samples
  before = after = 0
  if spec.padding in ('zeros', 'reflect'):
    before = after = length // 2
  count = num_frames(num_samples, spec)
  reach = (count - 1) * hop + length
  if spec.padding == 'end':
    after = max(reach - num_samples, 0)
  if before or after:
    x = out.pad(x, 1, before, after, mirror=spec.padding == 'reflect')
  # Pieces of the greatest length that frame and hop are multiples of; frame k
  # is the pieces k * step, k * step + 1, ... side by side.
  piece = math.gcd(length, hop)
  x = out.slice(x, 1, 0, reach)
  x = out.reshape(x, (reach // piece, piece))  # (b, pieces, piece)
  step = hop // piece
  parts = [
    out.slice(x, 1, first, first + (count - 1) * step + 1, step)
    for first in range(length // piece)
  ]
  return parts[0] if len(parts) == 1 else out.concat(parts, 2)


def _factors(fft_size: int) -> tuple[int, int]:
  """(A, B) with A * B = fft_size, A even, as close together as possible."""
  choices = [a for a in range(2, fft_size + 1, 2) if fft_size % a == 0]
  a = min(choices, key=lambda a: a + fft_size // a)
  return a, fft_size // a


def _num_bins(spec: MfccSpec) -> int:
  return spec.fft_size // 2 + 1


def _bins(spec: MfccSpec) -> np.ndarray:
  """FFT bin of each output of `_spectrum`; -1 for the second of equal ones."""
  a, b = _factors(spec.fft_size)
  bins = np.arange(a // 2 + 1)[:, None] + a * np.arange(b)  # k1 + A k2
  bins = np.minimum(bins, spec.fft_size - bins).ravel()  # mirrored
  _, first = np.unique(bins, return_index=True)
  once = np.full_like(bins, -1)
  once[first] = bins[first]
  return once


def _spectrum(
  out: Emitter, x: Value, spec: MfccSpec
) -> tuple[Value, Value | None]:
  """Computes the spectrum of frames (batch, frames, frame_samples).

  Returns:
    Magnitudes to `spec.power` (batch, frames, outputs), in the order of
    `_bins`, and the energy (batch, frames, 1) if `spec.zeroth` asks for it.
  """
  energy = None
  if spec.remove_dc:
    x = out.binary('sub', x, out.reduce('mean', x, (2,)))
  if spec.zeroth == 'frame_energy':
    energy = out.reduce('sum', out.binary('mul', x, x), (2,))
  if spec.preemphasis and spec.preemphasis_over == 'frame':
    first = out.slice(x, 2, 0, 1)
    before = out.slice(x, 2, 0, spec.frame_samples - 1)
    before = out.concat([first, before], 2)
    x = out.binary('sub', x, _times(out, before, spec.preemphasis))
  x = out.binary('mul', x, _row(out, window(spec)[None]))
  if spec.frame_samples < spec.fft_size:
    x = out.pad(x, 2, 0, spec.fft_size - spec.frame_samples)
  x = _power(out, x, spec.fft_size)  # (b, t, A / 2 + 1, B)
  if spec.power == 1:
    x = out.unary('sqrt', x)
  _, count, half, columns = x.shape
  x = out.reshape(x, (count, half * columns))  # (b, t, outputs)
  if spec.spectrum_scale != 1.0:
    x = _times(out, x, spec.spectrum_scale)
  return x, energy


def _power(out: Emitter, x: Value, fft_size: int) -> Value:
  """Computes |X[k1 + A k2]|^2 of frames (b, t, N): (b, t, A / 2 + 1, B)."""
  count = x.shape[1]
  a, b = _factors(fft_size)
  half = a // 2 + 1
  # x[n2, n1]: (b, t, B, A)
  x = out.transpose(out.reshape(x, (count, a, b)), (0, 1, 3, 2))
  # The sum over n1: (b, t, B, half), real part beside imaginary part.
  turn = 2 * np.pi / a * np.outer(np.arange(a), np.arange(half))
  x = out.matmul(x, np.concatenate([np.cos(turn), -np.sin(turn)], axis=1))
  real = out.slice(x, 3, 0, half)
  imaginary = out.slice(x, 3, half, 2 * half)
  # The twiddle factors W_N^(n2 k1), cos - i sin: (B, half).
  turn = 2 * np.pi / (a * b) * np.outer(np.arange(b), np.arange(half))
  cosine, sine = _row(out, np.cos(turn)[None]), _row(out, np.sin(turn)[None])
  turned = [
    out.binary(
      'add', out.binary('mul', real, cosine), out.binary('mul', imaginary, sine)
    ),
    out.binary(
      'sub', out.binary('mul', imaginary, cosine), out.binary('mul', real, sine)
    ),
  ]
  # (b, t, half, 2 B), real parts beside imaginary parts along n2
  x = out.transpose(out.concat(turned, 2), (0, 1, 3, 2))
  # The sum over n2: (b, t, half, 2 B), now along k2.
  turn = 2 * np.pi / b * np.outer(np.arange(b), np.arange(b))
  turn_cosine, turn_sine = np.cos(turn), np.sin(turn)
  x = out.matmul(
    x, np.block([[turn_cosine, -turn_sine], [turn_sine, turn_cosine]])
  )
  x = out.binary('mul', x, x)
  return out.binary('add', out.slice(x, 3, 0, b), out.slice(x, 3, b, 2 * b))


def _compress(out: Emitter, mel: Value, spec: MfccSpec) -> Value:
  """Logarithm, decibels or power of mel bands (batch, frames, bands)."""
  mel = _floored(out, mel, spec)
  if spec.compression == 'power':
    return out.binary('pow', mel, _row(out, spec.exponent))
  log = out.unary('log', mel)
  if spec.compression == 'ln':
    return log
  decibels = _times(out, log, 10.0 / math.log(10.0))
  if spec.top_db is None:
    return decibels
  lowest = _plus(out, out.reduce('max', decibels, (1, 2)), -spec.top_db)
  return out.binary('max', decibels, lowest)


def _floored(out: Emitter, x: Value, spec: MfccSpec) -> Value:
  """Keeps x away from 0 before a logarithm."""
  if spec.log_floor > 0:
    x = _at_least(out, x, spec.log_floor)
  return _plus(out, x, spec.log_offset) if spec.log_offset > 0 else x


def _row(out: Emitter, values: np.typing.ArrayLike) -> Value:
  """A constant with an axis of length 1 for the batch."""
  return out.constant(np.atleast_1d(np.asarray(values, np.float32))[None])


def _plus(out: Emitter, x: Value, number: float) -> Value:
  return out.binary('add', x, _row_like(out, x, number))


def _times(out: Emitter, x: Value, number: float) -> Value:
  return out.binary('mul', x, _row_like(out, x, number))


def _at_least(out: Emitter, x: Value, number: float) -> Value:
  return out.binary('max', x, _row_like(out, x, number))


def _clipped(out: Emitter, x: Value, limit: float) -> Value:
  x = out.binary('max', x, _row_like(out, x, -limit))
  return out.binary('min', x, _row_like(out, x, limit))


def _row_like(out: Emitter, x: Value, number: float) -> Value:
  """A constant of one number with as many axes as x."""
  return out.constant(np.full((1,) * len(x.shape), number, np.float32))
