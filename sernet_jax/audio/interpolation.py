"""Traces of a rate that was raised by plain interpolation.

A telephone's 8 kHz brought to 16 kHz by repeating samples, or by straight lines
between them, have images of the sound above 4 kHz instead of nothing, so that
no empty band tells. But differences of neighbors then come and go with the old
rate: of repeated samples every other first difference is 0, on straight lines
every other second difference. (A. C. Gallagher, "Detection of Linear and Cubic
Interpolation in JPEG Compressed Images", CRV 2005, does so with images.)
"""

from __future__ import annotations

import numpy as np

OLD_RATES_HZ = (8000, 11_025, 12_000)  # whose band is narrower than speech
# Share of the differences that goes with the old rate, and how far beyond
# chance. Of 134 recordings of EMO-DB none has more than 0.024, of the same ones
# brought to these rates and from them to 16, 22.05, 44.1 or 48 kHz by repeated
# samples or straight lines none less than 0.16.
LEAST, BEYOND_CHANCE = 0.1, 8.0
# Differences that come and go with 12 kHz in 16 do so with 8 kHz as well.
_ALIKE = 0.8
# Share of a steady tone whose own differences come and go with an old rate.
_TONE = 0.2
_HEARD = 1 << 16  # samples in which it is looked for
_MOST = 1 << 20  # samples that are looked at


class Trace:
  """Adds up the differences of a recording while it is read."""

  def __init__(self) -> None:
    self._rate_hz = 0
    self._last = np.zeros(0)
    self._count = 0
    # For each order of difference: sums by old rate, of sizes and of squares.
    self._sums: dict[tuple[int, int], complex] = {}
    self._heard: list[np.ndarray] = []  # the first samples, for `_is_tone`
    self._sizes = np.zeros(2)
    self._squares = np.zeros(2)

  def add(self, samples: np.ndarray, rate_hz: int) -> None:
    """Takes in samples (frames,) that follow those before."""
    self._rate_hz = rate_hz
    if self._count >= _MOST:
      return
    # A second difference needs the two samples before a block.
    joined = np.concatenate([self._last, samples], dtype=np.float64)
    self._last = joined[-2:]
    if len(joined) < 3:
      return
    first = np.diff(joined)
    sizes = np.abs(np.stack([first[1:], np.diff(first)]))  # (2, frames)
    self._sizes += sizes.sum(1)
    self._squares += np.square(sizes).sum(1)
    if self._count < _HEARD:
      self._heard.append(joined[2:][: _HEARD - self._count])
    places = self._count + np.arange(sizes.shape[1])
    self._count += len(places)
    for old_hz in OLD_RATES_HZ:
      if old_hz < rate_hz:
        # Whole turns are taken off while all numbers are whole and exact.
        turns = (old_hz * places) % rate_hz / rate_hz
        found = sizes @ np.exp(-2j * np.pi * turns)  # (2,)
        for order in (0, 1):
          key = order, old_hz
          self._sums[key] = self._sums.get(key, 0) + complex(found[order])

  def strengths(self) -> dict[int, tuple[float, float]]:
    """Old rate in Hz -> (share of the differences, its size beyond chance)."""
    found: dict[int, tuple[float, float]] = {}
    for (order, old_hz), total in self._sums.items():
      if self._sizes[order]:
        share = abs(total) / self._sizes[order]
        chance = abs(total) / np.sqrt(self._squares[order])
        found[old_hz] = max(found.get(old_hz, (0, 0)), (share, chance))
    return found

  def old_rate_hz(self) -> int | None:
    """Returns the rate before the interpolation; None if there is no trace."""
    strong = {
      old_hz: share
      for old_hz, (share, chance) in self.strengths().items()
      if share >= LEAST
      and chance >= BEYOND_CHANCE
      and not self._is_tone(old_hz)
    }
    most = max(strong.values(), default=0)
    return max((h for h in strong if strong[h] > _ALIKE * most), default=None)

  def _is_tone(self, old_hz: int) -> bool:
    """Tells whether a steady tone explains what looks like an old rate.

    The differences of a sine lose their sign and so have even multiples of its
    frequency: 2 kHz look like 12 kHz in 16, and like 8.
    """
    heard = np.concatenate(self._heard)
    heard -= heard.mean()
    time_s = np.arange(len(heard)) / self._rate_hz
    tones_hz = [
      (old_hz + turn * self._rate_hz) / multiple
      for multiple in (2, 4)
      for turn in range(multiple)
    ]
    waves = np.exp(-2j * np.pi * np.array(tones_hz)[:, None] * time_s)
    return bool(np.abs(waves @ heard).max() > _TONE * np.abs(heard).sum())
