"""Changes of speech on its way: noise, rooms, lines, levels, microphones.

Each condition takes float32 (samples,) at 16 kHz, full scale 1, and a random
generator, and returns (samples, rate). Nothing here is in training: training
changes mel bands, these change waveforms.
"""

from __future__ import annotations

import functools
import io
from collections.abc import Callable

import numpy as np
import scipy.signal
import soundfile

RATE_HZ = 16_000
_OPUS_BPS = 16_000
_OPUS_LEAST_BPS, _OPUS_MOST_BPS = 6_000, 256_000  # libsndfile's for one channel
_MU = 255  # ITU-T G.711, companding as in its continuous form, 8 bits

Changed = tuple[np.ndarray, int]
Condition = Callable[[np.ndarray, np.random.Generator], Changed]


def clean(samples: np.ndarray, random: np.random.Generator) -> Changed:
  """Changes nothing."""
  del random
  return samples, RATE_HZ


def noise(
  samples: np.ndarray, random: np.random.Generator, snr_db: float
) -> Changed:
  """Adds pink noise, so far below the speech over the whole recording."""
  white = np.fft.rfft(random.normal(size=len(samples)))
  # Power falls by 3 dB an octave; flat below 20 Hz.
  hz = np.fft.rfftfreq(len(samples), 1 / RATE_HZ)
  pink = np.fft.irfft(white / np.sqrt(np.maximum(hz, 20.0)), len(samples))
  gain = np.sqrt(np.mean(samples**2) / np.mean(pink**2) / 10 ** (snr_db / 10))
  return np.float32(samples + gain * pink), RATE_HZ


def room(
  samples: np.ndarray,
  random: np.random.Generator,
  decay_s: float,
  direct_db: float,
) -> Changed:
  """Adds a room: noise that decays, behind the direct sound.

  Args:
    samples: the speech.
    random: draws the tail.
    decay_s: in which the tail falls by 60 dB.
    direct_db: energy of the direct sound above that of the tail.
  """
  time_s = np.arange(round(1.2 * decay_s * RATE_HZ)) / RATE_HZ
  tail = random.normal(size=len(time_s)) * 10 ** (-3 * time_s / decay_s)
  tail[: round(0.002 * RATE_HZ)] = 0  # nothing comes back before 2 ms
  tail *= 10 ** (-direct_db / 20) / np.sqrt(np.sum(tail**2))
  tail[0] = 1.0
  heard = scipy.signal.fftconvolve(samples, tail)[: len(samples)]
  return np.float32(heard), RATE_HZ


def telephone(samples: np.ndarray, random: np.random.Generator) -> Changed:
  """Sends it over a line: 300 to 3400 Hz, 8 kHz, 8 bits by mu-law."""
  del random
  band = scipy.signal.butter(
    4, (300, 3400), 'bandpass', fs=RATE_HZ, output='sos'
  )
  half = scipy.signal.resample_poly(scipy.signal.sosfilt(band, samples), 1, 2)
  half = half / max(1e-9, np.abs(half).max()) * 0.5
  code = np.sign(half) * np.log1p(_MU * np.abs(half)) / np.log1p(_MU)
  code = np.round(code * 127) / 127
  line = np.sign(code) * np.expm1(np.abs(code) * np.log1p(_MU)) / _MU
  return np.float32(line), RATE_HZ // 2


def opus(samples: np.ndarray, random: np.random.Generator) -> Changed:
  """Codes it with Opus at 16 kbit/s and back."""
  del random
  # libsndfile's compression level is the bit rate, from most to least.
  level = (_OPUS_MOST_BPS - _OPUS_BPS) / (_OPUS_MOST_BPS - _OPUS_LEAST_BPS)
  file = io.BytesIO()
  soundfile.write(
    file,
    samples,
    RATE_HZ,
    format='OGG',
    subtype='OPUS',
    compression_level=level,
  )
  file.seek(0)
  decoded, rate_hz = soundfile.read(file, dtype='float32')
  return decoded, rate_hz


def level(
  samples: np.ndarray, random: np.random.Generator, gain_db: float
) -> Changed:
  """Changes the level before 16 bits, which clip it or leave few of them."""
  del random
  loud = np.clip(samples * 10 ** (gain_db / 20), -1, 32_767 / 32_768)
  return np.float32(np.round(loud * 32_768) / 32_768), RATE_HZ


def mems(samples: np.ndarray, random: np.random.Generator) -> Changed:
  """Records it with a small microphone behind a hole.

  The bass falls by 12 dB an octave below 150 Hz, the hole's resonance lifts
  7 kHz by 10 dB, and its own noise lies 62 dB below the peak: typical of the
  data sheets of MEMS microphones, not of one of them.
  """
  low = scipy.signal.butter(2, 150, 'highpass', fs=RATE_HZ, output='sos')
  heard = scipy.signal.sosfilt(low, samples)
  hole = scipy.signal.iirpeak(7_000, 3, fs=RATE_HZ)
  heard = heard + (10 ** (10 / 20) - 1) * scipy.signal.lfilter(*hole, heard)
  hiss = random.normal(size=len(samples)) * 10 ** (-62 / 20)
  return np.float32(heard + hiss * np.abs(heard).max()), RATE_HZ


# Name -> what it does, in the order of the table.
CONDITIONS: dict[str, Condition] = {
  'clean': clean,
  **{
    f'noise {snr_db} dB': functools.partial(noise, snr_db=snr_db)
    for snr_db in (20, 10, 5, 0)
  },
  'living room': functools.partial(room, decay_s=0.4, direct_db=3.0),
  'hall': functools.partial(room, decay_s=1.2, direct_db=-3.0),
  'telephone 8 kHz': telephone,
  'Opus 16 kbit/s': opus,
  'gain +20 dB': functools.partial(level, gain_db=20.0),
  'gain -20 dB': functools.partial(level, gain_db=-20.0),
  'MEMS microphone': mems,
}
