"""A source-filter synthesiser: syllables and a style in, sound out.

The classical model of speech production (G. Fant, Acoustic Theory of Speech
Production, 1960), in numpy alone:

  glottis       derivative of Rosenberg's flow pulse (A. E. Rosenberg, 1971),
                cycle by cycle, with jitter and shimmer; a one-pole low-pass
                for the effort of the voice; noise while the glottis is open
  constriction  noise round one frequency, for bursts and fricatives
  vocal tract   a cascade of seven moving resonances

Control values change every 5 ms. Frames of the sources are filtered with the
tract of their moment by FFT and overlap-added, so no loop runs over samples.
"""

from __future__ import annotations

import dataclasses

import numpy as np

SAMPLE_RATE_HZ = 16_000
HOP_SAMPLES = 80
MIN_DURATION_S, MAX_DURATION_S = 1.2, 2.2

_FFT_SIZE = 512  # 160 samples of a frame and 22 ms of ringing
_OVERSAMPLING = 4  # the pulse is sharp; its alias falls mostly out of band
_MARGIN_S = 0.07  # silence before and after
_FRAME_S = HOP_SAMPLES / SAMPLE_RATE_HZ

# First three formants of a 17.5 cm tract, Hz.
_VOWELS = {
  'a': (730, 1250, 2500),
  'e': (450, 2000, 2600),
  'i': (290, 2250, 2950),
  'o': (480, 870, 2450),
  'u': (310, 800, 2300),
}
_NEUTRAL_VOWEL_HZ = (500, 1500, 2500)
# Parts of a consonant: (seconds, formants or None to keep the vowel's,
# voicing, frication, centre of the frication in Hz).
_CONSONANTS = {
  'm': ((0.065, (250, 1000, 2200), 0.35, 0.0, 0),),
  'n': ((0.060, (250, 1500, 2500), 0.35, 0.0, 0),),
  'l': ((0.055, (360, 1150, 2700), 0.55, 0.0, 0),),
  'j': ((0.050, (270, 2200, 3000), 0.60, 0.0, 0),),
  's': ((0.085, None, 0.0, 0.40, 5800),),
  'f': ((0.080, None, 0.0, 0.15, 4200),),
  'b': ((0.045, (220, 850, 2200), 0.08, 0.0, 0), (0.010, None, 0.2, 0.3, 900)),
  'd': ((0.045, (220, 1700, 2600), 0.08, 0.0, 0), (0.01, None, 0.2, 0.4, 3600)),
  't': ((0.055, None, 0.0, 0.0, 0), (0.025, None, 0.0, 0.40, 4200)),
  'k': ((0.055, None, 0.0, 0.0, 0), (0.030, None, 0.0, 0.35, 1900)),
}
_VOWEL_S = 0.105


@dataclasses.dataclass(frozen=True)
class Style:
  """How a text is said; the defaults are a calm voice.

  Attributes:
    pitch_hz: level of the fundamental frequency.
    pitch_range: 1 for accents of 4 semitones; scales every movement.
    pitch_end_st: rise over the last syllable, semitones at a range of 1.
    rate: tempo, 1 for about five syllables a second.
    pause_s: silence at a phrase break.
    tract: formants relative to a tract of 17.5 cm.
    jaw: first formant relative to the text's.
    smile: higher formants relative to the text's.
    articulation: distance of the vowels from the neutral one, 1 as in the
      table.
    tilt_hz: corner above which the source loses a further 6 dB per octave.
    open_quotient: share of a cycle for which the glottis is open.
    breath: amplitude of the aspiration relative to the pulses.
    jitter: standard deviation of a pulse's time, in periods.
    shimmer: standard deviation of a pulse's log amplitude.
    accent_db: level of accented above unaccented syllables.
    snr_db: level of the voice over the noise of the room.
  """

  pitch_hz: float = 120.0
  pitch_range: float = 1.0
  pitch_end_st: float = -2.0
  rate: float = 1.0
  pause_s: float = 0.08
  tract: float = 1.0
  jaw: float = 1.0
  smile: float = 1.0
  articulation: float = 1.0
  tilt_hz: float = 1500.0
  open_quotient: float = 0.6
  breath: float = 0.05
  jitter: float = 0.006
  shimmer: float = 0.05
  accent_db: float = 4.0
  snr_db: float = 30.0


@dataclasses.dataclass
class _Tracks:
  """Control values, one row each 5 ms: `formants_hz` (frames, 3)."""

  pitch_st: np.ndarray
  voicing: np.ndarray
  aspiration: np.ndarray
  frication: np.ndarray
  frication_hz: np.ndarray
  formants_hz: np.ndarray


def speak(text: str, style: Style, rng: np.random.Generator) -> np.ndarray:
  """Says `text` in `style`.

  Args:
    text: syllables of one consonant and one vowel, separated by spaces; an
      accented one in capitals, a phrase break as '|', e.g. 'da NI | so'.
    style: the voice.
    rng: decides what no two utterances share.

  Returns:
    (samples,) float64 at 16 kHz, at most 1 in magnitude; its length lies
    between `MIN_DURATION_S` and `MAX_DURATION_S`.
  """
  tracks = _tracks(text, style, rng)
  voice = _filter(tracks, style, rng)
  room = _room_noise(len(voice), rng)
  room *= np.std(voice) * 10 ** (-style.snr_db / 20)
  sound = voice + room
  return sound / np.max(np.abs(sound))


def _tracks(text: str, style: Style, rng: np.random.Generator) -> _Tracks:
  """Lays out the parts of the text in time and smooths their targets."""
  # A row per part: seconds, F1, F2, F3, voicing, frication, its Hz, nucleus.
  rows, accents = [], []
  syllables = text.split()
  for position, syllable in enumerate(syllables):
    if syllable == '|':
      rows.append((style.pause_s, *_NEUTRAL_VOWEL_HZ, 0.0, 0.0, 3000, -1))
      continue
    accented = syllable.isupper()
    consonant, vowel = syllable.lower()
    formants = _VOWELS[vowel]
    seconds = _VOWEL_S * (1.25 if accented else 1.0)
    seconds *= 1.35 if position == len(syllables) - 1 else 1.0
    tempo = style.rate * np.exp(0.08 * rng.standard_normal())
    for length, own, voicing, frication, center_hz in _CONSONANTS[consonant]:
      target = own or formants
      rows.append(
        (length / tempo, *target, voicing, frication, center_hz or 3000, -1)
      )
    rows.append((seconds / tempo, *formants, 1.0, 0.0, 3000, len(accents)))
    accents.append(accented)
  table = np.array(rows, float)
  lengths_s = table[:, 0]
  spoken_s = lengths_s.sum()
  lengths_s *= (
    np.clip(
      spoken_s, MIN_DURATION_S - 2 * _MARGIN_S, MAX_DURATION_S - 2 * _MARGIN_S
    )
    / spoken_s
  )
  edges_s = _MARGIN_S + np.concatenate([[0.0], np.cumsum(lengths_s)])
  num_frames = int((edges_s[-1] + _MARGIN_S) / _FRAME_S + 1e-6)
  time_s = (np.arange(num_frames) + 0.5) * _FRAME_S
  part = np.searchsorted(edges_s, time_s, 'right') - 1
  spoken = (part >= 0) & (part < len(table))
  part = np.clip(part, 0, len(table) - 1)

  neutral = np.array(_NEUTRAL_VOWEL_HZ, float)
  formants = neutral * (table[part, 1:4] / neutral) ** style.articulation
  formants *= np.array([style.jaw, style.smile, style.smile])
  formants = _smooth(formants, 13)
  formants *= np.exp(0.03 * _drift(num_frames, 3, rng))

  # Pitch and level follow one curve: a bump for each syllable.
  nuclei = table[:, 7] >= 0
  center_s = (edges_s[:-1] + 0.5 * lengths_s)[nuclei]
  width_s = 0.9 * lengths_s[nuclei]
  height = np.where(accents, 1.0, 0.2)
  height *= np.exp(0.25 * rng.standard_normal(len(height)))
  bumps = np.exp(-0.5 * ((time_s[:, None] - center_s) / width_s) ** 2)
  accent = bumps @ height
  progress = np.clip((time_s - edges_s[0]) / (edges_s[-1] - edges_s[0]), 0, 1)
  end = np.clip((time_s - center_s[-1]) / (edges_s[-1] - center_s[-1]), 0, 1)
  pitch_st = 4.0 * accent - 3.0 * (progress - 0.5) + style.pitch_end_st * end
  pitch_st = style.pitch_range * pitch_st
  pitch_st += 0.3 * _drift(num_frames, 1, rng)[:, 0]

  level = 10 ** ((style.accent_db * accent - 4.0 * progress) / 20)
  voicing = _smooth(spoken * table[part, 4], 7) * level
  # A whisper of breath stays where the voice stops, as in real speech.
  aspiration = _smooth(spoken * np.sqrt(table[part, 4]), 11) * np.sqrt(level)
  frication = _smooth(spoken * table[part, 5], 5)
  return _Tracks(
    pitch_st, voicing, aspiration, frication, table[part, 6], formants
  )


def _filter(tracks: _Tracks, style: Style, rng) -> np.ndarray:
  """Sources through tract, (frames * HOP_SAMPLES,)."""
  num_samples = len(tracks.pitch_st) * HOP_SAMPLES
  pitch_hz = style.pitch_hz * 2 ** (tracks.pitch_st / 12)
  pulses, flow = _glottis(np.clip(pitch_hz, 55, 600), style, rng)
  noise = rng.standard_normal((2, num_samples))

  pulses *= _per_sample(tracks.voicing)
  breath = style.breath * _per_sample(tracks.aspiration)
  breath = breath * (0.25 + flow) * noise[0]
  hiss = _per_sample(tracks.frication) * noise[1]

  pole = np.exp(-2 * np.pi * style.tilt_hz / SAMPLE_RATE_HZ)
  tilt = (1 - pole) / np.fft.rfft([1.0, -pole], _FFT_SIZE)
  spectrum = tilt * _spectra(pulses) + _spectra(breath)
  # Higher resonances of a uniform tube follow the first three.
  higher_hz = np.array([3500.0, 4500.0, 5500.0, 6500.0])
  higher_hz = np.tile(higher_hz, (len(pitch_hz), 1))
  formants_hz = np.hstack([tracks.formants_hz, higher_hz]) * style.tract
  formants_hz = np.clip(formants_hz, 150, 7900)
  bandwidths_hz = 40 + 0.03 * formants_hz + 60 * style.open_quotient
  spectrum *= _resonances(formants_hz, bandwidths_hz)
  # The cavity before a constriction is short: one broad resonance.
  center_hz = tracks.frication_hz[:, None]
  broad = _resonances(center_hz, np.full_like(center_hz, 1400.0))
  derivative = np.fft.rfft([1.0, -1.0], _FFT_SIZE)
  spectrum += 0.3 * derivative * broad * _spectra(hiss)
  return _overlap_add(spectrum)


def _glottis(pitch_hz: np.ndarray, style: Style, rng):
  """Derivative of the glottal flow and the flow, each (samples,).

  The flow rises as a half cosine, falls as a quarter cosine and stops; its
  derivative is scaled to -1 at the closure, the moment that excites the
  tract.
  """
  rate_hz = SAMPLE_RATE_HZ * _OVERSAMPLING
  num_samples = len(pitch_hz) * HOP_SAMPLES
  time_s = np.arange(num_samples * _OVERSAMPLING) / rate_hz
  pitch_hz = np.interp(
    time_s, (np.arange(len(pitch_hz)) + 0.5) * _FRAME_S, pitch_hz
  )
  cycles = np.cumsum(pitch_hz) / rate_hz
  count = int(cycles[-1]) + 1
  starts_s = np.interp(np.arange(count), cycles, time_s)
  periods_s = 1 / np.interp(starts_s, time_s, pitch_hz)
  starts_s = starts_s + style.jitter * periods_s * rng.standard_normal(count)
  starts_s = np.append(starts_s, max(time_s[-1], starts_s[-1]) + periods_s[-1])
  gains = np.exp(style.shimmer * rng.standard_normal(count))
  cycle = np.searchsorted(starts_s, time_s, 'right') - 1
  cycle = np.clip(cycle, 0, count - 1)
  phase = (time_s - starts_s[cycle]) / np.diff(starts_s)[cycle]

  rise = 0.68 * style.open_quotient
  fall = style.open_quotient - rise
  rising = (phase >= 0) & (phase < rise)
  falling = (phase >= rise) & (phase < rise + fall)
  opening = np.pi * phase / rise
  closing = 0.5 * np.pi * (phase - rise) / fall
  flow = rising * (0.5 - 0.5 * np.cos(opening)) + falling * np.cos(closing)
  derivative = rising * (fall / rise) * np.sin(opening)
  derivative -= falling * np.sin(closing)
  return _decimate(gains[cycle] * derivative), _decimate(flow)


def _decimate(x: np.ndarray) -> np.ndarray:
  """Every fourth sample of the part of x below 8 kHz."""
  size = len(x) // _OVERSAMPLING
  return np.fft.irfft(np.fft.rfft(x)[: size // 2 + 1], size) / _OVERSAMPLING


def _resonances(centers_hz, bandwidths_hz) -> np.ndarray:
  """Response of the cascade, (frames, resonances) -> (frames, bins).

  Each resonance has a pair of poles and a gain of 1 at 0 Hz; the poles'
  polynomials are multiplied out, and one FFT evaluates the product.
  """
  radius = np.exp(-np.pi * bandwidths_hz / SAMPLE_RATE_HZ)
  angle = 2 * np.pi * centers_hz / SAMPLE_RATE_HZ
  first, second = -2 * radius * np.cos(angle), radius**2
  frames, count = centers_hz.shape
  product = np.zeros((frames, 2 * count + 1))
  product[:, 0] = 1.0
  for index in range(count):
    shifted = np.pad(product, ((0, 0), (2, 0)))
    product = (
      product
      + first[:, index, None] * shifted[:, 1:-1]
      + second[:, index, None] * shifted[:, :-2]
    )
  gain = product.sum(1, keepdims=True)
  return gain / np.fft.rfft(product, _FFT_SIZE)


def _spectra(x: np.ndarray) -> np.ndarray:
  """Spectra of frames of two hops under a Hann window, (frames, bins)."""
  padded = np.pad(x, (HOP_SAMPLES // 2, 2 * HOP_SAMPLES - HOP_SAMPLES // 2))
  hops = padded.reshape(-1, HOP_SAMPLES)
  frames = np.hstack([hops[:-2], hops[1:-1]])
  phase = np.pi * (np.arange(2 * HOP_SAMPLES) + 0.5) / (2 * HOP_SAMPLES)
  return np.fft.rfft(frames * np.sin(phase) ** 2, _FFT_SIZE)


def _overlap_add(spectrum: np.ndarray) -> np.ndarray:
  """Inverse of `_spectra` but for the first and last half hop."""
  frames = np.fft.irfft(spectrum, _FFT_SIZE)
  pieces = -(-_FFT_SIZE // HOP_SAMPLES)
  frames = np.pad(frames, ((0, 0), (0, pieces * HOP_SAMPLES - _FFT_SIZE)))
  hops = np.zeros((len(frames) + pieces, HOP_SAMPLES))
  for piece in range(pieces):
    start = piece * HOP_SAMPLES
    hops[piece : piece + len(frames)] += frames[:, start : start + HOP_SAMPLES]
  offset = HOP_SAMPLES // 2
  return hops.ravel()[offset : offset + len(frames) * HOP_SAMPLES]


def _per_sample(track: np.ndarray) -> np.ndarray:
  """A control track, straight lines between frames, (samples,)."""
  num_samples = len(track) * HOP_SAMPLES
  centers = (np.arange(len(track)) + 0.5) * HOP_SAMPLES
  return np.interp(np.arange(num_samples), centers, track)


def _smooth(track: np.ndarray, width: int) -> np.ndarray:
  """Each column of (frames, ...) averaged under a Hann window."""
  window = np.hanning(width + 2)[1:-1]
  window /= window.sum()
  columns = track.reshape(len(track), -1).T
  pad = width // 2
  out = [
    np.convolve(np.pad(c, pad, mode='edge'), window, 'valid') for c in columns
  ]
  return np.stack(out, 1).reshape(track.shape)


def _drift(num_frames: int, count: int, rng) -> np.ndarray:
  """Slow random curves of standard deviation near 1, (frames, count)."""
  knots = np.arange(-1, num_frames * _FRAME_S / 0.1 + 2)
  values = rng.standard_normal((len(knots), count))
  time = (np.arange(num_frames) + 0.5) * _FRAME_S / 0.1
  return np.stack([np.interp(time, knots, column) for column in values.T], 1)


def _room_noise(num_samples: int, rng) -> np.ndarray:
  """Noise that falls by 3 dB per octave, standard deviation 1."""
  spectrum = np.fft.rfft(rng.standard_normal(num_samples))
  frequency_hz = np.fft.rfftfreq(num_samples, 1 / SAMPLE_RATE_HZ)
  noise = np.fft.irfft(spectrum / np.sqrt(frequency_hz + 60), num_samples)
  return noise / np.std(noise)
