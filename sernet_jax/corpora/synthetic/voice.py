"""The linguistic half of the voice: syllables and a style in, sound out.

A text becomes parts in time (closures, bursts, nasals, vowels); each part has
targets for tract, pulses and noise, which are smoothed into tracks. Pitch and
level follow the accents. `source_filter` makes the tracks audible.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from sernet_jax.corpora.synthetic import source_filter
from sernet_jax.corpora.synthetic.source_filter import SAMPLE_RATE_HZ

MIN_DURATION_S, MAX_DURATION_S = 1.2, 2.2

_FRAME_S = source_filter.HOP_SAMPLES / SAMPLE_RATE_HZ
_MARGIN_S = 0.07  # silence before and after
_VOWEL_S = 0.105
_DRIFT_S = 0.1  # between the corners of a random curve

# First three formants of a tract of 17.5 cm, Hz.
_VOWELS = {
  'a': (730, 1250, 2500),
  'e': (450, 2000, 2600),
  'i': (290, 2250, 2950),
  'o': (480, 870, 2450),
  'u': (310, 800, 2300),
}
_NEUTRAL_HZ = (500, 1500, 2500)
# Parts of a consonant: seconds, formants or None for the vowel's, voicing,
# frication, frequency of the frication in Hz.
_CONSONANTS = {
  'm': ((0.065, (250, 1000, 2200), 0.35, 0.00, 3000),),
  'n': ((0.060, (250, 1500, 2500), 0.35, 0.00, 3000),),
  'l': ((0.055, (360, 1150, 2700), 0.55, 0.00, 3000),),
  'j': ((0.050, (270, 2200, 3000), 0.60, 0.00, 3000),),
  's': ((0.085, None, 0.0, 0.07, 5800),),
  'f': ((0.080, None, 0.0, 0.03, 4200),),
  'b': (
    (0.045, (220, 850, 2200), 0.08, 0.00, 900),
    (0.010, None, 0.20, 0.06, 900),
  ),
  'd': (
    (0.045, (220, 1700, 2600), 0.08, 0.00, 3600),
    (0.010, None, 0.20, 0.07, 3600),
  ),
  't': ((0.055, None, 0.0, 0.00, 4200), (0.025, None, 0.0, 0.07, 4200)),
  'k': ((0.055, None, 0.0, 0.00, 1900), (0.030, None, 0.0, 0.06, 1900)),
}


@dataclasses.dataclass(frozen=True)
class Style:
  """Properties of a voice; the defaults are a calm low one.

  Attributes:
    pitch_hz: level of the fundamental frequency.
    pitch_range: factor of every movement; 1 lets an accent rise by 4
      semitones.
    pitch_end_st: rise over the last syllable, semitones at a range of 1.
    rate: tempo, 1 for about five syllables a second.
    pause_s: silence at a phrase break.
    tract: factor of all resonances, 1 for a tract of 17.5 cm.
    jaw: factor of the first formant.
    smile: factor of the second and third formant.
    articulation: distance of the vowels from the neutral one; 1 keeps it.
    tilt_hz: corner above which the pulses lose a further 6 dB per octave.
    open_quotient: share of a cycle for which the glottis is open.
    breath: amplitude of the aspiration relative to the pulses.
    jitter: standard deviation of a pulse's time, in periods.
    shimmer: standard deviation of a pulse's log amplitude.
    accent_db: level of accented above unaccented syllables.
    snr_db: level of the voice above the noise of the room.
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
  breath: float = 0.06
  jitter: float = 0.006
  shimmer: float = 0.06
  accent_db: float = 4.0
  snr_db: float = 30.0


def speak(text: str, style: Style, rng: np.random.Generator) -> np.ndarray:
  """Says `text` in `style`.

  Args:
    text: syllables of one consonant and one vowel, separated by spaces; an
      accented one in capitals, a phrase break as '|', e.g. 'da NI | so'.
    style: the voice.
    rng: makes two utterances of one text and style differ.

  Returns:
    float64 (samples,) at `SAMPLE_RATE_HZ`, its largest magnitude 1; between
    `MIN_DURATION_S` and `MAX_DURATION_S` long.
  """
  sound = source_filter.render(_tracks(text, style, rng), rng)
  room = source_filter.room_noise(len(sound), rng)
  sound = sound + room * np.std(sound) * 10 ** (-style.snr_db / 20)
  return sound / np.max(np.abs(sound))


def _parts(
  text: str, style: Style, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
  """Cuts the text into parts in order.

  Returns:
    (parts, 7): seconds, three formants in Hz, voicing, frication and its
    frequency in Hz; and (parts,), the height of the accent on a part: 0 for
    all but vowels.
  """
  rows, heights = [], []
  syllables = text.split()
  for position, syllable in enumerate(syllables):
    if syllable == '|':
      rows.append((style.pause_s, *_NEUTRAL_HZ, 0.0, 0.0, 3000))
      heights.append(0.0)
      continue
    consonant, vowel = tuple(syllable.lower())
    accented = syllable.isupper()
    rate = style.rate * np.exp(0.08 * rng.standard_normal())
    for length_s, formants, *amplitudes in _CONSONANTS[consonant]:
      formants = formants or _VOWELS[vowel]
      rows.append((length_s / rate, *formants, *amplitudes))
      heights.append(0.0)
    length_s = _VOWEL_S * (1.25 if accented else 1.0)
    if position == len(syllables) - 1:
      length_s *= 1.35
    rows.append((length_s / rate, *_VOWELS[vowel], 1.0, 0.0, 3000))
    height = 1.0 if accented else 0.2
    heights.append(height * np.exp(0.25 * rng.standard_normal()))
  parts = np.array(rows, float)  # (parts, 7)
  # Stretch or compress all parts alike where the whole would be too short or
  # too long.
  total_s = parts[:, 0].sum()
  shortest_s, longest_s = (
    limit_s - 2 * _MARGIN_S for limit_s in (MIN_DURATION_S, MAX_DURATION_S)
  )
  parts[:, 0] *= np.clip(total_s, shortest_s, longest_s) / total_s
  return parts, np.array(heights)


def _tracks(
  text: str, style: Style, rng: np.random.Generator
) -> source_filter.Tracks:
  """Lays the text out in time: one row of targets per frame, smoothed."""
  parts, heights = _parts(text, style, rng)
  edges_s = _MARGIN_S + np.concatenate([[0.0], np.cumsum(parts[:, 0])])
  # `edges_s` (parts + 1,); the time of each frame is that of its center.
  num_frames = round((edges_s[-1] + _MARGIN_S) / _FRAME_S)
  time_s = (np.arange(num_frames) + 0.5) * _FRAME_S
  index = np.searchsorted(edges_s, time_s, 'right') - 1
  spoken = (index >= 0) & (index < len(parts))
  now = parts[np.clip(index, 0, len(parts) - 1)]  # (frames, 7)

  neutral_hz = np.array(_NEUTRAL_HZ, float)
  # (frames, 3): the distance from the neutral vowel is scaled, then its log
  # drifts slowly by 3 %.
  formants_hz = neutral_hz * (now[:, 1:4] / neutral_hz) ** style.articulation
  formants_hz *= (style.jaw, style.smile, style.smile)
  formants_hz = _smooth(formants_hz, 13)
  formants_hz *= np.exp(0.03 * _drift(num_frames, 3, rng))

  # A bump for each syllable lifts pitch and level.
  nuclei = heights > 0
  centers_s = 0.5 * (edges_s[:-1] + edges_s[1:])[nuclei]
  widths_s = 0.9 * parts[nuclei, 0]
  # (frames, syllables)
  bumps = np.exp(-0.5 * ((time_s[:, None] - centers_s) / widths_s) ** 2)
  accent = np.sum(bumps * heights[nuclei], axis=1)  # (frames,)
  start_s, end_s = edges_s[0], edges_s[-1]
  progress = np.clip((time_s - start_s) / (end_s - start_s), 0, 1)
  last_s = centers_s[-1]
  end = np.clip((time_s - last_s) / (end_s - last_s), 0, 1)
  # In semitones: accents up, a fall of 3 over the phrase, the last syllable.
  movement_st = 4 * (accent - 0.6) - 3 * (progress - 0.5)
  movement_st += style.pitch_end_st * end
  drift_st = 0.3 * _drift(num_frames, 1, rng)[:, 0]
  pitch_st = style.pitch_range * movement_st + drift_st
  level = 10 ** ((style.accent_db * accent - 4 * progress) / 20)

  voicing = spoken * now[:, 4]
  return source_filter.Tracks(
    pitch_hz=style.pitch_hz * 2 ** (pitch_st / 12),
    voicing=_smooth(voicing, 7) * level,
    # Breath sets in earlier and varies less than the pulses.
    aspiration=style.breath * _smooth(np.sqrt(voicing), 11) * np.sqrt(level),
    frication=_smooth(spoken * now[:, 5], 5),
    frication_hz=now[:, 6],
    formants_hz=formants_hz,
    tract=style.tract,
    tilt_hz=style.tilt_hz,
    open_quotient=style.open_quotient,
    jitter=style.jitter,
    shimmer=style.shimmer,
  )


def _smooth(track: np.ndarray, width: int) -> np.ndarray:
  """Averages (frames, ...) along its frames under a Hann window."""
  window = np.hanning(width + 2)[1:-1]
  ends = [(width // 2, width // 2)] + [(0, 0)] * (track.ndim - 1)
  padded = np.pad(track, ends, mode='edge')
  # (frames, ..., width)
  windows = np.lib.stride_tricks.sliding_window_view(padded, width, axis=0)
  return windows @ (window / window.sum())


def _drift(num_frames: int, count: int, rng: np.random.Generator) -> np.ndarray:
  """Draws slow random curves of deviation near 1, (frames, count)."""
  time = (np.arange(num_frames) + 0.5) * _FRAME_S / _DRIFT_S
  knots = np.arange(int(time[-1]) + 2)
  values = rng.standard_normal((len(knots), count))
  return np.stack([np.interp(time, knots, column) for column in values.T], 1)
