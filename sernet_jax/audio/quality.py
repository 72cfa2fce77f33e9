"""Band and channels of a recording, which may make its label doubtful.

A network that was trained on sound up to 8 kHz is wrong with confidence about
sound that ends at 4 kHz, as that of a telephone. The band of a recording ends
at half of its rate, or where its mean spectrum falls off a cliff: 18 dB within
250 Hz, to 45 dB below its loudest part and less, and nothing above it. The
recordings of EMO-DB fall at most 15 dB anywhere, the same ones after the 8 kHz
of a telephone, or 11,025 Hz, 20 dB and more even at a hundredth of their level.
Corpora of speech come at 16 kHz, so networks that bring them to a higher rate, as
published, were trained without what lies above 8 kHz and do not miss it there.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from sernet_jax.audio.interpolation import Trace
from sernet_jax.audio.spec import MEAN, require_channel

CLIFF_DB = 18.0
EMPTY_DB = 45.0
LOSS_DB = 1.0
_BAND_HZ = 125.0
_ROUNDING = 1e-13  # of an energy, of which a much larger one was taken
_FRAME_S = 0.064
_LOWEST_HZ = 1000.0  # where a cliff is looked for, up to ...
_HIGHEST = 0.9  # ... this share of the network's band
_SPEECH_HZ = 8000.0  # to which corpora of speech go


def mix(block: np.ndarray, channel: str = MEAN) -> np.ndarray | None:
  """Returns one channel of a block, or their mean.

  Args:
    block: (frames, channels).
    channel: 'mean' or a number from 0 on; the only one is always taken.

  Returns:
    (frames,); None if there is no such channel.

  Raises:
    InputError: if `channel` is neither 'mean' nor the number of a channel.
  """
  require_channel('channel', channel)
  if block.shape[1] == 1:
    return block[:, 0]
  if channel == MEAN:
    return block.mean(axis=1)
  index = int(channel)
  return block[:, index] if index < block.shape[1] else None


def holds_sound(samples: np.ndarray) -> bool:
  """Tells whether samples (samples, ...) are more than a constant.

  A constant, be it 0 or the offset of a sound card, is nothing that is heard; of
  one sample nobody can say, unless it is 0.
  """
  if len(samples) < 2:
    return bool(samples.any())
  return bool((samples != samples[0]).any())


def energies(
  counts: npt.ArrayLike, sums: np.ndarray, squares: np.ndarray
) -> np.ndarray:
  """Computes the energies of sounds without their means.

  Args:
    counts: samples of each; 0 is taken for 1.
    sums: of their samples.
    squares: sums of the squares of their samples.
  """
  return squares - np.square(sums) / np.maximum(counts, 1)


def loudest(waveform: np.ndarray, length: int, step: int) -> int:
  """Returns where the loudest window begins, in steps; an offset is not sound.

  Args:
    waveform: (samples,).
    length: samples of a window.
    step: samples from one window to the next that is tried.
  """
  waveform = waveform.astype(float)
  # Sums over any window are differences of running sums.
  sums = np.concatenate([[0.0], np.cumsum(waveform)])
  squares = np.concatenate([[0.0], np.cumsum(np.square(waveform))])
  starts = np.arange(0, max(1, len(waveform) - length + step), step)
  starts = np.minimum(starts, max(0, len(waveform) - length))
  stops = np.minimum(starts + length, len(waveform))
  windows = energies(
    stops - starts, sums[stops] - sums[starts], squares[stops] - squares[starts]
  )
  return int(starts[np.argmax(windows)])


@functools.cache
def _hann(length: int) -> np.ndarray:
  return np.hanning(length).astype(np.float32)


def _spectrum(frames: np.ndarray) -> np.ndarray:
  """Sums of squares over frames (frames, samples), (bins,)."""
  length = frames.shape[1]
  window = _hann(length)
  total = np.zeros(length // 2 + 1)
  # Some at a time: the spectra of a minute take ten times its memory.
  for start in range(0, len(frames), 256):
    some = frames[start : start + 256]
    # An offset is not sound, beside which all else would be faint.
    some = some - some.mean(axis=1, keepdims=True)
    spectra = np.fft.rfft(some * window)
    total += np.square(np.abs(spectra)).sum(axis=0)
  return total


class Watch:
  """Measures a recording while it is read.

  Args:
    spectrum: whether the band is asked for, which costs a transform of all
      samples.

  Attributes:
    notes: about the file, by whoever reads it, to follow its name.
  """

  def __init__(self, spectrum: bool = True) -> None:
    self._with_spectrum = spectrum
    self.notes: list[str] = []
    self._rate_hz = 0
    self._count = 0
    # Sums and sums of squares of each channel, and of their mean at the end.
    self._sums = self._squares = np.zeros(0)
    self._spectrum = np.zeros(0)  # sums of squares, (bins,)
    self._rest = np.zeros(0, np.float32)  # less than a frame, for it
    self._heard, self._first, self._varied = 0, 0.0, False
    self._trace = Trace()

  def see(self, block: np.ndarray, samples: np.ndarray, rate_hz: int) -> None:
    """Takes in a block (frames, channels) and what is judged of it (frames,)."""
    if not self._heard and samples.size:
      self._first = float(samples[0])
    self._heard += samples.size
    self._varied = self._varied or bool((samples != self._first).any())
    if not self._rate_hz:
      self._rate_hz = rate_hz
      self._sums = np.zeros(block.shape[1] + 1)
      self._squares = np.zeros(block.shape[1] + 1)
    if block.shape[1] > 1:
      channels = np.column_stack([block, block.mean(axis=1)])
      self._count += len(block)
      self._sums += channels.sum(axis=0, dtype=np.float64)
      self._squares += np.square(channels, dtype=np.float64).sum(axis=0)
    if self._with_spectrum:
      self._add_spectrum(samples)
      self._trace.add(samples, rate_hz)

  def take_over(self, whole: Watch) -> None:
    """Adds what is known of the file of which a part was seen, as one channel."""
    self.notes += whole.notes
    self._count = whole._count
    self._sums, self._squares = whole._sums, whole._squares

  def _add_spectrum(self, samples: np.ndarray) -> None:
    """Transforms whole frames, wherever blocks are cut; keeps what is left."""
    samples = np.concatenate([self._rest, samples])
    length = self._frame_samples()
    whole = len(samples) // length * length
    # Copied, so that the block itself is not kept alive.
    self._rest = samples[whole:].copy()
    if whole:
      total = _spectrum(samples[:whole].reshape(-1, length))
      self._spectrum = self._spectrum + total if self._spectrum.size else total

  def _frame_samples(self) -> int:
    return 2 * max(8, round(_FRAME_S * self._rate_hz / 2))

  def _whole_spectrum(self) -> np.ndarray:
    """Sums of squares (bins,), of a recording below one frame padded."""
    if self._spectrum.size or not self._rest.size:
      return self._spectrum
    rest = self._rest - self._rest.mean()
    rest = np.pad(rest, (0, self._frame_samples() - rest.size))
    return _spectrum(rest[None])

  def band_hz(self, limit_hz: float) -> float | None:
    """Returns where the sound ends if that is below `limit_hz`, else None.

    Of a recording whose rate allows 8 kHz no more than its rate allows is asked.
    """
    rate_hz = self._rate_hz
    limit_hz = min(limit_hz, max(rate_hz / 2, _SPEECH_HZ))
    highest = _HIGHEST * limit_hz
    spectrum = self._whole_spectrum()
    if not rate_hz or not spectrum.any():
      return None
    top_hz = min(limit_hz, rate_hz / 2)
    bins_hz = np.arange(spectrum.size) * (rate_hz / 2 / (spectrum.size - 1))
    count = int(top_hz / _BAND_HZ)
    index = (bins_hz / _BAND_HZ).astype(int)
    bands = np.bincount(index, spectrum, index.max() + 2)[:count]
    level = 10 * np.log10(bands + 1e-30)
    for edge in range(round(_LOWEST_HZ / _BAND_HZ), int(highest / _BAND_HZ)):
      above = level[edge + 1 :]
      if not above.size:  # at a rate that has no such band
        break
      below = np.median(level[max(0, edge - 6) : max(1, edge - 1)])
      fall_db = below - above.max()
      if fall_db >= CLIFF_DB and level.max() - above.max() >= EMPTY_DB:
        return (edge + 1) * _BAND_HZ
    return rate_hz / 2 if rate_hz / 2 <= highest else None

  def silence(self, channel: str = MEAN) -> str:
    """Says that all samples are alike, to follow the name of the recording.

    Empty if they are not, or if there is one alone: see `holds_sound`.

    Args:
      channel: which was taken.
    """
    if self._varied or (self._heard < 2 and self._first):
      return ''
    if channel == MEAN and np.isinf(self.loss_db()):
      return (
        'is silent as the mean of its channels, which cancel out; take one, by '
        '--channel=0 or data.channel=0'
      )
    samples = f'its {self._heard} samples'
    if channel != MEAN and self._count:
      samples = f'{self._heard} samples of its channel {channel}'
    said = f'is silent: all {samples} are {self._first:.6g}'
    return f'{said}, and a constant holds no sound' if self._first else said

  def of_band(self, limit_hz: float) -> list[str]:
    """Returns what is odd about the band, to follow the name of the recording."""
    band_hz, old_hz = self.band_hz(limit_hz), self._trace.old_rate_hz()
    if band_hz is not None:
      return [band_sentence(band_hz, limit_hz)]
    if old_hz is not None and old_hz / 2 <= _HIGHEST * limit_hz:
      return [images_sentence(old_hz, self._rate_hz)]
    return []

  def loss_db(self) -> float:
    """Returns what the mean of the channels loses of them, in dB.

    Channels that are alike but for their levels lose nothing, unlike ones 3
    dB, opposed ones all (infinity). A constant offset does not count.
    """
    if not self._count:
      return 0.0
    heard = energies(self._count, self._sums, self._squares)
    # What rounding leaves of a constant is not sound.
    heard[heard < _ROUNDING * self._squares] = 0.0
    alike, mean = np.square(np.sqrt(heard[:-1]).mean()), heard[-1]
    if not alike:
      return 0.0
    return float(10 * np.log10(alike / mean)) if mean else np.inf

  def sentences(self, limit_hz: float, channel: str = MEAN) -> tuple[str, ...]:
    """Returns all that is odd, each to follow the name of the recording.

    Args:
      limit_hz: up to which the network listens.
      channel: which was taken.
    """
    found = list(dict.fromkeys(self.notes))
    found += self.of_band(limit_hz)
    loss_db = self.loss_db()
    if channel == MEAN and loss_db > LOSS_DB:
      found.append(loss_sentence(loss_db, self._sums.size - 1))
    return tuple(found)


def band_sentence(band_hz: float, limit_hz: float) -> str:
  """Says that a recording has a narrow band."""
  return (
    f'has no sound above {band_hz / 1000:.1f} kHz, the network listens up to '
    f'{limit_hz / 1000:.1f} kHz: more labels are wrong than it seems'
  )


def images_sentence(old_hz: float, rate_hz: float) -> str:
  """Says that a recording has images instead of sound above its old band."""
  return (
    f'was brought from {old_hz / 1000:g} to {rate_hz / 1000:g} kHz by plain '
    f'interpolation: above {old_hz / 2000:g} kHz it has images of the sound '
    'below, so more labels are wrong than it seems; take the recording as it '
    'was'
  )


def loss_sentence(loss_db: float, channels: int) -> str:
  """Says that the mean of channels is not what they hold."""
  lost = 'cancel out' if np.isinf(loss_db) else f'lose {loss_db:.1f} dB'
  return (
    f'has {channels} channels that {lost} in their mean, as those of two '
    'microphones do: take one, by --channel=0 or data.channel=0'
  )


def summary(notes: Mapping[str, Sequence[str]], total: int) -> tuple[str, ...]:
  """Counts what is odd about many recordings, most frequent first.

  Args:
    notes: {path: what is odd about it, each to follow its name}.
    total: recordings in all.

  Returns:
    One sentence for each kind, with the first recording that has it.
  """
  kinds: dict[str, list[tuple[str, str]]] = {}
  for path, sentences in notes.items():
    for sentence in sentences:
      # Alike but for its numbers.
      kind = re.sub(r'\d+(\.\d+)?', '#', sentence)
      kinds.setdefault(kind, []).append((path, sentence))
  return tuple(
    f'{len(found)} of {total} recordings: {found[0][0]} {found[0][1]}.'
    for found in sorted(kinds.values(), key=len, reverse=True)
  )
