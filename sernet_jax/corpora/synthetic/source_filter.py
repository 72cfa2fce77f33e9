"""The acoustic half of the voice: control tracks in, sound out.

The classical model of speech production (G. Fant, Acoustic Theory of Speech
Production, 1960), in numpy alone:

  glottis       derivative of Rosenberg's flow pulse (A. E. Rosenberg, 1971),
                cycle by cycle, with jitter and shimmer; a one-pole low-pass
                for the effort of the voice; noise while the glottis is open
  constriction  noise around one frequency, for bursts and fricatives
  vocal tract   a cascade of seven moving resonances

Frames of the sources are filtered with the tract of their moment by FFT and
overlap-added, so no loop runs over samples.
"""

from __future__ import annotations

import dataclasses

import numpy as np

SAMPLE_RATE_HZ = 16_000
HOP_SAMPLES = 80  # control values change every 5 ms

_FFT_SIZE = 512  # 160 samples of a frame and 22 ms of ringing
_OVERSAMPLING = 4  # a pulse is sharp; its alias falls mostly out of band
_BLOCK_SAMPLES = 4096  # long FFTs are padded to a multiple: no large primes
_PITCH_HZ = (55.0, 500.0)
# Resonances above the third follow those of a uniform tube.
_HIGHER_HZ = (3500.0, 4500.0, 5500.0, 6500.0)
_FRICATION_BANDWIDTH_HZ = 1400.0  # the cavity before a constriction is short


@dataclasses.dataclass(frozen=True)
class Tracks:
  """Control of glottis and tract; arrays have one row per 5 ms.

  Attributes:
    pitch_hz: (frames,) fundamental frequency.
    voicing: (frames,) amplitude of the pulses.
    aspiration: (frames,) amplitude of the noise of the glottis.
    frication: (frames,) amplitude of the noise of the constriction.
    frication_hz: (frames,) its frequency.
    formants_hz: (frames, 3) resonances of a tract of 17.5 cm.
    tract: factor of all resonances.
    tilt_hz: corner above which the pulses lose a further 6 dB per octave.
    open_quotient: share of a cycle for which the glottis is open.
    jitter: standard deviation of a pulse's time, in periods.
    shimmer: standard deviation of a pulse's log amplitude.
  """

  pitch_hz: np.ndarray
  voicing: np.ndarray
  aspiration: np.ndarray
  frication: np.ndarray
  frication_hz: np.ndarray
  formants_hz: np.ndarray
  tract: float
  tilt_hz: float
  open_quotient: float
  jitter: float
  shimmer: float


def render(tracks: Tracks, rng: np.random.Generator) -> np.ndarray:
  """Renders the sound, float64 (frames * HOP_SAMPLES,), not scaled."""
  pulses, flow = _glottis(tracks, rng)  # (samples,) each
  noise = rng.standard_normal((2, len(pulses)))
  # Spectra of the three sources, (frames, bins).
  voiced = _spectra(pulses * _per_sample(tracks.voicing))
  # Some breath leaks through a closed glottis.
  breath = _spectra(_per_sample(tracks.aspiration) * (0.25 + flow) * noise[0])
  hiss = _spectra(_per_sample(tracks.frication) * noise[1])

  # One pole at tilt_hz with a gain of 1 at 0 Hz, (bins,).
  pole = np.exp(-2 * np.pi * tracks.tilt_hz / SAMPLE_RATE_HZ)
  tilt = (1 - pole) / np.fft.rfft([1.0, -pole], _FFT_SIZE)
  higher_hz = np.tile(_HIGHER_HZ, (len(tracks.pitch_hz), 1))
  # (frames, 7)
  resonances_hz = np.hstack([tracks.formants_hz, higher_hz]) * tracks.tract
  resonances_hz = np.clip(resonances_hz, 150, 0.49 * SAMPLE_RATE_HZ)
  # An open glottis damps the tract.
  bandwidths_hz = 40 + 0.03 * resonances_hz + 60 * tracks.open_quotient
  front_hz = tracks.frication_hz[:, None]
  front = _resonances(front_hz, np.full_like(front_hz, _FRICATION_BANDWIDTH_HZ))
  # Radiation at the lips differentiates; the pulses are a derivative already.
  derivative = np.fft.rfft([1.0, -1.0], _FFT_SIZE)
  return _overlap_add(
    (tilt * voiced + breath) * _resonances(resonances_hz, bandwidths_hz)
    + derivative * front * hiss
  )


def room_noise(num_samples: int, rng: np.random.Generator) -> np.ndarray:
  """Draws noise of deviation near 1 that falls by 3 dB per octave.

  Returns:
    (num_samples,).
  """
  padded = -(-num_samples // _BLOCK_SAMPLES) * _BLOCK_SAMPLES
  spectrum = np.fft.rfft(rng.standard_normal(padded))
  frequency_hz = np.fft.rfftfreq(padded, 1 / SAMPLE_RATE_HZ)
  noise = np.fft.irfft(spectrum / np.sqrt(frequency_hz + 60), padded)
  return noise[:num_samples] / np.std(noise)


def _glottis(
  tracks: Tracks, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
  """Returns the derivative of the glottal flow and the flow, each (samples,).

  The flow rises as a half cosine, falls as a quarter cosine and stops. Its
  derivative is scaled to -1 at the closure, the moment that excites the
  tract; the flow reaches 1.
  """
  rate_hz = SAMPLE_RATE_HZ * _OVERSAMPLING
  hops = np.arange(len(tracks.pitch_hz))
  num_samples = len(hops) * HOP_SAMPLES
  time_s = np.arange(num_samples * _OVERSAMPLING) / rate_hz
  centers_s = (hops + 0.5) * HOP_SAMPLES / SAMPLE_RATE_HZ
  # The integral of the pitch counts the cycles; a cycle starts where it
  # passes a whole number. All of (samples * _OVERSAMPLING,).
  pitch_hz = np.interp(time_s, centers_s, np.clip(tracks.pitch_hz, *_PITCH_HZ))
  cycles = np.cumsum(pitch_hz) / rate_hz
  count = int(cycles[-1]) + 1
  starts_s = np.interp(np.arange(count), cycles, time_s)  # (cycles,)
  periods_s = 1 / np.interp(starts_s, time_s, pitch_hz)
  starts_s = starts_s + tracks.jitter * periods_s * rng.standard_normal(count)
  # One more start closes the last cycle, (cycles + 1,).
  starts_s = np.append(starts_s, max(time_s[-1], starts_s[-1]) + periods_s[-1])
  gains = np.exp(tracks.shimmer * rng.standard_normal(count))
  # First sample of each cycle; jitter may not turn the order around.
  edges = np.ceil(np.maximum.accumulate(starts_s) * rate_hz)
  edges = np.clip(edges, 0, len(time_s)).astype(int)
  edges[0], edges[-1] = 0, len(time_s)
  # Cycle of each sample, and how far it is in it, from 0 to 1.
  cycle = np.repeat(np.arange(count), np.diff(edges))
  phase = (time_s - starts_s[cycle]) / np.diff(starts_s)[cycle]

  rise = 0.68 * tracks.open_quotient
  fall = tracks.open_quotient - rise
  rising = np.flatnonzero((phase >= 0) & (phase < rise))
  falling = np.flatnonzero((phase >= rise) & (phase < rise + fall))
  opening = np.pi * phase[rising] / rise
  closing = 0.5 * np.pi * (phase[falling] - rise) / fall
  flow, derivative = np.zeros((2, len(phase)))
  flow[rising] = 0.5 - 0.5 * np.cos(opening)
  flow[falling] = np.cos(closing)
  derivative[rising] = fall / rise * np.sin(opening)
  derivative[falling] = -np.sin(closing)
  # The flow is smooth enough to be sampled as it is.
  return _decimate(gains[cycle] * derivative), flow[::_OVERSAMPLING]


def _decimate(x: np.ndarray) -> np.ndarray:
  """Keeps x below 8 kHz at the lower rate, (len(x) / _OVERSAMPLING,)."""
  size = len(x) // _OVERSAMPLING
  padded = -(-size // _BLOCK_SAMPLES) * _BLOCK_SAMPLES
  # Cut off above the Nyquist frequency of the lower rate.
  spectrum = np.fft.rfft(x, padded * _OVERSAMPLING)[: padded // 2 + 1]
  return np.fft.irfft(spectrum, padded)[:size] / _OVERSAMPLING


def _resonances(
  centers_hz: np.ndarray, bandwidths_hz: np.ndarray
) -> np.ndarray:
  """Computes the response of the cascade of resonances, (frames, bins).

  Each resonance has a pair of poles and a gain of 1 at 0 Hz; the poles'
  polynomials are multiplied out, and one FFT evaluates the product. Arguments
  are (frames, resonances).
  """
  radius = np.exp(-np.pi * bandwidths_hz / SAMPLE_RATE_HZ)
  angle = 2 * np.pi * centers_hz / SAMPLE_RATE_HZ
  first, second = -2 * radius * np.cos(angle), radius**2
  product = np.ones((len(centers_hz), 1))  # (frames, coefficients)
  for index in range(centers_hz.shape[1]):
    # Times 1 + first z^-1 + second z^-2.
    longer = np.pad(product, ((0, 0), (0, 2)))
    longer[:, 1:-1] += first[:, index, None] * product
    longer[:, 2:] += second[:, index, None] * product
    product = longer
  # The polynomial at z = 1, which is 0 Hz.
  gain = product.sum(axis=1, keepdims=True)
  return gain / np.fft.rfft(product, _FFT_SIZE)


def _spectra(x: np.ndarray) -> np.ndarray:
  """Computes spectra of two hops under a Hann window, (frames, bins)."""
  half = HOP_SAMPLES // 2
  hops = np.pad(x, (half, 2 * HOP_SAMPLES - half)).reshape(-1, HOP_SAMPLES)
  frames = np.hstack([hops[:-2], hops[1:-1]])  # (frames, 2 * HOP_SAMPLES)
  # Squared sines half a window apart add up to 1.
  phase = np.pi * (np.arange(2 * HOP_SAMPLES) + 0.5) / (2 * HOP_SAMPLES)
  return np.fft.rfft(frames * np.sin(phase) ** 2, _FFT_SIZE)


def _overlap_add(spectra: np.ndarray) -> np.ndarray:
  """Adds the frames up, (samples,).

  Undoes `_spectra` except for half a hop at either end.
  """
  frames = np.fft.irfft(spectra, _FFT_SIZE)
  pieces = -(-_FFT_SIZE // HOP_SAMPLES)
  frames = np.pad(frames, ((0, 0), (0, pieces * HOP_SAMPLES - _FFT_SIZE)))
  # A frame of 512 samples, with its ringing, touches seven hops.
  hops = np.zeros((len(frames) + pieces, HOP_SAMPLES))
  for piece in range(pieces):
    start = piece * HOP_SAMPLES
    hops[piece : piece + len(frames)] += frames[:, start : start + HOP_SAMPLES]
  offset = HOP_SAMPLES // 2
  return hops.ravel()[offset : offset + len(frames) * HOP_SAMPLES]


def _per_sample(track: np.ndarray) -> np.ndarray:
  """Interpolates a control track linearly between its rows, (samples,)."""
  centers = (np.arange(len(track)) + 0.5) * HOP_SAMPLES
  return np.interp(np.arange(len(track) * HOP_SAMPLES), centers, track)
