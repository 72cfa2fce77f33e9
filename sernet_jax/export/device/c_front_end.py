"""Constants and tables of the front end in C, in float32 and fixed point.

The fixed point of `c/front_end.c`, with N the FFT's size, x the scaled sound
and S the 16-bit value that scales to 1, times 256 and a power of two, so that
2^22 < S <= 2^23:

  windowed sample = S 2^15 w x / 2^shift         at most 2^30 / N
  magnitude       = 2 (S 2^15 / 2^shift) |X|
  band            = U S mel,  U = 2 2^15 m / 2^shift, m the factor of the table
  logarithm       = ln(band + U S offset) - ln(U S)

The sound itself is never divided by its scale, which would round it.
"""

from __future__ import annotations

import math

import numpy as np

from sernet_jax.common.errors import require
from sernet_jax.export.device import c_text
from sernet_jax.features.spec import MfccSpec, num_frames
from sernet_jax.features.tables import dct_matrix, mel_matrix, window
from sernet_jax.predict.bundle import Bundle
from sernet_jax.predict.plain import chain

_SAMPLE_BITS = 15  # of a 16-bit sample, behind its sign
_SCALE_BITS = 8  # of S behind the point
_WHOLE = 2**_SAMPLE_BITS - 1

# Fields of a front end that C has one value of.
_FIXED_FIELDS = {
  'padding': 'none',
  'remove_dc': False,
  'preemphasis': 0.0,
  'power': 1,
  'compression': 'ln',
  'log_floor': 0.0,
  'zeroth': 'cepstrum',
}


def require_suitable(bundle: Bundle) -> None:
  """Refuses front ends that the C sources do not compute.

  Raises:
    InputError: if it is not of the family of the presets paper and reference.
  """
  require(
    bundle.feature_kind == 'mfcc',
    f'the C front end computes mfcc, and this model hears '
    f'{bundle.feature_kind}; export it to another format',
  )
  spec = bundle.mfcc
  for field, value in _FIXED_FIELDS.items():
    require(
      getattr(spec, field) == value,
      f'the C front end needs {field}={value!r}, and this model has '
      f'{getattr(spec, field)!r}; export it to another format',
    )
  require(
    spec.clip is not None and spec.clip <= 2**14,
    f'the C front end needs clip of at most {2**14}, and this model has '
    f'{spec.clip}; export it to another format',
  )
  require(
    spec.fft_size & (spec.fft_size - 1) == 0 and 4 <= spec.fft_size <= 1 << 14,
    'the C front end needs an fft_size that is a power of two from 4 to '
    f'{1 << 14}, and this model has {spec.fft_size}; export it to another '
    'format',
  )


def constants(bundle: Bundle) -> str:
  """The macros of `c/front_end.h`."""
  spec, samples = bundle.mfcc, bundle.audio.num_samples
  # The ring holds whole hops, as many as a frame needs.
  hops = -(-spec.frame_samples // spec.hop_samples)
  return c_text.constants(
    {
      'SERNET_RATE_HZ': spec.sample_rate_hz,
      'SERNET_RATE_TEXT': c_text.string(str(spec.sample_rate_hz)),
      'SERNET_SAMPLES': samples,
      'SERNET_ROWS': num_frames(samples, spec),
      'SERNET_FRAME': spec.frame_samples,
      'SERNET_HOP': spec.hop_samples,
      'SERNET_HOPS': hops,
      'SERNET_HELD': hops * spec.hop_samples,
      'SERNET_FFT_SIZE': spec.fft_size,
      'SERNET_BANDS': spec.num_mel_bands,
      'SERNET_COEFFICIENTS': spec.num_coefficients,
      'SERNET_COEFFICIENT_BITS': coefficient_bits(spec),
    }
  )


def coefficient_bits(spec: MfccSpec) -> int:
  """Bits behind the point of a 16-bit coefficient."""
  assert spec.clip is not None
  return _bits(spec.clip)


def tables(bundle: Bundle) -> str:
  """The macros and tables of `c/front_end.c`."""
  spec, samples = bundle.mfcc, bundle.audio.num_samples
  assert spec.clip is not None
  bins = spec.fft_size // 2 + 1
  # The sine over three quarters of a turn, the last for the cosine.
  sine = np.sin(2 * np.pi / spec.fft_size * np.arange(3 * spec.fft_size // 4))
  weights = spec.spectrum_scale * mel_matrix(spec)  # (bins, bands)
  first, start, mel = _by_bins(weights)
  mel_factor = _WHOLE / mel.max()
  # log2 N beside the bits of S: the sums of the FFT grow by N at most.
  shift = _SCALE_BITS + spec.fft_size.bit_length() - 1
  unit = 2.0 * _WHOLE * mel_factor / 2.0**shift  # U
  dct = dct_matrix(spec)  # (bands, coefficients)
  dct_bits = _bits(float(np.abs(dct).max()))
  # The logarithm of a band lies between those of the offset and of a full
  # scale: |X| is at most the sum of the window.
  loudest = window(spec).sum() * weights.sum(axis=0).max() + spec.log_offset
  log_range = max(abs(math.log(spec.log_offset)), abs(math.log(loudest)))
  band_bits = min(_bits(log_range), 15)
  bits = coefficient_bits(spec)
  macros: dict[str, float | str] = {
    'SERNET_TAIL': f'{chain.TAIL!r}',
    'SERNET_TOP_RANKS': math.floor(chain.TAIL * max(samples - 1, 0)) + 2,
    'SERNET_LOG_OFFSET': spec.log_offset,
    'SERNET_CLIP': float(spec.clip),
    'SERNET_WINDOW_SHIFT': shift,
    'SERNET_FIXED_OFFSET': f'{round(spec.log_offset * unit * 2**16)}LL',
    'SERNET_UNIT_LOG': f'({round(2**16 * math.log(unit))})',
    'SERNET_BAND_BITS': band_bits,
    'SERNET_SUM_SHIFT': band_bits + dct_bits - bits,
    'SERNET_FIXED_CLIP': int(spec.clip * 2**bits),
  }
  assert first.size == bins
  return '\n'.join(
    [
      c_text.constants(macros),
      '',
      c_text.table('mel_first', first.astype(np.int16)),
      c_text.table('mel_start', start.astype(np.int16)),
      *(
        c_text.table(name, values.astype(np.float32))
        for name, values in (
          ('window', window(spec)),
          ('sine', sine),
          ('mel', mel),
          ('dct', dct),
        )
      ),
      *(
        c_text.table(name, np.round(values).astype(np.int16))
        for name, values in (
          ('fixed_window', _WHOLE * window(spec)),
          ('fixed_sine', _WHOLE * sine),
          ('fixed_mel', mel_factor * mel),
          ('fixed_dct', 2**dct_bits * dct),
        )
      ),
      c_text.table(
        'log2_table',
        np.round(2**15 * np.log2(1 + np.arange(257) / 256)).astype(np.int32),
      ),
    ]
  )


def _by_bins(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
  """Leaves out the zeros around the weights of each bin.

  Args:
    weights: (bins, bands).

  Returns:
    The first band of each bin (bins,); where its weights start (bins + 1,);
    all weights.
  """
  first, start, kept = [], [0], []
  for row in weights:
    bands = np.flatnonzero(row)
    low, high = (bands[0], bands[-1] + 1) if bands.size else (0, 0)
    first.append(low)
    kept.append(row[low:high])
    start.append(start[-1] + high - low)
  return np.array(first), np.array(start), np.concatenate(kept)


def _bits(greatest: float) -> int:
  """Bits behind the point of a signed 16-bit number of up to `greatest`."""
  bits = _SAMPLE_BITS - math.ceil(math.log2(greatest))
  # A power of two itself would be 32768, one too many.
  return bits if greatest * 2**bits <= _WHOLE else bits - 1
